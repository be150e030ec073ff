"""The parameters of `focal-vae`, and the network that follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, cast, get_args

import torch
from annotated_types import Ge, Gt, Le, Lt

from facies.errors import InputError
from facies.images import RandomAffine
from facies.methods.downsample import downsampled_shape
from facies.methods.pose_alignment import PoseAlignment, load_pose
from facies.methods.starting_encoder import EncoderSettings
from facies.nn import Backbone, FocalAutoencoder
from facies.nn.pose import PoseTransformer
from facies.parameters import Count, Fraction, Settings, Weight, settings
from facies.training import Projection, StageOutputs, Training


@dataclass(kw_only=True)
class FocalEncoderSettings(EncoderSettings):
    """What looks at each focal layer."""

    own: ClassVar[tuple[str, ...]] = get_args(Backbone)

    name: str = "conv"
    """``conv``, a few convolutions; ``resnet18``, ``resnet50`` or ``resnet152`` (need the extra ``pretrained``); or a pretrained
    encoder, by its name, folder or file as of ``pretrained``, such as ``efficientnet-lite0``. ``encoder=…`` is short for this."""
    weights: str | None = None
    """What a residual network begins with: ``imagenet`` (from the Hugging Face hub), or a folder or ``.safetensors`` file
    that holds such weights; null is random weights."""
    share_branches: bool = True
    """One branch for all focal layers; else one each, which costs more memory."""
    freeze_batch_norm: bool = False
    """Leave the batch normalisation of a residual network with `weights` as it is, for batches of fewer than 16."""

    def check(self, image_shape: tuple[int, ...]) -> None:
        """Refuse also settings of branches that there are not."""
        super().check(image_shape)
        if self.weights is not None and not self.name.startswith("resnet"):
            raise InputError(
                f"encoder.weights={self.weights}: encoder={self.name} takes none; they are for resnet18, resnet50 and resnet152"
            )
        if self.freeze_batch_norm and self.weights is None:
            raise InputError(
                "encoder.freeze_batch_norm: there is nothing to keep without encoder.weights; set them, or leave it out"
            )
        if self.is_pretrained and not self.share_branches:
            raise InputError(
                f"encoder.share_branches=false: encoder={self.name} looks at all layers; leave it out, or set encoder=conv"
            )


@dataclass(kw_only=True)
class SymmetrySettings(Settings):
    """Positions in which a stack is shown, all layers alike; pixels are moved and not blurred."""

    flip: bool = True
    """Mirror every second stack."""
    quarter_turns: bool = True
    """Turn stacks by quarters, each as often."""

    def transform(self) -> RandomAffine:
        """The random map of a batch of stacks."""
        return RandomAffine(0.0, 0.0, 0.0, flip=self.flip, quarter_turns=self.quarter_turns)


@dataclass(kw_only=True, eq=False, repr=False)
class FocalVAESettings:
    """Parameters of `FocalVAE`; its stages read them here, and know nothing else of it."""

    encoder: FocalEncoderSettings = settings(FocalEncoderSettings)
    """What looks at each focal layer."""
    filters: Count = 32
    """Filters at full size, of ``conv`` and of the decoder; doubled each time the sides are halved, at most 512."""
    latent_size: Count = 512
    """Numbers in a code; more keep finer differences."""
    image_size: Annotated[int, Ge(8)] | None = None
    """Longer side, in pixels, to which larger images are reduced for the network; null leaves them as they are."""
    beta: Weight = 1e-6
    """Weight of the KL divergence (a sum over the code) beside the squared error (a mean over the pixels). 1 is the formula
    as printed, under which the code collapses."""
    warm_up: Fraction = 0.2
    """Share of the training in which `beta` climbs from 0."""
    augmentation: SymmetrySettings = settings(SymmetrySettings)
    """Positions in which stacks are shown."""
    align: bool = False
    """Learn first to set images upright by a turn, a scale and a shift, all layers alike, and look at them upright from
    then on."""
    alignment: PoseAlignment = settings(PoseAlignment, epochs=50)
    """How `align` does so; ``auto`` epochs as in `training`."""
    training: Training = settings(Training, epochs=50, batch_size=16, learning_rate=1e-4, weight_decay=1e-5)
    """Training of the autoencoder; ``auto`` epochs show 60,000 images in all, in 20 to 150 epochs."""
    held_out: Annotated[float, Ge(0), Lt(1)] = 0.0
    """Share of the stacks that the autoencoder does not learn from, all images of a stack of photographs together. Their
    reconstruction error tells how well an architecture draws what it has not seen; they are grouped as all others."""
    any_side_up: bool = False
    """Group by the mean of the codes of an image's eight symmetric positions (mirrored and turned by quarters; four of an
    image that is not square), so that the group does not depend on how it lies."""
    n_clusters: Count = 100
    """Number of groups, K: about ten times the kinds that are expected, so that each group is of one kind."""
    n_init: Count = 10
    """Starts of k-means, of which the best is kept."""
    standardise: bool = False
    """Group by the active dimensions alone, each divided by its standard deviation."""
    outlier_percentile: Annotated[float, Gt(0), Le(100)] = 99.0
    """Beyond this percentile of the distances learnt from, a new image lies outside of its group."""
    projection: Projection = settings(Projection)
    """The map."""

    def build(self, image_shape: tuple[int, ...], features: int | None = None) -> FocalAutoencoder:
        """The autoencoder for images of this shape, with random weights; `features` are those of a pretrained encoder."""
        return FocalAutoencoder(
            downsampled_shape(image_shape, self.image_size),
            self.latent_size,
            backbone=cast("Backbone", self.encoder.name),
            filters=self.filters,
            share_branches=self.encoder.share_branches,
            freeze_batch_norm=self.encoder.freeze_batch_norm,
            features=features,
        )

    def load_pose(
        self, image_shape: tuple[int, ...], state: StageOutputs, device: torch.device
    ) -> PoseTransformer | None:
        """What sets images of this shape upright, if that was asked for."""
        if not self.align:
            return None
        shape = downsampled_shape(image_shape, self.image_size)
        return load_pose(shape, self.alignment.rotation, state["pose"], device)


FORMER_PARAMETERS: dict[str, str | tuple[str, ...]] = {
    **dict.fromkeys(("backbone", "encoder.backbone"), "encoder.name"),
    **{name: f"encoder.{name}" for name in ("weights", "share_branches", "freeze_batch_norm")},
    **{name: f"augmentation.{name}" for name in ("flip", "quarter_turns")},
    **{
        name: f"training.{name}"
        for name in ("epochs", "batch_size", "learning_rate", "schedule", "weight_decay", "gradient_clip")
    },
    **{name: f"projection.{name}" for name in ("n_neighbors", "min_dist")},
    "align_rotation": "alignment.rotation",
    "align_epochs": "alignment.epochs",
}
"""Names of format 1, and of versions until 0.3."""
