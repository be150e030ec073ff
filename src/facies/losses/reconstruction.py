"""How far a reconstruction is from its image, as a mean over the pixels.

The mean (not the sum) over pixels is the evidence lower bound divided by the number of pixels, once the KL term is divided
by it too: the "normalised" β of Higgins et al. (2017) with β = 1 (thesis, eq. 2.9).
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name


def bernoulli_reconstruction(logits: Tensor, images: Tensor) -> Tensor:
    """Binary cross-entropy: mean over pixels of −x log σ(l) − (1 − x) log(1 − σ(l)).

    Parameters
    ----------
    logits, images
        (..., C, H, W); images in [0, 1].

    Returns
    -------
    Tensor
        (...), one number an image.
    """
    return F.binary_cross_entropy_with_logits(logits, images, reduction="none").mean(dim=(-3, -2, -1))


def gaussian_reconstruction(reconstructions: Tensor, images: Tensor) -> Tensor:
    """Mean over pixels of (x − x̂)² (thesis, eq. 2.5 with the square it lost in print).

    Parameters
    ----------
    reconstructions, images
        (..., C, H, W).

    Returns
    -------
    Tensor
        (...), one number an image.
    """
    return (reconstructions - images).square().mean(dim=(-3, -2, -1))


def reconstruction(output: Tensor, images: Tensor, likelihood: Literal["bernoulli", "gaussian"]) -> Tensor:
    """The reconstruction loss of the likelihood named, one number an image."""
    loss = bernoulli_reconstruction if likelihood == "bernoulli" else gaussian_reconstruction
    return loss(output, images)
