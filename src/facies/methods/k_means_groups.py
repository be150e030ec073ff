"""Groups in an embedding by k-means, for the methods whose last step it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from facies.cluster import KMeans
from facies.methods.embedding_clustering import EmbeddingMethod
from facies.methods.fit_context import FitContext
from facies.parameters import Count
from facies.training import Stage, StageOutputs


@dataclass(kw_only=True, eq=False, repr=False)
class KMeansGroups(EmbeddingMethod):
    """K centres in the embedding; an image belongs to the nearest."""

    n_clusters: Annotated[int, Ge(2)] = 10
    """Number of groups, K."""
    n_init: Count = 20
    """Starts, of which the one with the least sum of squares is kept."""
    max_iter: Count = 300
    """Most rounds of one start, if the centres do not come to rest before."""

    def group_stages(self, fit: FitContext) -> list[Stage]:
        """The groups, in one stage."""
        return [fit.stage("group", self.group)]

    def group(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: the centres."""
        with fit.trainer.progress("group", 1, "steps"):
            model = KMeans(
                self.n_clusters, n_init=self.n_init, max_iter=self.max_iter, random_state=fit.trainer.seed("groups")
            )
            model.fit(outputs["embedding_"])
        centres = torch.from_numpy(model.cluster_centers_).float()
        return {
            "groups": {"centres": centres, "variance": torch.tensor(float(model.variance_))},
            "n_clusters": len(centres),
        }

    def load_groups(self, groups: dict[str, Tensor]) -> None:
        """The centres."""
        self.centres_, self.variance_ = groups["centres"].to(self.device_), groups["variance"].to(self.device_)

    def place(self, embedding: Tensor) -> Tensor:
        """p(k | x) ∝ exp(−‖x − c_k‖² / 2σ²): the mixture of which k-means is the limit."""
        squares = torch.cdist(embedding, self.centres_, compute_mode="donot_use_mm_for_euclid_dist").square()
        return (-squares / (2 * self.variance_).clamp(min=1e-12)).softmax(dim=1)
