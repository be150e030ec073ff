"""The parameters of `moe-vae`, and the networks that follow from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le

from facies.methods.autoencoder import DETERMINISTIC, AutoencoderKind, build_autoencoder
from facies.methods.moe_vae.network import MixtureOfExperts, ParallelAutoencoder
from facies.methods.pose_alignment import PoseAlignment
from facies.methods.preprocessing import channels_shape
from facies.methods.starting_encoder import EncoderSettings
from facies.nn import ConvAutoencoder, ConvEncoder, FeatureHead
from facies.nn.conv_autoencoder import ConvLayout
from facies.parameters import Count, Fraction, Settings, Weight, settings
from facies.training import Augmentation, Training

ExpertKind = Literal["vae", "beta-vae", "wae-deterministic", "wae-random"]
"""Kinds of autoencoder that can draw new images."""
Share = Annotated[float, Gt(0), Le(1)]


@dataclass(kw_only=True)
class AutoencoderSettings(Training):
    """The first autoencoder and its training (stages P1 to P3)."""

    kind: AutoencoderKind = "vae"
    """Variational, plain, with a weighted KL term, or one of the two Wasserstein autoencoders."""
    latent_size: Count = 100
    """Numbers in its code, before the latent size is estimated."""
    l1: Weight = 1e-4
    """Weight of the mean absolute code, which empties numbers that are not needed."""
    beta: Weight = 4.0
    """β, by which ``beta-vae`` multiplies `kl_weight`."""
    retrain: bool = True
    """Train it anew with the latent size that was estimated; else its first code is the embedding."""
    explained_variance: Share = 0.9
    """Share of the code's variance that the estimated latent size must explain; more gives larger codes."""


@dataclass(kw_only=True)
class DensitySettings(Settings):
    """The density clustering of the code, which finds the groups and their number (stages P4 and P5)."""

    n_neighbors: Annotated[int, Ge(2)] | Literal["dynamic"] = "dynamic"
    """Neighbours by which UMAP lays out an image; ``dynamic`` grows with the number of images."""
    layout_dimensions: Count | None = None
    """Most dimensions of the UMAP layout; null is the estimated latent size."""
    n_layouts: Count | Literal["auto"] = 1
    """UMAP layouts to try, of which the most typical partition is kept; ``auto`` is 50,000/N, at most 5, or 1 where that is
    fewer than 3."""
    selection: Literal["leaf", "eom", "separated"] = "leaf"
    """How groups are cut from HDBSCAN's tree (see `DensityClusterer`)."""
    min_cluster_size: Annotated[int, Ge(2)] | None = None
    """Smallest group allowed; null is N/50, or N/30 for ``separated``."""
    min_samples: Count | Literal["dynamic"] | None = None
    """Neighbours of a core point; ``dynamic`` is N/300 between 10 and 50; null is the smallest group."""


@dataclass(kw_only=True)
class MixtureTraining(Training):
    """The training of manager and experts together (stage P8)."""

    alpha: Weight = 100.0
    """Weight of the sample entropy; more makes the manager choose one expert an image."""
    balance: Weight = 1.0
    """Weight of the batch entropy; more makes the experts share the images evenly."""
    routing_threshold: Fraction | None = None
    """Ask an expert only for images that the manager gives it with more than this probability; null asks every expert for
    every image, which is slower and as the thesis has it."""


@dataclass(kw_only=True)
class ExpertSettings(Training):
    """The experts, and their training alone, each on its own images (stages P7 and P9)."""

    kind: ExpertKind = "vae"
    """Variational, with a KL term weighted by `beta`, or one of the two Wasserstein autoencoders."""
    beta: Weight = 4.0
    """β, by which ``beta-vae`` multiplies `kl_weight`; more makes the dimensions of a code more independent, and images coarser."""
    latent_size: Literal["mean", "own"] = "mean"
    """Numbers in the code of an expert: the rounded mean of what is estimated for all groups, or what is estimated for its own
    group. Unequal experts suit groups of unequal complexity, and a large one may swallow the images of others."""
    latent_size_from: Literal["fresh", "shared"] = "fresh"
    """How their latent size is estimated: by autoencoders trained anew on each group, or from the shared code."""
    filters: Count | None = None
    """Filters of their first block; null takes those of the first autoencoder."""
    explained_variance: Share = 0.95
    """Share of a group's variance that its estimated latent size must explain."""


