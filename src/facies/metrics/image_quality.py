"""How similar an image and its reconstruction are, and how much information an image holds.

Give ``data_range`` in the unit of the pixels: 1 for [0, 1], 255 for 8-bit images. There is no default, for a wrong one
would give a wrong number without an error. For a whole set take the mean of the batches, weighted by their sizes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    Images = ArrayLike | Tensor

_WINDOW = 11
_SIGMA = 1.5


def ssim(images: Images, reconstructions: Images, *, data_range: float) -> float:
    """Structural similarity of images and their reconstructions, from -1 to 1, mean over the batch.

    ``SSIM(x, y) = (2 mx my + c1)(2 sxy + c2) / ((mx^2 + my^2 + c1)(sx^2 + sy^2 + c2))`` with means, variances and
    covariance under a Gaussian window of 11 x 11 pixels and sigma 1.5, ``c1 = (0.01 R)^2``, ``c2 = (0.03 R)^2``,
    R = data_range; averaged over the places where the whole window lies within the image, then over channels and
    images. For images with a side below 11 pixels the window shrinks to the largest odd size that fits, and sigma
    with it in proportion (1.5 * size / 11): such values compare only among images of that size.

    Parameters
    ----------
    images : array_like or Tensor of shape (B, C, H, W), or (B, L, C, H, W)
        The originals; in a focal stack each layer counts as an image. H, W >= 3.
    reconstructions : same shape
        Reconstruction of each image, in the same order.
    data_range : float
        Largest possible minus least possible pixel value.

    References
    ----------
    Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to structural similarity",
    IEEE TIP 13(4), 2004, eq. 13. Computed by torchmetrics.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    originals, rebuilt = _batches(images, reconstructions, data_range)
    side = min(originals.shape[-2:])
    if side < 3:
        raise InputError(f"images are {originals.shape[-2]} x {originals.shape[-1]} pixels: SSIM needs at least 3 x 3")
    window = min(_WINDOW, side - 1 + side % 2)
    _, similarity = structural_similarity_index_measure(
        rebuilt, originals, sigma=_SIGMA * window / _WINDOW, data_range=data_range, return_full_image=True
    )
    # torchmetrics mirrors the border, and its releases differ in whether that part counts; the paper's mean does not.
    border = window // 2
    height, width = similarity.shape[-2:]
    return float(similarity[..., border : height - border, border : width - border].mean())


def psnr(images: Images, reconstructions: Images, *, data_range: float) -> float:
    """Peak signal-to-noise ratio in decibels, mean over the batch.

    ``PSNR = 10 log10(R^2 / MSE)`` of each image, R = data_range; infinite if a reconstruction equals its image.

    Parameters
    ----------
    images, reconstructions, data_range
        As in `ssim`, of any size.

    References
    ----------
    Huynh-Thu and Ghanbari, "Scope of validity of PSNR in image/video quality assessment", Electronics Letters 44, 2008.
    Computed by torchmetrics.
    """
    from torchmetrics.functional.image import peak_signal_noise_ratio

    originals, rebuilt = _batches(images, reconstructions, data_range)
    decibels = peak_signal_noise_ratio(rebuilt, originals, data_range=data_range, reduction="none", dim=(1, 2, 3))
    return float(decibels.mean())


def shannon_entropy(
    images: ArrayLike, bins: int = 256, *, value_range: tuple[float, float] | None = None
) -> NDArray[np.float64]:
    """Shannon entropy of the grey values of each image, in bits.

    ``H = -sum_b p_b log2 p_b``, p_b the share of the pixels (all channels) in bin b.

    Parameters
    ----------
    images : array_like of shape (N, ...)
        One image an entry of the first axis.
    bins : int
        Number of bins of equal width.
    value_range : (float, float), optional
        Lower edge of the first and upper edge of the last bin; values beyond fall into these two. Without it each
        image's own least and largest value, so that brightness and contrast do not matter.

    Returns
    -------
    ndarray of float64, shape (N,)
        In [0, log2(bins)]; 0 for a constant image.

    Raises
    ------
    InputError
        No pixels, NaN, ``bins`` below 1, or an empty ``value_range``.

    References
    ----------
    Shannon, "A mathematical theory of communication", Bell System Technical Journal 27, 1948.
    """
    stack = np.asarray(images)
    if stack.ndim < 2 or stack.size == 0:
        raise InputError(f"images has shape {stack.shape}: give one image an entry of the first axis, shape (N, ...)")
    if bins < 1:
        raise InputError(f"bins={bins} is too few: give at least 1")
    if value_range is not None and not value_range[0] < value_range[1]:
        raise InputError(f"value_range={value_range} is empty: give (least, largest)")
    return np.array([_entropy(image, bins, value_range) for image in stack], dtype=np.float64)


def _entropy(image: NDArray[np.generic], bins: int, value_range: tuple[float, float] | None) -> float:
    pixels = image.astype(np.float64).ravel()
    if not np.isfinite(pixels).all():
        raise InputError("images has NaN or infinite pixels: replace them first")
    low, high = value_range or (float(pixels.min()), float(pixels.max()))
    counts = np.histogram(np.clip(pixels, low, high), bins=bins, range=(low, high))[0] if high > low else [pixels.size]
    shares = np.asarray(counts, dtype=np.float64) / pixels.size
    shares = shares[shares > 0]
    # + 0.0 turns the -0.0 of a constant image into 0.0
    return float(-(shares * np.log2(shares)).sum() + 0.0)


def _batches(images: Images, reconstructions: Images, data_range: float) -> tuple[Tensor, Tensor]:
    if not (math.isfinite(data_range) and data_range > 0):
        raise InputError(f"data_range={data_range} is not positive: give 1 for [0, 1], 255 for 8-bit images")
    originals, rebuilt = _batch(images, "images"), _batch(reconstructions, "reconstructions")
    if originals.shape != rebuilt.shape:
        raise InputError(
            f"images has shape {tuple(originals.shape)} and reconstructions {tuple(rebuilt.shape)}: they must be equal"
        )
    return originals, rebuilt.to(originals.device)


def _batch(values: Images, name: str) -> Tensor:
    """Float64 (B, C, H, W), for the variances are differences of large squares."""
    import torch

    batch = values.detach() if isinstance(values, torch.Tensor) else torch.from_numpy(np.array(values))
    if batch.ndim == 5:
        batch = batch.flatten(0, 1)
    if batch.ndim != 4 or batch.numel() == 0:
        raise InputError(f"{name} has shape {tuple(batch.shape)}: give (B, C, H, W) or (B, L, C, H, W)")
    # Apple's GPUs have no float64.
    batch = (batch.cpu() if batch.device.type == "mps" else batch).double()
    if not bool(torch.isfinite(batch).all()):
        raise InputError(f"{name} has NaN or infinite pixels: replace them first")
    return batch
