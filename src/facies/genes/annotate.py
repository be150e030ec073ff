"""Groups of genes written into an AnnData object, under the names that scanpy's users expect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.genes.gene_images import spot_values
from facies.genes.spatial_table import unique_names
from facies.images import ImageSet

if TYPE_CHECKING:
    from anndata import AnnData

UNASSIGNED = "unassigned"
GREY = "#b3b3b3"


@dataclass(frozen=True)
class GeneGroups:
    """Groups of the genes of a set of images.

    Attributes
    ----------
    images : ImageSet
        What was grouped; its ids are names of genes, made unique.
    labels : ndarray of int64, shape (N,)
        Group of each; −1 is unassigned.
    probability : ndarray of float, shape (N,)
        Probability of the group; NaN where the method gives none.
    embedding : ndarray of float32, shape (N, D)
    columns : mapping of str to ndarray, shape (N,)
        Further columns for var, such as ``moran_i``.
    notes : sequence of str
    params : mapping
        Parameters by name, for ``uns``.
    """

    images: ImageSet
    labels: NDArray[np.int64]
    probability: NDArray[np.floating]
    embedding: NDArray[np.float32]
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    notes: Sequence[str] = ()
    params: Mapping[str, Any] = field(default_factory=dict)


def by_size(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number groups by their size, the largest 0; −1 stays."""
    names, sizes = np.unique(labels[labels >= 0], return_counts=True)
    order = names[np.argsort(-sizes, kind="stable")]
    return np.array([-1 if label < 0 else int(np.flatnonzero(order == label)[0]) for label in labels], np.int64)


def write_groups(adata: AnnData, found: GeneGroups, key: str = "facies") -> None:
    """Write groups into an AnnData object.

    ``var[key_group]`` (categorical, with ``unassigned``), ``var[key_prob]``, ``var[key_reason]`` (why a gene is unassigned),
    the columns of `GeneGroups.columns` behind ``key_``, ``varm[X_key]``, ``obsm[key_group_score]`` (spots × groups: mean of
    the standardised genes of a group), ``uns[key]`` and ``uns[key_group_colors]``. Genes that were left out are unassigned.

    Parameters
    ----------
    adata : AnnData
        Whose genes were grouped; it is changed.
    found : GeneGroups
    key : str
    """
    place = _places(adata, found.images)
    labels = np.full(adata.n_vars, -1, np.int64)
    labels[place] = found.labels
    count = int(labels.max(initial=-1)) + 1
    categories = [*map(str, range(count)), UNASSIGNED]
    adata.var[f"{key}_group"] = pd.Categorical.from_codes(
        np.where(labels < 0, count, labels), pd.Index(categories, dtype=object)
    )
    adata.var[f"{key}_prob"] = _column(adata, place, found.probability)
    adata.var[f"{key}_reason"] = pd.Categorical(_reasons(adata, found, place))
    for name, values in found.columns.items():
        adata.var[f"{key}_{name}"] = _column(adata, place, values)
    embedding = np.full((adata.n_vars, found.embedding.shape[1]), np.nan, np.float32)
    embedding[place] = found.embedding
    adata.varm[f"X_{key}"] = embedding
    adata.obsm[f"{key}_group_score"] = pd.DataFrame(
        group_scores(found, count), index=adata.obs_names, columns=pd.Index(categories[:-1], dtype=object)
    )
    adata.uns[key] = {
        "params": {name: value for name, value in found.params.items() if isinstance(value, str | int | float | bool)},
        "n_groups": count,
        "n_unassigned": int((labels < 0).sum()),
        "notes": np.array([*found.notes], dtype=object),
    }
    adata.uns[f"{key}_group_colors"] = np.array([*_colours(count), GREY], dtype=object)


def group_scores(found: GeneGroups, count: int) -> NDArray[np.float32]:
    """Mean of the standardised genes of each group at each spot: (n_spots, count) float32."""
    values = spot_values(found.images)
    mean = np.asarray(values.mean(axis=0)).ravel()
    square = np.asarray(values.multiply(values).mean(axis=0)).ravel()
    deviation = np.sqrt(np.maximum(square - np.square(mean), 1e-12))
    scores = np.zeros((values.shape[0], count), np.float32)
    for group in range(count):
        members = np.flatnonzero(found.labels == group)
        weights = 1 / deviation[members] / len(members)
        scores[:, group] = values[:, members] @ weights - float(mean[members] @ weights)
    return scores


def _places(adata: AnnData, images: ImageSet) -> NDArray[np.int64]:
    names, _ = unique_names([str(name) for name in adata.var_names], "the AnnData object")
    position = {name: number for number, name in enumerate(names)}
    return np.array([position[name] for name in images.table["id"]], np.int64)


def _column(adata: AnnData, place: NDArray[np.int64], values: NDArray[Any]) -> NDArray[np.float64]:
    column = np.full(adata.n_vars, np.nan)
    column[place] = values
    return column


def _reasons(adata: AnnData, found: GeneGroups, place: NDArray[np.int64]) -> NDArray[np.object_]:
    reasons = np.full(adata.n_vars, "grouped", dtype=object)
    names, _ = unique_names([str(name) for name in adata.var_names], "the AnnData object")
    left_out = dict(zip(found.images.left_out["source"], found.images.left_out["reason"], strict=True))
    for number, name in enumerate(names):
        reasons[number] = left_out.get(name, "grouped")
    reasons[place[found.labels < 0]] = "no pattern"
    return reasons


def _colours(count: int) -> list[str]:
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    if count <= 20:
        return [to_hex(colormaps["tab20"](number)) for number in range(count)]
    return [to_hex(colormaps["gist_rainbow"](number / count)) for number in range(count)]
