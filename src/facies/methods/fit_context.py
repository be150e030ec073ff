"""What the stages of one fit share: the images, the trainer, and what is made of the images once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facies.cluster import UMAPLayout
from facies.errors import InputError
from facies.images import ImageSet, background
from facies.methods.downsample import downsampled_copies, downsampled_shape
from facies.training import Projection, Stage, StageOutputs, Trainer, derive_seed


class FitContext:
    """The images and the trainer of one fit.

    Parameters
    ----------
    images
        The images to learn from.
    trainer
        Runs stages and trainings.
    native
        The images as they came, where `images` are smaller ones; None are `images` themselves.
    """

    def __init__(self, images: ImageSet, trainer: Trainer, native: ImageSet | None = None) -> None:
        self.images, self.trainer, self.native = images, trainer, images if native is None else native
        self._copies: dict[int | None, ImageSet] = {}
        self._reduced: dict[int | None, FitContext] = {}

    def stage(
        self, name: str, step: Callable[[FitContext, StageOutputs], StageOutputs], image_size: int | None = None
    ) -> Stage:
        """A stage of a function that takes this context, or that of smaller images, and the outputs of the stages before it."""
        return Stage(name, lambda outputs: step(self.reduced(image_size), outputs))

    @functools.cached_property
    def background(self) -> float:
        """Pixel value around the things in the images; what comes in from outside of a view has it."""
        return background(self.images)

    def downsampled(self, image_size: int | None) -> ImageSet:
        """The images as stacks whose longer side is `image_size`; made again where a resumed fit needs them."""
        if image_size not in self._copies:
            self._copies[image_size] = downsampled_copies(self.images, image_size, self.trainer)
        return self._copies[image_size]

    def reduced(self, image_size: int | None) -> FitContext:
        """The same fit to images whose longer side is `image_size`; itself where none is longer."""
        shape = self.images.image_shape
        if downsampled_shape(shape, image_size)[-2:] == shape[-2:]:
            return self
        if image_size not in self._reduced:
            self._reduced[image_size] = FitContext(self.downsampled(image_size), self.trainer, self.images)
        return self._reduced[image_size]

    def apply(
        self,
        function: Callable[[Tensor], Tensor | tuple[Tensor, ...]],
        name: str,
        images: ImageSet | None = None,
        *,
        batch_size: int = 512,
    ) -> list[NDArray[np.float32]]:
        """Apply a function of native pixels to the images, with progress; one array a tensor that it returns."""
        return self.trainer.apply(function, self.images if images is None else images, name, batch_size=batch_size)

    def project(self, outputs: StageOutputs, projection: Projection) -> StageOutputs:
        """Stage: UMAP of the embedding in two dimensions, for the map alone."""
        with self.trainer.progress("projection", 1, "steps"):
            seed = derive_seed(self.trainer.random_state, "map", "map")
            layout = UMAPLayout(outputs["embedding_"], projection.n_neighbors, "euclidean", seed)
            return {"projection_": layout.layout(2, min_dist=projection.min_dist)}


def check_input(method: str, supported_inputs: Sequence[str], image_shape: Sequence[int]) -> None:
    """Refuse focal stacks (L, C, H, W), with the remedy, if the inputs that a method supports are images alone."""
    if len(image_shape) == 4 and "focal stacks" not in supported_inputs:
        raise InputError(
            f"{method} works on images, and these are focal stacks of {image_shape[0]} layers: where they are pages of "
            "files, --pages channels takes them as channels, and --pages images each as an image"
        )
