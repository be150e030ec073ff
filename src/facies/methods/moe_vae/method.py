"""`moe-vae`: a mixture of variational autoencoders that finds the number of groups and the latent size by itself."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facies.errors import InputError
from facies.images import ImageSet
from facies.methods.autoencoder import (
    Kind,
    as_channels,
    build_autoencoder,
    channels_shape,
)
from facies.methods.base import Method, Partition, seeded
from facies.methods.moe_vae.sampling import MixtureGeneration
from facies.methods.moe_vae.stages import MoEVAEFit
from facies.methods.pose_alignment import check_alignment, load_pose, straightened
from facies.nn import ConvEncoder, Intensity, MixtureOfExperts
from facies.nn.pose import PoseTransformer
from facies.training import Results, Stage, Trainer

FEWEST_IN_GROUP = 5


class MoEVAE(MixtureGeneration, Method):
    """Mixture of variational autoencoders with density-based pretraining.

    An autoencoder learns the images; the principal components of its code tell the latent size; UMAP and HDBSCAN find
    the groups and their number; a manager learns to tell the groups from the images; and one autoencoder a group, the
    experts, learns with it until each image has one expert.

    Parameters
    ----------
    autoencoder : {"vae", "ae", "beta-vae", "wae-deterministic", "wae-random"}, default="vae"
        Kind of the first autoencoder.
    latent_size : int, default=100
        Its latent size, before the finder.
    explained_variance : float, default=0.9
        Share of the code's variance that the latent size found must explain.
    latent_l1 : float, default=1e-4
        Weight of the mean absolute code.
    kl_weight : float, default=1.0
        Weight of the KL term (λ of the Wasserstein kinds), with both terms as means over pixels.
    beta : float, default=4.0
        β, by which ``beta-vae`` multiplies `kl_weight`.
    warm_up : float, default=0.3
        Share of a training in which the weight climbs from 0.
    retrain : bool, default=True
        Train the autoencoder anew with the latent size found; else its first code is the embedding.
    filters : int or None, default=None
        Filters of the first block; None is the side of the images.
    activation : {"mish", "silu"}, default="mish"
        Of all networks.
    likelihood : {"auto", "bernoulli", "gaussian"}, default="auto"
        Of pixels; ``auto`` looks at their histogram.
    augment : bool, default=True
        Show rotated, zoomed and shifted views.
    rotation, zoom, shift : float, default=10.0, 0.1, 0.1
        Largest rotation (degrees), zoom and shift (fraction of the side).
    flip : bool, default=False
        Mirror every second view.
    target : {"view", "image"}, default="view"
        What the reconstruction of a view should equal.
    align : bool, default=False
        Learn first to set images upright by a turn, a scale and a shift, and look at them upright from then on.
    align_rotation : float, default=60.0
        Largest turn that `align` makes, in degrees; from 90 on an image and the same upside down become one.
    align_epochs : int or "auto", default=100
        Of the training for `align`; ``auto`` as in `epochs`.
    epochs : int or "auto", default=200
        Of the autoencoder; ``auto`` is 12,000/N^⅔, between 8 and 150.
    batch_size : int, default=100
        Images a step.
    learning_rate : float, default=5e-4
        Of the autoencoder.
    schedule : {"constant", "one-cycle"}, default="constant"
        Of all learning rates.
    patience : int or None, default=None
        Epochs without a lower loss after which a training stops.
    gradient_clip : float or None, default=None
        Largest norm of a gradient.
    grouping : {"density", "gaussian-mixture"}, default="density"
        HDBSCAN, or a Gaussian mixture of `n_clusters` on the same layout.
    n_clusters : int or None, default=None
        For ``gaussian-mixture`` only.
    n_neighbors : int or "dynamic", default="dynamic"
        Of UMAP.
    layout_dimensions : int or None, default=None
        Most dimensions of the UMAP layout; None is the latent size found.
    n_layouts : int or "auto", default=1
        UMAP layouts to try, of which the most typical partition is kept; ``auto`` is 50,000/N, at most 5, or
        1 where that is fewer than 3.
    selection : {"leaf", "eom", "separated"}, default="leaf"
        How groups are cut from HDBSCAN's tree (see `DensityClusterer`).
    min_cluster_size : int or None, default=None
        Smallest group allowed; None is N/50, or N/30 for ``separated``.
    min_samples : int, "dynamic" or None, default=None
        Neighbours of a core point; ``dynamic`` is N/300 between 10 and 50; None is the smallest group.
    manager_epochs : int or "auto", default=1000
        Of the manager's pretraining; ``auto`` is a third of the autoencoder's.
    manager_learning_rate : float, default=1e-3
        Of the manager's pretraining.
    expert_size : {"fresh", "shared"}, default="fresh"
        How the experts' latent size is found: by autoencoders trained anew on each group, or from the shared code.
    expert_filters : int or None, default=None
        As `filters`, for the experts; None takes those.
    expert_explained_variance : float, default=0.95
        As `explained_variance`, for the experts.
    mixture_epochs : int or "auto", default=100
        Of manager and experts together; ``auto`` is an eighth of the autoencoder's.
    expert_epochs : int or "auto", default=100
        Of the experts alone, each on its own images; ``auto`` is an eighth of the autoencoder's.
    mixture_learning_rate : float, default=1e-4
        Of both.
    alpha : float, default=100.0
        Weight of the sample entropy.
    balance : float, default=1.0
        Weight of the batch entropy.
    routing_threshold : float or None, default=None
        Ask an expert only for images that the manager gives it with more than this probability; None asks every
        expert for every image.
    random_state : int, default=0
        Seed.
    accelerator, devices, strategy, precision
        What to compute on (see `facies.training.Hardware`).

    Attributes
    ----------
    density_labels_ : ndarray of shape (n_images,)
        Groups of the density grouping; −1 is noise.
    latent_size_ : int
        Latent size found.
    expert_sizes_ : list of int
        Latent size found for each group; the experts have their rounded mean.

    References
    ----------
    .. [1] P. Santos, "A Mixture-of-Experts approach to deep image clustering: estimating latent sizes and number of
       clusters", MSc thesis, Instituto Superior Técnico, 2020.
    """

    name: ClassVar[str] = "moe-vae"
    title: ClassVar[str] = "Mixture of variational autoencoders"
    reference: ClassVar[str] = (
        "P. Santos, A Mixture-of-Experts approach to deep image clustering: estimating latent sizes and number of clusters. "
        "MSc thesis, Instituto Superior Técnico, Lisbon, 2020."
    )
    finds_n_clusters: ClassVar[bool] = True
    samples: ClassVar[bool] = True
    data_kinds: ClassVar[tuple[str, ...]] = ("images", "focal stacks")
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {},
        "quick": {
            "latent_size": 20,
            "retrain": False,
            "kl_weight": 0.1,
            "latent_l1": 0.0,
            "filters": 16,
            "activation": "silu",
            "zoom": 0.05,
            "rotation": 5.0,
            "shift": 0.05,
            "target": "image",
            "align_epochs": "auto",
            "epochs": "auto",
            "batch_size": 128,
            "learning_rate": 2e-3,
            "schedule": "one-cycle",
            "layout_dimensions": 10,
            "n_neighbors": 10,
            "n_layouts": "auto",
            "selection": "separated",
            "min_samples": "dynamic",
            "manager_epochs": "auto",
            "manager_learning_rate": 2e-3,
            "expert_size": "shared",
            "expert_filters": 8,
            "mixture_epochs": "auto",
            "expert_epochs": "auto",
            "mixture_learning_rate": 1e-3,
            "routing_threshold": 0.01,
        },
    }

    def __init__(
        self,
        *,
        autoencoder: Kind = "vae",
        latent_size: int = 100,
        explained_variance: float = 0.9,
        latent_l1: float = 1e-4,
        kl_weight: float = 1.0,
        beta: float = 4.0,
        warm_up: float = 0.3,
        retrain: bool = True,
        filters: int | None = None,
        activation: Literal["mish", "silu"] = "mish",
        likelihood: Literal["auto", "bernoulli", "gaussian"] = "auto",
        augment: bool = True,
        rotation: float = 10.0,
        zoom: float = 0.1,
        shift: float = 0.1,
        flip: bool = False,
        target: Literal["view", "image"] = "view",
        align: bool = False,
        align_rotation: float = 60.0,
        align_epochs: int | Literal["auto"] = 100,
        epochs: int | Literal["auto"] = 200,
        batch_size: int = 100,
        learning_rate: float = 5e-4,
        schedule: Literal["constant", "one-cycle"] = "constant",
        patience: int | None = None,
        gradient_clip: float | None = None,
        grouping: Literal["density", "gaussian-mixture"] = "density",
        n_clusters: int | None = None,
        n_neighbors: int | Literal["dynamic"] = "dynamic",
        layout_dimensions: int | None = None,
        n_layouts: int | Literal["auto"] = 1,
        selection: Literal["leaf", "eom", "separated"] = "leaf",
        min_cluster_size: int | None = None,
        min_samples: int | Literal["dynamic"] | None = None,
        manager_epochs: int | Literal["auto"] = 1000,
        manager_learning_rate: float = 1e-3,
        expert_size: Literal["fresh", "shared"] = "fresh",
        expert_filters: int | None = None,
        expert_explained_variance: float = 0.95,
        mixture_epochs: int | Literal["auto"] = 100,
        expert_epochs: int | Literal["auto"] = 100,
        mixture_learning_rate: float = 1e-4,
        alpha: float = 100.0,
        balance: float = 1.0,
        routing_threshold: float | None = None,
        random_state: int = 0,
        accelerator: str = "auto",
        devices: int = 1,
        strategy: str = "auto",
        precision: str = "auto",
    ) -> None:
        self.autoencoder = autoencoder
        self.latent_size = latent_size
        self.explained_variance = explained_variance
        self.latent_l1 = latent_l1
        self.kl_weight = kl_weight
        self.beta = beta
        self.warm_up = warm_up
        self.retrain = retrain
        self.filters = filters
        self.activation = activation
        self.likelihood = likelihood
        self.augment = augment
        self.rotation = rotation
        self.zoom = zoom
        self.shift = shift
        self.flip = flip
        self.target = target
        self.align = align
        self.align_rotation = align_rotation
        self.align_epochs = align_epochs
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.patience = patience
        self.gradient_clip = gradient_clip
        self.grouping = grouping
        self.n_clusters = n_clusters
        self.n_neighbors = n_neighbors
        self.layout_dimensions = layout_dimensions
        self.n_layouts = n_layouts
        self.selection = selection
        self.min_cluster_size = min_cluster_size
        self.min_samples = min_samples
        self.manager_epochs = manager_epochs
        self.manager_learning_rate = manager_learning_rate
        self.expert_size = expert_size
        self.expert_filters = expert_filters
        self.expert_explained_variance = expert_explained_variance
        self.mixture_epochs = mixture_epochs
        self.expert_epochs = expert_epochs
        self.mixture_learning_rate = mixture_learning_rate
        self.alpha = alpha
        self.balance = balance
        self.routing_threshold = routing_threshold
        self.random_state = random_state
        self.accelerator = accelerator
        self.devices = devices
        self.strategy = strategy
        self.precision = precision

    def check(self, images: ImageSet) -> None:
        """Refuse parameters that contradict one another, and too few images."""
        if self.align:
            check_alignment(images.image_shape, self.align_rotation)
        smallest = self.min_cluster_size or max(FEWEST_IN_GROUP, len(images) // 50)
        if len(images) < 2 * smallest:
            raise InputError(
                f"{len(images)} images are fewer than twice the smallest group ({smallest}); give more images, or set min_cluster_size"
            )
        if self.grouping == "gaussian-mixture" and not self.n_clusters:
            raise InputError("grouping=gaussian-mixture needs n_clusters; grouping=density finds the number by itself")
        if self.grouping == "density" and self.n_clusters is not None:
            raise InputError(
                "grouping=density finds the number of groups; to give n_clusters, set grouping=gaussian-mixture"
            )

    def stages(self, images: ImageSet, trainer: Trainer) -> list[Stage]:
        """P1 to P9 of the thesis."""
        fit = MoEVAEFit(self, images, trainer)
        align = [Stage("align", fit.align)] if self.align else []
        retrain = [Stage("retrain", fit.retrain)] if self.retrain else []
        return [
            Stage("intensity", fit.intensity),
            *align,
            Stage("autoencode", fit.autoencode),
            Stage("latent size", fit.find_latent_size),
            *retrain,
            Stage("embed", fit.embed),
            Stage("density", fit.group),
            Stage("manager", fit.pretrain_manager),
            Stage("expert size", fit.find_expert_size),
            Stage("experts", fit.train_mixture),
            Stage("specialise", fit.specialise),
            Stage("assign", fit.assign),
        ]

    def learnt(self, found: Results) -> Results:
        """Networks, scale and sizes; the grouping before the experts stays with this object, not with the model."""
        self.density_labels_: NDArray[np.int64] = found["density_labels"]
        names = (
            "intensity",
            "likelihood",
            "autoencoder",
            "latent_size",
            "manager",
            "experts",
            "expert_size",
            "expert_sizes",
            *(("pose",) if self.align else ()),
        )
        return {"n_clusters": found["n_clusters"], **{name: found[name] for name in names}}

    def restore(self, state: Results) -> None:
        """Build autoencoder, manager and experts."""
        self.latent_size_, self.expert_sizes_ = int(state["latent_size"]), list(state["expert_sizes"])
        self.intensity_ = seeded(Intensity(likelihood=state["likelihood"]), state["intensity"], self.device_)
        self.pose_: PoseTransformer | None = None
        if self.align:
            self.pose_ = load_pose(self.image_shape_, self.align_rotation, state["pose"], self.device_)
        autoencoder = self.build_first(self._embedding_size)
        self.autoencoder_ = seeded(autoencoder, state["autoencoder"], self.device_)
        mixture = self.build_mixture(self.n_clusters_, int(state["expert_size"]))
        mixture.manager.load_state_dict(state["manager"])
        mixture.experts.load_state_dict(state["experts"])
        self.mixture_ = mixture.to(self.device_).eval()

    def embed(self, pixels: Tensor) -> Tensor:
        """Means of the first autoencoder's code."""
        return self.autoencoder_.encode(self._shown(pixels)[:, None])[0][:, 0]

    def membership(self, pixels: Tensor) -> Tensor:
        """Probabilities of the manager."""
        return self.mixture_.manage(self._shown(pixels)).softmax(dim=1)

    def partitions(self) -> dict[str, Partition]:
        """Return the groups of the density clustering, in which the mixture starts, and those of the mixture."""
        density = Partition(self.density_labels_, f"the density grouping that {self.name} begins with")
        return {"density": density, **super().partitions()}

    @property
    def straightens(self) -> bool:
        """With `align`."""
        return self.align

    def upright(self, pixels: Tensor) -> Tensor:
        """Native pixels → the same upright."""
        return straightened(self.pose_, pixels, self._scaled(pixels))

    def _scaled(self, pixels: Tensor) -> Tensor:
        scaled: Tensor = self.intensity_(as_channels(pixels))
        return scaled

    def _shown(self, pixels: Tensor) -> Tensor:
        return straightened(self.pose_, self._scaled(pixels))

    @property
    def _embedding_size(self) -> int:
        return self.latent_size_ if self.retrain else self.latent_size

    def build_first(self, latent_size: int, stack: int = 1) -> Any:
        """The autoencoder of the first stage."""
        return build_autoencoder(
            self.image_shape_, latent_size, self.filters, self.autoencoder, stack, activation=self.activation
        )

    def build_mixture(self, n_experts: int, latent_size: int, *, hard: bool = False) -> MixtureOfExperts:
        """Manager and experts; routed experts normalise each image by itself, since they do not see whole batches."""
        normalisation = "batch" if self.routing_threshold is None else "group"
        filters = self.expert_filters or self.filters
        experts = build_autoencoder(
            self.image_shape_, latent_size, filters, "vae", n_experts, normalisation, self.activation
        )
        return MixtureOfExperts(self.build_manager(n_experts), experts, self.routing_threshold, hard=hard)

    def build_manager(self, n_experts: int) -> ConvEncoder:
        """The encoder with a K-way head."""
        shape = channels_shape(self.image_shape_)
        return ConvEncoder(shape, n_experts, self.filters or max(shape[1:]), activation=self.activation)
