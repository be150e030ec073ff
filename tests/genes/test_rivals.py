"""The simple groupings find planted patterns, and what they compute is what they say."""

from __future__ import annotations

import numpy as np
import pytest

from facies.genes import find_patterns, gene_images
from facies.genes.planted import planted_tissue
from facies.genes.rivals import GROUPINGS
from facies.metrics import ari


@pytest.fixture(scope="module")
def planted():
    made = planted_tissue(4, 15, 60, side=24, mean=3.0, contrast=4.0)
    images = gene_images(made.table)
    values = np.concatenate([batch.numpy() for batch in images.batches()])[:, 0, images.measured]
    return made, images, values


def test_genes_without_a_pattern_are_told_from_the_others(planted):
    made, images, _ = planted
    found = find_patterns(images)
    has = found["moran_q"].to_numpy() < 0.05
    assert has[made.truth >= 0].mean() >= 0.9
    assert has[made.truth < 0].mean() <= 0.1
    assert (found["geary_q"].to_numpy()[made.truth >= 0] < 0.05).mean() >= 0.9


@pytest.mark.parametrize("name", GROUPINGS)
def test_each_finds_planted_patterns(planted, name):
    made, images, values = planted
    kept = made.truth >= 0
    labels = GROUPINGS[name](values[kept], images.measured, 4, 0)
    assert labels.shape == (60,)
    assert labels.dtype == np.int64
    assert set(labels) == set(range(labels.max() + 1))
    assert ari(made.truth[kept], labels) > {"gmm": 0.4, "median-cosine": 0.4}.get(name, 0.8)
    np.testing.assert_array_equal(labels, GROUPINGS[name](values[kept], images.measured, 4, 0))


def test_a_planted_tissue_is_drawn_by_its_seed():
    one, same, other = (planted_tissue(2, 3, 4, 12, random_state=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.table.values.toarray(), same.table.values.toarray())
    assert (one.table.values != other.table.values).nnz
    assert np.bincount(one.truth + 1).tolist() == [4, 3, 3]


@pytest.mark.parametrize("name", ["local-correlation", "median-cosine"])
def test_a_tree_is_cut_into_as_many_groups_as_asked_for_also_where_images_are_equal(name):
    values = np.zeros((12, 64), np.float32)
    values[np.arange(6), np.arange(6) * 9] = 1
    assert len(set(GROUPINGS[name](values, np.ones((8, 8), bool), 4, 0))) == 4
