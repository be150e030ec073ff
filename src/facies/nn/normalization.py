"""From the pixel values of a camera to those a network likes, and back."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Likelihood = Literal["bernoulli", "gaussian"]


class PixelNormalizer(nn.Module):
    """Scales pixels to [0, 1] by the range of the images learnt from; for a Gaussian likelihood also standardises them.

    Parameters
    ----------
    low, high
        Smallest and largest pixel value of the images learnt from, in their own units.
    mean, std
        Mean and standard deviation of the scaled pixels.
    likelihood
        ``bernoulli`` keeps [0, 1] (binary cross-entropy); ``gaussian`` standardises (mean squared error).
    """

    low: Tensor
    span: Tensor
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        low: float = 0.0,
        high: float = 1.0,
        mean: float = 0.0,
        std: float = 1.0,
        likelihood: Likelihood = "bernoulli",
    ) -> None:
        super().__init__()
        self.likelihood: Likelihood = likelihood
        for name, value in {"low": low, "span": high - low, "mean": mean, "std": max(std, 1e-6)}.items():
            self.register_buffer(name, torch.tensor(float(value)))

    def forward(self, images: Tensor) -> Tensor:
        """Native pixels → network input; values outside the range are clipped to it."""
        scaled = ((images - self.low) / self.span).clamp(0.0, 1.0)
        return scaled if self.likelihood == "bernoulli" else (scaled - self.mean) / self.std

    def unit(self, images: Tensor) -> Tensor:
        """Network input → [0, 1]."""
        return images if self.likelihood == "bernoulli" else (images * self.std + self.mean).clamp(0.0, 1.0)

    def scaled(self, output: Tensor) -> Tensor:
        """Network output (logits, or standardised values) → [0, 1]."""
        if self.likelihood == "bernoulli":
            return output.sigmoid()
        return (output * self.std + self.mean).clamp(0.0, 1.0)

    def native(self, scaled: Tensor) -> Tensor:
        """[0, 1] → native pixel values."""
        return scaled * self.span + self.low
