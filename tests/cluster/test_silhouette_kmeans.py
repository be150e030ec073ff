"""How many parts some rows have."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, silhouette_score

from facies.cluster import select_k
from facies.errors import InputError
from tests.cluster.factories import blobs


def test_as_many_parts_as_there_are_blobs():
    rows, kinds = blobs((50, 40, 30, 30))
    shares: list[float] = []
    found = select_k(rows, progress=shares.append)
    assert adjusted_rand_score(kinds, found.model.labels_) == 1.0
    assert list(found.silhouettes) == [2, 3, 4, 5, 6]
    assert found.silhouette == max(found.silhouettes.values()) == found.silhouettes[4]
    assert found.silhouette == pytest.approx(silhouette_score(rows, kinds), abs=1e-6)
    assert shares == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])


def test_as_many_as_asked_for_and_the_same_each_time():
    rows, _ = blobs((50, 40, 30, 30))
    one, other = (select_k(rows, 7, random_state=3) for _ in range(2))
    assert one.model.n_clusters_ == 7
    assert list(one.silhouettes) == [7]
    np.testing.assert_array_equal(one.model.labels_, other.model.labels_)


@pytest.mark.parametrize(
    ("count", "parts", "words"),
    [(3, "auto", "3 images do not make 2"), (9, 5, "9 images do not make 5"), (9, 1, "do not make 1")],
)
def test_too_few_rows_or_parts(count, parts, words):
    with pytest.raises(InputError, match=words):
        select_k(np.random.default_rng(0).normal(size=(count, 2)).astype(np.float32), parts)


def test_equal_rows_are_one_part():
    assert select_k(np.ones((9, 2), np.float32)).silhouette == -1.0
