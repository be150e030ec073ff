"""What a fitted mixture of autoencoders can draw: new images, reconstructions, walks through a code."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from facies.errors import InputError
from facies.losses import reconstruction
from facies.methods.downsample import enlarge
from facies.methods.moe_vae.network import MixtureOfExperts
from facies.methods.pose_alignment import from_canonical
from facies.methods.preprocessing import Preprocessor, channels_shape


class MixtureSampler:
    """Draws with the experts of a fitted mixture, in native units; what they draw in small is enlarged."""

    def __init__(self, mixture: MixtureOfExperts, preprocessor: Preprocessor, image_shape: tuple[int, ...]) -> None:
        self.mixture, self.preprocessor, self.image_shape = mixture, preprocessor, image_shape
        self.size = preprocessor.size or image_shape[-2:]
        self.normalizer = preprocessor.normalizer
        self.n_experts = len(mixture.manager.head.bias)

    def sample(self, n: int, cluster: int, seed: int) -> Tensor:
        """`n` images of codes z ~ N(0, I) by an expert: (n, *image_shape)."""
        generator = torch.Generator().manual_seed(seed)
        return self._decode(torch.randn(n, self.latent_size(cluster), generator=generator), cluster)

    def latent_size(self, cluster: int) -> int:
        """Numbers in the code of a group's expert; `InputError` if there is no such group."""
        if not 0 <= cluster < self.n_experts:
            raise InputError(f"cluster {cluster}: this model has groups 0 to {self.n_experts - 1}")
        return self.mixture.experts.own_sizes[cluster]

    def codes(self, pixels: Tensor, cluster: int) -> Tensor:
        """Native pixels → means of the code of one expert: (B, D of that expert)."""
        size, images = self.latent_size(cluster), self.preprocessor.transform(pixels)
        if self.mixture.in_turn:
            return self.mixture.experts.encode_by_one(images, cluster)[:, :size]
        return self.mixture.experts.encode(self._for_all(images))[0][:, cluster, :size]

    def latent_walk(self, cluster: int, dimension: int, steps: int = 9, reach: float = 1.0) -> Tensor:
        """Images along one latent dimension of an expert: (steps, *image_shape)."""
        size = self.latent_size(cluster)
        if not 0 <= dimension < size:
            raise InputError(f"dimension {dimension}: the expert of group {cluster} has dimensions 0 to {size - 1}")
        codes = torch.zeros(steps, size)
        codes[:, dimension] = torch.linspace(-reach, reach, steps)
        return self._decode(codes, cluster)

    def white_image(self) -> tuple[Tensor, Tensor]:
        """An image that is all white, and what each of the K experts makes of it (along the first axis)."""
        normalizer = self.normalizer
        planes = channels_shape(self.image_shape)[0]
        white = normalizer.native(torch.ones(1, planes, *self.size, device=normalizer.low.device))
        drawn = self.mixture.experts(self._for_all(normalizer(white))).reconstruction[0]
        return self._native(white)[0], self._native(normalizer.native(normalizer.scaled(drawn)))

    def reconstruct(self, pixels: Tensor, by: Literal["mixture", "best"]) -> Tensor:
        """Native pixels → reconstructions in native units, in the pose of the images."""
        logits, drawn = self._all_experts(pixels)
        weights = logits.softmax(dim=1)
        if by == "best":
            weights = torch.nn.functional.one_hot(logits.argmax(dim=1), self.n_experts).float()
        mixed = torch.einsum("bk,bkchw->bchw", weights, self.normalizer.scaled(drawn))
        pose = self.preprocessor.pose
        mixed = mixed if pose is None else from_canonical(mixed, pose.theta(self.preprocessor.scaled(pixels)))
        return self._native(self.normalizer.native(mixed))

    def reconstruction_errors(self, pixels: Tensor) -> Tensor:
        """How far each expert's reconstruction is from the image: (B, K)."""
        images, (_, drawn) = self.preprocessor.transform(pixels), self._all_experts(pixels)
        return reconstruction(drawn, images[:, None].expand_as(drawn), self.normalizer.likelihood)

    def _all_experts(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.mixture.manager_logits(self.preprocessor.look(pixels))
        return logits, self.mixture.experts(self._for_all(self.preprocessor.transform(pixels))).reconstruction

    def _for_all(self, images: Tensor) -> Tensor:
        return images[:, None].expand(-1, self.n_experts, -1, -1, -1)

    def _decode(self, codes: Tensor, cluster: int) -> Tensor:
        widened = functional.pad(codes, (0, self.mixture.experts.latent_size - codes.shape[1]))
        every = widened.to(self.mixture.manager.head.bias.device)[:, None].expand(-1, self.n_experts, -1)
        drawn = self.normalizer.scaled(self.mixture.experts.decoder(every)[:, cluster])
        return self._native(self.normalizer.native(drawn))

    def _native(self, drawn: Tensor) -> Tensor:
        """(N, L·C, H', W') in native units → (N, *image_shape)."""
        return enlarge(drawn, self.image_shape[-2:]).reshape(len(drawn), *self.image_shape)
