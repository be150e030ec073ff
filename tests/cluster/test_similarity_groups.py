"""Groups from how alike things are."""

from __future__ import annotations

import numpy as np

from facies.cluster.similarity_groups import leiden_groups, numbered


def test_numbers_go_by_the_first_member_whatever_the_groups_were_called():
    for names in ([5, 5, 2, 9, 2], [0, 0, 1, 2, 1], [-3, -3, 7, 1, 7]):
        assert numbered(np.array(names)).tolist() == [0, 0, 1, 2, 1]


def test_communities_of_one_seed_are_the_same_whatever_chance_was_asked_for_before() -> None:
    """scikit-network refines them by `rand` of the C library, which its seed does not reach."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(60, 100)).astype(np.float32)
    found = {leiden_groups(values, 3).tobytes() for _ in range(20)}
    assert len(found) == 1
