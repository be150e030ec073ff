"""What users of like programs reported, with the right answers (shared/notes/rivals-2026-11.md, part E); others in test_readers."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
from scipy.sparse import csc_matrix, random_array

import facies
from facies.genes import SpatialTable, find_patterns, gene_images
from facies.metrics import ari
from tests.genes.factories import tissue


def sparse_table(side: int, n_genes: int, density: float = 0.01) -> SpatialTable:
    rng = np.random.default_rng(0)
    values = random_array(
        (side * side, n_genes), density=density, rng=rng, format="csc", dtype=np.float32,
        data_sampler=lambda size: rng.integers(1, 5, size).astype(np.float32),
    )  # fmt: skip
    names = [f"g{number}" for number in range(n_genes)]
    return SpatialTable(csc_matrix(values), names, "x", array=np.argwhere(np.ones((side, side))))


def test_o8_time_grows_no_faster_than_spots():
    """SpatialDM#29: 30,000 spots took more than two days."""
    tables, seconds = [sparse_table(side, 40) for side in (40, 120)], []
    for table in tables:
        best = np.inf
        for _ in range(3):
            began = time.process_time()
            find_patterns(gene_images(table))
            best = min(best, time.process_time() - began)
        seconds.append(best)
    assert seconds[1] < 3 * 9 * seconds[0]  # nine times the spots; a square would be 81 times


def test_o10_half_a_million_bins_take_a_batch_of_memory():
    """spatialdata#572: the images of all genes at 2 µm would take 100 GB."""
    table = sparse_table(775, 60, 2e-3)
    tracemalloc.start()
    images = gene_images(table)
    for batch in images.batches(8):
        assert batch.shape[-1] <= 128
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 80 * 2**20  # of 144 MB that 60 images of 600,000 pixels would take


def test_o16_raw_counts_and_logarithms_give_the_same_groups_and_it_is_said_which_was_given():
    """SPARK#8: raw counts gave 10,000 patterns."""
    adata = tissue(side=16)
    counts = adata.X.toarray()
    totals = counts.sum(axis=1, keepdims=True)
    adata.layers["log"] = np.log1p(counts / totals * np.median(totals))
    raw, log = (
        facies.tl.gene_groups(adata, method="pca-kmeans", n_groups=2, layer=layer, copy=True) for layer in (None, "log")
    )
    assert any("taken for raw counts" in note for note in raw.uns["facies"]["notes"])
    assert any("taken for log-normalised" in note for note in log.uns["facies"]["notes"])
    one, other = (each.var["facies_group"].astype(str).to_numpy() for each in (raw, log))
    assert (one == "unassigned").tolist() == (other == "unassigned").tolist()
    assert ari(one[one != "unassigned"], other[one != "unassigned"]) == 1
