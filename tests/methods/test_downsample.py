"""Copies at the size that a network sees: plain images and stacks, bytes and floats."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facies.images import open_images
from facies.methods.downsample import downsample, downsampled_copies, downsampled_shape
from facies.training import Trainer


@pytest.mark.parametrize(
    ("image_shape", "image_size", "expected"),
    [
        ((3, 100, 50), 20, (1, 3, 20, 10)),
        ((3, 100, 50), None, (1, 3, 100, 50)),
        ((3, 16, 16), 64, (1, 3, 16, 16)),
        ((6, 3, 280, 280), 64, (6, 3, 64, 64)),
        ((1, 100, 2), 10, (1, 1, 10, 1)),
    ],
)
def test_the_longer_side_is_brought_to_a_size_and_nothing_is_enlarged(image_shape, image_size, expected):
    assert downsampled_shape(image_shape, image_size) == expected


def test_a_new_pixel_is_the_mean_of_its_area_in_images_and_stacks():
    stacks = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (4, 2, 3, 8, 6)).astype(np.float32))
    means = stacks.reshape(4, 2, 3, 4, 2, 3, 2).mean(dim=(4, 6))
    torch.testing.assert_close(downsample(stacks, (4, 3), whole_numbers=False), means)
    torch.testing.assert_close(downsample(stacks, (4, 3), whole_numbers=True), means.round())
    torch.testing.assert_close(downsample(stacks[:, 1], (4, 3), whole_numbers=False), means[:, 1])
    assert downsample(stacks, (8, 6), whole_numbers=True) is stacks


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_copies_are_what_is_made_on_the_way(dtype):
    pixels = np.random.default_rng(0).integers(0, 256, (7, 3, 12, 16)).astype(dtype)
    images = open_images(pixels)
    copies = downsampled_copies(images, 8, Trainer())
    assert copies.image_shape == (1, 3, 6, 8)
    assert copies.dtype == (np.uint8 if dtype is np.uint8 else np.float32)
    rows = np.arange(7)
    expected = downsample(images.__getitems__(rows), (6, 8), whole_numbers=dtype is np.uint8)
    torch.testing.assert_close(copies.__getitems__(rows)[:, 0], expected)
    assert downsampled_copies(copies, 8, Trainer()) is copies
