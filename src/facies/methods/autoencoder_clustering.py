"""What methods share that cluster in the code of an autoencoder: pretraining, initial centres, a joint training."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Ge, Lt
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances_argmin_min
from sklearn.mixture import GaussianMixture
from torch import Tensor, nn

from facies.cluster import KMeans
from facies.cluster.graph_degree import merge_by_degree, nearest_chains, neighbour_weights
from facies.images import ImageSet
from facies.losses import student_t_assignment
from facies.methods.autoencoder import AutoencoderObjective, baseline_epochs, build_autoencoder, code_length
from facies.methods.fit_context import FitContext
from facies.methods.partition import refuse_more_groups_than_images
from facies.methods.preprocessing import (
    PixelScatter,
    Preprocessor,
    centred_normalizer,
    kept_normalizer,
    learn_normalizer,
    normalizer_outputs,
    scatter_notes,
)
from facies.methods.reduced_images import ReducedImages
from facies.methods.weights import load_weights
from facies.nn import MLPAutoencoder
from facies.parameters import Count, settings
from facies.training import Augmentation, Callback, Objective, Projection, Stage, StageOutputs, Training

Initialisation = Literal["k-means", "gaussian-mixture", "graph-degree"]
MOST_MERGED, MERGED_NEIGHBOURS = 10_000, 20


class ClusteringNetwork(nn.Module):
    """An autoencoder and K centres in its code."""

    def __init__(self, autoencoder: nn.Module, n_clusters: int, latent_size: int) -> None:
        super().__init__()
        self.autoencoder: Any = autoencoder
        self.centres = nn.Parameter(torch.zeros(n_clusters, latent_size))

    def encode(self, images: Tensor) -> Tensor:
        """(B, C, H, W) → codes (B, D)."""
        mean: Tensor = self.autoencoder.encode(images)[0]
        return mean

    def assign(self, codes: Tensor) -> Tensor:
        """Codes (B, D) → probabilities (B, K), by Student's t; a network with more than centres has its own way."""
        return student_t_assignment(codes, self.centres)

    def forward(self, images: Tensor, *, decode: bool = True) -> Any:
        """(B, C, H, W) → codes (B, D) and reconstructions (B, C, H, W); without `decode` the codes alone."""
        codes = self.encode(images)
        return codes, self.autoencoder.decode(codes) if decode else None


