"""Families, regions, pairs and named genes: what they say of groups that are right, and of groups that are not."""

from __future__ import annotations

import numpy as np
import pytest

from facies.errors import InputError
from facies.genes.evaluation import (
    explained_by_regions,
    family_agreement,
    gene_families,
    gene_pair_accuracy,
    leiden_of_genes,
)


def test_families_are_told_by_name_whatever_its_case():
    names = [
        "HLA-A",
        "H2-K1",
        "RPL3",
        "Rps27a",
        "RPLP0",
        "MT-CO1",
        "mt-Nd1",
        "COL1A1",
        "IGKC",
        "IGHG1",
        "IGF1",
        "RPS6KA1",
        "COLEC12",
    ]
    assert gene_families(names).tolist() == [
        "HLA", "HLA", "ribosomal", "ribosomal", "ribosomal", "mitochondrial", "mitochondrial", "collagen", "immunoglobulin",
        "immunoglobulin", "", "", "",
    ]  # fmt: skip


def test_families_in_groups_of_their_own_agree():
    names = ["HLA-A", "HLA-B", "COL1A1", "COL3A1", "ACTB", "COL5A1"]
    right = family_agreement(names, [0, 0, 1, 1, 0, -1])
    assert right == {"families_ari": 1.0, "families_nmi": 1.0, "n_family_genes": 4}
    assert family_agreement(names, [0, 1, 0, 1, 0, 1])["families_ari"] < 0.1
    assert np.isnan(family_agreement(names[:2], [0, 0])["families_ari"])


def test_regions_explain_groups_of_their_own_and_not_noise():
    rng = np.random.default_rng(0)
    regions = np.repeat(["tumour", "stroma", "undetermined"], 40)
    values = rng.normal(size=(30, 120)).astype(np.float32)
    values[:15, :40] += 3
    groups = np.repeat([0, 1], 15)
    assert explained_by_regions(values[:15], groups[:15], regions) > 0.9
    assert explained_by_regions(values[15:], groups[15:], regions) < 0.2
    both = explained_by_regions(values, groups, regions)
    assert 0.4 < both < 0.65  # the mean of the two
    assert np.isnan(explained_by_regions(values, np.full(30, -1), regions))


def test_a_linear_probe_tells_related_pairs():
    rng = np.random.default_rng(0)
    kinds = np.arange(60) % 4
    codes = np.eye(4)[kinds] + 0.1 * rng.normal(size=(60, 4))
    pairs = rng.integers(60, size=(400, 2))
    related = kinds[pairs[:, 0]] == kinds[pairs[:, 1]]
    assert gene_pair_accuracy(codes, pairs, related) > 0.95
    assert gene_pair_accuracy(codes, pairs[:, ::-1], related) == gene_pair_accuracy(codes, pairs, related)
    half = np.flatnonzero(related)[:60].tolist() + np.flatnonzero(~related)[:60].tolist()
    assert gene_pair_accuracy(codes, pairs[half], rng.random(120) < 0.5) < 0.65
    with pytest.raises(InputError, match="fewer than 5 folds"):
        gene_pair_accuracy(codes, pairs[:3], related[:3])


def test_leiden_of_a_list_of_named_genes():
    rng = np.random.default_rng(0)
    names = [f"{family}{n}" for family in ("HLA-", "RPL", "MT-", "GABR") for n in range(5)]
    codes = np.repeat(np.eye(4), 5, axis=0) @ rng.normal(size=(4, 12)) + 0.1 * rng.normal(size=(20, 12))
    sets = {name: name[:3] for name in names}
    found = leiden_of_genes(codes, names, sets)
    assert found["nmi"] == pytest.approx(1)
    assert set(found["groups"]) == set(names)
    with pytest.raises(InputError, match="there is no gene 'RPL9'"):
        leiden_of_genes(codes, names, {"RPL9": "RPL", "MT-1": "MT"})
    with pytest.raises(InputError, match="all of one set"):
        leiden_of_genes(codes, names, {"RPL1": "RPL"})
    codes[3] = np.nan
    with pytest.raises(InputError, match="HLA-3 has no embedding"):
        leiden_of_genes(codes, names, sets)
