"""`idcec`: improved deep convolutional embedded clustering with re-selectable sample training (Lu et al., 2022)."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

from facies.cluster import KMeans
from facies.methods.autoencoder import automatic_epochs
from facies.methods.autoencoder_clustering import ClusteringNetwork
from facies.methods.fit_context import FitContext
from facies.methods.idec import IDEC
from facies.methods.preprocessing import Preprocessor, kept_normalizer
from facies.methods.weights import load_weights
from facies.nn import ResidualEncoder, StridedAutoencoder
from facies.parameters import Count, Fraction, Settings, settings
from facies.training import Augmentation, Batch, Stage, StageOutputs, Training


class Classifier(nn.Module):
    """A small residual network, and a linear layer that gives logits of K groups."""

    def __init__(self, image_shape: tuple[int, int, int], filters: int, n_clusters: int) -> None:
        super().__init__()
        self.encoder = ResidualEncoder(image_shape, filters)
        self.head = nn.Linear(self.encoder.features, n_clusters)

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) → logits (B, K)."""
        logits: Tensor = self.head(self.encoder(images))
        return logits


@dataclass(kw_only=True)
class Selection(Settings):
    """Rounds of selecting sure images, and of a classifier that learns from them."""

    share: Fraction = 0.5
    """Share of a group's images, those most like the one nearest to its centre, that teach the classifier; more teach it more,
    and more that is wrong."""
    rounds: Count = 30
    """How often images are selected at most; it ends before if the classifier moves no more than `tolerance` of the images."""
    filters: Count = 16
    """Filters of the classifier's first convolution; more tell more apart, and take longer."""
    training: Training = settings(Training, epochs=50, batch_size=256)
    """Training of the classifier in each round, from the start; ``auto`` epochs are an eighth of 12,000/M^⅔ for M selected
    images, between 8 and 60."""


