"""What a scanpy user calls on an AnnData object: `gene_groups` and `similar_genes`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError, suggest
from facies.genes.annotate import GeneGroups, by_size, write_groups
from facies.genes.gene_images import gene_images
from facies.genes.normalisation import Values
from facies.genes.patterns import find_patterns
from facies.genes.readers.anndata import table_from_anndata
from facies.genes.rivals import GROUPINGS, components
from facies.images import ImageSet
from facies.metrics.similar_groups import group_notes

if TYPE_CHECKING:
    from anndata import AnnData

GENES_PER_GROUP = 30


def gene_groups(
    adata: AnnData,
    *,
    method: str = "darlc",
    n_groups: int | None = None,
    preset: str = "quick",
    parameters: Mapping[str, Any] | None = None,
    layer: str | None = None,
    values: Values = "auto",
    section_key: str | None = None,
    min_spots: int = 10,
    pattern_q: float = 0.05,
    n_permutations: int = 0,
    key_added: str = "facies",
    random_state: int = 0,
    copy: bool = False,
) -> AnnData | None:
    """Group genes by their spatial pattern, and write the groups into the AnnData object.

    Parameters
    ----------
    adata : AnnData
        Spots × genes with ``obs['array_row']`` and ``obs['array_col']``, or ``obsm['spatial']``.
    method : str, default="darlc"
        ``darlc``, or a simple one: ``kmeans``, ``pca-kmeans``, ``gmm``, ``local-correlation``, ``median-cosine``, ``leiden``.
    n_groups : int, optional
        How many groups; without it one for 30 genes that have a pattern.
    preset, parameters
        Of ``darlc``, as `facies.make_method` takes them.
    layer : str, optional
        The layer that holds the values; without it ``X``.
    values : {"auto", "counts", "normalised"}, default="auto"
        What they are; see `facies.genes.gene_images`.
    section_key : str, optional
        Column of obs that names the section of each spot.
    min_spots : int, default=10
        Genes of fewer spots are unassigned.
    pattern_q : float, default=0.05
        Genes whose Moran's I has a larger false discovery rate are unassigned, from 0 to 1; 1 keeps all.
    n_permutations : int, default=0
        Random orders of the spots for the p-values of Moran's I and Geary's C; 0 takes analytic ones. The smallest false
        discovery rate that n orders can show is 1 / (n + 1).
    key_added : str, default="facies"
        Beginning of the names under which results are written; see `facies.genes.annotate.write_groups`.
    random_state : int, default=0
        Equal seeds give equal groups.
    copy : bool, default=False
        Return a copy with the results, and leave `adata` as it is.

    Returns
    -------
    AnnData or None
        None unless `copy`.

    Raises
    ------
    InputError
        If the object or a parameter cannot be used, or there are fewer genes with a pattern than groups.
    """
    if method != "darlc" and method not in GROUPINGS:
        raise InputError(f"there is no method {method!r} for genes; {suggest(method, ['darlc', *GROUPINGS])}")
    if method != "darlc" and parameters:
        raise InputError(f"method {method} has no parameters beside n_groups and random_state: leave parameters out")
    adata = adata.copy() if copy else adata
    table = table_from_anndata(adata, layer=layer, section_key=section_key)
    images = gene_images(table, min_spots=min_spots, values=values)
    patterns = find_patterns(images, n_permutations=n_permutations, random_state=random_state)
    has = patterns["moran_q"].to_numpy() <= pattern_q
    count = n_groups if n_groups is not None else max(2, round(int(has.sum()) / GENES_PER_GROUP))
    if count < 2 or int(has.sum()) < count:
        raise InputError(
            f"{int(has.sum())} of {len(images)} genes have a pattern, too few for {count} groups: "
            "ask for 2 groups or more, as many as there are such genes, or raise pattern_q"
        )
    rows = np.flatnonzero(has)
    own, probability, embedding, notes = (
        _by_darlc(images.subset(rows), count, preset, parameters or {}, random_state)
        if method == "darlc"
        else _by_rival(images.subset(rows), method, count, random_state)
    )
    write_groups(
        adata,
        GeneGroups(
            images,
            _spread(by_size(own), rows, len(images), -1),
            _spread(probability, rows, len(images), np.nan),
            _spread(embedding, rows, len(images), np.nan),
            {name: patterns[name].to_numpy() for name in ("moran_i", "moran_q", "geary_c", "geary_q")},
            [*images.notes, _pattern_note(patterns, pattern_q, n_permutations),
             *notes, *group_notes(_batches(images.subset(rows)), by_size(own), "genes")],
            {"method": method, "n_groups": count, "preset": preset, "min_spots": min_spots, "pattern_q": pattern_q,
             "n_permutations": n_permutations,
             "random_state": random_state, "layer": layer or "X"},
        ),
        key_added,
    )  # fmt: skip
    return adata if copy else None


def similar_genes(
    adata: AnnData, gene: str, *, n: int = 20, key: str = "facies", layer: str | None = None, values: Values = "auto"
) -> pd.DataFrame:
    """List the genes whose pattern is most like that of one gene.

    Parameters
    ----------
    adata : AnnData
        After `gene_groups` the embedding of the method is compared, by the cosine; before it the images, by Pearson's
        correlation over the measured pixels.
    gene : str
        Such as ``"KRT8"``.
    n : int, default=20
        How many.
    key : str, default="facies"
        What `gene_groups` wrote under.
    layer, values
        As `gene_groups` takes them.

    Returns
    -------
    DataFrame
        Index: gene, the most similar first, without itself; ``similarity`` from −1 to 1; ``group`` where there are groups.

    Raises
    ------
    InputError
        If there is no such gene, or it was left out.
    """
    names = [str(name) for name in adata.var_names]
    if gene not in names:
        raise InputError(f"there is no gene {gene!r}; {suggest(gene, names, 'see adata.var_names')}")
    embedding = adata.varm.get(f"X_{key}")
    if embedding is not None and np.isfinite(embedding[names.index(gene)]).all():
        kept, codes = names, np.asarray(embedding, np.float64)
    else:
        images = gene_images(table_from_anndata(adata, layer=layer), min_spots=1, values=values)
        kept, codes = images.table["id"].tolist(), np.concatenate(list(_batches(images))).astype(np.float64)
        codes -= codes.mean(axis=1, keepdims=True)
        if gene not in kept:
            raise InputError(f"{gene} has no count at any spot: there is nothing to compare")
    codes = codes / np.maximum(np.linalg.norm(codes, axis=1, keepdims=True), 1e-12)
    table = pd.DataFrame({"similarity": codes @ codes[kept.index(gene)]}, index=pd.Index(kept, name="gene"))
    if f"{key}_group" in adata.var:
        groups = dict(zip(names, adata.var[f"{key}_group"].astype(str), strict=True))
        table["group"] = [groups.get(name, "") for name in kept]
    table = table.drop(index=gene).dropna(subset=["similarity"])
    return table.sort_values("similarity", ascending=False, kind="stable").head(n)


def _pattern_note(patterns: pd.DataFrame, q: float, n_permutations: int) -> str:
    how = f"{n_permutations:,} permutations" if n_permutations else "analytic"
    none, by_geary = (int((patterns[name] > q).sum()) for name in ("moran_q", "geary_q"))
    return (
        f"{none:,} of {len(patterns):,} genes have no pattern: unassigned (Moran's I, {how}, q > {q:g}; "
        f"by Geary's C it would be {by_geary:,})"
    )


def _by_darlc(
    images: ImageSet, count: int, preset: str, parameters: Mapping[str, Any], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.floating], NDArray[np.float32], list[str]]:
    from facies.methods import make_method

    given = {"patterns.q": 1.0, **parameters, "n_clusters": count, "random_state": seed}  # already told by Moran's I
    fitted = make_method("darlc", preset, given).fit(images)
    return fitted.labels_, fitted.probabilities_.max(axis=1), fitted.embedding_, fitted.notes_[len(images.notes) :]


def _by_rival(
    images: ImageSet, method: str, count: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.floating], NDArray[np.float32], list[str]]:
    pixels = np.concatenate(list(_batches(images)))
    assert images.measured is not None
    labels = GROUPINGS[method](pixels, images.measured, count, seed)
    return labels, np.full(len(images), np.nan), components(pixels, seed), []


def _batches(images: ImageSet) -> Any:
    measured = images.measured
    return (batch.numpy()[:, 0, measured] for batch in images.batches())


def _spread(values: NDArray[Any], rows: NDArray[np.int64], count: int, fill: float) -> NDArray[Any]:
    made = np.full((count, *values.shape[1:]), fill, values.dtype)
    made[rows] = values
    return made
