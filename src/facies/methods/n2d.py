"""`n2d`: (not too) deep clustering (McConville, Santos-Rodríguez, Piechocki & Craddock, ICPR 2020)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Ge
from numpy.typing import NDArray
from sklearn.mixture import GaussianMixture
from torch import Tensor, nn

from facies.cluster import UMAPLayout
from facies.errors import InputError
from facies.images import ImageSet
from facies.methods.autoencoder import AutoencoderObjective, baseline_epochs, build_autoencoder, code_length
from facies.methods.fit_context import FitContext
from facies.methods.layout_clustering import MIXTURE_STARTS, LayoutClustering
from facies.methods.preprocessing import Preprocessor, centred_normalizer, kept_normalizer
from facies.methods.reduced_images import ReducedImages
from facies.methods.weights import load_weights
from facies.nn import MLPAutoencoder
from facies.parameters import Count, settings
from facies.training import Stage, StageOutputs, Training


@dataclass(kw_only=True, eq=False, repr=False)
class N2D(ReducedImages, LayoutClustering):
    """An autoencoder learns the images, UMAP lays its code out, and a mixture of Gaussians cuts the layout.

    References
    ----------
    .. [1] R. McConville, R. Santos-Rodríguez, R. J. Piechocki, I. Craddock, "N2D: (not too) deep clustering via clustering the
       local manifold of an autoencoded embedding", ICPR 2020.
    """

    most_images: ClassVar[int] = 70_000
    name: ClassVar[str] = "n2d"
    title: ClassVar[str] = "Autoencoder, UMAP and a Gaussian mixture"
    reference: ClassVar[str] = (
        "R. McConville, R. Santos-Rodríguez, R. J. Piechocki, I. Craddock, N2D: (not too) deep clustering via clustering the "
        "local manifold of an autoencoded embedding. ICPR 2020."
    )
    citation: ClassVar[str] = "McConville et al., 2020"
    summary: ClassVar[str] = (
        "An autoencoder ({0.network}) was trained to reproduce the images by way of a code of {0.code_length} numbers. The codes were "
        "laid out by UMAP in {0.layout_dimensions} dimensions, and grouped by a mixture of Gaussians."
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "quick": {"image_size": 32, "training.epochs": "auto"},
    }
    test_parameters: ClassVar[Mapping[str, Any]] = {
        "n_clusters": 3, "network": "conv", "filters": 4, "layout_dimensions": 2, "training.epochs": 2, "training.batch_size": 16,
    }  # fmt: skip

    n_clusters: Annotated[int, Ge(2)] = 10
    """Number of groups, K."""
    latent_size: Count | None = None
    """Numbers in a code; null is as many as groups, as in the paper, but 10 at least."""
    network: Literal["mlp", "conv"] = "mlp"
    """Fully connected (500-500-2000 and mirrored), or convolutional, which suits larger images."""
    filters: Count = 16
    """Filters of the first block of ``conv``; more see finer detail and take longer."""
    n_neighbors: Annotated[int, Ge(2)] = 20
    """Neighbours of an image in the layout; more merge small groups."""
    layout_dimensions: Count = 10
    """Dimensions of the layout; the paper takes as many as groups."""
    training: Training = settings(Training, epochs=1000, batch_size=256)
    """Training of the autoencoder; ``auto`` epochs are 24,000/N^⅔, between 16 and 1,000, and 16/side of that for
    images of 32 pixels a side or more; never fewer than 16."""

    @property
    def code_length(self) -> int:
        """`latent_size` as a number."""
        return code_length(self.latent_size, self.n_clusters)

    def check(self, images: ImageSet) -> None:
        """Refuse also too few images."""
        super().check(images)
        if len(images) < (least := max(4, self.n_clusters)):
            raise InputError(
                f"{len(images)} images are fewer than the {least} that are needed; give more, or a smaller n_clusters"
            )

    def build_network(self) -> Any:
        """The autoencoder for images of ``image_shape_``, with random weights."""
        shape = self.shown_shape
        if self.network == "conv":
            return build_autoencoder(shape, self.code_length, self.filters, "ae")
        return MLPAutoencoder(shape, self.code_length)

    def encoder_stages(self, fit: FitContext) -> list[Stage]:
        """Scale of the pixels, and the autoencoder."""
        return [fit.stage("scale", self.scale), fit.stage("train", self.train)]

    def scale(self, fit: FitContext, _: StageOutputs) -> StageOutputs:
        """Stage: the range of the pixels, to 1, and their mean, to 0."""
        normalizer = centred_normalizer(self.shown(fit), "gaussian")
        return {"intensity": dict(normalizer.state_dict()), "whole_numbers": fit.images.dtype == np.uint8}

    def train(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: the autoencoder learns to reconstruct."""
        network: nn.Module = fit.trainer.build(self.build_network)
        normalizer = kept_normalizer(outputs, "gaussian", torch.device("cpu"))
        epochs = 2 * baseline_epochs(len(fit.images), max(self.shown_shape[1:]))  # no other training follows
        training = self.training.with_epochs(epochs)
        fit.trainer.fit(network, self.shown(fit), AutoencoderObjective(Preprocessor(normalizer), "ae"), training)
        return {"network": dict(network.state_dict())}

    def encoder_state(self, outputs: StageOutputs) -> StageOutputs:
        """Scale and autoencoder."""
        return {name: outputs[name] for name in ("intensity", "whole_numbers", "network")}

    def load_encoder(self, state: StageOutputs) -> None:
        """Build scale and autoencoder."""
        normalizer = kept_normalizer(state, "gaussian", self.device_)
        self.preprocessor_ = self.reducing(normalizer, state)
        self.network_ = load_weights(self.build_network(), state["network"], self.device_)

    def embed(self, pixels: Tensor) -> Tensor:
        """The code."""
        code: Tensor = self.network_.encode(self.preprocessor_.transform(pixels))[0]
        return code

    def cut(self, rows: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
        """The Gaussians in the layout of the codes."""
        layout = UMAPLayout(rows, self.n_neighbors, "euclidean", seed).layout(self.layout_dimensions)
        mixture = GaussianMixture(self.n_clusters, reg_covar=1e-4, n_init=MIXTURE_STARTS, random_state=seed)
        rows_of_layout = layout.astype(np.float64)
        memberships: NDArray[np.float32] = mixture.fit(rows_of_layout).predict_proba(rows_of_layout).astype(np.float32)
        return memberships
