"""Autoencoders by name, and the loss of the five kinds that the thesis compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from facies.losses import inverse_multiquadratic_mmd, kl_to_standard_normal, linear_warm_up, reconstruction
from facies.methods.preprocessing import Preprocessor, channels_shape
from facies.nn import ConvAutoencoder, FeatureHead
from facies.training import Batch

AutoencoderKind = Literal["vae", "ae", "beta-vae", "wae-deterministic", "wae-random"]
KINDS: tuple[AutoencoderKind, ...] = ("vae", "ae", "beta-vae", "wae-deterministic", "wae-random")
LARGE_SIDE, WHOLE_SIDE = 32, 16
LEAST_CODE = 10
DETERMINISTIC: tuple[AutoencoderKind, ...] = ("ae", "wae-deterministic")


@dataclass
class AutoencoderObjective:
    """Loss of an autoencoder of any of the five kinds the thesis compares (section 4.3).

    d(x, x̂) + W·β·KL/pixels for the variational ones, d + W·λ·MMD² for the Wasserstein ones, d for the plain one, and
    ``l1``·Σ|μ| / D on the code; W climbs from 0 to 1 over the first `warm_up` of the training.

    Parameters
    ----------
    preprocessor
        Prepares the pixels.
    kind
        Of autoencoder.
    weight
        β or λ.
    warm_up
        Share of the training in which W climbs.
    l1
        Weight of the mean absolute code.
    """

    preprocessor: Preprocessor
    kind: AutoencoderKind = "vae"
    weight: float = 1.0
    warm_up: float = 0.3
    l1: float = 0.0

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss``, ``reconstruction`` and the regulariser's own."""
        images, target = self.preprocessor(batch.images)
        out = module(self.preprocessor.looked_at(images, batch))
        distance = reconstruction(out.reconstruction, target, self.preprocessor.normalizer.likelihood).mean()
        terms = {"loss": distance, "reconstruction": distance}
        climb = linear_warm_up(batch.progress, self.warm_up)
        if self.kind in ("vae", "beta-vae"):
            terms["kl"] = kl_to_standard_normal(out.mean, out.log_variance).mean() / target[0].numel()
            terms["loss"] = terms["loss"] + climb * self.weight * terms["kl"]
        elif self.kind.startswith("wae"):
            terms["mmd"] = inverse_multiquadratic_mmd(out.code, torch.randn_like(out.code))
            terms["loss"] = terms["loss"] + climb * self.weight * terms["mmd"]
        if self.l1:
            terms["loss"] = terms["loss"] + self.l1 * out.mean.abs().mean()
        return terms


def code_length(latent_size: int | None, n_clusters: int) -> int:
    """Numbers in a code: as many as are asked for, or as groups, 10 at least."""
    return latent_size or max(LEAST_CODE, n_clusters)


def automatic_epochs(n_images: int, most: int = 150) -> int:
    """12,000/N^⅔ epochs, between 8 and `most`: more passes over few images, and more updates in all over many."""
    return int(min(most, max(8, round(12_000 / n_images ** (2 / 3)))))


def baseline_epochs(n_images: int, longer_side: int) -> int:
    """As `automatic_epochs`, up to 500: a few hundred images make one batch, and an epoch of them is a single update.

    Of images with a longer side of 32 pixels or more it is 16/side of that, 8 at least: a pass over them takes the square of
    their side, and shows as many times more pixels of each.
    """
    share = WHOLE_SIDE / longer_side if longer_side >= LARGE_SIDE else 1.0
    return max(8, round(automatic_epochs(n_images, 500) * share))


def build_autoencoder(
    image_shape: tuple[int, ...],
    latent_size: int,
    filters: int | None = None,
    kind: AutoencoderKind = "vae",
    *,
    activation: str = "mish",
    features: int | None = None,
) -> ConvAutoencoder:
    """A `ConvAutoencoder` for images of this shape; `filters` None is the longer side, as in the thesis.

    With `features` it takes so many numbers an image, which an encoder in front of it gives, and draws the image from them.
    """
    shape = channels_shape(image_shape)
    return ConvAutoencoder(
        shape,
        latent_size,
        filters or max(shape[1:]),
        activation=activation,
        deterministic=kind in DETERMINISTIC,
        encoder=None if features is None else FeatureHead(features, 2 * latent_size),
    )
