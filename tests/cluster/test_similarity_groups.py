"""Groups from how alike things are."""

from __future__ import annotations

import numpy as np

from facies.cluster.similarity_groups import numbered


def test_numbers_go_by_the_first_member_whatever_the_groups_were_called():
    for names in ([5, 5, 2, 9, 2], [0, 0, 1, 2, 1], [-3, -3, 7, 1, 7]):
        assert numbered(np.array(names)).tolist() == [0, 0, 1, 2, 1]
