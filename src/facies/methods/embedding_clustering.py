"""What methods share that first embed images by an encoder, and then group what it gives: embed, group, assign, map."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facies.cluster import GroupTree
from facies.images import ImageSet
from facies.methods.base import Method
from facies.methods.fit_context import FitContext
from facies.methods.grouping import Grouping, Groups
from facies.methods.partition import Partition
from facies.parameters import settings
from facies.training import Projection, Stage, StageOutputs


@dataclass(kw_only=True, eq=False, repr=False)
class EmbeddingMethod(Method):
    """An encoder, and groups in its embedding.

    A subclass has stages that give its encoder (`encoder_stages`), says what of their outputs a model keeps
    (`encoder_state`), and builds the encoder from that (`load_encoder`), so that `embed` works. It finds groups (`group`),
    and places embeddings in them (`load_groups`, `place`).
    """

    supported_inputs: ClassVar[tuple[str, ...]] = ("images", "focal stacks")

    projection: Projection = settings(Projection)
    """The map."""

    @abstractmethod
    def encoder_stages(self, fit: FitContext) -> list[Stage]:
        """The stages that give an encoder."""

    @abstractmethod
    def encoder_state(self, outputs: StageOutputs) -> StageOutputs:
        """Of the outputs of these stages, what a model keeps."""

    @abstractmethod
    def load_encoder(self, state: StageOutputs) -> None:
        """Build the encoder from what `encoder_state` returned."""

    @abstractmethod
    def group_stages(self, fit: FitContext) -> list[Stage]:
        """The stages that find groups in ``embedding_``; they give ``groups``, tensors by name, and ``n_clusters``."""

    @abstractmethod
    def load_groups(self, groups: dict[str, Tensor]) -> None:
        """Build what `place` needs from ``groups``."""

    @abstractmethod
    def place(self, embedding: Tensor) -> Tensor:
        """Embeddings (B, D) → probabilities (B, K)."""

    def stages(self, fit: FitContext) -> list[Stage]:
        """The encoder, its embedding of all images, the groups, and a map."""
        return [
            *self.encoder_stages(fit),
            fit.stage("embed", self.embed_all),
            *self.group_stages(fit),
            fit.stage("assign", self.assign),
            fit.stage("projection", lambda fit, outputs: fit.project(outputs, self.projection)),
        ]

    def embed_all(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: the embedding of every image."""
        self.load_encoder(self.encoder_state(outputs))
        (embedding,) = fit.apply(self.embed, "embed", batch_size=self._batch_size())
        return {"embedding_": embedding}

    def assign(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: probabilities and group of every image, as the finished model gives them; the embedding is there already."""
        self._set_state(self._state_of(fit.images, outputs))
        embedding = torch.from_numpy(outputs["embedding_"])
        with fit.trainer.progress("assign", len(embedding), "images") as progress, torch.no_grad():
            parts = []
            for rows in torch.split(embedding, self._batch_size()):
                parts.append(self.place(rows.to(self.device_)).float().cpu().numpy())
                progress.advance(len(rows))
        probabilities = np.concatenate(parts)
        return {"probabilities_": probabilities, "labels_": probabilities.argmax(axis=1).astype(np.int64)}

    def model_state(self, outputs: StageOutputs) -> StageOutputs:
        """Encoder and groups."""
        return {**self.encoder_state(outputs), "groups": outputs["groups"], "n_clusters": outputs["n_clusters"]}

    def load_state(self, state: StageOutputs) -> None:
        """Build encoder and groups."""
        self.load_encoder(state)
        self.load_groups(state["groups"])

    def cluster_probabilities(self, pixels: Tensor) -> Tensor:
        """Probabilities of the groups, from the embedding."""
        return self.place(self.embed(pixels))

    def embed_and_cluster(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Both, in one pass."""
        embedding = self.embed(pixels)
        return embedding, self.place(embedding)


@dataclass(kw_only=True, eq=False, repr=False)
class EmbeddingClustering(EmbeddingMethod):
    """An encoder, and a `Grouping` of its embedding."""

    estimates_n_clusters: ClassVar[bool] = True

    grouping: Grouping = settings(Grouping)
    """How the embedding is cut into groups."""

    @property
    def asked_n_clusters(self) -> int | None:
        """``grouping.n_clusters``."""
        return self.grouping.n_clusters

    def check(self, images: ImageSet) -> None:
        """Refuse also a grouping that contradicts itself, and too few images."""
        super().check(images)
        self.grouping.check(len(images))

    def group_stages(self, fit: FitContext) -> list[Stage]:
        """The groups, in one stage."""
        return [fit.stage("group", self.group)]

    def group(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: the groups in the embedding."""
        found = self.grouping.fit(outputs["embedding_"], fit.trainer)
        return {**found, "notes": [*outputs.get("notes", []), *found["grouping_notes"]]}

    def model_state(self, outputs: StageOutputs) -> StageOutputs:
        """Encoder and groups; what the method said before neighbours voted, and its tree, stay with this object."""
        self.found_labels_: NDArray[np.int64] = outputs["found_labels"]
        self.tree_ = GroupTree.from_arrays(outputs, "tree_") if "tree_parent" in outputs else None
        return super().model_state(outputs)

    def load_groups(self, groups: dict[str, Tensor]) -> None:
        """Build the groups."""
        self.groups_ = Groups.from_state(groups, self.device_)

    def place(self, embedding: Tensor) -> Tensor:
        """What the neighbours of an embedding say."""
        placed: Tensor = self.groups_(embedding)
        return placed

    def partitions(self) -> dict[str, Partition]:
        """The groups, and beside them what ``density`` found with its noise, where there is some."""
        own = {self.name: Partition(self.labels_, self.title, self.probabilities_)}
        found: Any = getattr(self, "found_labels_", None)
        if found is None or self.grouping.chosen_method != "density" or (found >= 0).all():
            return own
        return {"density": Partition(found, "Dense groups and the noise between them", None), **own}

    def trees(self) -> dict[str, tuple[GroupTree, dict[str, Any]]]:
        """The tree of the layout that was cut, of ``density`` and ``ward``."""
        tree: GroupTree | None = getattr(self, "tree_", None)
        method = self.grouping.chosen_method
        return {} if tree is None else {method: (tree, {"method": method, "seed": self.random_state})}
