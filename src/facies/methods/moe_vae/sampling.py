"""What a fitted mixture of autoencoders can draw: new images, reconstructions, walks through a code."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from facies.errors import InputError
from facies.losses import reconstruction
from facies.methods.moe_vae.network import MixtureOfExperts
from facies.methods.pose_alignment import from_canonical
from facies.methods.preprocessing import Preprocessor, as_channels


class MixtureSampler:
    """Draws with the experts of a fitted mixture, in native units."""

    def __init__(self, mixture: MixtureOfExperts, preprocessor: Preprocessor, image_shape: tuple[int, ...]) -> None:
        self.mixture, self.preprocessor, self.image_shape = mixture, preprocessor, image_shape
        self.normalizer = preprocessor.normalizer
        self.n_experts = len(mixture.manager.head.bias)

    def scaled(self, pixels: Tensor) -> Tensor:
        """Native pixels → scaled, as they lie."""
        images: Tensor = self.normalizer(as_channels(pixels))
        return images

    def sample(self, n: int, cluster: int, seed: int) -> Tensor:
        """`n` images of codes z ~ N(0, I) by an expert: (n, *image_shape)."""
        generator = torch.Generator().manual_seed(seed)
        return self._decode(torch.randn(n, self.mixture.experts.latent_size, generator=generator), cluster)

    def latent_walk(self, cluster: int, dimension: int, steps: int, reach: float) -> Tensor:
        """Images along one latent dimension of an expert: (steps, *image_shape)."""
        if not 0 <= cluster < self.n_experts:
            raise InputError(f"cluster {cluster}: this model has groups 0 to {self.n_experts - 1}")
        size = self.mixture.experts.latent_size
        if not 0 <= dimension < size:
            raise InputError(f"dimension {dimension}: the experts have dimensions 0 to {size - 1}")
        codes = torch.zeros(steps, size)
        codes[:, dimension] = torch.linspace(-reach, reach, steps)
        return self._decode(codes, cluster)

    def reconstruct(self, pixels: Tensor, by: Literal["mixture", "best"]) -> Tensor:
        """Native pixels → reconstructions in native units, in the pose of the images."""
        logits, drawn = self._all_experts(pixels)
        weights = logits.softmax(dim=1)
        if by == "best":
            weights = torch.nn.functional.one_hot(logits.argmax(dim=1), self.n_experts).float()
        mixed = torch.einsum("bk,bkchw->bchw", weights, self.normalizer.scaled(drawn))
        pose = self.preprocessor.pose
        mixed = mixed if pose is None else from_canonical(mixed, pose.theta(self.scaled(pixels)))
        return self.normalizer.native(mixed).reshape(len(mixed), *self.image_shape)

    def reconstruction_errors(self, pixels: Tensor) -> Tensor:
        """How far each expert's reconstruction is from the image: (B, K)."""
        images, (_, drawn) = self.preprocessor.transform(pixels), self._all_experts(pixels)
        return reconstruction(drawn, images[:, None].expand_as(drawn), self.normalizer.likelihood)

    def _all_experts(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        images = self.preprocessor.transform(pixels)
        every = images[:, None].expand(-1, self.n_experts, -1, -1, -1)
        return self.mixture.manager_logits(images), self.mixture.experts(every).reconstruction

    def _decode(self, codes: Tensor, cluster: int) -> Tensor:
        every = codes.to(self.mixture.manager.head.bias.device)[:, None].expand(-1, self.n_experts, -1)
        drawn = self.normalizer.scaled(self.mixture.experts.decoder(every)[:, cluster])
        return self.normalizer.native(drawn).reshape(len(codes), *self.image_shape)
