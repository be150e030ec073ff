"""Simple ways to group images of one tissue by how alike their patterns are: `local-correlation`, `median-threshold`, `leiden`.

They train no network, and are what `darlc` must beat; each respects the mask of measured pixels.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from annotated_types import Ge, Interval
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from torch import Tensor

from facies.cluster.correlation_graph import standardised
from facies.cluster.similarity_groups import leiden_groups, linkage_groups
from facies.errors import InputError
from facies.images import ImageSet
from facies.methods.embedding_clustering import EmbeddingMethod
from facies.methods.fit_context import FitContext
from facies.parameters import Count, Fraction
from facies.statistics.image_similarity import local_correlation, median_threshold_cosine
from facies.training import Stage, StageOutputs

MOST_IMAGES = 20_000
"""How alike all pairs are takes 3 GB for so many."""
MOST_BYTES = 8 << 30
BLOCK = 256


@dataclass(kw_only=True, eq=False, repr=False)
class SimilarityClustering(EmbeddingMethod):
    """Groups of images that are alike; a subclass says how alike, and what makes groups of it (`find`).

    The embedding is principal components of the standardised images, and a new image gets the group of the nearest one
    that was learnt from.
    """

    presets: ClassVar[dict[str, dict[str, Any]]] = {"paper": {}, "quick": {}}
    test_parameters: ClassVar[dict[str, Any]] = {"n_clusters": 3}
    supported_inputs: ClassVar[tuple[str, ...]] = ("images",)
    has_soft_assignments: ClassVar[bool] = False

    n_clusters: Annotated[int, Ge(2)] = 10
    """Number of groups, K."""
    n_components: Count = 50
    """Principal components in the embedding, by which a new image finds the nearest one that was learnt from."""

    @abstractmethod
    def find(self, values: NDArray[np.float32], measured: NDArray[np.bool_], seed: int) -> NDArray[np.int64]:
        """Measured pixels (N, P), the mask (H, W) and a seed → groups (N,), from 0 without gaps."""

    def check(self, images: ImageSet) -> None:
        """Refuse also fewer images than groups, and more than can be compared in pairs."""
        super().check(images)
        if len(images) < (least := max(4, self.n_clusters)):
            raise InputError(
                f"{len(images)} images are fewer than the {least} that are needed; give more, or ask for fewer groups"
            )
        if len(images) > MOST_IMAGES or 4 * len(images) * int(np.prod(images.image_shape)) > MOST_BYTES:
            raise InputError(
                f"{len(images):,} images are more than the {MOST_IMAGES:,} or 8 GiB that {self.name} can compare in pairs: "
                "give fewer, or take --method darlc"
            )

    def encoder_stages(self, fit: FitContext) -> list[Stage]:
        """The mask and the principal components, in one stage."""
        return [fit.stage("components", self.components)]

    def components(self, fit: FitContext, _: StageOutputs) -> StageOutputs:
        """Stage: principal components of the standardised images."""
        measured = _mask(fit.images)
        values = standardised(_pixels(fit.images, measured))
        model = PCA(max(1, min(self.n_components, *(side - 1 for side in values.shape))), svd_solver="full")
        model.fit(values.astype(np.float64))
        return {
            "measured": measured,
            "mean": model.mean_.astype(np.float32),
            "components": model.components_.astype(np.float32),
        }

    def encoder_state(self, outputs: StageOutputs) -> StageOutputs:
        """Mask and components."""
        return {name: outputs[name] for name in ("measured", "mean", "components")}

    def load_encoder(self, state: StageOutputs) -> None:
        """Mask and components."""
        self.measured_, self.mean_, self.components_ = (
            torch.from_numpy(np.array(state[name])).to(self.device_) for name in ("measured", "mean", "components")
        )

    def embed(self, pixels: Tensor) -> Tensor:
        """Principal components of the standardised pixels, (B, D)."""
        values = pixels.mean(dim=1)[:, self.measured_.bool()]
        centred = values - values.mean(dim=1, keepdim=True)
        deviation = centred.std(dim=1, keepdim=True, unbiased=False)
        return (centred / torch.where(deviation > 0, deviation, 1) - self.mean_) @ self.components_.T

    def group_stages(self, fit: FitContext) -> list[Stage]:
        """The groups, in one stage."""
        return [fit.stage("group", self.group)]

    def group(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: the groups, and where each image lies in the embedding."""
        with fit.trainer.progress("group", 1, "steps"):
            measured = outputs["measured"].astype(bool)
            values = _pixels(fit.images, measured)
            labels = self.find(values, measured, fit.trainer.seed("groups") % 2**31)
        return {
            "groups": {
                "references": torch.from_numpy(outputs["embedding_"]), "labels": torch.from_numpy(labels),
            },
            "n_clusters": int(labels.max()) + 1,
        }  # fmt: skip

    def load_groups(self, groups: dict[str, Tensor]) -> None:
        """The images that were learnt from, and their groups."""
        self.references_, self.reference_labels_ = (groups[name].to(self.device_) for name in ("references", "labels"))

    def place(self, embedding: Tensor) -> Tensor:
        """The group of the nearest image that was learnt from, (B, K) with a single 1 in a row."""
        parts = []
        for rows in torch.split(embedding, BLOCK):
            squares = torch.cdist(rows, self.references_, compute_mode="donot_use_mm_for_euclid_dist")
            parts.append(self.reference_labels_[squares.argmin(dim=1)])
        count = int(self.reference_labels_.max()) + 1
        return torch.nn.functional.one_hot(torch.cat(parts).long(), count).float()