@dataclass(kw_only=True, eq=False, repr=False)
class MoEVAESettings:
    """Parameters of `MoEVAE`; its stages read them here, and know nothing else of it."""

    encoder: EncoderSettings = settings(EncoderSettings)
    """What looks at the images in front of the first autoencoder and of the manager; the experts look for themselves."""
    autoencoder: AutoencoderSettings = settings(AutoencoderSettings, epochs=200, batch_size=100, learning_rate=5e-4)
    """The first autoencoder and its training; ``auto`` epochs are 12,000/N^⅔, between 8 and 150; of images whose longer side is
    32 pixels or more they are 16/side of that, with up to 500 before."""
    filters: Count | None = None
    """Filters of the first block of all networks; null is the side of the images, as in the thesis."""
    activation: Literal["mish", "silu"] = "mish"
    """Of all networks; ``silu`` is nearly the same and quicker on a CPU."""
    likelihood: Literal["auto", "bernoulli", "gaussian"] = "auto"
    """Of pixels; ``auto`` looks at their histogram."""
    kl_weight: Weight = 1.0
    """Weight of the KL term (λ of the Wasserstein kinds), with both terms as means over pixels."""
    warm_up: Fraction = 0.3
    """Share of a training in which `kl_weight` climbs from 0."""
    augmentation: Augmentation = settings(Augmentation)
    """Views from which the networks learn."""
    target: Literal["view", "image"] = "view"
    """What the reconstruction of a view should equal: itself, or the image it was made from."""
    align: bool = False
    """Learn first to set images upright by a turn, a scale and a shift, and look at them upright from then on."""
    alignment: PoseAlignment = settings(PoseAlignment)
    """How `align` does so."""
    grouping: Literal["density", "gaussian-mixture"] = "density"
    """HDBSCAN, which finds the number of groups, or a Gaussian mixture of `n_clusters` on the same layout."""
    n_clusters: Annotated[int, Ge(1)] | None = None
    """Number of groups, for ``gaussian-mixture`` alone."""
    density: DensitySettings = settings(DensitySettings)
    """The layout and the density clustering."""
    manager: Training = settings(Training, epochs=1000, batch_size=100, learning_rate=1e-3)
    """Training of the manager alone; ``auto`` epochs are a third of the autoencoder's."""
    mixture: MixtureTraining = settings(MixtureTraining, epochs=100, batch_size=100, learning_rate=1e-4)
    """Training of manager and experts together; ``auto`` epochs are an eighth of the autoencoder's."""
    experts: ExpertSettings = settings(ExpertSettings, epochs=100, batch_size=100, learning_rate=1e-4)
    """The experts and their training alone; ``auto`` epochs are an eighth of the autoencoder's."""

    @property
    def expert_weight(self) -> float:
        """Weight of the regulariser of the experts."""
        return self.kl_weight * (self.experts.beta if self.experts.kind == "beta-vae" else 1.0)

    def build_autoencoder(
        self, image_shape: tuple[int, ...], latent_size: int, features: int | None = None
    ) -> ConvAutoencoder:
        """The first autoencoder for images of this shape, with random weights; `features` are those of a pretrained encoder."""
        return build_autoencoder(
            image_shape,
            latent_size,
            self.filters,
            self.autoencoder.kind,
            activation=self.activation,
            features=features,
        )

    def build_manager(
        self, image_shape: tuple[int, ...], n_experts: int, features: int | None = None
    ) -> ConvEncoder | FeatureHead:
        """The encoder with one number an expert, or a head with as many on the features of a pretrained one."""
        if features is not None:
            return FeatureHead(features, n_experts)
        shape = channels_shape(image_shape)
        return ConvEncoder(shape, n_experts, self.filters or max(shape[1:]), self.activation)

    def build_mixture(
        self,
        image_shape: tuple[int, ...],
        n_experts: int,
        latent_size: int,
        own_sizes: Sequence[int] | None = None,
        *,
        hard: bool = False,
        features: int | None = None,
    ) -> MixtureOfExperts:
        """Manager and experts; routed experts normalise each image by itself, since they are not given whole batches.

        Parameters
        ----------
        image_shape
            Of the images.
        n_experts
            K.
        latent_size
            Numbers in a code, as their weights have it.
        own_sizes
            Numbers in the code of each expert, at most `latent_size`; without it all have that.
        hard
            Give each image to its first choice alone.
        features
            Numbers that a pretrained encoder gives the manager in place of the images.
        """
        shape, threshold = channels_shape(image_shape), self.mixture.routing_threshold
        filters = self.experts.filters or self.filters or max(shape[1:])
        layout = ConvLayout(shape, filters, self.activation, "batch" if threshold is None else "group", n_experts)
        deterministic = self.experts.kind in DETERMINISTIC
        experts = ParallelAutoencoder(layout, latent_size, own_sizes, deterministic=deterministic)
        manager = self.build_manager(image_shape, n_experts, features)
        # The discrepancy of Wasserstein experts is over the codes of each, which must stand in a column of their own.
        in_turn = layout.is_large and threshold is not None and not self.experts.kind.startswith("wae")
        return MixtureOfExperts(manager, experts, threshold, hard=hard, in_turn=in_turn)


TRAININGS = ("autoencoder", "manager", "mixture", "experts")


def _all(name: str) -> tuple[str, ...]:
    return tuple(f"{training}.{name}" for training in TRAININGS)


FORMER_PARAMETERS: dict[str, str | tuple[str, ...]] = {
    "autoencoder": "autoencoder.kind",
    "latent_size": "autoencoder.latent_size",
    "explained_variance": "autoencoder.explained_variance",
    "latent_l1": "autoencoder.l1",
    "beta": "autoencoder.beta",
    "retrain": "autoencoder.retrain",
    "epochs": "autoencoder.epochs",
    "learning_rate": "autoencoder.learning_rate",
    **{name: _all(name) for name in ("batch_size", "schedule", "patience", "gradient_clip")},
    "augment": "augmentation.enabled",
    **{name: f"augmentation.{name}" for name in ("rotation", "zoom", "shift", "flip")},
    "align_rotation": "alignment.rotation",
    "align_epochs": "alignment.epochs",
    **{
        name: f"density.{name}"
        for name in (
            "n_neighbors",
            "layout_dimensions",
            "n_layouts",
            "selection",
            "min_cluster_size",
            "min_samples",
        )
    },
    "manager_epochs": "manager.epochs",
    "manager_learning_rate": "manager.learning_rate",
    "expert_size": "experts.latent_size_from",
    "expert_filters": "experts.filters",
    "expert_explained_variance": "experts.explained_variance",
    "mixture_epochs": "mixture.epochs",
    "expert_epochs": "experts.epochs",
    "mixture_learning_rate": ("mixture.learning_rate", "experts.learning_rate"),
    "alpha": "mixture.alpha",
    "balance": "mixture.balance",
    "routing_threshold": "mixture.routing_threshold",
}
"""Names of format 1."""
