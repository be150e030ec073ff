"""Images whose contents reach the border of a plain ground get a margin; others are left as they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facies.images import open_images
from facies.methods.dac.frame import Frame, FramedPreprocessor, learn_frame
from facies.nn import PixelNormalizer


def bars(reach: int, ground: int = 20, n: int = 40):
    """A bright upright bar in the middle of a plain ground, up to `reach` pixels from the upper and the lower border."""
    pixels = np.full((n, 1, 12, 16), ground, dtype=np.uint8)
    pixels[:, :, reach : 12 - reach, 6:10] = 200 + np.arange(n, dtype=np.uint8)[:, None, None, None]
    return pixels


def frame_of(pixels, share=0.16):
    size = pixels.shape[-2:]
    return learn_frame(open_images(pixels), (0.0, 255.0), size, share)


def test_contents_on_the_border_of_a_plain_ground_get_a_margin():
    assert frame_of(bars(0)) == Frame(2, (20.0,))  # 0.16 of 12 pixels, rounded up
    assert frame_of(bars(0), share=0.0) == Frame()
    assert frame_of(bars(2)) == Frame()


def test_some_images_cut_off_and_photographs_without_a_ground_get_none():
    some = bars(2)
    some[:15] = bars(0)[:15]
    assert frame_of(some) == Frame()
    photographs = np.random.default_rng(0).integers(0, 256, (40, 1, 12, 16)).astype(np.uint8)
    assert frame_of(photographs) == Frame()


def test_each_channel_has_its_own_ground_and_the_margin_is_in_it():
    pixels = np.concatenate([bars(0), bars(0, ground=90)], axis=1)
    frame = frame_of(pixels)
    assert frame.ground == (20.0, 90.0)
    framed = frame(torch.from_numpy(pixels).float())
    assert framed.shape == (40, 2, 16, 20)
    assert torch.equal(framed[:, :, 2:-2, 2:-2], torch.from_numpy(pixels).float())
    assert (framed[:, 1, :2] == 90).all()
    assert (framed[:, 0, :, -2:] == 20).all()


def test_the_mean_is_that_of_the_pixels_with_the_margin():
    pixels = bars(0)
    frame = frame_of(pixels)
    scaled = torch.from_numpy(pixels).float() / 255
    with_margin = frame(torch.from_numpy(pixels).float()) / 255
    assert frame.mean(float(scaled.mean()), (0.0, 255.0), (12, 16)) == pytest.approx(
        float(with_margin.mean()), rel=1e-5
    )
    assert Frame().mean(0.3, (0.0, 255.0), (12, 16)) == 0.3


def test_the_note_says_what_became_of_the_images():
    assert "a margin of 2 pixels" in Frame(2, (0.0,)).notes((12, 16))[0]
    assert "12 × 16 became 16 × 20" in Frame(2, (0.0,)).notes((12, 16))[0]
    assert Frame().notes((12, 16)) == []


def test_reduced_images_get_the_margin_afterwards_and_native_ones_the_same_share():
    preprocessor = FramedPreprocessor(PixelNormalizer(0.0, 1.0), size=(6, 8), frame=Frame(1, (0.5,)))
    assert preprocessor.network_shape((1, 12, 16)) == (1, 8, 10)
    pixels = torch.rand(3, 1, 12, 16)
    images = preprocessor.transform(pixels)
    assert images.shape == (3, 1, 8, 10)
    torch.testing.assert_close(images[0, 0, 1, 1], pixels[0, 0, :2, :2].mean())
    assert (images[:, :, 0] == 0.5).all()
    surrounded = preprocessor.surrounded(pixels)
    assert surrounded.shape == (3, 1, 16, 20)
    assert torch.equal(surrounded[:, :, 2:-2, 2:-2], pixels)