@dataclass(kw_only=True, eq=False, repr=False)
class IDCEC(IDEC):
    """Groups of a convolutional autoencoder's code, by the surest of which a classifier learns, again and again.

    References
    ----------
    .. [1] H. Lu, C. Chen, H. Wei, Z. Ma, K. Jiang, Y. Wang, "Improved deep convolutional embedded clustering with re-selectable
       sample training", Pattern Recognition 127, 2022.
    """

    name: ClassVar[str] = "idcec"
    title: ClassVar[str] = "Deep convolutional embedded clustering with re-selected samples"
    reference: ClassVar[str] = (
        "H. Lu, C. Chen, H. Wei, Z. Ma, K. Jiang, Y. Wang, Improved deep convolutional embedded clustering with re-selectable sample "
        "training. Pattern Recognition 127, 108611, 2022."
    )
    citation: ClassVar[str] = "Lu et al., 2022"
    summary: ClassVar[str] = (
        "A convolutional autoencoder was trained to reproduce the images by way of a code of {0.code_length} numbers, and refined "
        "together with the centres of groups in it. K-means then found groups in the codes; of each a share of {0.selection.share:g} "
        "of the images, those most like the one nearest to its centre, taught a classifier, and k-means found the groups of the next "
        "of up to {0.selection.rounds} rounds in its answers."
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "quick": {
            "image_size": 32,
            "pretraining.epochs": "auto",
            "training.epochs": 50,
            "update_interval": 30,
            "selection.rounds": 5,
            "selection.filters": 8,
            "selection.training.epochs": "auto",
            "selection.training.batch_size": 32,
        },
    }
    test_parameters: ClassVar[Mapping[str, Any]] = {
        "n_clusters": 3, "filters": 4, "pretraining.epochs": 2, "training.epochs": 2, "training.batch_size": 16,
        "selection.rounds": 2, "selection.filters": 2, "selection.training.epochs": 2, "selection.training.batch_size": 16,
    }  # fmt: skip

    network: Literal["conv"] = "conv"
    """Three convolutions of stride 2, and a dense layer."""
    filters: Count = 32
    """Filters of the first convolution, of which the second has twice and the third four times as many."""
    views: Augmentation = settings(Augmentation, rotation=5.0, zoom=0.0, shift=0.05)
    """Views from which the autoencoder is pretrained, and the classifier learns."""
    selection: Selection = settings(Selection)
    """The rounds in which sure images teach a classifier."""

    def build_network(self, dropout: float = 0.0) -> ClusteringNetwork:
        """The convolutional autoencoder of `convdec-da`."""
        filters = [self.filters * factor for factor in (1, 2, 4)]
        return self.with_groups(StridedAutoencoder(self.shown_shape, self.code_length, filters))

    @property
    def pretraining_views(self) -> Augmentation:
        """`views`; autoencoder and centres learn together from the images as they are."""
        return self.views

    def stages(self, fit: FitContext) -> list[Stage]:
        """As of `idec`, and the classifier."""
        *first, assign, projection = super().stages(fit)
        return [*first, fit.stage("classify", self.classify), assign, projection]

    def classify(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: rounds of selecting sure images, and learning a classifier from them."""
        preprocessor = self.preprocessor(fit, outputs).to(self.device_)
        network = self.with_groups(self.build_network().autoencoder, len(outputs["centres"]))
        network = load_weights(network, outputs["network"], self.device_)
        views = Preprocessor(preprocessor.normalizer, self.views.transform(fit.background))
        (features,) = fit.apply(lambda x: network.encode(preprocessor.transform(x)), "classify", self.shown(fit))
        notes = []
        for number in range(1, self.selection.rounds + 1):
            groups = KMeans(self.n_clusters, n_init=self.n_init, random_state=fit.trainer.seed("round", number))
            groups.fit(features)
            rows = representative_rows(features, groups.labels_, groups.cluster_centers_, self.selection.share)
            classifier = fit.trainer.build(functools.partial(self._classifier, groups.n_clusters_))
            objective = LabelObjective(views, groups.labels_)
            training = self.selection.training.with_epochs(classifier_epochs(len(rows)))
            fit.trainer.fit(classifier, self.shown(fit), objective, training, rows)
            classifier.to(self.device_).eval()
            features = self._answers(classifier, preprocessor, fit)
            moved = float((features.argmax(axis=1) != groups.labels_).mean())
            notes.append(f"round {number}: {len(rows)} sure images taught the classifier, which moved {moved:.1%}")
            if moved <= self.tolerance:
                break
        if (left := len(np.unique(features.argmax(axis=1)))) < self.n_clusters:
            notes.append(f"the last classifier gave images to {left} of the {self.n_clusters} groups asked for")
        return {"classifier": dict(classifier.state_dict()), "n_clusters": groups.n_clusters_, "notes": notes}

    def _answers(self, classifier: Classifier, preprocessor: Preprocessor, fit: FitContext) -> NDArray[np.float32]:
        (answers,) = fit.apply(
            lambda x: classifier(preprocessor.transform(x)).softmax(dim=1), "classify", self.shown(fit)
        )
        return answers

    def model_state(self, outputs: StageOutputs) -> StageOutputs:
        """Classifier and scale of the pixels; the autoencoder is no longer needed."""
        return {name: outputs[name] for name in ("n_clusters", "intensity", "whole_numbers", "classifier")}

    def load_state(self, state: StageOutputs) -> None:
        """Build the classifier."""
        self.normalizer_ = kept_normalizer(state, self.likelihood, self.device_)
        self.preprocessor_ = self.reducing(self.normalizer_, state)
        classifier = self._classifier(int(state["n_clusters"]))
        self.classifier_: Classifier = load_weights(classifier, state["classifier"], self.device_)

    def embed(self, pixels: Tensor) -> Tensor:
        """The mean of the classifier's last map."""
        features: Tensor = self.classifier_.encoder(self.preprocessor_.transform(pixels))
        return features

    def embed_and_cluster(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Features, and the classifier's softmax."""
        features = self.embed(pixels)
        return features, self.classifier_.head(features).softmax(dim=1)

    def _classifier(self, n_clusters: int) -> Classifier:
        return Classifier(self.shown_shape, self.selection.filters, n_clusters)


@dataclass
class LabelObjective:
    """Cross-entropy of the classifier with the groups of the images it is taught."""

    preprocessor: Preprocessor
    labels: NDArray[np.int64]

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Term ``loss``."""
        view, _ = self.preprocessor(batch.images)
        labels = torch.from_numpy(self.labels)[batch.indices.cpu()].to(view.device)
        return {"loss": F.cross_entropy(module(view), labels)}


def representative_rows(
    features: NDArray[np.float32], labels: NDArray[np.int64], centres: NDArray[np.float32], share: float
) -> NDArray[np.int64]:
    """Rows of each group most like its representative, the one nearest to its centre: a `share` of them, and at least one.

    Features (N, F) are compared by the cosine; labels (N,) are of centres (K, F).
    """
    directions = features / np.linalg.norm(features, axis=1, keepdims=True).clip(1e-12)
    distances = np.linalg.norm(features - centres[labels], axis=1)
    chosen = []
    for group in np.unique(labels):
        members = np.flatnonzero(labels == group)
        representative = members[distances[members].argmin()]
        likeness = directions[members] @ directions[representative]
        count = max(1, round(share * len(members)))
        chosen.append(members[np.argsort(-likeness, kind="stable")[:count]])
    return np.sort(np.concatenate(chosen))


def classifier_epochs(n_images: int) -> int:
    """An eighth of `automatic_epochs`: between 8 and 60."""
    return max(8, automatic_epochs(n_images, 480) // 8)
