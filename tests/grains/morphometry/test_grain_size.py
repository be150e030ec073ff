"""Golden grain-size distributions, and what sieve limits and weights do to them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, truncnorm

from facies.errors import InputError
from facies.grains.morphometry import cumulative_curve, grain_size_statistics, size_percentiles, to_phi, to_um


def normal(mean=2.0, sorting=0.5, n=20_001):
    """The quantiles of a normal law in φ, in µm."""
    return to_um(norm.ppf((np.arange(n) + 0.5) / n, mean, sorting))


def test_the_golden_normal_law():
    size = grain_size_statistics(normal())
    assert size.phi == pytest.approx((2.0, 0.5, 0.0, 1.0), abs=0.01)
    assert size.um == pytest.approx((250, 2**0.5, 0.0, 1.0), abs=1)
    assert size.moments_phi == pytest.approx((2.0, 0.5, 0.0, 3.0), abs=0.01)
    assert size.moments_um.mean == pytest.approx(250, abs=1)
    assert size.words == {
        "mean": "medium sand",
        "sorting": "well sorted",
        "skewness": "near symmetrical",
        "kurtosis": "mesokurtic",
    }
    assert size.mode_phi == pytest.approx(2, abs=0.13)
    assert size.scope == ""


def test_percentiles_in_um_count_the_finer_and_in_phi_the_coarser():
    size = grain_size_statistics(normal())
    assert size.percentiles_um[16] == pytest.approx(to_um(2.5), rel=0.01)
    assert size.percentiles_phi[16] == pytest.approx(1.5, abs=0.01)
    assert size.percentiles_um[84] == pytest.approx(to_um(size.percentiles_phi[16]))
    assert list(size.percentiles_um) == [5, 10, 16, 25, 50, 75, 84, 90, 95]


def test_a_fine_tail_gives_positive_skewness_in_phi_and_negative_in_um():
    size = grain_size_statistics(np.concatenate([normal(2, 0.5, 8000), normal(3.5, 0.5, 2000)]))
    assert size.phi.skewness > 0.2
    assert size.moments_phi.skewness > 0
    assert size.um.skewness == -size.phi.skewness
    assert size.words["skewness"].endswith("fine skewed")
    coarse = grain_size_statistics(np.concatenate([normal(2, 0.5, 8000), normal(0.5, 0.5, 2000)]))
    assert coarse.phi.skewness < -0.2
    assert coarse.words["skewness"].endswith("coarse skewed")


def test_graphic_measures_follow_their_formulas():
    d = np.random.default_rng(0).lognormal(5.5, 0.6, 700)
    size = grain_size_statistics(d)
    p = dict(
        zip(
            (5, 16, 25, 50, 75, 84, 95),
            np.percentile(to_phi(d), (5, 16, 25, 50, 75, 84, 95), method="hazen"),
            strict=True,
        )
    )
    assert size.phi.mean == pytest.approx((p[16] + p[50] + p[84]) / 3)
    assert size.phi.sorting == pytest.approx((p[84] - p[16]) / 4 + (p[95] - p[5]) / 6.6)
    assert size.phi.skewness == pytest.approx(
        (p[16] + p[84] - 2 * p[50]) / (2 * (p[84] - p[16])) + (p[5] + p[95] - 2 * p[50]) / (2 * (p[95] - p[5]))
    )
    assert size.phi.kurtosis == pytest.approx((p[95] - p[5]) / (2.44 * (p[75] - p[25])))
    um = {key: float(to_um(value)) for key, value in p.items()}
    assert size.um.mean == pytest.approx(np.exp(np.log([um[16], um[50], um[84]]).mean()))
    assert size.um.sorting == pytest.approx(np.exp(np.log(um[16] / um[84]) / 4 + np.log(um[5] / um[95]) / 6.6))


def test_weighting_by_volume_moves_the_mean_as_the_normal_law_foretells():
    """With weight d³ a normal law in φ of sorting s keeps s and moves by 3 ln 2 · s² to the coarse side."""
    d = normal(2.28, 0.5, 200_001)
    by_number, by_volume = grain_size_statistics(d), grain_size_statistics(d, "d3")
    assert by_volume.phi.mean == pytest.approx(by_number.phi.mean - 3 * np.log(2) * 0.25, abs=0.02)
    assert by_volume.phi.sorting == pytest.approx(0.5, abs=0.02)
    assert by_volume.weighting == "d3"
    given_weights = grain_size_statistics(d, d**3)
    assert given_weights.phi == pytest.approx(by_volume.phi)
    assert given_weights.weighting == "given"


def test_wentworth_classes():
    size = grain_size_statistics([40, 62.5, 100, 200, 300, 600, 700, 1500, 3000, 5000])
    assert size.fractions["silt"] == pytest.approx(10)
    assert size.fractions["very fine sand"] == pytest.approx(20)
    assert size.fractions["coarse sand"] == pytest.approx(20)
    assert size.fractions["granule"] == pytest.approx(10)
    assert size.fractions["pebble"] == pytest.approx(10)
    assert sum(size.fractions.values()) == pytest.approx(100)


def test_a_cut_curve_is_named_and_never_extrapolated():
    d = normal(2.28, 0.79)
    cut = grain_size_statistics(d, lower_um=150, upper_um=1000)
    assert cut.scope == "within 150–1000 µm"
    assert cut.open_lower > 0.05 > cut.open_upper
    assert cut.n_finer == (d < 150).sum()
    assert cut.n == ((d >= 150) & (d <= 1000)).sum()
    assert min(cut.percentiles_um.values()) >= 150
    ends = (to_phi(np.array([1000, 150])) - 2.28) / 0.79
    p = {q: truncnorm.ppf(q / 100, *ends, 2.28, 0.79) for q in (5, 16, 50, 84, 95)}
    assert cut.phi.mean == pytest.approx((p[16] + p[50] + p[84]) / 3, abs=0.005)
    assert cut.phi.sorting == pytest.approx((p[84] - p[16]) / 4 + (p[95] - p[5]) / 6.6, abs=0.005)
    assert grain_size_statistics(d[d > 150], lower_um=150).scope == "above 150 µm"
    assert grain_size_statistics(d[d < 300], upper_um=300).scope == "below 300 µm"


def test_limits_beyond_the_curve_change_nothing():
    free, limited = grain_size_statistics(normal()), grain_size_statistics(normal(), lower_um=20, upper_um=3000)
    assert limited.scope == ""
    assert limited.phi == free.phi


def test_pixels_have_percentiles_and_no_phi():
    d = np.arange(1, 101, dtype=float)
    found = size_percentiles(d)
    assert found[50] == pytest.approx(50.5, rel=0.001)
    assert found[5] < found[10] < found[95]


def test_one_grain_has_a_size_and_no_spread():
    size = grain_size_statistics([250.0])
    assert size.phi.mean == pytest.approx(2)
    assert size.phi.sorting == 0
    assert np.isnan(size.phi.skewness)
    assert np.isnan(size.phi.kurtosis)
    assert size.words["skewness"] == ""
    assert size.largest_share == 1


def test_one_heavy_grain_is_told():
    assert grain_size_statistics([100.0] * 50 + [2000.0], "d3").largest_share > 0.99


grains = st.lists(st.floats(20, 4000), min_size=2, max_size=60)


@settings(max_examples=80, deadline=None)
@given(grains, st.randoms(use_true_random=False), st.sampled_from(["number", "d3"]))
def test_the_order_of_grains_does_not_matter(d, random, weights):
    shuffled = d.copy()
    random.shuffle(shuffled)
    first, second = grain_size_statistics(d, weights), grain_size_statistics(shuffled, weights)
    assert first.percentiles_um == pytest.approx(second.percentiles_um)
    assert first.phi == pytest.approx(second.phi, nan_ok=True, abs=1e-9)
    assert first.fractions == pytest.approx(second.fractions)


@settings(max_examples=80, deadline=None)
@given(grains, st.floats(0.3, 3))
def test_a_scale_moves_the_mean_and_leaves_the_rest(d, scale):
    first, second = grain_size_statistics(d), grain_size_statistics(np.array(d) * scale)
    assert second.phi.mean == pytest.approx(first.phi.mean - np.log2(scale), abs=1e-9)
    assert second.phi.sorting == pytest.approx(first.phi.sorting, abs=1e-9)
    assert second.um.mean == pytest.approx(first.um.mean * scale)


def test_the_cumulative_curve_runs_from_coarse_to_fine():
    d, percent = cumulative_curve([100, 400, 200, 300])
    assert d.tolist() == [400, 300, 200, 100]
    assert percent.tolist() == [12.5, 37.5, 62.5, 87.5]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([],), "at least one"),
        (([1.0, np.nan],), "no number"),
        (([1.0, 0.0],), "0, negative"),
        (([1.0], "mass"), "'mass'"),
        (([1.0, 2.0], [1.0]), "2 numbers"),
        (([1.0], [-1.0]), "from 0 on"),
        (([100.0], "number", 200, 100), "lower one first"),
        (([100.0], "number", 0), "above 0"),
        (([100.0], "number", 150), "no grain lies within"),
    ],
)
def test_bad_input(arguments, says):
    with pytest.raises(InputError, match=says):
        grain_size_statistics(*arguments)
