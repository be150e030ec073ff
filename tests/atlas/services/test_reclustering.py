from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

import facies.cluster
from facies.atlas.services import reclustering
from facies.atlas.services.reclustering import recluster
from facies.atlas.state.jobs import Cancelled, Job
from facies.cluster import LocalEmbedding
from facies.errors import InputError

RNG = np.random.default_rng(0)
KINDS = np.repeat([0, 1, 2], [50, 30, 20])
EMBEDDING = np.concatenate([RNG.normal(size=(40, 4)), RNG.normal(size=(100, 4)) + 20 * np.eye(3, 4)[KINDS]])
EMBEDDING = EMBEDDING.astype(np.float32)
ROWS = np.arange(40, 140)
GROUPS = np.full(140, 7, np.int32)


def test_as_many_parts_as_there_are_kinds_the_largest_first() -> None:
    preview = recluster(EMBEDDING, ROWS, GROUPS, None, Job("j", "recluster"))
    assert preview.k == 3
    np.testing.assert_array_equal(preview.parts, KINDS)
    assert preview.silhouette > 0.7
    own = LocalEmbedding().fit_transform(EMBEDDING[ROWS])
    for part, examples in enumerate(preview.examples):
        members = part == KINDS
        apart = np.linalg.norm(own[members] - own[members].mean(0), axis=1)
        assert examples == ROWS[members][np.argsort(apart, kind="stable")][:24].tolist()


def test_it_makes_the_groups_that_the_command_makes() -> None:
    preview = recluster(EMBEDDING, ROWS, GROUPS, None, Job("j", "recluster"))
    labels = np.zeros(140, np.int64)
    labels[ROWS] = 1
    by_command = facies.cluster.recluster(EMBEDDING, labels, [1])
    assert adjusted_rand_score(by_command.labels[ROWS], preview.parts) == 1.0


def test_as_many_as_asked_for() -> None:
    preview = recluster(EMBEDDING, ROWS, GROUPS, 5, Job("j", "recluster"))
    sizes = np.bincount(preview.parts)
    assert len(sizes) == preview.k == 5
    assert (np.diff(sizes) <= 0).all()


def test_of_very_many_a_part_draws_the_centres(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reclustering, "_MAX_FITTED", 60)
    preview = recluster(EMBEDDING, ROWS, GROUPS, 3, Job("j", "recluster"))
    np.testing.assert_array_equal(preview.parts, KINDS)


def test_too_few_images_and_equal_ones() -> None:
    with pytest.raises(InputError, match="3 images do not make 5 parts"):
        recluster(EMBEDDING, ROWS[:3], GROUPS, 5, Job("j", "recluster"))
    with pytest.raises(InputError, match="all the same"):
        recluster(np.ones((10, 2), np.float32), np.arange(10), GROUPS, 2, Job("j", "recluster"))


def test_esc_ends_it() -> None:
    job = Job("j", "recluster")
    job._cancel.set()
    with pytest.raises(Cancelled):
        recluster(EMBEDDING, ROWS, GROUPS, None, job)
