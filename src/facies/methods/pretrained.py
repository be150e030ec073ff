"""`pretrained`: an encoder that was trained elsewhere, left as it is, and a grouping of what it sees in the images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Ge
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from torch import Tensor

from facies.images import ImageSet
from facies.methods.embedding_clustering import EmbeddingClustering
from facies.methods.features import (
    ImageEncoder,
    assumptions,
    encoder_about,
    features_of,
    find_encoder,
    shown_notes,
    weights_note,
)
from facies.methods.fit_context import FitContext
from facies.methods.grouping import Grouping
from facies.nn.encoders import Encoder, PlanesEncoder
from facies.parameters import settings
from facies.training import Stage, StageOutputs

NUMBERS_FOR_AXES = 2**24
"""So many numbers at most, of images drawn at random, are looked at for the principal components."""
FEATURES_BY_COVARIANCE = 2048
"""Of more features than these the components are approximated: exact ones would take the cube of their number."""

FeatureScaling = Literal["power", "unit-length", "none"]


@dataclass(kw_only=True, eq=False, repr=False)
class Pretrained(EmbeddingClustering):
    """Features of a frozen encoder, reduced to their principal components and grouped.

    No network is trained, so the first groups are there as soon as every image has been looked at once. The features are
    kept: another grouping of the same images takes seconds.

    Attributes
    ----------
    encoder_about_ : dict
        Name, hash, licence and source of the encoder's weights, and the size of the images that it was shown.

    References
    ----------
    .. [1] S. C. Lowe, J. B. Haurum, S. Oore, T. B. Moeslund, G. W. Taylor, "An empirical study into clustering of unseen
       datasets with self-supervised encoders", arXiv:2406.02465, 2024.
    """

    name: ClassVar[str] = "pretrained"
    title: ClassVar[str] = "Groups in the features of a pretrained encoder"
    reference: ClassVar[str] = (
        "S. C. Lowe, J. B. Haurum, S. Oore, T. B. Moeslund, G. W. Taylor, An empirical study into clustering of unseen "
        "datasets with self-supervised encoders. arXiv:2406.02465, 2024."
    )
    citation: ClassVar[str] = "Lowe et al., 2024"
    summary: ClassVar[str] = (
        "The images were looked at by a frozen encoder that had been trained on other images ({0.encoder}). Its features were "
        "reduced to {0.grouping.n_components} principal components, laid out by UMAP, and grouped ({0.grouping.chosen_method})."
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {"layers": "last", "turns": 1},
        "quick": {"image_size": 128},
    }
    test_parameters: ClassVar[Mapping[str, Any]] = {
        "image_size": 32,
        "grouping.n_clusters": 3,
        "grouping.layout_dimensions": None,
    }

    encoder: str = "efficientnet-lite0"
    """A name (``efficientnet-lite0``, or one that a package adds); a local folder of Hugging Face, such as DINOv2, DINOv3,
    BioCLIP, ViT-MAE or ResNet; an ``.onnx`` file; or ``hub:OWNER/NAME``, which may be fetched from the network."""
    image_size: Annotated[int, Ge(8)] | None = None
    """Longer side, in pixels, to which images are brought for the encoder; null is that for which it was made. Larger ones show
    finer detail, and take longer by the square."""
    layers: Literal["last", "joined"] = "joined"
    """``joined`` puts the features of an earlier layer beside those of the ``last``, each with the same weight: they keep finer
    texture. ``efficientnet-lite0`` has such a layer; other encoders give their last alone."""
    turns: Literal[1, 4, 8] | None = None
    """Orientations in which each image is shown, over which the features are averaged, so that it does not matter how a thing
    lies: 1 as it lies, 4 turned by quarters, 8 also mirrored. Null is 4, and 1 for ``pixels`` and functions of one's own."""
    scaling: FeatureScaling = "power"
    """What is done to the features: ``power`` takes the square root of each, so that a few large ones do not drown the others,
    and divides them by their length; ``unit-length`` divides alone; ``none`` leaves them."""
    grouping: Grouping = settings(Grouping, method="ward", metric="manhattan", n_layouts=4)

    def check(self, images: ImageSet) -> None:
        """Refuse also an encoder that is not there or cannot look at such images."""
        super().check(images)
        PlanesEncoder(self._encoder(), images.image_shape, self.image_size)

    def _encoder(self) -> Encoder:
        """The encoder, with its earlier layer where it is asked for."""
        encoder = find_encoder(self.encoder)
        return encoder.joined() if self.layers == "joined" else encoder

    def stages(self, fit: FitContext) -> list[Stage]:
        """The features and their components, the groups, and a map."""
        return [
            *self.encoder_stages(fit),
            fit.stage("group", self.group),
            fit.stage("assign", self.assign),
            fit.stage("projection", lambda fit, outputs: fit.project(outputs, self.projection)),
        ]

    def encoder_stages(self, fit: FitContext) -> list[Stage]:
        """The features and their components."""
        return [fit.stage("encode", self.encode)]

    def encode(self, fit: FitContext, _: StageOutputs) -> StageOutputs:
        """Stage: the features of every image, found or read where they are kept, and their principal components."""
        given = self._encoder()
        turns = self.turns or (4 if given.averages_turns else 1)
        encoder = ImageEncoder.for_images(given, fit.images, self.image_size, turns)
        self.encoder_, size = encoder, self._batch_size()
        with fit.trainer.progress("encode", len(fit.images), "images") as progress:
            features = features_of(fit.images, encoder, self.device_, batch_size=size, progress=progress)
        axes = self._axes(features, fit.trainer.seed("components"))
        planes, shape = encoder.planes, fit.images.image_shape
        outputs = {
            **encoder.state(),
            **axes,
            "encoder_values": {
                **encoder_about(planes),
                "use": "left as it is",
                "assumed": assumptions(planes, shape),
            },
            "notes": [weights_note(planes.encoder.weights, "looked at the images"), *shown_notes(planes, shape)],
        }
        self._load_axes(outputs)
        blocks = (features[start : start + size] for start in range(0, len(features), size))
        reduced = [self.reduce(torch.from_numpy(np.array(block)).to(self.device_)).cpu().numpy() for block in blocks]
        return {**outputs, "embedding_": np.concatenate(reduced)}

    def _axes(self, features: NDArray[np.float32], seed: int) -> StageOutputs:
        """Mean and principal components of the scaled features, from images drawn at random where there are many."""
        count = min(len(features), max(1000, NUMBERS_FOR_AXES // features.shape[1]))
        rows = np.sort(np.random.default_rng(seed).choice(len(features), count, replace=False))
        scaled = self._scaled(torch.from_numpy(np.array(features[rows]))).double().numpy()
        most = max(1, min(self.grouping.n_components, count - 1, features.shape[1]))
        many = features.shape[1] > FEATURES_BY_COVARIANCE
        solver = "randomized" if many else "covariance_eigh" if count > features.shape[1] else "full"
        model = PCA(most, svd_solver=solver, random_state=seed).fit(scaled)
        return {"mean": model.mean_.astype(np.float32), "components": model.components_.astype(np.float32)}

    def _scaled(self, features: Tensor) -> Tensor:
        """Features scaled, each layer that they are from by itself."""
        if self.scaling == "none":
            return features
        if self.scaling == "power":
            features = features.sign() * features.abs().sqrt()
        planes = self.encoder_.planes
        by_pass = features.reshape(-1, planes.passes, planes.encoder.features)
        by_layer = torch.split(by_pass, list(planes.encoder.parts), dim=2)
        scaled = [layer / layer.square().sum(dim=(1, 2), keepdim=True).sqrt().clamp(min=1e-12) for layer in by_layer]
        return torch.cat(scaled, dim=2).flatten(1)

    def reduce(self, features: Tensor) -> Tensor:
        """Features (B, F) → principal components (B, D)."""
        return (self._scaled(features) - self.mean_) @ self.components_.T

    def encoder_state(self, outputs: StageOutputs) -> StageOutputs:
        """Encoder, scale of the pixels, and components."""
        names = ("encoder", "encoder_about", "encoder_size", "encoder_turns", "encoder_values", "intensity")
        return {name: outputs[name] for name in (*names, "mean", "components") if name in outputs}

    def load_encoder(self, state: StageOutputs) -> None:
        """Build the encoder and the components."""
        self.encoder_about_: dict[str, Any] = state["encoder_values"]
        self.encoder_ = ImageEncoder.from_state(state, self.image_shape_, self.device_)
        self._load_axes(state)

    def _load_axes(self, state: StageOutputs) -> None:
        self.mean_, self.components_ = (
            torch.from_numpy(np.asarray(state[name], np.float32)).to(self.device_) for name in ("mean", "components")
        )

    def embed(self, pixels: Tensor) -> Tensor:
        """The principal components of the features."""
        return self.reduce(self.encoder_(pixels))

    def run_values(self) -> dict[str, Any]:
        """``encoder``: name, hash, licence and source of the weights, and what they were shown."""
        return {"encoder": self.encoder_about_}
