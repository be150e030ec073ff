"""How good groups of genes are, by what is known of genes and tissue beside the images: families, pairs, regions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.cluster.correlation_graph import standardised
from facies.cluster.similarity_groups import leiden_groups
from facies.errors import InputError, suggest

FAMILIES: Mapping[str, str] = {
    "HLA": r"HLA-|H2-",
    "ribosomal": r"RP[LS]\d+[A-Z]?\d*$|RPLP\d|RPSA$",
    "mitochondrial": r"MT-",
    "collagen": r"COL\d+A\d+$",
    "immunoglobulin": r"IG[HKL][ACDEGJMV]",
}
"""Families of genes by how their names begin, whatever their case."""


def gene_families(names: Sequence[str]) -> NDArray[np.object_]:
    """Name the family of each gene, HLA, ribosomal, mitochondrial, collagen or immunoglobulin; empty for all others: (N,)."""
    found = [
        next((family for family, pattern in FAMILIES.items() if re.match(pattern, name, re.IGNORECASE)), "")
        for name in names
    ]
    return np.array(found, dtype=object)


def family_agreement(names: Sequence[str], groups: ArrayLike) -> dict[str, float]:
    """Measure whether genes of one family are in one group, and those of two families in two.

    Parameters
    ----------
    names : sequence of str
        Of the genes.
    groups : array_like of int, shape (N,)
        −1 does not count.

    Returns
    -------
    dict
        ``families_ari`` and ``families_nmi`` over the genes of a family, ``n_family_genes``; NaN where fewer than two families
        have a gene.
    """
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    families, labels = gene_families(names), np.asarray(groups)
    kept = (families != "") & (labels >= 0)
    few = len(set(families[kept])) < 2
    true, found = families[kept].astype(str), labels[kept]
    return {
        "families_ari": float("nan") if few else float(adjusted_rand_score(true, found)),
        "families_nmi": float("nan") if few else float(normalized_mutual_info_score(true, found)),
        "n_family_genes": int(kept.sum()),
    }


def explained_by_regions(values: NDArray[np.float32], groups: ArrayLike, regions: Sequence[str]) -> float:
    """Share of the variance of the mean patterns of groups that regions of the tissue explain (η²), from 0 to 1.

    Parameters
    ----------
    values : ndarray, shape (N, n_spots)
        Genes; they are standardised.
    groups : array_like of int, shape (N,)
        −1 does not count.
    regions : sequence of str, shape (n_spots,)
        What a pathologist called each spot; empty or ``undetermined`` does not count.

    Returns
    -------
    float
        The mean over groups, each weighted by its genes.
    """
    labels, names = np.asarray(groups), np.asarray(regions, dtype=str)
    known = (names != "") & (np.char.lower(names) != "undetermined")
    scaled, places = standardised(values), np.unique(names[known], return_inverse=True)[1]
    shares, weights = [], []
    for group in np.unique(labels[labels >= 0]):
        mean = scaled[labels == group].mean(axis=0, dtype=np.float64)[known]
        of_region = np.bincount(places, mean) / np.bincount(places)
        total = np.square(mean - mean.mean()).sum()
        if total > 0:
            shares.append(np.square(of_region[places] - mean.mean()).sum() / total)
            weights.append((labels == group).sum())
    return float(np.average(shares, weights=weights)) if shares else float("nan")


def gene_pair_accuracy(
    embedding: NDArray[np.floating], pairs: ArrayLike, related: ArrayLike, *, n_folds: int = 5, random_state: int = 0
) -> float:
    """Accuracy of a linear probe that tells related pairs of genes from others, by cross-validation.

    A pair is described by ``|z_i − z_j|`` and ``z_i z_j``, so that its order says nothing (after Du et al., Gene2vec, 2019).

    Parameters
    ----------
    embedding : ndarray, shape (N, D)
    pairs : array_like of int, shape (P, 2)
        Two rows of the embedding each.
    related : array_like of bool, shape (P,)
        Whether the two belong together, such as by a common term of the Gene Ontology.
    n_folds : int, default=5
    random_state : int, default=0

    Returns
    -------
    float
        From 0 to 1; 0.5 is chance where half of the pairs are related.

    Raises
    ------
    InputError
        If there are fewer pairs of a kind than folds.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    places, truth = np.asarray(pairs, np.int64), np.asarray(related, bool)
    least = int(min(truth.sum(), (~truth).sum()))
    if least < n_folds:
        raise InputError(f"{least} pairs of a kind are fewer than {n_folds} folds: give more pairs")
    one, other = (np.asarray(embedding, np.float64)[places[:, side]] for side in (0, 1))
    described = np.concatenate([np.abs(one - other), one * other], axis=1)
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=random_state)
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return float(cross_val_score(probe, described, truth, cv=folds).mean())


def leiden_of_genes(
    embedding: NDArray[np.floating], names: Sequence[str], chosen: Mapping[str, str], *, random_state: int = 0
) -> dict[str, Any]:
    """Group a list of named genes by Leiden in an embedding, and measure how well known sets of genes come out.

    Parameters
    ----------
    embedding : ndarray, shape (N, D)
        Such as ``adata.varm["X_facies"]``.
    names : sequence of str, shape (N,)
        Of its rows.
    chosen : mapping of str to str
        Gene → the set that it belongs to, such as ``{"HLA-A": "HLA", "RPL3": "RPL", …}``.
    random_state : int, default=0

    Returns
    -------
    dict
        ``groups`` (gene → group), ``nmi`` and ``ari`` against the sets.

    Raises
    ------
    InputError
        If a gene is not there or has no embedding, or fewer than two sets are named.
    """
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    row = {name: number for number, name in enumerate(names)}
    for gene in chosen:
        if gene not in row:
            raise InputError(f"there is no gene {gene!r}; {suggest(gene, list(names), 'see adata.var_names')}")
        if not np.isfinite(embedding[row[gene]]).all():
            raise InputError(f"{gene} has no embedding, for it was left out or has no pattern: take it off the list")
    sets = list(chosen.values())
    if len(set(sets)) < 2:
        raise InputError("the genes are all of one set: name two or more, to see whether they come apart")
    codes = np.asarray([embedding[row[gene]] for gene in chosen], np.float32)
    count = max(2, min(15, len(codes) // len(set(sets))))
    labels = leiden_groups(codes, len(set(sets)), count, random_state)
    return {
        "groups": dict(zip(chosen, labels.tolist(), strict=True)),
        "nmi": float(normalized_mutual_info_score(sets, labels)),
        "ari": float(adjusted_rand_score(sets, labels)),
    }
