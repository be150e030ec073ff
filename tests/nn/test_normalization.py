"""Scaling pixels and back."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from facies.nn import PixelNormalizer


@given(st.floats(-1e4, 1e4), st.floats(0.1, 1e5), st.floats(0.05, 0.95), st.floats(0.01, 0.5))
def test_round_trip(low, span, mean, std):
    native = low + span * torch.linspace(0.0, 1.0, 7)
    gaussian = PixelNormalizer(low, low + span, mean, std, "gaussian")
    back = gaussian.native(gaussian.scaled(gaussian(native)))
    torch.testing.assert_close(back, native, atol=2e-6 * max(span, abs(low)), rtol=1e-5)
    bernoulli = PixelNormalizer(low, low + span, mean, std, "bernoulli")
    inner = native[1:-1]
    back = bernoulli.native(bernoulli.scaled(torch.logit(bernoulli(inner))))
    torch.testing.assert_close(back, inner, atol=1e-5 * max(span, abs(low)), rtol=1e-5)


def test_bernoulli_scales_and_clips():
    intensity = PixelNormalizer(10.0, 30.0, 0.4, 0.2, "bernoulli")
    assert intensity(torch.tensor([10.0, 20.0, 30.0, 0.0, 99.0])).tolist() == [0.0, 0.5, 1.0, 0.0, 1.0]


def test_gaussian_standardises_what_was_scaled():
    intensity = PixelNormalizer(10.0, 30.0, 0.4, 0.2, "gaussian")
    got = intensity(torch.tensor([10.0, 20.0, 30.0, 0.0, 99.0])).tolist()
    assert got == pytest.approx([-2.0, 0.5, 3.0, -2.0, 3.0])


def test_output_is_clipped_to_0_and_1():
    far = torch.tensor([-1e6, 1e6])
    assert PixelNormalizer(0, 1, 0.4, 0.2, "gaussian").scaled(far).tolist() == [0.0, 1.0]
    assert PixelNormalizer(0, 1, likelihood="bernoulli").scaled(far).tolist() == [0.0, 1.0]


def test_without_deviation_it_stays_finite():
    assert PixelNormalizer(0.0, 1.0, 1.0, 0.0, "gaussian")(torch.tensor([1.0])).isfinite().all()


def test_the_scale_travels_with_the_weights():
    learnt = PixelNormalizer(5.0, 9.0, 0.3, 0.1, "gaussian")
    other = PixelNormalizer(likelihood="gaussian")
    other.load_state_dict(learnt.state_dict())
    pixels = torch.tensor([5.0, 6.0, 9.0])
    assert torch.equal(other(pixels), learnt(pixels))
    assert torch.equal(other.native(other.scaled(other(pixels))), learnt.native(learnt.scaled(learnt(pixels))))
    assert list(learnt.parameters()) == []
