from __future__ import annotations

import numpy as np

from facies.atlas.state.projection import normalise_points


def test_points_that_are_not_finite_are_nowhere() -> None:
    placed = normalise_points(np.array([[0, 0], [np.inf, 1], [4, 2]], np.float32))
    assert np.isnan(placed[1]).all()
    np.testing.assert_allclose(placed[[0, 2]], [[-1, -0.5], [1, 0.5]])
    assert np.isnan(normalise_points(np.full((2, 2), np.nan, np.float32))).all()
    assert normalise_points(np.full((3, 2), 7, np.float32)).tolist() == [[0, 0]] * 3
