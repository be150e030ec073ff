"""A manager that gives each image to experts, and the experts: a stack of autoencoders evaluated together."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from facies.nn.conv_autoencoder import AutoencoderOutput, ConvAutoencoder, ConvEncoder


class MixtureOutput(NamedTuple):
    """What a mixture of experts gives back for B images and K experts, each asked for at most M of them.

    Attributes
    ----------
    logits
        (B, K), of the manager.
    images
        (M, K, C, H, W): what each expert was shown.
    weights
        (M, K): the manager's probability for it; 0 where an expert's list is shorter than M.
    experts
        Output of the experts for `images`.
    """

    logits: Tensor
    images: Tensor
    weights: Tensor
    experts: AutoencoderOutput


class Routing(NamedTuple):
    """Which image each expert sees: rows (M, K) of the batch, and whether the place is taken (M, K)."""

    rows: Tensor
    taken: Tensor


def route(asked: Tensor) -> Routing:
    """Turn a mask of (B, K) into lists of rows, one list an expert, all as long as the longest.

    A shorter list repeats its own rows (so that batch statistics stay those of the expert's images) in places that are
    not taken; an empty list repeats row 0.
    """
    counts = asked.sum(dim=0)
    longest = max(int(counts.max()), 1)
    rows = torch.cat([asked.t().nonzero()[:, 1], counts.new_zeros(1)])
    starts = counts.cumsum(dim=0) - counts
    places = torch.arange(longest, device=asked.device)[:, None]
    index = torch.where(counts > 0, starts + places % counts.clamp(min=1), len(rows) - 1)
    return Routing(rows[index], places < counts)


class MixtureOfExperts(nn.Module):
    """Manager and experts (thesis, section 3.5).

    Parameters
    ----------
    manager
        Encoder with K outputs.
    experts
        Stack of K autoencoders.
    threshold
        Experts are asked only for images to which the manager gives more than this probability (and always for the images
        they are the first choice of); None asks every expert for every image.
    hard
        Each image goes to its first choice alone, with weight 1, and the manager does not learn.
    """

    def __init__(
        self, manager: ConvEncoder, experts: ConvAutoencoder, threshold: float | None = None, *, hard: bool = False
    ) -> None:
        super().__init__()
        self.manager, self.experts = manager, experts
        self.threshold, self.hard = threshold, hard

    def forward(self, images: Tensor, targets: Tensor | None = None) -> MixtureOutput:
        """(B, C, H, W) → output; `targets` (same shape, default `images`) is what `MixtureOutput.images` shows."""
        targets = images if targets is None else targets
        logits = self.manager_logits(images)
        probabilities = logits.softmax(dim=1)
        first = torch.nn.functional.one_hot(probabilities.argmax(dim=1), probabilities.shape[1]).bool()
        weights = first.to(probabilities.dtype) if self.hard else probabilities
        if self.threshold is None and not self.hard:
            shown = images[:, None].expand(-1, weights.shape[1], -1, -1, -1)
            return MixtureOutput(logits, targets[:, None].expand_as(shown), weights, self.experts(shown))
        asked = first if self.hard else (probabilities > (self.threshold or 0.0)) | first
        routes = route(asked)
        own = torch.arange(weights.shape[1], device=weights.device)
        return MixtureOutput(
            logits, targets[routes.rows], weights[routes.rows, own] * routes.taken, self.experts(images[routes.rows])
        )

    def manager_logits(self, images: Tensor) -> Tensor:
        """(B, C, H, W) → logits (B, K)."""
        if not self.hard:
            return self.manager(images[:, None])[:, 0]
        self.manager.eval()
        with torch.no_grad():
            return self.manager(images[:, None])[:, 0]


def select_experts(
    manager: dict[str, Tensor], experts: dict[str, Tensor], kept: list[int]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Weights of a mixture of the experts in `kept` alone; what remains answers as it did before.

    Parameters
    ----------
    manager, experts
        State of `MixtureOfExperts.manager` and `.experts`.
    kept
        Experts to keep, in their new order.
    """
    count = manager["head.bias"].shape[-1]
    fewer = {name: tensor[..., kept] if name.startswith("head.") else tensor for name, tensor in manager.items()}
    # Whatever belongs to an expert lies beside that of the others along the first axis.
    sliced = {
        name: tensor.reshape(count, -1, *tensor.shape[1:])[kept].flatten(0, 1) if tensor.dim() else tensor
        for name, tensor in experts.items()
    }
    return fewer, sliced
