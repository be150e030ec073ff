"""Indicators of sediment against worked examples; a definition goes with each."""

from __future__ import annotations

import numpy as np
import pytest

from facies.errors import InputError
from facies.grains.indicators import (
    accumulation_rate,
    coarse_fraction,
    depth_van_der_zwaan,
    depth_wright,
    fragmentation,
    grains_per_gram,
    ice_rafted_percent,
    planktic_benthic,
    planktic_percent,
    terrigenous_percent,
)
from facies.statistics import wilson_interval


def test_fragmentation_depends_on_its_definition():
    simple, le, third = (fragmentation(300, 400, divisor) for divisor in (1, 8, 3))
    assert simple.value == pytest.approx(42.857, abs=1e-3)
    assert le.value == pytest.approx(8.571, abs=1e-3)
    assert third.value == pytest.approx(20)
    assert "Le & Shackleton" in le.definition
    assert "F/3" in third.definition
    assert (simple.low, simple.high) == pytest.approx(tuple(100 * x for x in wilson_interval(300, 700)))
    for index in (simple, le, third):
        assert index.low < index.value < index.high


def test_fragmentation_by_area():
    by_area = fragmentation(0, 0, areas=([2.0] * 300, [5.0] * 400))
    assert by_area.value == pytest.approx(100 * 600 / 2600)
    assert by_area.low < by_area.value < by_area.high
    assert "A_F" in by_area.definition


def test_none_counted_is_not_zero():
    for indicator in (fragmentation(0, 0), fragmentation(0, 0, 8), planktic_percent(0, 0), terrigenous_percent(0, 0)):
        assert np.isnan(indicator.value)
        assert indicator.note == "none counted"


def test_planktic_and_benthic_and_depth():
    assert planktic_benthic(90, 10).value == 9
    percent = planktic_percent(90, 10)
    assert percent.value == 90
    assert depth_wright(percent).value == pytest.approx(np.exp(0.0418 * 90 + 3.4823))
    assert depth_wright(percent).low < depth_wright(percent).value < depth_wright(percent).high
    assert depth_van_der_zwaan(percent).value == pytest.approx(np.exp(3.58718 + 0.03534 * 90))
    outside = depth_wright(planktic_percent(97, 3))
    assert np.isnan(outside.value)
    assert "outside" in outside.note
    assert np.isnan(depth_wright(planktic_percent(0, 0)).value)


def test_terrigenous_and_ice_rafted():
    found = terrigenous_percent(30, 10)
    assert found.value == pytest.approx(75)
    assert found.low < 75 < found.high < 100
    assert terrigenous_percent(30, 0).value == 100
    assert terrigenous_percent(0, 0, areas=([3.0, 3.0], [2.0])).value == pytest.approx(75)
    assert ice_rafted_percent(10, 30).value == 25


def test_grains_a_gram_and_their_rate():
    found = grains_per_gram(320, 8, 2.0)
    assert found.value == 1280
    assert found.low < 1280 < found.high
    rate = accumulation_rate(found, 5.0, 0.8)
    assert rate.value == pytest.approx(5120)
    assert rate.unit == "grains/cm²/ka"
    assert rate.high / rate.value == pytest.approx(found.high / found.value)
    assert coarse_fraction(0.5, 4).value == 12.5


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: fragmentation(1, 1, 0), "above 0"),
        (lambda: fragmentation(-1, 5), "0 ≤ k"),
        (lambda: fragmentation(0, 0, 8, ([1.0], [1.0])), "no divisor"),
        (lambda: grains_per_gram(10, 0.125, 1), "8 for an eighth"),
        (lambda: grains_per_gram(10, 8, 0), "above 0 g"),
        (lambda: grains_per_gram(-1, 8, 1), "from 0 on"),
        (lambda: accumulation_rate(grains_per_gram(10, 1, 1), 0, 1), "above 0"),
        (lambda: coarse_fraction(5, 4), "between 0"),
    ],
)
def test_bad_input(call, says):
    with pytest.raises(InputError, match=says):
        call()
