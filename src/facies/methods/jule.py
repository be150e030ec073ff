"""`jule`: joint unsupervised learning (Yang, Parikh & Batra, CVPR 2016): groups merge, a network learns from them, in turns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from annotated_types import Ge, Gt, Le
from numpy.typing import NDArray
from torch import Tensor, nn

from facies.cluster.graph_degree import merge_by_degree, nearest_chains, neighbour_weights
from facies.losses import weighted_triplet
from facies.methods.fit_context import FitContext
from facies.methods.grouping import Groups
from facies.methods.layout_clustering import one_hot, votes_of
from facies.methods.learnt_encoder import LearntEncoder
from facies.methods.preprocessing import Preprocessor
from facies.nn import ConvEmbedding
from facies.parameters import Count, Positive, Weight, settings
from facies.training import Batch, Stage, StageOutputs, Training

MOST_IMAGES = 10_000
"""So many images are merged and learnt from: memory grows with these times the first groups."""
PARTNERS = 16
"""Members of its group of which each image is given one in an epoch."""


@dataclass(kw_only=True, eq=False, repr=False)
class JULE(LearntEncoder):
    """Hundreds of small groups merge, a period at a time; between the periods a network learns to tell them apart.

    References
    ----------
    .. [1] J. Yang, D. Parikh, D. Batra, "Joint unsupervised learning of deep representations and image clusters", CVPR 2016.
    """

    name: ClassVar[str] = "jule"
    title: ClassVar[str] = "Joint unsupervised learning of images and groups"
    reference: ClassVar[str] = (
        "J. Yang, D. Parikh, D. Batra, Joint unsupervised learning of deep representations and image clusters. CVPR 2016."
    )
    citation: ClassVar[str] = "Yang et al., 2016"
    summary: ClassVar[str] = (
        "Images were joined to their nearest ones, and the small groups merged to {0.n_clusters}, in periods, by graph degree linkage "
        "of the {0.n_neighbors} nearest neighbours; between these a convolutional network learnt, by triplets, to tell the groups "
        "apart, and its embedding said which groups merged next."
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"paper": {}, "quick": {"image_size": 32, "filters": 32}}
    test_parameters: ClassVar[Mapping[str, Any]] = {
        "n_clusters": 3,
        "filters": 4,
        "embedding_size": 8,
        "training.epochs": 1,
        "training.batch_size": 16,
    }

    n_clusters: Annotated[int, Ge(2)] = 10
    """Number of groups, K."""
    n_neighbors: Annotated[int, Ge(2)] = 20
    """Neighbours to which an image is joined; more join small groups to others."""
    merge_share: Annotated[float, Gt(0), Le(1)] = 0.9
    """Share η of the groups that merge in a period; smaller values make more periods, and take longer."""
    n_compared: Count = 5
    """Nearest groups of a group of which the nearest must stand out to be merged with it."""
    n_negatives: Count = 20
    """Images of other groups from which each pair is told apart."""
    margin: Positive = 0.2
    """By how much squared distance an image must be nearer to its own group; larger values push groups further apart."""
    attraction: Weight = 1.0
    """Weight γ of the distance within a pair; larger values make groups narrower."""
    filters: Count = 50
    """Filters of each convolution."""
    embedding_size: Count = 160
    """Numbers in an embedding."""
    training: Training = settings(
        Training, epochs=20, batch_size=100, optimizer="sgd", learning_rate=0.01, weight_decay=5e-5
    )
    """Training of a period; ``auto`` is 20 epochs."""

    def build_encoder(self) -> ConvEmbedding:
        """The network, with random weights."""
        return ConvEmbedding(self.shown_shape, self.filters, self.embedding_size)

    def learn(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: the network learns, groups merge, and again, until K are left and it has learnt from these."""
        network, preprocessor = fit.trainer.build(self.build_encoder), self.preprocessor(fit, outputs)
        images, rows = self.shown(fit), self._drawn(fit)
        preprocessor.to(self.device_)
        (pixels,) = fit.apply(lambda x: preprocessor.transform(x).flatten(1), "pixels", images)
        labels, counts = nearest_chains(pixels[rows]), []
        while True:
            counts.append(int(labels.max()) + 1)
            partners = partners_of(labels, rows, len(images), fit.trainer.seed("partners", len(counts)))
            objective = TripletObjective(
                preprocessor,
                torch.from_numpy(spread(labels, rows, len(images))),
                self.n_negatives,
                self.margin,
                self.attraction,
            )
            fit.trainer.fit(network, images, objective, self.training.with_epochs(20), rows, partners=partners)
            if counts[-1] <= self.n_clusters:
                break
            network.to(self.device_).eval()
            (embedding,) = fit.apply(lambda x: network(preprocessor.transform(x)), "embed", images)
            left = max(self.n_clusters, counts[-1] - math.ceil(self.merge_share * counts[-1]))
            labels = self._merged(embedding[rows], labels, left)
        notes = [f"groups merged in periods: {', '.join(map(str, counts))}"]
        if len(rows) < len(images):
            notes.append(
                f"groups were found among {len(rows)} of the {len(images)} images; the others follow their neighbours"
            )
        return {"encoder": dict(network.state_dict()), "joint": labels, "rows": rows, "notes": notes}

    def group(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: the groups that were left, which vote for all images."""
        rows, memberships = outputs["rows"], one_hot(outputs["joint"])
        return {"groups": votes_of(outputs["embedding_"][rows], memberships), "n_clusters": memberships.shape[1]}

    def group_stages(self, fit: FitContext) -> list[Stage]:
        """The groups, in one stage."""
        return [fit.stage("group", self.group)]

    def load_groups(self, groups: dict[str, Tensor]) -> None:
        """Build the references."""
        self.groups_ = Groups.from_state(groups, self.device_)

    def place(self, embedding: Tensor) -> Tensor:
        """What the neighbours of an image say."""
        placed: Tensor = self.groups_(embedding)
        return placed

    def _merged(self, rows: NDArray[np.float32], labels: NDArray[np.int64], count: int) -> NDArray[np.int64]:
        return merge_by_degree(neighbour_weights(rows, self.n_neighbors), labels, count, self.n_compared)

    def _drawn(self, fit: FitContext) -> NDArray[np.int64]:
        count = len(fit.images)
        rng = np.random.default_rng(fit.trainer.seed("rows"))
        return np.sort(rng.choice(count, min(count, MOST_IMAGES), replace=False))


def spread(labels: NDArray[np.int64], rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Groups of some rows as those of all, −1 for the others."""
    every = np.full(count, -1, np.int64)
    every[rows] = labels
    return every


def partners_of(labels: NDArray[np.int64], rows: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """For each row some members of its group, drawn at random: (N, 16); for those that are in no group themselves."""
    rng = np.random.default_rng(seed)
    order = np.argsort(labels, kind="stable")
    sizes = np.bincount(labels)
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    places = first[labels][:, None] + (rng.random((len(labels), PARTNERS)) * sizes[labels][:, None]).astype(np.int64)
    every = np.repeat(np.arange(count)[:, None], PARTNERS, axis=1)
    every[rows] = rows[order[places]]
    return every


@dataclass
class TripletObjective:
    """Max(0, γ‖a − p‖² − ‖a − n‖² + m): p is of the group of a, and n are random images of the batch that are not."""

    preprocessor: Preprocessor
    labels: Tensor
    n_negatives: int
    margin: float
    attraction: float

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Term ``loss``."""
        assert batch.partners is not None
        images = torch.cat([self.preprocessor(batch.images)[0], self.preprocessor(batch.partners)[0]])
        anchors, positives = module(images).chunk(2)
        labels = self.labels[batch.indices.cpu()].to(anchors.device)
        others = (labels[:, None] != labels).float() + 1e-9  # so that a batch of one group can be drawn from
        negatives = anchors[torch.multinomial(others, self.n_negatives, replacement=True)]
        return {"loss": weighted_triplet(anchors, positives, negatives, self.margin, self.attraction)}
