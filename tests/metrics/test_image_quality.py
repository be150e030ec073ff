"""SSIM, PSNR and entropy, against loops in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from facies.errors import InputError
from facies.metrics import psnr, shannon_entropy, ssim


def slow_ssim(x, y, data_range, size, sigma):
    """Wang et al.'s formula at each place where the window fits; one channel."""
    half = size // 2
    weights = np.array(
        [[math.exp(-((i - half) ** 2 + (j - half) ** 2) / (2 * sigma**2)) for j in range(size)] for i in range(size)]
    )
    weights /= weights.sum()
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    values = []
    for top in range(x.shape[0] - size + 1):
        for left in range(x.shape[1] - size + 1):
            a, b = x[top : top + size, left : left + size], y[top : top + size, left : left + size]
            ma, mb = (weights * a).sum(), (weights * b).sum()
            va, vb = (weights * (a - ma) ** 2).sum(), (weights * (b - mb) ** 2).sum()
            cov = (weights * (a - ma) * (b - mb)).sum()
            values.append((2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))
    return np.mean(values)


def noisy_pair(shape, scale=1.0, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.uniform(size=shape)
    return scale * images, scale * np.clip(images + 0.2 * rng.normal(size=shape), 0, 1)


@pytest.mark.parametrize(
    ("height", "width", "window"),
    [(16, 16, 11), (11, 13, 11), (10, 12, 9), (8, 8, 7), (28, 5, 5), (4, 6, 3), (3, 3, 3)],
)
@pytest.mark.parametrize("data_range", [1.0, 255.0])
def test_ssim_equals_loops(height, width, window, data_range):
    x, y = noisy_pair((2, 2, height, width), data_range)
    expected = np.mean(
        [slow_ssim(x[b, c], y[b, c], data_range, window, 1.5 * window / 11) for b in range(2) for c in range(2)]
    )
    assert ssim(x, y, data_range=data_range) == pytest.approx(expected, abs=1e-9)


def test_ssim_takes_tensors_and_integers_and_stacks():
    x, y = noisy_pair((3, 4, 1, 12, 12), 255.0)
    x, y = x.astype(np.uint8), y.astype(np.uint8)
    flat = ssim(x.reshape(12, 1, 12, 12).astype(float), y.reshape(12, 1, 12, 12).astype(float), data_range=255)
    assert ssim(x, y, data_range=255) == pytest.approx(flat)
    as_tensor = torch.from_numpy(y).float().requires_grad_()
    assert ssim(torch.from_numpy(x), as_tensor, data_range=255) == pytest.approx(flat)
    assert ssim(x, x, data_range=255) == pytest.approx(1.0)


def test_ssim_of_bright_images_keeps_its_digits():
    x, y = noisy_pair((1, 1, 16, 16))
    far = slow_ssim(x[0, 0] + 5000, y[0, 0] + 5000, 1.0, 11, 1.5)
    assert ssim(x + 5000, y + 5000, data_range=1.0) == pytest.approx(far, abs=1e-5)


@pytest.mark.parametrize("data_range", [1.0, 255.0])
def test_psnr_equals_loops(data_range):
    x, y = noisy_pair((3, 2, 5, 4), data_range)
    expected = []
    for a, b in zip(x, y, strict=True):
        error = sum((float(p) - float(q)) ** 2 for p, q in zip(a.ravel(), b.ravel(), strict=True)) / a.size
        expected.append(10 * math.log10(data_range**2 / error))
    assert psnr(x, y, data_range=data_range) == pytest.approx(np.mean(expected), rel=1e-5)


def test_psnr_of_itself_is_infinite():
    x, _ = noisy_pair((2, 1, 4, 4))
    assert psnr(x, x, data_range=1) == math.inf


@pytest.mark.parametrize("metric", [ssim, psnr])
def test_bad_input(metric):
    x, y = noisy_pair((2, 1, 8, 8))
    with pytest.raises(InputError, match="must be equal"):
        metric(x, y[:1], data_range=1)
    with pytest.raises(InputError, match=r"give \(B, C, H, W\)"):
        metric(x[0], y[0], data_range=1)
    with pytest.raises(InputError, match=r"give \(B, C, H, W\)"):
        metric(x[:0], y[:0], data_range=1)
    for wrong in (0, -1, math.nan):
        with pytest.raises(InputError, match="is not positive"):
            metric(x, y, data_range=wrong)
    y[1, 0, 3, 3] = np.nan
    with pytest.raises(InputError, match="reconstructions has NaN"):
        metric(x, y, data_range=1)


def test_ssim_needs_three_pixels():
    with pytest.raises(InputError, match="2 x 9 pixels"):
        ssim(np.ones((1, 1, 2, 9)), np.ones((1, 1, 2, 9)), data_range=1)


def slow_entropy(image, bins, low, high):
    counts = [0] * bins
    for value in np.ravel(image):
        place = int((min(max(float(value), low), high) - low) / (high - low) * bins)
        counts[min(place, bins - 1)] += 1
    return -sum(c / np.size(image) * math.log2(c / np.size(image)) for c in counts if c)


def test_entropy_equals_loops():
    images = np.random.default_rng(2).integers(0, 65, size=(3, 2, 6, 6)) / 64
    own = [slow_entropy(image, 16, image.min(), image.max()) for image in images]
    np.testing.assert_allclose(shannon_entropy(images, 16), own)
    fixed = [slow_entropy(image, 8, 0.25, 0.75) for image in images]
    np.testing.assert_allclose(shannon_entropy(images, 8, value_range=(0.25, 0.75)), fixed)


def test_entropy_known_values():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    images = np.stack([levels, np.full_like(levels, 9), np.where(levels < 128, 3, 200)])
    entropies = shannon_entropy(images)
    np.testing.assert_allclose(entropies, [8.0, 0.0, 1.0])
    assert not np.signbit(entropies).any()
    np.testing.assert_allclose(shannon_entropy(3.0 * images + 7.0), entropies)


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (np.ones(4), {}, "shape"),
        (np.ones((0, 4)), {}, "shape"),
        (np.array([[1.0, np.nan]]), {}, "NaN"),
        (np.ones((2, 4)), {"bins": 0}, "bins=0"),
        (np.ones((2, 4)), {"value_range": (1.0, 1.0)}, "is empty"),
    ],
)
def test_entropy_bad_input(images, options, message):
    with pytest.raises(InputError, match=message):
        shannon_entropy(images, **options)
