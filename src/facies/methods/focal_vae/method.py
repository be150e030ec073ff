"""`focal-vae`: a variational autoencoder of focal stacks, and k-means with many groups on its code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facies.errors import InputError
from facies.images import ImageSet
from facies.methods.base import Method
from facies.methods.downsample import downsample, downsampled_shape, enlarge
from facies.methods.fit_context import FitContext
from facies.methods.focal_vae.held_out import held_out_rows
from facies.methods.focal_vae.settings import FORMER_PARAMETERS, FocalVAESettings
from facies.methods.focal_vae.spherical_mixture import SphericalGaussianMixture
from facies.methods.focal_vae.stages import FocalVAEStages, code_of, look_through
from facies.methods.pose_alignment import check_alignment, from_canonical, to_canonical
from facies.methods.preprocessing import as_channels
from facies.methods.starting_encoder import KEPT
from facies.methods.weights import load_weights
from facies.nn import PixelNormalizer
from facies.nn.encoders import PlanesEncoder
from facies.training import Stage, StageOutputs


@dataclass(kw_only=True, eq=False, repr=False)
class FocalVAE(FocalVAESettings, Method):
    """Variational autoencoder of focal stacks, and k-means on its code.

    A branch a focal layer looks at the stack, and a Gaussian code is all that a decoder gets to draw it again. K-means cuts
    the code into many small groups of one look each, for an expert to name.

    Attributes
    ----------
    active_ : ndarray of bool, shape (latent_size,)
        Dimensions of the code that vary from image to image by more than 0.01.
    distances_ : ndarray of shape (n_images,)
        Distance of each image to the centre of its group.
    held_out_ : dict
        With `held_out`: ``held_out`` and ``learnt``, the mean squared errors of the reconstructions of the images held out
        of the training and of those learnt from, and the numbers of ``images`` and ``stacks`` held out; else empty.

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
    citation: ClassVar[str] = "Golikov et al., 2022"
    summary: ClassVar[str] = (
        "A variational autoencoder with an encoder for each focal layer ({0.encoder_in_words}) was trained to reproduce the images by "
        "way of {0.latent_size} latent numbers (weight of the divergence {0.beta:g}). The means were grouped by k-means, the best of "
        "{0.n_init} starts."
    )
    is_generative: ClassVar[bool] = True
    supported_inputs: ClassVar[tuple[str, ...]] = ("images", "focal stacks")
    former_parameters: ClassVar[Mapping[str, str | tuple[str, ...]]] = FORMER_PARAMETERS
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {"encoder.name": "resnet152", "encoder.weights": "imagenet"},
        "quick": {
            "filters": 8,
            "latent_size": 128,
            "image_size": 64,
            "alignment.epochs": "auto",
            "training.epochs": "auto",
            "training.batch_size": 64,
            "training.learning_rate": 2e-3,
            "training.schedule": "one-cycle",
            "training.weight_decay": 0.0,
            "any_side_up": True,
            "n_init": 3,
        },
    }

    test_parameters: ClassVar[Mapping[str, Any]] = {
        "filters": 4,
        "latent_size": 8,
        "image_size": 12,
        "n_clusters": 6,
        "align": True,
        "alignment.epochs": 1,
        "training.epochs": 2,
        "training.batch_size": 16,
    }

    def check(self, images: ImageSet) -> None:
        """Refuse also parameters that contradict one another, and too few images."""
        super().check(images)
        if self.align:
            check_alignment(downsampled_shape(images.image_shape, self.image_size))
        self.encoder.check(downsampled_shape(images.image_shape, self.image_size))
        if len(images) < self.n_clusters:
            raise InputError(
                f"{len(images)} images are fewer than the {self.n_clusters} groups asked for; "
                f"give more images, or set n_clusters={max(2, len(images) // 10)}"
            )
        if self.held_out:
            held_out_rows(images, self.held_out, 0)

    def stages(self, fit: FitContext) -> list[Stage]:
        """Reduced copies, the autoencoder, its code, k-means, and a map."""
        steps = FocalVAEStages(self)
        return [
            fit.stage("scale", steps.scale),
            *([fit.stage("align", steps.align)] if self.align else []),
            fit.stage("autoencode", steps.autoencode),
            *([fit.stage("held-out", steps.measure_held_out)] if self.held_out else []),
            fit.stage("embed", steps.embed),
            fit.stage("group", steps.group),
            fit.stage("projection", lambda fit, outputs: fit.project(outputs, self.projection)),
        ]

    def model_state(self, outputs: StageOutputs) -> StageOutputs:
        """Network, scale of the pixels and groups; the distances learnt from stay with this object."""
        self.distances_: NDArray[np.float32] = outputs["distances"]
        self.held_out_: dict[str, Any] = outputs.get("held_out", {})
        names = (
            "n_clusters",
            "intensity",
            "whole_numbers",
            "autoencoder",
            "groups",
            *(("pose",) if self.align else ()),
            *(KEPT if self.encoder.is_pretrained else ()),
        )
        return {name: outputs[name] for name in names}

    def load_state(self, state: StageOutputs) -> None:
        """Build the autoencoder, and the groups in its code."""
        self.whole_numbers_ = bool(state["whole_numbers"])
        self.normalizer_ = load_weights(PixelNormalizer(), state["intensity"], self.device_)
        self.pose_ = self.load_pose(self.image_shape_, state, self.device_)
        self.encoder_: PlanesEncoder | None = None
        if self.encoder.is_pretrained:
            self.encoder_ = self.encoder.rebuild(self._shape, state).to(self.device_)
        features = None if self.encoder_ is None else self.encoder_.features
        self.autoencoder_ = load_weights(self.build(self.image_shape_, features), state["autoencoder"], self.device_)
        self.groups_ = SphericalGaussianMixture.from_state(state["groups"], self.device_)
        self.active_: NDArray[np.bool_] = self.groups_.active.cpu().numpy()

    def embed(self, pixels: Tensor) -> Tensor:
        """Mean μ of the code, or the mean of those of all symmetric positions."""
        look, stacks = look_through(self.encoder_), self._prepared(pixels)
        return code_of(self.autoencoder_, look, stacks, any_side_up=self.any_side_up)

    @property
    def has_canonical_pose(self) -> bool:
        """With `align`."""
        return self.align

    def to_canonical(self, pixels: Tensor) -> Tensor:
        """Native pixels → the same upright."""
        if self.pose_ is None:
            return super().to_canonical(pixels)
        return to_canonical(self.pose_, pixels, self._scaled(pixels))

    def cluster_probabilities(self, pixels: Tensor) -> Tensor:
        """Responsibilities of the spheres that k-means fits (see `SphericalGaussianMixture`)."""
        return self.groups_.responsibilities(self.embed(pixels))

    def predict_table(self, images: Any) -> dict[str, NDArray[Any]]:
        """Group, probability, distance to the group's centre, and whether the image lies outside of its group."""
        codes = torch.from_numpy(self.transform(images)).to(self.device_)
        probability, group = self.groups_.responsibilities(codes).max(dim=1)
        distance = self.groups_.distances(codes).gather(1, group[:, None])[:, 0]
        columns = {"group": group, "probability": probability, "distance": distance}
        columns["outlier"] = distance > self.groups_.limits[group]
        return {name: column.cpu().numpy() for name, column in columns.items()}

    def distances(self, images: Any) -> NDArray[np.float32]:
        """Euclidean distance of each image's code to the centre of its group: (N,) float32."""
        return self.predict_table(images)["distance"]

    def outliers(self, images: Any) -> NDArray[np.bool_]:
        """Whether an image lies farther from the centre of its group than nearly all that were learnt from: (N,) bool."""
        return self.predict_table(images)["outlier"]

    def draw(self, n: int, cluster: int, seed: int) -> Tensor:
        """Typical images of a group: codes from a Gaussian fitted to its members, one variance a dimension."""
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(n, self.latent_size, generator=generator).to(self.device_)
        codes = self.groups_.means[cluster] + self.groups_.deviations[cluster] * noise
        return self._drawn(self.autoencoder_.decoder(codes))

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
        """Mean squared error of each image (eq. 1), of pixels in [0, 1], at the size of the network: (N,) float32."""

        def errors(pixels: Tensor) -> Tensor:
            stacks = self._prepared(pixels)
            return (self._again(stacks) - stacks).square().flatten(1).mean(dim=1)

        return self._apply(errors, images)

    def run_values(self) -> dict[str, Any]:
        """``encoder``, if it is a pretrained one: its weights' name, hash, licence and source, and what it was shown."""
        return {} if self.encoder_ is None else {"encoder": self.encoder.about(self.encoder_, self._shape)}

    @property
    def encoder_in_words(self) -> str:
        """What looks at each layer, for `summary`."""
        return f"{self.encoder.name}, {self.encoder.use}" if self.encoder.is_pretrained else self.encoder.name

    @property
    def _shape(self) -> tuple[int, int, int, int]:
        """(L, C, H, W) that the network sees."""
        return downsampled_shape(self.image_shape_, self.image_size)

    def _prepared(self, pixels: Tensor) -> Tensor:
        return to_canonical(self.pose_, self._scaled(pixels))

    def _scaled(self, pixels: Tensor) -> Tensor:
        shape = self._shape
        stacks = pixels.reshape(pixels.shape[0], shape[0], shape[1], *pixels.shape[-2:])
        scaled: Tensor = self.normalizer_(downsample(stacks, shape[-2:], whole_numbers=self.whole_numbers_))
        return scaled

    def _again(self, stacks: Tensor) -> Tensor:
        return self.autoencoder_(look_through(self.encoder_)(stacks)).reconstruction

    def _drawn(self, stacks: Tensor) -> Tensor:
        """What the decoder drew, in native units and at native size."""
        planes = enlarge(self.normalizer_.native(stacks.flatten(1, 2)), self.image_shape_[-2:])
        return planes.reshape(len(planes), *self.image_shape_)
