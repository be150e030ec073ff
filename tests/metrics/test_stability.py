"""Agreement between seeds."""

from __future__ import annotations

import numpy as np
import pytest

from facies.errors import InputError
from facies.metrics import ari, stability


def test_renumbered_partitions_are_equal():
    assert stability([[0, 0, 1, -1], [5, 5, 3, 4], ["b", "b", "a", "c"]]) == (1.0, 0.0)


def test_mean_and_deviation_of_all_pairs():
    partitions = np.random.default_rng(0).integers(-1, 3, size=(4, 30))
    pairs = [ari(partitions[i], partitions[j]) for i in range(4) for j in range(i + 1, 4)]
    mean = sum(pairs) / 6
    deviation = (sum((p - mean) ** 2 for p in pairs) / 6) ** 0.5
    assert stability(list(partitions)) == pytest.approx((mean, deviation))
    assert stability(partitions) == pytest.approx((mean, deviation))


@pytest.mark.parametrize(
    ("partitions", "message"),
    [
        ([[0, 1]], "two or more are needed, got 1"),
        ([], "got 0"),
        ([[0, 1], [0, 1], [0, 1, 2]], "partition 0 has 2 rows and partition 2 has 3"),
        ([[0, 1], []], "partition 1 is empty"),
        ([[0, 1], [0, np.nan]], "partition 1 has missing"),
    ],
)
def test_bad_input(partitions, message):
    with pytest.raises(InputError, match=message):
        stability(partitions)
