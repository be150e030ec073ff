"""Groups of one pattern are found through their noise; different ones are not."""

from __future__ import annotations

import numpy as np

from facies.metrics import group_notes, similar_groups


def images(noise: float = 2.0, each: int = 20) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    patterns = rng.normal(size=(2, 200))[[0, 0, 1]]
    groups = np.repeat([0, 1, 2], each)
    return patterns[groups] + noise * rng.normal(size=(3 * each, 200)), groups


def test_halves_of_one_pattern_are_mergeable_and_the_other_pattern_is_not():
    values, groups = images()
    means = np.stack([values[groups == k].mean(axis=0) for k in (0, 1)])
    assert np.corrcoef(means)[0, 1] < 0.9  # noise hides it
    pairs = similar_groups([values[:13], values[13:]], groups)
    assert [pair[:2] for pair in pairs] == [(0, 1)]
    assert pairs[0][2] > 0.95


def test_the_notes_name_them_and_a_giant():
    values, groups = images()
    (note,) = group_notes([values], groups, "genes", ["a", "b", "c"])
    assert note.startswith("groups that show the same pattern and can be merged: a and b (")
    joined = np.where(groups == 2, 1, 0)
    (giant,) = group_notes([values], joined, "genes")
    assert giant.startswith("group 0 holds 40 of 60 genes, more than half")


def test_groups_of_noise_are_not_said_to_be_alike():
    noise = np.random.default_rng(1).normal(size=(60, 200))
    assert similar_groups([noise], np.repeat([0, 1, 2], 20)) == []


def test_noise_does_not_count():
    values, groups = images()
    assert similar_groups([values], np.where(groups == 1, -1, groups)) == []
    assert group_notes([values], np.full(60, -1), "genes") == []
