"""`cc`: contrastive clustering (Li, Hu, Liu, Peng, Zhou & Peng, AAAI 2021): rows are images, columns are groups."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge
from torch import Tensor, nn

from facies.losses import mean_entropy, nt_xent
from facies.methods.fit_context import FitContext
from facies.methods.preprocessing import Preprocessor
from facies.methods.view_encoder import ViewEncoder
from facies.methods.weights import load_weights
from facies.nn import ResidualEncoder, TwoHeads, perceptron
from facies.parameters import Count, Positive, settings
from facies.training import Batch, Stage, StageOutputs, Training, Views


@dataclass(kw_only=True, eq=False, repr=False)
class CC(ViewEncoder):
    """Two views of an image are to be alike among images, and two views of a group alike among groups, at once.

    References
    ----------
    .. [1] Y. Li, P. Hu, Z. Liu, D. Peng, J. T. Zhou, X. Peng, "Contrastive clustering", AAAI 2021.
    """

    name: ClassVar[str] = "cc"
    title: ClassVar[str] = "Contrastive clustering"
    reference: ClassVar[str] = "Y. Li, P. Hu, Z. Liu, D. Peng, J. T. Zhou, X. Peng, Contrastive clustering. AAAI 2021."
    citation: ClassVar[str] = "Li et al., 2021"
    summary: ClassVar[str] = (
        "A residual network with two heads was trained, without labels, on augmented views: to recognise the views of one image "
        "among those of others (temperature {0.temperature:g}), and each group's assignments in one view among those of the others "
        "in the other view (temperature {0.cluster_temperature:g}), while groups were kept equally full."
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "quick": {
            "image_size": "auto",
            "filters": 16,
            "training.epochs": "auto",
            "training.batch_size": 128,
            "training.learning_rate": 2e-3,
            "training.schedule": "one-cycle",
        },
    }
    test_parameters: ClassVar[Mapping[str, Any]] = {
        "n_clusters": 3,
        "filters": 4,
        "training.epochs": 2,
        "training.batch_size": 16,
    }

    n_clusters: Annotated[int, Ge(2)] = 10
    """Number of groups, K."""
    filters: Count = 32
    """Filters of the first convolution; the embedding has eight times as many numbers. More tell more apart, and take longer."""
    projection_size: Count = 128
    """Numbers in which views of images are compared."""
    temperature: Positive = 0.5
    """τ of images; smaller values push the nearest others away hardest."""
    cluster_temperature: Positive = 1.0
    """τ of groups; smaller values push the nearest groups apart hardest."""
    views: Views = settings(Views, rotation=0.0)
    training: Training = settings(Training, epochs=1000, batch_size=256, learning_rate=3e-4)

    def build_encoder(self) -> ResidualEncoder:
        """The encoder for images of ``image_shape_``, with random weights."""
        return ResidualEncoder(self.shown_shape, self.filters)

    def learn(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: encoder and heads, from views."""

        def build() -> TwoHeads:
            encoder = self.build_encoder()
            return TwoHeads(encoder, encoder.features, self.projection_size, self.n_clusters)

        network: TwoHeads = fit.trainer.build(build)
        objective = CCObjective(self.preprocessor(fit, outputs), self.temperature, self.cluster_temperature)
        fit.trainer.fit(network, self.shown(fit), objective, self.settled(self.training, fit))
        return {
            "encoder": dict(network.encoder.state_dict()),
            "groups": dict(network.cluster.state_dict()),
            "n_clusters": self.n_clusters,
        }

    def group_stages(self, fit: FitContext) -> list[Stage]:
        """None: the groups are learnt with the encoder."""
        return []

    def load_groups(self, groups: dict[str, Tensor]) -> None:
        """Build the cluster head."""
        hidden, features = groups["0.weight"].shape
        head = perceptron([features, hidden, len(groups["2.bias"])])
        self.head_: nn.Module = load_weights(head, groups, self.device_)

    def place(self, embedding: Tensor) -> Tensor:
        """Probabilities of the cluster head."""
        return torch.softmax(self.head_(embedding), dim=1)


@dataclass
class CCObjective:
    """NT-Xent of the projections, NT-Xent of the columns of the assignments, and log K − H of their mean, for each view."""

    preprocessor: Preprocessor
    temperature: float
    cluster_temperature: float

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss``, ``instance``, ``cluster`` and ``imbalance``."""
        views = torch.cat([self.preprocessor(batch.images)[0], self.preprocessor(batch.images)[0]])
        projections, probabilities = (each.chunk(2) for each in module(views))
        one, other = probabilities
        instance = nt_xent(projections[0], projections[1], self.temperature)
        cluster = nt_xent(one.T, other.T, self.cluster_temperature)
        imbalance = 2 * math.log(one.shape[1]) - mean_entropy(one) - mean_entropy(other)
        return {
            "loss": instance + cluster + imbalance,
            "instance": instance,
            "cluster": cluster,
            "imbalance": imbalance,
        }
