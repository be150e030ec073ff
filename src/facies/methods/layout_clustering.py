"""What methods share whose groups are those of a layout: new images have no place in it, and follow their neighbours."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facies.methods.embedding_clustering import EmbeddingMethod
from facies.methods.fit_context import FitContext
from facies.methods.grouping import Groups
from facies.training import Stage, StageOutputs

VOTES = 10

MIXTURE_STARTS = 20
"""Starts of a mixture in a layout, of which the likeliest is kept: they are quick, and of three the best can be a poor one."""


@dataclass(kw_only=True, eq=False, repr=False)
class LayoutClustering(EmbeddingMethod):
    """Groups of something that new images have no place in, such as a layout: they follow their nearest neighbours.

    A subclass has `cut`, which is given `most_images` rows at most, drawn at random; all others follow, too.
    """

    most_images: ClassVar[int] = 10_000

    def group_stages(self, fit: FitContext) -> list[Stage]:
        """The groups, in one stage."""
        return [fit.stage("group", self.group)]

    @abstractmethod
    def cut(self, rows: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
        """Embeddings (M, D) → memberships (M, K), each row of sum 1."""

    def group(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: the groups of some images, and these as references for all."""
        embedding, notes = outputs["embedding_"], list(outputs.get("notes", []))
        rows = np.arange(len(embedding))
        if len(rows) > self.most_images:
            drawn = np.random.default_rng(fit.trainer.seed("references")).choice(rows, self.most_images, replace=False)
            notes.append(
                f"groups were found among {len(drawn)} of the {len(rows)} images; the others follow their neighbours"
            )
            rows = np.sort(drawn)
        with fit.trainer.progress("group", 1, "steps"):
            memberships = self.cut(embedding[rows], fit.trainer.seed("groups"))
        groups = votes_of(embedding[rows], memberships)
        return {"groups": groups, "n_clusters": memberships.shape[1], "notes": notes}

    def load_groups(self, groups: dict[str, Tensor]) -> None:
        """Build the references."""
        self.groups_ = Groups.from_state(groups, self.device_)

    def place(self, embedding: Tensor) -> Tensor:
        """What the neighbours of an image say."""
        placed: Tensor = self.groups_(embedding)
        return placed


def votes_of(references: NDArray[np.float32], memberships: NDArray[np.float32]) -> dict[str, Tensor]:
    """The state of `Groups` in which these embeddings (M, D) vote for their memberships (M, K)."""
    size = references.shape[1]
    return {
        "references": torch.from_numpy(references),
        "memberships": torch.from_numpy(memberships.astype(np.float32)),
        "mean": torch.zeros(size),
        "components": torch.eye(size),
        "unit_length": torch.tensor(False),
        "votes": torch.tensor(min(VOTES, len(references))),
    }


def one_hot(labels: NDArray[Any]) -> NDArray[np.float32]:
    """Labels from 0 (N,) → memberships (N, K) of 0 and 1."""
    return np.eye(int(labels.max()) + 1, dtype=np.float32)[labels]