@dataclass(kw_only=True, eq=False, repr=False)
class LocalCorrelation(SimilarityClustering):
    """Average linkage of local correlation, as Hotspot groups genes.

    References
    ----------
    .. [1] D. DeTomaso, N. Yosef, "Hotspot identifies informative gene modules across modalities of single-cell genomics", Cell
       Systems 12, 2021.
    """

    name: ClassVar[str] = "local-correlation"
    title: ClassVar[str] = "Average linkage of local correlation"
    reference: ClassVar[str] = (
        "D. DeTomaso, N. Yosef, Hotspot identifies informative gene modules across modalities of single-cell genomics. Cell "
        "Systems 12, 2021."
    )
    citation: ClassVar[str] = "DeTomaso & Yosef, 2021"
    summary: ClassVar[str] = (
        "Images were grouped by average linkage of their local correlation, over pixels within {0.radius:g} of one another."
    )

    radius: Annotated[float, Interval(ge=1, le=20)] = 1.5
    """Pixels within it are neighbours; 1.5 takes the eight around each, more smooth more."""

    def find(self, values: NDArray[np.float32], measured: NDArray[np.bool_], seed: int) -> NDArray[np.int64]:
        """Cut the tree."""
        return linkage_groups(local_correlation(values, measured, self.radius), self.n_clusters)


@dataclass(kw_only=True, eq=False, repr=False)
class MedianThreshold(SimilarityClustering):
    """Average linkage of the cosine after median thresholding, ColocML's best simple measure for ions.

    References
    ----------
    .. [1] K. Ovchinnikova, L. Stuart, A. Rakhlin, S. Nikolenko, T. Alexandrov, "ColocML: machine learning quantifies
       co-localization between mass spectrometry images", Bioinformatics 36, 2020.
    """

    name: ClassVar[str] = "median-threshold"
    title: ClassVar[str] = "Average linkage of the cosine above the median"
    reference: ClassVar[str] = (
        "K. Ovchinnikova, L. Stuart, A. Rakhlin, S. Nikolenko, T. Alexandrov, ColocML: machine learning quantifies "
        "co-localization between mass spectrometry images. Bioinformatics 36, 2020."
    )
    citation: ClassVar[str] = "Ovchinnikova et al., 2020"
    summary: ClassVar[str] = (
        "Images were smoothed by a 3 × 3 median filter, pixels below their quantile {0.quantile:g} were set to 0, and the images "
        "were grouped by average linkage of their cosine."
    )

    quantile: Fraction = 0.5
    """Pixels of an image below this quantile become 0; 0 keeps all."""

    def find(self, values: NDArray[np.float32], measured: NDArray[np.bool_], seed: int) -> NDArray[np.int64]:
        """Cut the tree."""
        return linkage_groups(median_threshold_cosine(values, measured, self.quantile), self.n_clusters)


@dataclass(kw_only=True, eq=False, repr=False)
class LeidenGroups(SimilarityClustering):
    """Leiden communities of the graph of the most correlated images.

    References
    ----------
    .. [1] V. A. Traag, L. Waltman, N. J. van Eck, "From Louvain to Leiden: guaranteeing well-connected communities", Scientific
       Reports 9, 2019.
    """

    name: ClassVar[str] = "leiden"
    title: ClassVar[str] = "Leiden communities of the correlation graph"
    reference: ClassVar[str] = (
        "V. A. Traag, L. Waltman, N. J. van Eck, From Louvain to Leiden: guaranteeing well-connected communities. Scientific "
        "Reports 9, 2019."
    )
    citation: ClassVar[str] = "Traag et al., 2019"
    summary: ClassVar[str] = (
        "Each image was linked to the {0.n_neighbors} most correlated ones, and the graph was divided into Leiden communities at a "
        "resolution that gave the number of groups."
    )

    n_neighbors: Annotated[int, Interval(ge=1, le=1000)] = 15
    """Most correlated images to which an image is linked; more join small groups to others."""

    def find(self, values: NDArray[np.float32], measured: NDArray[np.bool_], seed: int) -> NDArray[np.int64]:
        """Divide the graph."""
        return leiden_groups(values, self.n_clusters, self.n_neighbors, seed)


def _mask(images: ImageSet) -> NDArray[np.bool_]:
    return np.ones(images.image_shape[-2:], bool) if images.measured is None else images.measured


def _pixels(images: ImageSet, measured: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Measured pixels of all images, the mean of their channels: (N, n_measured)."""
    return np.concatenate([batch.mean(dim=1).numpy()[:, measured] for batch in images.batches(BLOCK)])
