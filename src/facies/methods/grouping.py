"""From the embedding of any encoder to groups: reduced, laid out, cut, and handed on to new images by their neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self, get_args

import numpy as np
import torch
from annotated_types import Ge, Interval
from numpy.typing import NDArray
from sklearn.mixture import GaussianMixture
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

from facies.cluster import (
    GroupLevels,
    KMeans,
    UMAPLayout,
    agreed_density_groups,
    density_groups,
    density_tree,
    group_levels,
    number_by_silhouette,
    principal_axes,
    ward_tree,
)
from facies.errors import InputError
from facies.parameters import Count, Settings
from facies.training import StageOutputs, Trainer

GroupingMethod = Literal["auto", "density", "k-means", "gaussian-mixture", "ward"]

MOST_REFERENCES = 20_000
"""So many images at most are laid out and cut; all others, and new ones, follow their neighbours among them."""
SMALLEST_LAYOUT = 20
"""Fewer images are grouped by their principal components, without a layout."""
LEAST_NOISE_SAMPLES = 5
IMAGES_IN_LAYOUTS = 30_000
"""So many images are laid out in all, over all layouts, unless one alone has more."""


@dataclass(kw_only=True)
class Grouping(Settings):
    """How an embedding is cut into groups."""

    method: GroupingMethod = "auto"
    """``density`` (HDBSCAN, which finds the number of groups), ``k-means``, ``gaussian-mixture``, ``ward``; ``auto`` is
    ``k-means`` where `n_clusters` is given, else ``density``."""
    n_clusters: Annotated[int, Ge(2)] | None = None
    """Number of groups, K; null finds it: by density; for the other methods it is the finest at which groups stand apart and
    are the same in all layouts, or with one layout that of the greatest silhouette."""
    unit_length: bool = False
    """Divide each embedding by its length, so that its direction alone counts."""
    n_components: Count = 50
    """Principal components of the embedding that are kept; more keep finer differences, and more noise."""
    layout_dimensions: Count | None = 10
    """Dimensions of the UMAP layout that is cut into groups; null cuts the principal components themselves."""
    n_neighbors: Annotated[int, Ge(2)] = 15
    """Neighbours of an image in the layout; more merge small groups."""
    metric: Literal["euclidean", "manhattan"] = "euclidean"
    """Distance by which neighbours are found for the layout; ``manhattan`` lets no single component decide."""
    n_layouts: Annotated[int, Interval(ge=1, le=10)] = 1
    """Layouts from different seeds in which the number of groups is judged where it is to be found, so that the accidents of
    none decide; fewer are made of many images, for time. ``leaf`` and ``eom`` look at one alone."""
    selection: Literal["separated", "leaf", "eom"] = "eom"
    """How ``density`` cuts its tree: ``leaf`` finds many small groups, ``eom`` the most persistent ones, ``separated`` those
    with the greatest silhouette, from groups of N/100 on."""
    min_cluster_size: Annotated[int, Ge(2)] | None = None
    """Fewest images of a group found by ``density``; null is N/50, or N/100 for ``separated``, at least 5. Smaller
    values find rarer kinds."""
    votes: Count = 10
    """Neighbours among the images learnt from whose groups a new image is given, the nearer with the greater weight."""

    @property
    def chosen_method(self) -> str:
        """`method`, with ``auto`` made definite."""
        if self.method != "auto":
            return self.method
        return "density" if self.n_clusters is None else "k-means"

    def check(self, n_images: int, prefix: str = "grouping.") -> None:
        """Raise InputError where the parameters contradict one another, or there are too few images."""
        if self.chosen_method == "density" and self.n_clusters is not None:
            others = ", ".join(name for name in get_args(GroupingMethod) if name not in ("auto", "density"))
            raise InputError(
                f"{prefix}n_clusters={self.n_clusters}: {prefix}method=density finds the number of groups itself; leave it "
                f"out, or set {prefix}method to one of {others}"
            )
        if n_images < (least := max(4, self.n_clusters or 0)):
            what = f"the {self.n_clusters} groups asked for" if least > 4 else "the 4 that can be grouped"
            raise InputError(f"{n_images} images are fewer than {what}; give more images, or ask for fewer groups")

    def fit(self, embedding: NDArray[np.float32], trainer: Trainer) -> StageOutputs:
        """Find the groups of an embedding.

        Parameters
        ----------
        embedding
            (N, D).
        trainer
            Of the fit; gives seeds and shows progress.

        Returns
        -------
        StageOutputs
            ``groups``, the state of a `Groups`; ``n_clusters``; ``found_labels``, (N,) what the method said before
            neighbours voted, −1 for noise and for images it was not shown; ``grouping_notes``, sentences for the user; for
            ``density`` and ``ward``, where all images were laid out, the arrays of their `GroupTree` as ``tree_…``.
        """
        rows = _references(len(embedding), trainer.seed("references"))
        with trainer.progress("lay out", 2, "steps") as progress:
            axes = principal_axes(self._scaled(embedding[rows]), self.n_components)
            reduced = np.asarray(axes.transform(self._scaled(embedding[rows])), np.float32)
            progress.advance(1)
            layouts = self._layouts(reduced, trainer.seed("layout"))
            progress.advance(1)
        levels = self._levels(layouts, trainer)
        with trainer.progress("group", 1, "steps") as progress:
            labels, memberships = self._cut(layouts, levels, trainer.seed("groups"))
            progress.advance(1)
        state = {
            "mean": torch.from_numpy(np.asarray(axes.mean_, np.float32)),
            "components": torch.from_numpy(np.asarray(axes.components_, np.float32)),
            "references": torch.from_numpy(reduced),
            "memberships": torch.from_numpy(memberships.astype(np.float32)),
            "unit_length": torch.tensor(self.unit_length),
            "votes": torch.tensor(min(self.votes, len(rows))),
        }
        found = np.full(len(embedding), -1, np.int64)
        found[rows] = labels
        return {
            "groups": state,
            "n_clusters": memberships.shape[1],
            "found_labels": found,
            "grouping_notes": self._notes(labels, memberships, len(embedding), levels, len(layouts)),
            **({} if len(rows) < len(embedding) else self._tree(layouts[0], trainer.seed("groups"))),
        }

    def _scaled(self, embedding: NDArray[np.float32]) -> NDArray[np.float32]:
        if not self.unit_length:
            return embedding
        lengths = np.linalg.norm(embedding, axis=1, keepdims=True)
        return np.asarray(embedding / np.maximum(lengths, 1e-12), np.float32)

    def _layouts(self, reduced: NDArray[np.float32], seed: int) -> list[NDArray[np.float32]]:
        """The layout that is cut, and others of the same rows, in which a cut is judged as well."""
        if self.layout_dimensions is None or len(reduced) < SMALLEST_LAYOUT:
            return [reduced]
        manifold = UMAPLayout(reduced, self.n_neighbors, self.metric, seed)
        judged = self.n_clusters is None and (self.chosen_method != "density" or self.selection == "separated")
        least = 1 if self.chosen_method == "density" else min(2, self.n_layouts)
        count = min(self.n_layouts, max(least, IMAGES_IN_LAYOUTS // len(reduced))) if judged else 1
        return [manifold.layout(self.layout_dimensions, seed=(seed + number) % 2**32) for number in range(count)]

    def _levels(self, layouts: list[NDArray[np.float32]], trainer: Trainer) -> GroupLevels | None:
        """How many groups there are; None where density finds them itself."""
        if self.n_clusters is not None:
            return GroupLevels(self.n_clusters, [])
        if self.chosen_method == "density":
            return None
        seed = trainer.seed("groups")
        if len(layouts) == 1:
            return GroupLevels(number_by_silhouette(layouts[0], random_state=seed), [])

        def tracked(counts: Sequence[int]) -> Iterator[int]:
            with trainer.progress("number of groups", len(counts), "numbers") as progress:
                for count in counts:
                    yield count
                    progress.advance(1)

        return group_levels(layouts, seed, tracked)

    def _cut(
        self, layouts: list[NDArray[np.float32]], levels: GroupLevels | None, seed: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Labels (N,), −1 for noise, and memberships (N, K)."""
        method, layout = self.chosen_method, layouts[0]
        if method == "density" and self.selection == "separated":
            smallest = self.min_cluster_size or max(5, len(layout) // 100)
            found = agreed_density_groups(layouts, smallest, LEAST_NOISE_SAMPLES, random_state=seed)
            return found.labels, found.memberships
        if levels is None:
            smallest = self.min_cluster_size or max(5, len(layout) // 50)
            found = density_groups(layout, self.selection, smallest, LEAST_NOISE_SAMPLES, "euclidean")
            return found.labels, found.memberships
        count = levels.number
        if method == "gaussian-mixture":
            mixture = GaussianMixture(count, n_init=3, reg_covar=1e-4, random_state=seed)
            memberships = mixture.fit(layout).predict_proba(layout).astype(np.float32)
            return memberships.argmax(axis=1).astype(np.int64), memberships
        if method == "ward":
            tree = ward_tree(layout, smallest=1, random_state=seed)
            labels = tree.cut(n_groups=min(count, 1 + int((tree.strength > 0).sum()))).labels
        else:
            labels = KMeans(count, random_state=seed).fit(layout).labels_
        return labels, np.eye(int(labels.max()) + 1, dtype=np.float32)[labels]

    def _tree(self, layout: NDArray[np.float32], seed: int) -> StageOutputs:
        """The tree of the first layout, from which other numbers of groups can be cut later."""
        if self.chosen_method == "density":
            return density_tree(layout, LEAST_NOISE_SAMPLES).arrays(prefix="tree_")
        return ward_tree(layout, random_state=seed).arrays(prefix="tree_") if self.chosen_method == "ward" else {}

    def _notes(
        self,
        labels: NDArray[np.int64],
        memberships: NDArray[np.float32],
        n_images: int,
        levels: GroupLevels | None,
        n_layouts: int,
    ) -> list[str]:
        notes, count, noise = [], memberships.shape[1], int((labels < 0).sum())
        if self.n_clusters is None:
            coarser = ", ".join(map(str, [] if levels is None else levels.coarser))
            also = f"; all layouts agree on coarser groups as well: {coarser}" if coarser else ""
            judged = f", judged in {n_layouts} layouts of the images" if n_layouts > 1 else ""
            notes.append(f"the number of groups was found, not given: {count} by {self.chosen_method}{judged}{also}")
        elif count < self.n_clusters:
            notes.append(f"there are {count} groups instead of {self.n_clusters}: so few images differ")
        if noise:
            notes.append(
                f"{noise} images lie between the groups; each was given the group of its neighbours (the partition "
                "'density' keeps them as noise)"
            )
        if len(labels) < n_images:
            notes.append(
                f"groups were found among {len(labels)} of the {n_images} images, drawn at random; the others follow "
                "their neighbours"
            )
        return notes


class Groups(nn.Module):
    """Groups in an embedding: an image belongs to those of its nearest neighbours among the images that were grouped.

    p(k | x) = Σ_j w_j m_jk over the nearest references j, with weights w_j ∝ exp(−‖x − r_j‖² / 2h²) that sum to 1. h is the
    median distance of a reference to the farthest of its own nearest ones.

    Parameters
    ----------
    references
        (M, D') principal components of the images that were grouped.
    memberships
        (M, K) their memberships, rows sum to 1.
    mean, components
        (D,), (D', D): the principal components.
    unit_length
        Whether embeddings are divided by their length first.
    votes
        How many neighbours vote.
    """

    mean: Tensor
    components: Tensor
    references: Tensor
    memberships: Tensor
    width: Tensor

    def __init__(
        self, references: Tensor, memberships: Tensor, mean: Tensor, components: Tensor, unit_length: bool, votes: int
    ) -> None:
        super().__init__()
        self.unit_length, self.votes = unit_length, votes
        parts = {"references": references, "memberships": memberships, "mean": mean, "components": components}
        for name, value in parts.items():
            self.register_buffer(name, value)
        self.register_buffer("width", self._width())

    @classmethod
    def from_state(cls, state: dict[str, Tensor], device: torch.device) -> Self:
        """Build what `Grouping.fit` gave as ``groups``."""
        parts = {name: state[name] for name in ("references", "memberships", "mean", "components")}
        votes, unit_length = int(state["votes"]), bool(state["unit_length"])
        return cls(**parts, unit_length=unit_length, votes=votes).to(device).eval()

    def forward(self, embedding: Tensor) -> Tensor:
        """Embeddings (B, D) → probabilities (B, K)."""
        rows = F.normalize(embedding, dim=1) if self.unit_length else embedding
        squares, nearest = self._nearest((rows - self.mean) @ self.components.T)
        weights = (-squares / self.width).softmax(dim=1)
        return (weights[:, :, None] * self.memberships[nearest]).sum(dim=1)

    def _nearest(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Squared distances and numbers of the references nearest to rows (B, D'), (B, votes) each."""
        lengths = rows.square().sum(dim=1)[:, None] + self.references.square().sum(dim=1)
        squares = (lengths - 2 * rows @ self.references.T).clamp(min=0.0)
        nearest, indices = squares.topk(self.votes, dim=1, largest=False)
        return nearest, indices

    def _width(self) -> Tensor:
        """2h²: twice the median squared distance of a reference to the farthest of those that vote."""
        some = self.references[:: max(1, len(self.references) // 1000)]
        return (2 * self._nearest(some)[0][:, -1].median()).clamp(min=1e-12)


def _references(n_images: int, seed: int) -> NDArray[np.int64]:
    """All rows, or as many as are laid out, drawn at random and in their order."""
    if n_images <= MOST_REFERENCES:
        return np.arange(n_images)
    return np.sort(np.random.default_rng(seed).choice(n_images, MOST_REFERENCES, replace=False))
