"""`spice`: semantic pseudo-labelling for image clustering (Niu, Shan & Wang, TIP 2022): an encoder, heads, and a classifier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from annotated_types import Ge
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

from facies.cluster.neighbours import self_neighbours
from facies.losses import double_softmax_cross_entropy, prototype_targets
from facies.methods.fit_context import FitContext
from facies.methods.momentum_contrast import MomentumContrast
from facies.methods.preprocessing import Preprocessor
from facies.methods.self_label import sure_rows
from facies.methods.spice_objectives import FixMatchObjective, PrototypeObjective
from facies.methods.weights import load_weights
from facies.nn import ClassifierWithTeacher, LinearHeads
from facies.parameters import Count, Fraction, Settings, settings
from facies.training import Augmentation, EMATeacher, Stage, StageOutputs, Training

PARTNERS = 32
"""Sure images of which each image is given one in an epoch."""
MEMORIES = 10
"""Times over that a training is as long as the memory of the classifier that is kept, at least."""


@dataclass(kw_only=True)
class PrototypeHeads(Settings):
    """Heads that learn from prototypes."""

    count: Count = 10
    """Heads, which begin differently; that with the least loss is kept."""
    pool: Count = 5000
    """Images among which each group takes an equal part of labels."""
    training: Training = settings(Training, epochs=240, batch_size=128, learning_rate=5e-3)
    """Training of the heads."""


@dataclass(kw_only=True, eq=False, repr=False)
class SPICE(MomentumContrast):
    """Heads on a frozen encoder learn from prototypes; where they and the neighbours are sure, they teach a classifier.

    References
    ----------
    .. [1] C. Niu, H. Shan, G. Wang, "SPICE: semantic pseudo-labeling for image clustering", IEEE Transactions on Image
       Processing 31, 2022.
    """

    name: ClassVar[str] = "spice"
    title: ClassVar[str] = "Semantic pseudo-labelling"
    reference: ClassVar[str] = (
        "C. Niu, H. Shan, G. Wang, SPICE: semantic pseudo-labeling for image clustering. IEEE Transactions on Image "
        "Processing 31, 2022."
    )
    citation: ClassVar[str] = "Niu et al., 2022"
    summary: ClassVar[str] = (
        "A residual network was trained by momentum contrast. On its embedding {0.heads.count} heads learnt from the images most like "
        "the prototype of each group, as many for all groups; the best head's groups, where it was surer than {0.confidence:g} and "
        "{0.agreement:.0%} of the neighbours agreed, taught a classifier, which learnt from the other images by consistency."
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "quick": {
            "image_size": "auto",
            "filters": 16,
            "teacher_momentum": 0.99,
            "training.epochs": "auto",
            "training.optimizer": "adamw",
            "training.learning_rate": 2e-3,
            "training.schedule": "one-cycle",
            "heads.training.epochs": 40,
            "semi.epochs": 20,
            "semi.batch_size": 112,
        },
    }
    test_parameters: ClassVar[Mapping[str, Any]] = {
        "n_clusters": 3,
        "filters": 4,
        "training.epochs": 1,
        "training.batch_size": 16,
        "heads.count": 2,
        "heads.training.epochs": 2,
        "heads.training.batch_size": 32,
        "semi.epochs": 1,
        "semi.batch_size": 32,
    }

    n_clusters: Annotated[int, Ge(2)] = 10
    """Number of groups, K."""
    training: Training = settings(
        Training,
        epochs=1000,
        batch_size=128,
        optimizer="sgd",
        learning_rate=0.015,
        weight_decay=1e-4,
        schedule="cosine",
    )
    heads: PrototypeHeads = settings(PrototypeHeads)
    """The heads."""
    weak: Augmentation = settings(Augmentation, rotation=0.0, zoom=0.0, shift=0.1)
    """Weak views, of which the labels come; strong ones are `views`."""
    confidence: Fraction = 0.99
    """Least probability of its group at which an image teaches."""
    agreement: Fraction = 0.95
    """Least share of its neighbours that must be of its group for an image to teach."""
    n_neighbors: Count = 100
    """Neighbours that are asked, at most a fourth of the images of a mean group."""
    threshold: Fraction = 0.95
    """Least probability in a weak view at which an image without a sure group teaches its strong view."""
    ratio: Count = 7
    """Images without a sure group beside one with, in a batch."""
    semi: Training = settings(
        Training, epochs=100, batch_size=448, optimizer="sgd", learning_rate=0.03, weight_decay=5e-4, schedule="cosine"
    )
    """Training of the classifier."""

    def group_stages(self, fit: FitContext) -> list[Stage]:
        """The heads, the classifier, and the embedding by the encoder that it has brought with it."""
        return [
            fit.stage("self", self.learn_heads),
            fit.stage("semi", self.learn_classifier),
            fit.stage("embed anew", self.embed_all),
        ]

    def weak_views(self, fit: FitContext, strong: Preprocessor) -> Preprocessor:
        """Draws weak views."""
        return Preprocessor(strong.normalizer, self.weak.transform(fit.background))

    def learn_heads(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: the heads, and what the best of them says of every image."""
        strong = self.preprocessor(fit, outputs)
        encoder = load_weights(self.build_encoder(), outputs["encoder"], self.device_).requires_grad_(False)
        size, heads = outputs["embedding_"].shape[1], self.heads
        network: nn.Module = fit.trainer.build(
            lambda: nn.Sequential(
                LinearHeads(heads.count, size, size), nn.ReLU(), LinearHeads(heads.count, size, self.n_clusters)
            )
        )
        objective = PrototypeObjective(
            encoder, self.weak_views(fit, strong), strong, heads.pool, fit.trainer.seed("pools")
        )
        fit.trainer.fit(network, self.shown(fit), objective, heads.training)
        with torch.no_grad():
            embedding = torch.from_numpy(outputs["embedding_"])
            logits = network.cpu().eval()(embedding)
            losses = double_softmax_cross_entropy(logits, prototype_targets(embedding, logits.softmax(dim=-1)))
        best = int(losses.argmin())
        return {"scores": logits[best].softmax(dim=-1).numpy()}

    def learn_classifier(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: the classifier, from the images of which the best head and the neighbours are sure, and from the others."""
        scores, unit = outputs["scores"], F.normalize(torch.from_numpy(outputs["embedding_"]), dim=1).numpy()
        used, labels = np.unique(scores.argmax(axis=1), return_inverse=True)
        count = min(self.n_neighbors, max(3, len(scores) // (4 * self.n_clusters)))
        neighbours = self_neighbours(unit, count + 1)[0][:, 1:]
        sure = sure_rows(scores, labels, neighbours, self.confidence, self.agreement)
        strong = self.preprocessor(fit, outputs)
        encoder = load_weights(self.build_encoder(), outputs["encoder"], torch.device("cpu"))
        network: ClassifierWithTeacher = fit.trainer.build(
            lambda: ClassifierWithTeacher(encoder, unit.shape[1], len(used))
        )
        objective = FixMatchObjective(
            self.weak_views(fit, strong), strong, torch.from_numpy(labels), self.ratio, self.threshold
        )
        rng, momentum = np.random.default_rng(fit.trainer.seed("sure")), self._classifier_momentum(len(labels))
        fit.trainer.fit(
            network,
            self.shown(fit),
            objective,
            self.semi,
            callbacks=[EMATeacher("student", "teacher", momentum)],
            partners=rng.choice(sure, (len(labels), PARTNERS), p=equal_shares(labels[sure])),
        )
        finished, classifier = network.teacher
        notes = [
            f"the classifier learnt from {len(sure)} of {len(labels)} images, of which head and neighbours were sure"
        ]
        if momentum < self.teacher_momentum:
            notes.append(
                f"the classifier that is kept followed with a momentum of {momentum:.2f} instead of {self.teacher_momentum:g} "
                "(teacher_momentum), for its training was short"
            )
        if len(used) < self.n_clusters:
            notes.append(f"{self.n_clusters - len(used)} of {self.n_clusters} groups were empty, and are left out")
        return {
            "encoder": dict(finished.state_dict()),
            "groups": dict(classifier.state_dict()),
            "n_clusters": len(used),
            "notes": [*outputs["notes"], *notes],
        }

    def _classifier_momentum(self, n_images: int) -> float:
        """That of the encoder's teacher, or less, so that the classifier that is kept remembers the last tenth of a short training."""
        steps = self.semi.n_epochs * max(1, round(n_images / self.semi.batch_size))
        return max(0.0, min(self.teacher_momentum, 1 - MEMORIES / steps))

    def load_groups(self, groups: dict[str, Tensor]) -> None:
        """Build the classifier."""
        n_clusters, features = groups["weight"].shape
        self.classifier_: nn.Linear = load_weights(nn.Linear(features, n_clusters), groups, self.device_)

    def place(self, embedding: Tensor) -> Tensor:
        """Probabilities of the classifier."""
        return torch.softmax(self.classifier_(embedding), dim=1)


def equal_shares(labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Probabilities (N,) by which each group of `labels` is drawn as often as any other."""
    weights: NDArray[np.float64] = 1.0 / np.bincount(labels)[labels]
    return weights / weights.sum()
