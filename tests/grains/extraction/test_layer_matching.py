from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from facies.grains.extraction.layer_matching import match_layers, overlaps


def boxes(*rows: tuple[int, int, int, int]) -> NDArray[np.int64]:
    return np.array(rows, np.int64).reshape(-1, 4)


def test_overlaps_against_counted_pixels() -> None:
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 20, (12, 2))
    every = np.hstack([corners, corners + rng.integers(1, 12, (12, 2))])
    found = overlaps(every, every)
    for first, second in itertools.product(range(12), repeat=2):
        masks = []
        for x0, y0, x1, y1 in every[[first, second]]:
            mask = np.zeros((40, 40), bool)
            mask[y0:y1, x0:x1] = True
            masks.append(mask)
        wanted = (masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum()
        assert found[first, second] == pytest.approx(wanted)


def test_the_widest_box_is_taken_and_order_is_from_the_top() -> None:
    found = match_layers([boxes((0, 50, 20, 70), (0, 0, 10, 10)), boxes((0, 0, 12, 11)), boxes((0, 49, 21, 70))])
    assert [match.widest for match in found] == [(1, 0), (2, 0)]
    assert found[1].layers == (0, 2)


def test_linkage_is_single() -> None:
    drifting = [boxes((step, 0, step + 10, 10)) for step in (0, 4, 8)]
    assert overlaps(drifting[0], drifting[2])[0, 0] < 0.3
    assert len(match_layers(drifting)) == 1


def test_a_grain_is_seen_in_enough_layers() -> None:
    layers = [boxes((0, 0, 10, 10)), boxes((50, 50, 60, 60)), boxes((50, 50, 60, 60))]
    assert len(match_layers(layers)) == 1
    assert len(match_layers(layers, min_layers=1)) == 2
    assert len(match_layers(layers[:1])) == 1  # there is but one layer
    assert match_layers([boxes(), boxes()]) == []


def test_grains_that_blur_joins_in_some_layers_are_two() -> None:
    apart = boxes((0, 0, 10, 10), (12, 0, 22, 10))
    joined = boxes((0, 0, 22, 10))
    found = match_layers([joined, apart, apart, apart])
    assert [match.widest for match in found] == [(1, 0), (1, 1)]
    assert len(match_layers([joined, joined, joined, apart])) == 1
