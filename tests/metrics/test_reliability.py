"""Groups of noise are told from groups that are there, without labels."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_iris

from facies.errors import InputError
from facies.metrics import reliability
from facies.report.doubts import MARGIN, STABLE


def chance() -> np.random.Generator:
    return np.random.default_rng(5)


def k_means(rows, n_groups=5):
    return KMeans(n_groups, n_init=1, random_state=1).fit_predict(rows)


def stands_out(found):
    return found["silhouette"] >= found["silhouette_of_one_cloud"] + MARGIN


@pytest.mark.parametrize(
    "rows",
    [
        chance().normal(size=(600, 10)),
        chance().uniform(size=(600, 100)),
        chance().normal(size=(600, 6)) * [4, 3, 2, 1, 1, 1],
    ],
    ids=["cloud", "noise images", "long cloud"],
)
def test_groups_cut_out_of_noise_are_doubted(rows):
    found = reliability(rows, k_means(rows))
    assert not stands_out(found)
    assert found["stability"] < STABLE


@pytest.mark.parametrize("kinds", ["blobs", "digits", "iris"])
def test_groups_that_are_there_are_not_doubted(kinds):
    if kinds == "blobs":
        groups = np.arange(400) % 4
        rows = chance().normal(size=(400, 8)) + 6 * np.eye(4, 8)[groups]
    else:
        rows, groups = (load_digits if kinds == "digits" else load_iris)(return_X_y=True)
        rows, groups = rows[:600], groups[:600]
    found = reliability(rows, groups)
    assert stands_out(found)
    assert found["stability"] > STABLE
    assert found["n_groups"] == len(set(groups.tolist()))


def test_equal_calls_are_equal_and_touch_no_generator_of_the_caller():
    rows = chance().normal(size=(120, 3))
    np.random.seed(3)  # noqa: NPY002  # the generator that must stay as it is
    expected = np.random.rand()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    assert reliability(rows, k_means(rows, 3)) == reliability(rows.copy(), k_means(rows, 3))
    assert np.random.rand() == expected  # noqa: NPY002


def test_of_many_images_a_sample_is_measured_and_noise_is_left_out():
    groups = np.arange(900) % 3
    rows = chance().normal(size=(900, 2)) + 30 * groups[:, None]
    rows[::3] = np.nan  # what is in no group is not looked at
    groups[::3] = -1
    found = reliability(rows, groups, max_images=200)
    assert (found["n_images"], found["n_groups"]) == (200, 2)
    assert found["stability"] == 1.0


@pytest.mark.parametrize("groups", [[-1] * 20, [0] * 20, list(range(10)) * 2])
def test_what_cannot_be_measured_is_left_out(groups):
    found = reliability(chance().normal(size=(20, 2)), groups)
    assert set(found) == {"n_groups", "n_images"}
    assert found["n_groups"] == len(set(groups) - {-1})


def test_identical_images_are_not_measured():
    assert "silhouette" not in reliability(np.ones((20, 2)), [0, 1] * 10)


def test_of_other_lengths():
    with pytest.raises(InputError, match="of the same images"):
        reliability(np.ones((20, 2)), [0, 1])
