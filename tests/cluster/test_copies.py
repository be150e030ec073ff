"""Points that lie on one another, as copies of an image do (hdbscan #675, umap #1277)."""

from __future__ import annotations

import numpy as np
import pytest

from facies.cluster import DensityClusterer


@pytest.mark.parametrize(("n_points", "copies"), [(3, 20), (60, 9), (2, 40)])
def test_copies_are_groups_and_two_fits_are_equal(n_points: int, copies: int) -> None:
    rng = np.random.default_rng(0)
    centres = np.repeat(np.eye(3), -(-n_points // 3), axis=0)[:n_points] * 4
    points = np.repeat(centres + rng.normal(0, 0.1, (n_points, 3)), copies, axis=0).astype(np.float32)
    one, other = (DensityClusterer(random_state=0).fit(points) for _ in range(2))
    np.testing.assert_array_equal(one.labels_, other.labels_)
    np.testing.assert_array_equal(one.layout_, other.layout_)
    np.testing.assert_array_equal(one.probabilities_, other.probabilities_)
    assert np.isfinite(one.probabilities_).all()
    if n_points == 3:
        assert one.n_clusters_ == 3
        assert all(len(set(one.labels_[row : row + 20])) == 1 for row in (0, 20, 40))


def test_points_that_are_all_one_are_one_group_at_most() -> None:
    fitted = DensityClusterer().fit(np.ones((40, 3), np.float32))
    assert fitted.n_clusters_ <= 1
    assert np.isfinite(fitted.probabilities_).all()
