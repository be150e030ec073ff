"""`self-label`: many heads on one embedding learn groups from neighbours, and a classifier from what they agree on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from annotated_types import Ge, Gt, Le
from numpy.typing import NDArray
from torch import Tensor

from facies.cluster import head_consensus, merged_groups, principal_axes
from facies.cluster.neighbours import self_neighbours
from facies.errors import InputError
from facies.images import ImageSet, as_image_set
from facies.methods.fit_context import FitContext
from facies.methods.neighbour_heads import HeadLoss, LabelObjective, NeighbourObjective
from facies.methods.view_learner import ViewLearner
from facies.methods.weights import load_weights
from facies.nn import HeadsWithTeacher, LinearHeads
from facies.parameters import Count, Fraction, Positive, Settings, Weight, settings
from facies.training import EMATeacher, Stage, StageOutputs, Training

STEPS = 600
"""``auto`` epochs of heads and classifier are as many as make so many steps, and at least 2."""
IMAGES_A_GROUP = 15
"""The fine grouping of an unknown number of groups has one for so many images, between 8 and 60."""
TEACHER_MOMENTUM = 0.99


@dataclass(kw_only=True)
class Heads(Settings):
    """Heads that learn groups from pairs of neighbours in an embedding."""

    count: Count = 16
    """Heads, which begin differently and are joined to one consensus; more are steadier, and take longer."""
    loss: HeadLoss = "scan"
    """``scan`` (neighbours alike, groups filled evenly) or ``temi`` (weighted mutual information with a teacher)."""
    entropy_weight: Weight = 5.0
    """Weight λ of evenly filled groups in ``scan``; smaller values let groups be of different size, and become empty."""
    beta: Annotated[float, Gt(0.5), Le(1)] = 0.6
    """β of ``temi``; smaller values fill the groups more evenly."""
    temperature: Positive = 0.1
    """τ of ``temi``; smaller values make surer heads."""
    n_neighbors: Count = 20
    """Nearest images with which an image is to share its group; at most a fourth of the images of a group are taken."""
    n_components: Count = 50
    """Principal components of the embedding that the heads see."""
    training: Training = settings(Training, epochs="auto", batch_size=256, learning_rate=1e-2, schedule="cosine")
    """Training of the heads; ``auto`` epochs make 600 steps."""


@dataclass(kw_only=True, eq=False, repr=False)
class SelfLabel(ViewLearner):
    """Heads find groups among neighbours, their consensus is kept where it is sure, and a classifier learns from that."""

    name: ClassVar[str] = "self-label"
    title: ClassVar[str] = "Self-labelling heads on an embedding"
    reference: ClassVar[str] = (
        "W. Van Gansbeke et al., SCAN: Learning to classify images without labels. ECCV 2020; M. Baydar, E. Akbas, "
        "Unsupervised image classification with adaptive nearest neighbor selection and cluster ensembles. 2025."
    )
    citation: ClassVar[str] = "Van Gansbeke et al., 2020"
    summary: ClassVar[str] = (
        "An encoder was trained, without labels, to recognise augmented views of one image. On its embedding {0.heads.count} heads "
        "learnt to give neighbours the same group (loss {0.heads.loss}); their consensus was kept where it held more than "
        "{0.confidence:g}, and a linear classifier was trained on it."
    )
    estimates_n_clusters: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "quick": {
            "image_size": "auto",
            "filters": 16,
            "training.epochs": "auto",
            "training.batch_size": 128,
            "heads.count": 8,
        },
    }
    test_parameters: ClassVar[Mapping[str, Any]] = {
        "filters": 4,
        "training.epochs": 1,
        "training.batch_size": 16,
        "heads.count": 2,
        "heads.training.epochs": 3,
        "classifier.epochs": 3,
    }

    n_clusters: Annotated[int, Ge(2)] | None = None
    """Number of groups, K; null finds it: heads with many groups, which are merged to as many as have the greatest silhouette."""
    over_clusters: Annotated[int, Ge(2)] | None = None
    """Groups of those heads; null is a fifteenth of the images, between 8 and 60. More can find rarer kinds."""
    heads: Heads = settings(Heads)
    """The heads."""
    confidence: Fraction = 0.6
    """Least share of the consensus, and of the neighbours, that must say the same group for an image to teach the classifier."""
    classifier: Training = settings(
        Training, epochs="auto", batch_size=256, learning_rate=1e-2, schedule="cosine", weight_decay=1e-4
    )
    """Training of the classifier; ``auto`` epochs make 600 steps."""

    def check(self, images: ImageSet) -> None:
        """Refuse also too few images."""
        super().check(images)
        if len(images) < (least := 2 * (self.n_clusters or 4)):
            raise InputError(
                f"{len(images)} images are too few for {least // 2} groups, which need two each; give more images, or fewer groups"
            )

    def group_stages(self, fit: FitContext) -> list[Stage]:
        """Principal components and neighbours, the number of groups, the heads and their consensus, and the classifier."""
        return [
            fit.stage("neighbours", self.find_neighbours),
            *([fit.stage("over-cluster", self.find_number)] if self.n_clusters is None else []),
            fit.stage("heads", self.learn_heads),
            fit.stage("self-label", self.learn_classifier),
        ]

    def find_neighbours(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: directions of the embeddings, their principal components, and the nearest images of each."""
        embedding = outputs["embedding_"]
        embedding = embedding / np.maximum(np.linalg.norm(embedding, axis=1, keepdims=True), 1e-12)
        axes = principal_axes(embedding, self.heads.n_components)
        rows = np.asarray(axes.transform(embedding), np.float32)
        scale = max(float(rows.std(axis=0).max()), 1e-6)
        nearest, _ = self_neighbours(rows / scale, min(self.heads.n_neighbors + 1, len(rows)))
        return {
            "rows": rows / scale,
            "neighbours": nearest[:, 1:],
            "mean": np.asarray(axes.mean_, np.float32),
            "components": np.asarray(axes.components_ / scale, np.float32),
        }

    def find_number(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: heads with many groups; those that share neighbours are merged, and what is left is counted."""
        fine = self.over_clusters or min(60, max(8, len(outputs["rows"]) // IMAGES_A_GROUP))
        consensus, _ = self._consensus(fit, outputs, min(fine, len(outputs["rows"]) // 2))
        used = consensus[:, consensus.sum(axis=0) > 1]
        merged = merged_groups(outputs["rows"], used, self._neighbours(outputs, fine), fit.trainer.seed("silhouette"))
        found = max(2, int(merged.max()) + 1)
        note = f"the number of groups was found, not given: of {used.shape[1]} fine groups {found} were left when they were merged"
        return {"n_found": found, "notes": [*outputs.get("notes", []), note]}

    def learn_heads(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: the heads, and their consensus."""
        consensus, agreement = self._consensus(fit, outputs, self.n_clusters or outputs["n_found"])
        note = f"{self.heads.count} heads agree by an adjusted Rand index of {agreement:.2f} (1: they are equal)"
        return {"consensus": consensus, "notes": [*outputs.get("notes", []), note]}

    def learn_classifier(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: a classifier, from the images of which the consensus is sure."""
        consensus, neighbours = outputs["consensus"], self._neighbours(outputs, outputs["consensus"].shape[1])
        labels = consensus.argmax(axis=1)
        used, labels = np.unique(labels, return_inverse=True)  # a group that no image is in is none
        sure = sure_rows(consensus, labels, neighbours, self.confidence)
        share = np.bincount(labels[sure], minlength=len(used)) / len(sure)
        objective = LabelObjective(torch.from_numpy(labels), torch.from_numpy(1 / (len(used) * share)).float())
        network = fit.trainer.build(lambda: LinearHeads(1, outputs["rows"].shape[1], len(used)))
        training = _with_epochs(self.classifier, len(sure))
        fit.trainer.fit(network, _as_images(outputs["rows"]), objective, training, sure, partners=neighbours)
        notes = [f"the classifier learnt from {len(sure)} of {len(labels)} images, of which the heads were sure"]
        if len(used) < consensus.shape[1]:
            notes.append(
                f"{consensus.shape[1] - len(used)} of {consensus.shape[1]} groups were empty, and are left out"
            )
        groups = {name: torch.from_numpy(outputs[name]) for name in ("mean", "components")}
        return {
            "groups": {**groups, **network.state_dict()},
            "n_clusters": len(used),
            "notes": [*outputs["notes"], *notes],
        }

    def load_groups(self, groups: dict[str, Tensor]) -> None:
        """Build the classifier."""
        self.mean_, self.components_ = groups["mean"].to(self.device_), groups["components"].to(self.device_)
        _, features, n_clusters = groups["weight"].shape
        state = {name: groups[name] for name in ("weight", "bias")}
        self.classifier_: LinearHeads = load_weights(LinearHeads(1, features, n_clusters), state, self.device_)

    def place(self, embedding: Tensor) -> Tensor:
        """Probabilities of the classifier."""
        rows = torch.nn.functional.normalize(embedding, dim=1) - self.mean_
        logits: Tensor = self.classifier_(rows @ self.components_.T)[0]
        return logits.float().softmax(dim=1)

    def _consensus(self, fit: FitContext, outputs: StageOutputs, n_clusters: int) -> tuple[NDArray[np.float32], float]:
        """Train heads of so many groups, and join them."""
        rows, heads = outputs["rows"], self.heads
        network: HeadsWithTeacher = fit.trainer.build(lambda: HeadsWithTeacher(heads.count, rows.shape[1], n_clusters))
        objective = NeighbourObjective(heads.loss, heads.entropy_weight, heads.beta, heads.temperature)
        fit.trainer.fit(
            network,
            _as_images(rows),
            objective,
            _with_epochs(heads.training, len(rows)),
            callbacks=[EMATeacher("student", "teacher", TEACHER_MOMENTUM)],
            partners=self._neighbours(outputs, n_clusters),
        )
        final = network.student if heads.loss == "scan" else network.teacher
        with torch.no_grad():
            return head_consensus(objective.probabilities(final.cpu()(torch.from_numpy(rows))).numpy())

    def _neighbours(self, outputs: StageOutputs, n_clusters: int) -> NDArray[np.int64]:
        """So many neighbours that most lie in a group of mean size."""
        nearest: NDArray[np.int64] = outputs["neighbours"]
        return nearest[:, : min(nearest.shape[1], max(3, len(nearest) // (4 * n_clusters)))]


def sure_rows(
    consensus: NDArray[np.float32],
    labels: NDArray[np.int64],
    neighbours: NDArray[np.int64],
    confidence: float,
    agreement: float | None = None,
) -> NDArray[np.int64]:
    """Rows of which consensus and neighbours are sure (None: as sure); of a group with none the surest tenth, at least one."""
    certainty = consensus.max(axis=1)
    agreeing = (labels[neighbours] == labels[:, None]).mean(axis=1)
    sure = (certainty >= confidence) & (agreeing >= (confidence if agreement is None else agreement))
    for group in np.setdiff1d(np.unique(labels), labels[sure]):
        members = np.flatnonzero(labels == group)
        count = math.ceil(len(members) / 10)
        sure[members[np.argsort(-certainty[members], kind="stable")[:count]]] = True
    return np.flatnonzero(sure)


def _as_images(rows: NDArray[np.float32]) -> ImageSet:
    """Rows (N, D) as images of one row of pixels, which the training loop can read."""
    return as_image_set(rows[:, None, None, :])


def _with_epochs(training: Training, n_images: int) -> Training:
    return training.with_epochs(max(2, math.ceil(STEPS / max(1, round(n_images / training.batch_size)))))
