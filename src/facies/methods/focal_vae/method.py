"""`focal-vae`: a variational autoencoder of focal stacks, and k-means with many groups on its code."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facies.errors import InputError
from facies.images import ImageSet
from facies.methods.autoencoder import as_channels
from facies.methods.base import Method, load_weights
from facies.methods.downsample import downsample, downsampled_shape
from facies.methods.focal_vae.spherical_mixture import SphericalGaussianMixture
from facies.methods.focal_vae.stages import FocalVAEFit, code_of
from facies.methods.pose_alignment import check_alignment, from_canonical, load_pose, to_canonical
from facies.nn import Backbone, FocalAutoencoder, PixelNormalizer
from facies.nn.pose import PoseTransformer
from facies.training import Results, Stage, Trainer


class FocalVAE(Method):
    """Variational autoencoder of focal stacks, and k-means on its code.

    A branch a focal layer sees the stack, and a Gaussian code is all that a decoder gets to draw it again. K-means cuts the
    code into many small groups of one look each, for an expert to name.

    Parameters
    ----------
    backbone : {"conv", "resnet18", "resnet50", "resnet152"}, default="conv"
        What a branch is: a few convolutions, or a residual network (needs the extra ``pretrained``).
    weights : str or None, default=None
        What a residual network begins with: ``imagenet`` (from the Hugging Face hub), or a folder that holds such weights;
        None is random weights.
    share_branches : bool, default=True
        One branch for all focal layers; else one each.
    freeze_batch_norm : bool, default=False
        Leave the batch normalisation of a residual network with `weights` as it is, for batches of fewer than 16.
    filters : int, default=32
        Filters at full size, of ``conv`` and of the decoder; doubled each time the sides are halved, at most 512.
    latent_size : int, default=512
        Numbers in a code.
    image_size : int or None, default=None
        Longer side to which images are downsample for the network; None, or more than they have, leaves them as they are.
    beta : float, default=1e-6
        Weight of the KL divergence (a sum over the code) beside the squared error (a mean over the pixels). 1 is the
        formula as printed, under which the code collapses.
    warm_up : float, default=0.2
        Share of the training in which β climbs from 0.
    flip, quarter_turns : bool, default=True, True
        Show stacks mirrored, and turned by quarters, all layers alike.
    align : bool, default=False
        Learn first to set images upright by a turn, a scale and a shift, all layers alike, and look at them upright from
        then on.
    align_rotation : float, default=60.0
        Largest turn that `align` makes, in degrees.
    align_epochs : int or "auto", default=50
        Of the training for `align`; ``auto`` as in `epochs`.
    epochs : int or "auto", default=50
        Of the autoencoder; ``auto`` is 60,000 images in all, between 20 and 150 epochs.
    batch_size : int, default=16
        Images a step.
    learning_rate : float, default=1e-4
        Of Adam; with ``one-cycle`` the highest.
    schedule : {"constant", "one-cycle"}, default="constant"
        Of the learning rate.
    weight_decay : float, default=1e-5
        L2 penalty of the weights.
    gradient_clip : float or None, default=None
        Largest norm of a gradient.
    any_side_up : bool, default=False
        Group by the mean of the codes of an image's eight symmetric positions (mirrored and turned by quarters; four of an
        image that is not square), so that the group does not depend on how it lies.
    n_clusters : int, default=100
        K, about ten times the kinds that are expected.
    n_init : int, default=10
        Starts of k-means.
    standardise : bool, default=False
        Group by the active dimensions alone, each divided by its standard deviation.
    outlier_percentile : float, default=99.0
        Beyond this percentile of the distances learnt from, a new image lies outside of its group.
    n_neighbors : int, default=15
        Of the map.
    min_dist : float, default=0.1
        Of the map.
    random_state : int, default=0
        Seed.
    accelerator, devices, strategy, precision
        What to compute on (see `facies.training.Hardware`).

    Attributes
    ----------
    active_ : ndarray of bool, shape (latent_size,)
        Dimensions of the code that vary from image to image by more than 0.01.
    distances_ : ndarray of shape (n_images,)
        Distance of each image to the centre of its group.

    References
    ----------
    .. [1] V. A. Golikov, M. A. Krinitskiy, D. G. Borisov, "Visual clustering of marine sediment particles using a
       combination of unsupervised machine learning methods", DLCP 2022.
    """

    name: ClassVar[str] = "focal-vae"
    title: ClassVar[str] = "Variational autoencoder of focal stacks with k-means"
    reference: ClassVar[str] = (
        "V. A. Golikov, M. A. Krinitskiy, D. G. Borisov, Visual clustering of marine sediment particles using a combination "
        "of unsupervised machine learning methods. 6th International Workshop on Deep Learning in Computational Physics, 2022."
    )
    samples: ClassVar[bool] = True
    supported_inputs: ClassVar[tuple[str, ...]] = ("images", "focal stacks")
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {"backbone": "resnet152", "weights": "imagenet"},
        "quick": {
            "filters": 8,
            "latent_size": 128,
            "image_size": 64,
            "align_epochs": "auto",
            "epochs": "auto",
            "batch_size": 64,
            "learning_rate": 2e-3,
            "schedule": "one-cycle",
            "weight_decay": 0.0,
            "any_side_up": True,
            "n_init": 3,
        },
    }

    def __init__(
        self,
        *,
        backbone: Backbone = "conv",
        weights: str | None = None,
        share_branches: bool = True,
        freeze_batch_norm: bool = False,
        filters: int = 32,
        latent_size: int = 512,
        image_size: int | None = None,
        beta: float = 1e-6,
        warm_up: float = 0.2,
        flip: bool = True,
        quarter_turns: bool = True,
        align: bool = False,
        align_rotation: float = 60.0,
        align_epochs: int | Literal["auto"] = 50,
        epochs: int | Literal["auto"] = 50,
        batch_size: int = 16,
        learning_rate: float = 1e-4,
        schedule: Literal["constant", "one-cycle"] = "constant",
        weight_decay: float = 1e-5,
        gradient_clip: float | None = None,
        any_side_up: bool = False,
        n_clusters: int = 100,
        n_init: int = 10,
        standardise: bool = False,
        outlier_percentile: float = 99.0,
        n_neighbors: int = 15,
        min_dist: float = 0.1,
        random_state: int = 0,
        accelerator: str = "auto",
        devices: int = 1,
        strategy: str = "auto",
        precision: str = "auto",
    ) -> None:
        self.backbone = backbone
        self.weights = weights
        self.share_branches = share_branches
        self.freeze_batch_norm = freeze_batch_norm
        self.filters = filters
        self.latent_size = latent_size
        self.image_size = image_size
        self.beta = beta
        self.warm_up = warm_up
        self.flip = flip
        self.quarter_turns = quarter_turns
        self.align = align
        self.align_rotation = align_rotation
        self.align_epochs = align_epochs
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.weight_decay = weight_decay
        self.gradient_clip = gradient_clip
        self.any_side_up = any_side_up
        self.n_clusters = n_clusters
        self.n_init = n_init
        self.standardise = standardise
        self.outlier_percentile = outlier_percentile
        self.n_neighbors = n_neighbors
        self.min_dist = min_dist
        self.random_state = random_state
        self.accelerator = accelerator
        self.devices = devices
        self.strategy = strategy
        self.precision = precision

    def check(self, images: ImageSet) -> None:
        """Refuse numbers that make no sense, parameters that contradict one another, and too few images."""
        for name in ("filters", "latent_size", "batch_size", "n_clusters", "n_init"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}={getattr(self, name)}: give 1 or more")
        if self.image_size is not None and self.image_size < 8:
            raise InputError(f"image_size={self.image_size}: give 8 or more, or leave it out")
        if self.align:
            check_alignment(downsampled_shape(images.image_shape, self.image_size), self.align_rotation)
        if self.beta < 0:
            raise InputError(f"beta={self.beta:g}: give 0 or more (1e-6 to 1e-5 suit images)")
        if not 0 < self.outlier_percentile <= 100:
            raise InputError(f"outlier_percentile={self.outlier_percentile:g}: give more than 0 and at most 100")
        if self.weights is not None and self.backbone == "conv":
            raise InputError(
                f"weights={self.weights}: backbone=conv has none; set backbone=resnet18, resnet50 or resnet152"
            )
        if self.freeze_batch_norm and self.weights is None:
            raise InputError(
                "freeze_batch_norm: there is nothing to keep without weights; set weights, or leave it out"
            )
        if len(images) < self.n_clusters:
            raise InputError(
                f"{len(images)} images are fewer than the {self.n_clusters} groups asked for; "
                f"give more images, or set n_clusters={max(2, len(images) // 10)}"
            )

    def stages(self, images: ImageSet, trainer: Trainer) -> list[Stage]:
        """Reduced copies, the autoencoder, its code, k-means, and a map."""
        fit = FocalVAEFit(self, images, trainer)
        return [
            Stage("prepare", fit.prepare),
            *([Stage("align", fit.align)] if self.align else []),
            Stage("autoencode", fit.autoencode),
            Stage("embed", fit.embed),
            Stage("group", fit.group),
            Stage("map", fit.project),
        ]

    def learnt(self, found: Results) -> Results:
        """Network, scale of the pixels and groups; the distances learnt from stay with this object."""
        self.distances_: NDArray[np.float32] = found["distances"]
        names = (
            "n_clusters",
            "intensity",
            "whole_numbers",
            "autoencoder",
            "groups",
            *(("pose",) if self.align else ()),
        )
        return {name: found[name] for name in names}

    def restore(self, state: Results) -> None:
        """Build the autoencoder, and the groups in its code."""
        self.whole_numbers_ = bool(state["whole_numbers"])
        self.intensity_ = load_weights(PixelNormalizer(), state["intensity"], self.device_)
        self.pose_ = self.load_pose(self.image_shape_, state, self.device_)
        self.autoencoder_ = load_weights(self.build(self.image_shape_), state["autoencoder"], self.device_)
        self.groups_ = SphericalGaussianMixture.from_state(state["groups"], self.device_)
        self.active_: NDArray[np.bool_] = self.groups_.active.cpu().numpy()

    def build(self, image_shape: tuple[int, ...]) -> FocalAutoencoder:
        """The autoencoder for images of this shape, with random weights."""
        return FocalAutoencoder(
            downsampled_shape(image_shape, self.image_size),
            self.latent_size,
            backbone=self.backbone,
            filters=self.filters,
            share_branches=self.share_branches,
            freeze_batch_norm=self.freeze_batch_norm,
        )

    def load_pose(self, image_shape: tuple[int, ...], state: Results, device: torch.device) -> PoseTransformer | None:
        """What sets images of this shape upright, if that was asked for."""
        if not self.align:
            return None
        return load_pose(downsampled_shape(image_shape, self.image_size), self.align_rotation, state["pose"], device)

    def embed(self, pixels: Tensor) -> Tensor:
        """Mean μ of the code, or the mean of those of all symmetric positions."""
        return code_of(self.autoencoder_, self._seen(pixels), any_side_up=self.any_side_up)

    @property
    def has_canonical_pose(self) -> bool:
        """With `align`."""
        return self.align

    def upright(self, pixels: Tensor) -> Tensor:
        """Native pixels → the same upright."""
        return to_canonical(self.pose_, pixels, self._scaled(pixels))

    def cluster_probabilities(self, pixels: Tensor) -> Tensor:
        """Responsibilities of the spheres that k-means fits (see `SphericalGaussianMixture`)."""
        return self.groups_.responsibilities(self.embed(pixels))

    def place(self, images: Any) -> dict[str, NDArray[Any]]:
        """Group, probability, distance to the group's centre, and whether the image lies outside of its group."""
        codes = torch.from_numpy(self.transform(images)).to(self.device_)
        probability, group = self.groups_.responsibilities(codes).max(dim=1)
        distance = self.groups_.distances(codes).gather(1, group[:, None])[:, 0]
        columns = {"group": group, "probability": probability, "distance": distance}
        columns["outlier"] = distance > self.groups_.limits[group]
        return {name: column.cpu().numpy() for name, column in columns.items()}

    def distances(self, images: Any) -> NDArray[np.float32]:
        """Euclidean distance of each image's code to the centre of its group: (N,) float32."""
        return self.place(images)["distance"]

    def outliers(self, images: Any) -> NDArray[np.bool_]:
        """Whether an image lies farther from the centre of its group than nearly all that were learnt from: (N,) bool."""
        return self.place(images)["outlier"]

    def sample(self, n: int, cluster: int, random_state: int | None = None) -> NDArray[np.float32]:
        """Draw typical images of a group: codes from a Gaussian fitted to its members, one variance a dimension.

        Parameters
        ----------
        n
            How many.
        cluster
            Group, from 0.
        random_state
            Seed; None is that of the fit.

        Returns
        -------
        ndarray
            (n, *image_shape) float32, in the units of the images learnt from.

        Raises
        ------
        InputError
            If there is no such group.
        """
        if not 0 <= cluster < self.n_clusters_:
            raise InputError(f"cluster {cluster}: this model has groups 0 to {self.n_clusters_ - 1}")
        generator = torch.Generator().manual_seed(self.random_state if random_state is None else random_state)
        noise = torch.randn(n, self.latent_size, generator=generator).to(self.device_)
        with torch.no_grad():
            codes = self.groups_.means[cluster] + self.groups_.deviations[cluster] * noise
            return self._drawn(self.autoencoder_.decoder(codes)).cpu().numpy()

    def reconstruct(self, images: Any) -> NDArray[np.float32]:
        """Draw images from the means of their codes: (N, *image_shape) float32, in the units of the images learnt from.

        Raises
        ------
        InputError
            If the images are of another shape than those learnt from.
        """

        def draw(pixels: Tensor) -> Tensor:
            scaled = self._scaled(pixels)
            drawn = self._again(to_canonical(self.pose_, scaled))
            return self._drawn(
                drawn if self.pose_ is None else from_canonical(drawn, self.pose_.theta(as_channels(scaled)))
            )

        return self._apply(draw, images)

    def reconstruction_error(self, images: Any) -> NDArray[np.float32]:
        """Mean squared error of each image (eq. 1), of pixels in [0, 1], at the size that the network sees: (N,) float32."""

        def errors(pixels: Tensor) -> Tensor:
            seen = self._seen(pixels)
            return (self._again(seen) - seen).square().flatten(1).mean(dim=1)

        return self._apply(errors, images)

    def _seen(self, pixels: Tensor) -> Tensor:
        return to_canonical(self.pose_, self._scaled(pixels))

    def _scaled(self, pixels: Tensor) -> Tensor:
        shape = downsampled_shape(self.image_shape_, self.image_size)
        stacks = pixels.reshape(pixels.shape[0], shape[0], shape[1], *pixels.shape[-2:])
        scaled: Tensor = self.intensity_(downsample(stacks, shape[-2:], whole_numbers=self.whole_numbers_))
        return scaled

    def _again(self, seen: Tensor) -> Tensor:
        return self.autoencoder_(seen).reconstruction

    def _drawn(self, stacks: Tensor) -> Tensor:
        """What the decoder drew, in native units and at native size."""
        planes = self.intensity_.native(stacks.flatten(1, 2))
        size = self.image_shape_[-2:]
        if planes.shape[-2:] != size:
            planes = torch.nn.functional.interpolate(planes, size=size, mode="bilinear", align_corners=False)
        return planes.reshape(len(planes), *self.image_shape_)
