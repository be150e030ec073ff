"""What methods share that group images by their pixels, without a network: the plain measure for those that learn one."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from annotated_types import Ge
from sklearn.decomposition import PCA
from torch import Tensor, nn

from facies.errors import InputError
from facies.images import ImageSet
from facies.methods.downsample import downsample, downsampled_shape, reduction_notes
from facies.methods.embedding_clustering import EmbeddingMethod
from facies.methods.fit_context import FitContext
from facies.methods.weights import load_weights
from facies.nn import PixelNormalizer
from facies.parameters import Count
from facies.training import Stage, StageOutputs

MOST_BYTES = 2**33
"""Pixels of all images that lie in memory at once, as float32."""
ROWS_FOR_AXES = 20_000


class Pixels(nn.Module):
    """Native pixels → pixels in [0, 1] of reduced images, one after the other: (B, P)."""

    def __init__(self, normalizer: PixelNormalizer, size: tuple[int, int]) -> None:
        super().__init__()
        self.normalizer, self.size = normalizer, size

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, C, H, W) or (B, L, C, H, W) → (B, P) float32."""
        scaled = self.normalizer(pixels)
        return downsample(scaled, self.size, whole_numbers=False).flatten(1)


@dataclass(kw_only=True, eq=False, repr=False)
class PixelClustering(EmbeddingMethod):
    """Groups in the pixels of the images; a subclass says what finds them (`group`) and what places images in them."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"paper": {}, "quick": {}}
    test_parameters: ClassVar[Mapping[str, Any]] = {"n_clusters": 3}

    image_size: Annotated[int, Ge(4)] | None = 64
    """Longer side, in pixels, to which larger images are reduced; null leaves them. More pixels take more memory."""

    def check(self, images: ImageSet) -> None:
        """Refuse also fewer images than groups, and more pixels than memory should hold."""
        super().check(images)
        if len(images) < (least := max(4, self.asked_n_clusters or 0)):
            raise InputError(
                f"{len(images)} images are fewer than the {least} that are needed; give more, or ask for fewer groups"
            )
        pixels = math.prod(downsampled_shape(images.image_shape, self.image_size))
        if 4 * pixels * len(images) > MOST_BYTES:
            side = int((MOST_BYTES / (4 * pixels * len(images))) ** 0.5 * max(images.image_shape[-2:]))
            raise InputError(
                f"image_size={self.image_size}: the pixels of {len(images):,} images would take "
                f"{4 * pixels * len(images) / 2**30:.0f} GiB, and {self.name} takes at most {MOST_BYTES >> 30}; "
                f"give image_size={max(4, min(side, self.image_size or side))} or less"
            )

    def input_notes(self) -> list[str]:
        """That larger images are reduced, where they are."""
        return reduction_notes(self.image_shape_, self.image_size)

    def encoder_stages(self, fit: FitContext) -> list[Stage]:
        """The scale of the pixels."""
        return [fit.stage("scale", self.scale)]

    def scale(self, fit: FitContext, _: StageOutputs) -> StageOutputs:
        """Stage: the range of the pixels, to [0, 1]."""
        return {"intensity": dict(PixelNormalizer(*fit.images.value_range()).state_dict())}

    def encoder_state(self, outputs: StageOutputs) -> StageOutputs:
        """The scale of the pixels."""
        return {"intensity": outputs["intensity"]}

    def load_encoder(self, state: StageOutputs) -> None:
        """Build what makes pixels comparable."""
        normalizer = load_weights(PixelNormalizer(), state["intensity"], self.device_)
        size = downsampled_shape(self.image_shape_, self.image_size)[-2:]
        self.pixels_ = Pixels(normalizer, size).to(self.device_).eval()

    def embed(self, pixels: Tensor) -> Tensor:
        """The pixels themselves, (B, P)."""
        embedding: Tensor = self.pixels_(pixels)
        return embedding

    def group_stages(self, fit: FitContext) -> list[Stage]:
        """The groups, in one stage."""
        return [fit.stage("group", self.group)]

    @abstractmethod
    def group(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: ``groups``, tensors by name, and ``n_clusters``, from ``embedding_``."""


@dataclass(kw_only=True, eq=False, repr=False)
class ComponentClustering(PixelClustering):
    """The same in the principal components of the pixels."""

    n_components: Count = 50
    """Principal components of the pixels that are kept, at most as many as there are images and pixels."""

    def encoder_stages(self, fit: FitContext) -> list[Stage]:
        """The scale of the pixels, and their principal components."""
        return [*super().encoder_stages(fit), fit.stage("components", self.components)]

    def components(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: the principal components, of 20,000 images at most."""
        super().load_encoder(outputs)
        (pixels,) = fit.apply(super().embed, "components", batch_size=self._batch_size())
        rng = np.random.default_rng(fit.trainer.seed("components"))
        if len(pixels) > ROWS_FOR_AXES:
            pixels = pixels[np.sort(rng.choice(len(pixels), ROWS_FOR_AXES, replace=False))]
        most = max(1, min(self.n_components, len(pixels) - 1, pixels.shape[1]))
        model = PCA(most, svd_solver="covariance_eigh" if len(pixels) > pixels.shape[1] else "full")
        model.fit(pixels.astype(np.float64))
        return {"mean": model.mean_.astype(np.float32), "components": model.components_.astype(np.float32)}

    def encoder_state(self, outputs: StageOutputs) -> StageOutputs:
        """Scale and components."""
        return {name: outputs[name] for name in ("intensity", "mean", "components")}

    def load_encoder(self, state: StageOutputs) -> None:
        """Build scale and components."""
        super().load_encoder(state)
        self.mean_, self.components_ = (
            torch.from_numpy(np.asarray(state[name], np.float32)).to(self.device_) for name in ("mean", "components")
        )

    def embed(self, pixels: Tensor) -> Tensor:
        """The principal components, (B, D)."""
        return (super().embed(pixels) - self.mean_) @ self.components_.T
