"""Intervals against written-out formulas, other libraries and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from facies.errors import InputError
from facies.statistics import (
    area_ratio_interval,
    chance_to_see,
    poisson_interval,
    ratio_interval,
    wilson_interval,
)


def test_wilson_of_twelve_in_three_hundred():
    low, high = wilson_interval(12, 300)
    assert (round(100 * float(low), 1), round(100 * float(high), 1)) == (2.3, 6.9)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_wilson_equals_that_of_scipy(counts, confidence):
    k, n = counts
    reference = binomtest(k, n).proportion_ci(confidence, method="wilson")
    assert wilson_interval(k, n, confidence) == pytest.approx((reference.low, reference.high), abs=1e-9)


def test_wilson_takes_arrays_and_knows_nothing_of_nothing():
    low, high = wilson_interval(np.array([0, 5, 10]), 10)
    assert low.shape == (3,)
    assert low[0] == 0
    assert high[2] == 1
    assert np.isnan(wilson_interval(0, 0)).all()


@pytest.mark.parametrize(("p", "n"), [(0.5, 300), (0.1, 300), (0.05, 300), (0.01, 1000)])
def test_wilson_covers(p, n):
    low, high = wilson_interval(np.random.default_rng(0).binomial(n, p, 2000), n)
    assert 0.93 <= np.mean((low <= p) & (p <= high)) <= 0.97


def test_poisson_interval_of_none_and_of_ten():
    assert poisson_interval(0) == pytest.approx((0, 3.689), abs=1e-3)
    assert poisson_interval(10) == pytest.approx((4.795, 18.390), abs=1e-3)


def test_ratio_follows_its_formula():
    found = ratio_interval(40, 20)
    centre, half = np.log(40.5 / 20.5), 1.959964 * np.sqrt(1 / 40.5 + 1 / 20.5)
    assert found == pytest.approx((2, np.exp(centre - half), np.exp(centre + half)))
    turned = ratio_interval(20, 40)
    assert (turned.low, turned.high) == pytest.approx((1 / found.high, 1 / found.low))


def test_ratio_with_nothing_on_a_side():
    assert ratio_interval(0, 10)[:2] == (0, 0)
    assert ratio_interval(0, 10).high < 1
    assert ratio_interval(10, 0)[::2] == (np.inf, np.inf)
    assert ratio_interval(10, 0).low > 1
    assert np.isnan(ratio_interval(0, 0)).all()


def test_ratio_covers():
    rng = np.random.default_rng(1)
    counts = rng.multinomial(300, [0.6, 0.1, 0.3], 2000)
    found = [ratio_interval(a, b) for a, b, _ in counts]
    assert 0.93 <= np.mean([low <= 6 <= high for _, low, high in found]) <= 0.975


def test_areas_alike_give_the_interval_of_counts():
    by_area, by_number = area_ratio_interval([5.0] * 400, [5.0] * 300), ratio_interval(400, 300)
    assert by_area == pytest.approx(by_number, rel=2e-3)
    assert area_ratio_interval([10.0] * 400, [5.0] * 300).value == pytest.approx(2 * by_area.value)
    assert area_ratio_interval([], [1.0]) == (0, 0, np.inf)


def test_area_ratio_covers_with_uneven_areas():
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(1000):
        a, b = rng.lognormal(0, 1, rng.poisson(200)), rng.lognormal(0, 1, rng.poisson(100))
        _, low, high = area_ratio_interval(a, b)
        hits += low <= 2 <= high
    assert 0.92 <= hits / 1000 <= 0.97


def test_the_chance_to_see_a_rare_type():
    assert chance_to_see([0.01, 0.001], 300) == pytest.approx([0.951, 0.259], abs=1e-3)
    assert chance_to_see(1.0, 1) == 1


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: wilson_interval(5, 4), "0 ≤ k ≤ n"),
        (lambda: wilson_interval(-1, 4), "0 ≤ k ≤ n"),
        (lambda: wilson_interval(np.nan, 4), "0 ≤ k ≤ n"),
        (lambda: wilson_interval(1, 4, 1.5), "between 0 and 1"),
        (lambda: poisson_interval(-1), "from 0 on"),
        (lambda: ratio_interval(-1, 4), "from 0 on"),
        (lambda: area_ratio_interval([-1.0], [4.0]), "from 0 on"),
    ],
)
def test_bad_input(call, says):
    with pytest.raises(InputError, match=says):
        call()
