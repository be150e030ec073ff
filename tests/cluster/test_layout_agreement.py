import numpy as np
from sklearn.datasets import make_blobs

from facies.cluster import agreed_density_groups
from facies.metrics import accuracy


def test_a_group_that_one_layout_tears_is_whole_where_the_others_have_it_whole():
    """One layout has an island of its own; judged by itself it gives five groups, and together with others four."""
    layout, truth = make_blobs(400, 4, centers=4, cluster_std=0.5, random_state=2)
    torn = layout.copy()
    torn[np.flatnonzero(truth == 0)[:50]] += 60
    alone = agreed_density_groups([torn], 10, 5)
    assert alone.n_groups == 5
    together = agreed_density_groups([torn, layout, layout[:, ::-1]], 10, 5)
    assert together.n_groups == 4
    assert accuracy(truth, together.memberships.argmax(axis=1)) == 1
    np.testing.assert_allclose(together.memberships.sum(axis=1), 1, atol=1e-5)


def test_rows_without_groups_are_one_group():
    found = agreed_density_groups([np.zeros((30, 2), np.float32)], 5, 5)
    assert found.n_groups == 1
    assert found.memberships.shape == (30, 1)
