"""Groups of an embedding: each way to find them, the vote of neighbours, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facies.cluster import GroupTree
from facies.errors import InputError
from facies.methods import grouping as module
from facies.methods.grouping import Grouping, Groups
from facies.metrics import accuracy
from facies.training import SilentProgress, Trainer


def blobs(per=30, k=3, dimensions=6, seed=0):
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(k), per)
    centres = 8 * rng.normal(size=(k, dimensions))
    return (centres[truth] + rng.normal(size=(len(truth), dimensions))).astype(np.float32), truth


def placed(found, embedding):
    groups = Groups.from_state(found["groups"], torch.device("cpu"))
    return groups(torch.from_numpy(embedding)).numpy()


METHODS = ("auto", "density", "k-means", "gaussian-mixture", "ward")
GIVEN = [(method, 3) for method in METHODS if method != "density"]


@pytest.mark.parametrize(("method", "n_clusters"), [*((method, None) for method in METHODS), *GIVEN])
def test_each_method_finds_separate_groups_and_their_number(method, n_clusters):
    embedding, truth = blobs()
    found = Grouping(method=method, n_clusters=n_clusters, layout_dimensions=None).fit(embedding, Trainer())
    probabilities = placed(found, embedding)
    assert found["n_clusters"] == probabilities.shape[1] == 3
    assert accuracy(truth, probabilities.argmax(axis=1)) == 1
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert any("found, not given" in note for note in found["grouping_notes"]) == (n_clusters is None)


def test_new_rows_follow_their_neighbours_whatever_the_batch():
    embedding, _ = blobs()
    new, truth = blobs(seed=0)
    found = Grouping(n_clusters=3, layout_dimensions=None).fit(embedding[::2], Trainer())
    whole = placed(found, new)
    assert accuracy(truth, whole.argmax(axis=1)) == 1
    np.testing.assert_allclose(placed(found, new[5:9]), whole[5:9], atol=1e-5)


def test_unit_length_looks_at_directions_alone():
    embedding, truth = blobs()
    scaled = embedding * np.random.default_rng(1).uniform(0.5, 50, (len(embedding), 1)).astype(np.float32)
    found = Grouping(n_clusters=3, unit_length=True, layout_dimensions=None).fit(scaled, Trainer())
    assert accuracy(truth, placed(found, scaled).argmax(axis=1)) == 1
    np.testing.assert_allclose(placed(found, 9 * scaled), placed(found, scaled), atol=1e-4)


def test_noise_gets_the_group_of_its_neighbours_and_a_note():
    embedding, _ = blobs(per=60)
    lost = np.random.default_rng(2).uniform(-25, 25, (6, embedding.shape[1])).astype(np.float32)
    found = Grouping(method="density", layout_dimensions=None).fit(np.concatenate([embedding, lost]), Trainer())
    noise = int((found["found_labels"] < 0).sum())
    assert noise >= 3
    assert any(f"{noise} images lie between the groups" in note for note in found["grouping_notes"])
    assert (placed(found, lost).max(axis=1) > 0).all()


def test_of_many_images_some_are_grouped_and_the_others_follow(monkeypatch):
    monkeypatch.setattr(module, "MOST_REFERENCES", 45)
    embedding, truth = blobs()
    found = Grouping(n_clusters=3, layout_dimensions=None).fit(embedding, Trainer())
    assert len(found["groups"]["references"]) == 45
    assert (found["found_labels"] < 0).sum() == 45
    assert accuracy(truth, placed(found, embedding).argmax(axis=1)) == 1
    assert any("among 45 of the 90 images" in note for note in found["grouping_notes"])


def test_fewer_groups_than_asked_for_are_said():
    embedding = np.repeat(np.eye(3, dtype=np.float32), 5, axis=0)
    found = Grouping(n_clusters=5, layout_dimensions=None).fit(embedding, Trainer())
    assert found["n_clusters"] == 3
    assert found["grouping_notes"] == ["there are 3 groups instead of 5: so few images differ"]


def test_a_layout_is_the_same_on_every_fit():
    embedding, truth = blobs(per=10)
    one, other = (Grouping(n_clusters=3, layout_dimensions=2).fit(embedding, Trainer()) for _ in range(2))
    assert torch.equal(one["groups"]["memberships"], other["groups"]["memberships"])
    assert accuracy(truth, placed(one, embedding).argmax(axis=1)) == 1


def test_density_with_a_number_and_too_few_images_are_refused():
    with pytest.raises(InputError, match=r"grouping\.n_clusters=3: grouping\.method=density finds the number"):
        Grouping(method="density", n_clusters=3).check(100)
    with pytest.raises(InputError, match="5 images are fewer than the 9 groups asked for"):
        Grouping(n_clusters=9).check(5)
    with pytest.raises(InputError, match="3 images are fewer than the 4"):
        Grouping().check(3)


@pytest.mark.parametrize("method", METHODS)
def test_density_and_ward_keep_their_tree(method):
    embedding, truth = blobs()
    found = Grouping(method=method, n_clusters=None, layout_dimensions=None).fit(embedding, Trainer())
    if method in ("k-means", "gaussian-mixture"):
        assert "tree_parent" not in found
        return
    labels = GroupTree.from_arrays(found, "tree_").cut(n_groups=3).labels
    assert accuracy(truth[labels >= 0], labels[labels >= 0]) == 1
    assert (labels >= 0).mean() > 0.8


def test_a_tree_of_some_of_the_images_is_not_kept(monkeypatch):
    embedding, _ = blobs(per=100)
    monkeypatch.setattr(module, "MOST_REFERENCES", 60)
    assert "tree_parent" not in Grouping(method="ward", layout_dimensions=None).fit(embedding, Trainer())


def test_how_many_layouts_judged_is_said_and_how_far_the_numbers_have_come_is_shown():
    seen: dict[str, list[int]] = {}

    class Shown(SilentProgress):
        def start(self, name: str, total: int, unit: str) -> None:
            self.name = name
            seen[name] = [total, 0]

        def advance(self, count: int, note: str = "") -> None:
            seen[self.name][1] += count

    embedding, _ = blobs(per=40)
    found = Grouping(method="ward", n_layouts=3).fit(embedding, Trainer(progress=Shown()))
    assert any("judged in 3 layouts of the images" in note for note in found["grouping_notes"])
    assert list(seen) == ["lay out", "number of groups", "group"]
    assert all(total == done > 0 for total, done in seen.values())