@dataclass(kw_only=True, eq=False, repr=False)
class AutoencoderClustering(ReducedImages):
    """An autoencoder is pretrained, centres are found in its code, and both learn on together.

    A subclass says what the joint training minimises (`objective`) and how codes belong to centres (`assignments`), and may
    have callbacks (`callbacks`) and a network or stages of its own. A network that has more than centres is built by
    `with_groups`, gets its first values in `begin`, and places codes by itself (`place`).
    """

    supported_inputs: ClassVar[tuple[str, ...]] = ("images", "focal stacks")
    standardise: ClassVar[bool] = True
    trains_decoder: ClassVar[bool] = True
    likelihood: ClassVar[PixelScatter] = "gaussian"
    """How pixels scatter: ``gaussian``, ``bernoulli``, by which what the decoder gives are logits, or ``auto``, by their histogram."""
    test_parameters: ClassVar[Mapping[str, Any]] = {
        "n_clusters": 3,
        "network": "conv",
        "filters": 4,
        "pretraining.epochs": 2,
        "training.epochs": 2,
        "training.batch_size": 16,
    }

    n_clusters: Annotated[int, Ge(2)] = 10
    """Number of groups, K."""
    latent_size: Count | None = None
    """Numbers in a code; null is as many as groups, 10 at least. More keep more of an image, also of what all groups share."""
    network: Literal["mlp", "conv"] = "mlp"
    """Fully connected (500-500-2000 and mirrored), or convolutional, which suits larger images."""
    filters: Count = 16
    """Filters of the first block of ``conv``; more see finer detail and take longer."""
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.2
    """Share of the pixels that ``mlp`` must do without while it is pretrained."""
    augmentation: Augmentation = settings(Augmentation, enabled=False)
    """Views from which the networks learn."""
    pretraining: Training = settings(Training, epochs=300, batch_size=256)
    """Training of the autoencoder alone; ``auto`` epochs are 12,000/N^⅔, between 8 and 500, and 16/side of that for
    images of 32 pixels a side or more; never fewer than 8."""
    initialisation: Initialisation = "k-means"
    """What finds the first centres in the code: ``k-means``, ``gaussian-mixture``, or ``graph-degree``: groups that merge where
    many neighbours are shared, among 10,000 codes at most; it follows groups of any shape, and leaves outliers by themselves."""
    n_init: Count = 20
    """Starts of ``k-means`` and ``gaussian-mixture``, of which the best is kept."""
    training: Training = settings(Training, epochs=100, batch_size=256)
    """Training of network and centres together; ``auto`` epochs as in `pretraining`."""
    projection: Projection = settings(Projection)
    """The map."""

    @property
    def code_length(self) -> int:
        """`latent_size` as a number."""
        return code_length(self.latent_size, self.n_clusters)

    def assignments(self, codes: Tensor, centres: Tensor) -> Tensor:
        """Codes (B, D) and centres (K, D) → probabilities (B, K); by default Student's t."""
        return student_t_assignment(codes, centres)

    @abstractmethod
    def objective(self, preprocessor: Preprocessor, callbacks: Sequence[Callback]) -> Objective:
        """What the joint training minimises."""

    def callbacks(self, fit: FitContext, preprocessor: Preprocessor) -> list[Callback]:
        """Callbacks of the joint training; none by default."""
        return []

    def build_network(self, dropout: float = 0.0) -> ClusteringNetwork:
        """The network for images of ``image_shape_``, with random weights."""
        shape = self.shown_shape
        if self.network == "conv":
            return self.with_groups(build_autoencoder(shape, self.code_length, self.filters, "ae"))
        return self.with_groups(MLPAutoencoder(shape, self.code_length, dropout=dropout))

    def with_groups(self, autoencoder: Any, n_clusters: int | None = None) -> ClusteringNetwork:
        """An autoencoder together with what its code is grouped by: K centres, all 0."""
        return ClusteringNetwork(autoencoder, n_clusters or self.n_clusters, self.code_length)

    def begin(self, network: Any, outputs: StageOutputs) -> None:
        """Put what the stages found into a network before the joint training: the autoencoder, and the centres."""
        network.autoencoder.load_state_dict(outputs["autoencoder"])
        network.centres.data.copy_(torch.from_numpy(outputs["centres"]))

    def place(self, codes: Tensor) -> Tensor:
        """Codes (B, D) → probabilities (B, K), by the network that has been learnt."""
        return self.assignments(codes, self.network_.centres)

    def check(self, images: ImageSet) -> None:
        """Refuse also too few images."""
        super().check(images)
        refuse_more_groups_than_images(self.n_clusters, len(images))

    def stages(self, fit: FitContext) -> list[Stage]:
        """Scale, pretraining, centres, the joint training, the groups, and a map."""
        return [
            fit.stage("scale", self.scale),
            fit.stage("pretrain", self.pretrain),
            fit.stage("initialise", self.initialise),
            fit.stage("cluster", self.cluster),
            fit.stage("assign", self.assign),
            fit.stage("projection", lambda fit, outputs: fit.project(outputs, self.projection)),
        ]

    def scale(self, fit: FitContext, _: StageOutputs) -> StageOutputs:
        """Stage: scale of the pixels, to zero mean, and unit variance or the range 1."""
        learn = learn_normalizer if self.standardise else centred_normalizer
        normalizer = learn(self.shown(fit), self.likelihood)
        notes = scatter_notes(normalizer) if self.likelihood == "auto" else []
        return {**normalizer_outputs(normalizer), "whole_numbers": fit.images.dtype == np.uint8, "notes": notes}

    def pretrain(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: the autoencoder learns to reconstruct."""
        network = fit.trainer.build(lambda: self.build_network(self.dropout))
        preprocessor = self.preprocessor(fit, outputs, self.pretraining_views)
        objective = AutoencoderObjective(preprocessor, "ae")
        fit.trainer.fit(network.autoencoder, self.shown(fit), objective, self._epochs(self.pretraining, fit))
        return {"autoencoder": dict(network.autoencoder.state_dict())}

    def initialise(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: the first groups, in the code of the pretrained autoencoder."""
        preprocessor = self.preprocessor(fit, outputs).to(self.device_)
        autoencoder = load_weights(self.build_network().autoencoder, outputs["autoencoder"], self.device_)
        (codes,) = fit.apply(lambda x: autoencoder.encode(preprocessor.transform(x))[0], "initialise", self.shown(fit))
        return self.first_groups(codes, fit.trainer.seed(self.initialisation))

    def first_groups(self, codes: NDArray[np.float32], seed: int) -> StageOutputs:
        """Codes (N, D) → what `begin` needs: ``centres`` and ``n_clusters``."""
        centres = initial_centres(codes, self.n_clusters, self.initialisation, self.n_init, seed)
        return {"centres": centres, "n_clusters": len(centres)}

    def cluster(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: network and centres learn together."""
        network = self.with_groups(self.build_network().autoencoder, len(outputs["centres"]))
        self.begin(network, outputs)
        network.autoencoder.decoder.requires_grad_(self.trains_decoder)
        preprocessor = self.preprocessor(fit, outputs)
        callbacks = self.callbacks(fit, preprocessor)
        objective = self.objective(preprocessor, callbacks)
        fit.trainer.fit(network, self.shown(fit), objective, self._epochs(self.training, fit), callbacks=callbacks)
        return {"network": dict(network.state_dict())}

    @property
    def pretraining_views(self) -> Augmentation:
        """Views from which the autoencoder learns alone."""
        return self.augmentation

    def preprocessor(self, fit: FitContext, outputs: StageOutputs, views: Augmentation | None = None) -> Preprocessor:
        """How the pixels of a batch are prepared in training; views are those of `augmentation` unless given."""
        normalizer = kept_normalizer(outputs, self.likelihood, torch.device("cpu"))
        return Preprocessor(normalizer, (views or self.augmentation).transform(fit.background))

    def model_state(self, outputs: StageOutputs) -> StageOutputs:
        """Network and scale of the pixels."""
        return {name: outputs[name] for name in ("n_clusters", "intensity", "likelihood", "whole_numbers", "network")}

    def load_state(self, state: StageOutputs) -> None:
        """Build the network."""
        self.normalizer_ = kept_normalizer(state, self.likelihood, self.device_)
        self.preprocessor_ = self.reducing(self.normalizer_, state)
        network = self.with_groups(self.build_network().autoencoder, int(state["n_clusters"]))
        self.network_: ClusteringNetwork = load_weights(network, state["network"], self.device_)

    def embed(self, pixels: Tensor) -> Tensor:
        """The code."""
        return self.network_.encode(self.preprocessor_.transform(pixels))

    def cluster_probabilities(self, pixels: Tensor) -> Tensor:
        """How the code belongs to the centres."""
        return self.embed_and_cluster(pixels)[1]

    def embed_and_cluster(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Code and probabilities, in one pass."""
        codes = self.embed(pixels)
        return codes, self.place(codes)

    def _epochs(self, training: Training, fit: FitContext) -> Training:
        return training.with_epochs(baseline_epochs(len(fit.images), max(self.shown_shape[1:])))


def initial_centres(
    codes: NDArray[np.float32], n_clusters: int, initialisation: Initialisation, n_init: int, seed: int
) -> NDArray[np.float32]:
    """Centres of groups in a code.

    Parameters
    ----------
    codes
        (N, D).
    n_clusters
        K; where fewer codes differ, there are fewer centres.
    initialisation
        ``k-means``, the means of a Gaussian mixture with diagonal covariances, or those of groups merged by graph degree
        linkage (Zhang et al., 2012) in a graph of 20 neighbours; of more than 10,000 codes so many are drawn for it.
    n_init
        Starts of the first two, of which the best is kept.
    seed
        Of the starts, and of what is drawn.

    Returns
    -------
    ndarray
        (at most K, D) float32.
    """
    if initialisation == "gaussian-mixture":
        mixture = GaussianMixture(n_clusters, covariance_type="diag", n_init=n_init, reg_covar=1e-4, random_state=seed)
        return np.asarray(mixture.fit(codes).means_, dtype=np.float32)
    if initialisation == "graph-degree":
        drawn = np.random.default_rng(seed).permutation(len(codes))[:MOST_MERGED]
        codes = codes[np.sort(drawn)]
        weights = neighbour_weights(codes, MERGED_NEIGHBOURS)
        groups = merge_by_degree(weights, nearest_chains(codes), n_clusters)
        return np.stack([codes[groups == group].mean(axis=0) for group in range(int(groups.max()) + 1)])
    return KMeans(n_clusters, n_init=n_init, random_state=seed).fit(codes).cluster_centers_


def variance_around(centres: NDArray[np.float32], codes: NDArray[np.float32]) -> float:
    """Mean squared distance of codes (N, D) to the nearest of centres (K, D), by dimension; 1e-6 at least."""
    _, distances = pairwise_distances_argmin_min(codes, centres)
    return max(float(np.square(distances, dtype=np.float64).sum() / codes.size), 1e-6)
