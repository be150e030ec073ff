"""Several sections: one joint fit, and a fit on one with predictions on another (Stereopy#353, MERINGUE#24, GASTON#12)."""

from __future__ import annotations

import anndata
import numpy as np
import pytest

from facies.genes import gene_images
from facies.genes.readers.anndata import table_from_anndata
from facies.methods import make_method
from facies.metrics import ari
from facies.statistics.spatial_autocorrelation import pixel_neighbours
from tests.genes.factories import tissue

TINY = {
    "n_clusters": 2, "width": 16, "depth": 1, "latent_size": 4, "attention_width": 8, "denoising.epochs": 1,
    "pretraining.epochs": 3, "training.epochs": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def fitted():
    images = gene_images(table_from_anndata(tissue(side=16)))
    return make_method("darlc", "quick", TINY).fit(images), images


def test_a_fit_on_one_section_groups_the_genes_of_another(fitted):
    method, images = fitted
    other = gene_images(table_from_anndata(tissue(side=16, seed=7)), shape=images.image_shape[1:])
    kinds, groups = tissue(side=16).var["kind"].to_numpy(), method.predict(other)
    kept = (kinds < 2) & (groups >= 0)
    assert kept.sum() >= 25
    assert ari(kinds[kept], groups[kept]) == 1


def test_one_fit_of_two_sections_and_no_edge_between_them():
    both = anndata.concat({"A": tissue(side=12), "B": tissue(side=12, seed=1)}, label="section", index_unique="-")
    images = gene_images(table_from_anndata(both))
    method = make_method("darlc", "quick", TINY).fit(images)
    kinds = tissue(side=12).var["kind"].to_numpy()
    kept = (kinds < 2) & (method.labels_ >= 0)
    assert ari(kinds[kept], method.labels_[kept]) == 1
    column = np.argwhere(images.measured)[:, 1]
    ends = pixel_neighbours(images.measured, 3.0).tocoo()
    assert ((column[ends.row] < 14) == (column[ends.col] < 14)).all()


def test_a_large_sparse_table_gives_finite_groups_in_a_batch_of_memory():
    """Hotspot#58 (all NaN), spatialdata#572 (100 GB): images are made batch by batch from the sparse table."""
    import tracemalloc

    from scipy.sparse import random_array

    from facies.genes import SpatialTable, find_patterns

    rng = np.random.default_rng(0)
    side, n_genes = 300, 1000
    values = random_array(
        (side * side, n_genes),
        density=2e-3,
        rng=rng,
        format="csc",
        data_sampler=lambda size: rng.poisson(2, size) + 1.0,
    )
    table = SpatialTable(
        values.astype(np.float32), [f"g{n}" for n in range(n_genes)], "x", array=np.argwhere(np.ones((side, side)))
    )
    tracemalloc.start()
    images = gene_images(table)
    patterns = find_patterns(images)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert max(images.image_shape[1:]) <= 128
    assert any("3×3 spots a pixel" in note for note in images.notes)
    assert np.isfinite(patterns.to_numpy()).all()
    assert peak < side * side * n_genes * 4 / 2  # half of what the images would take at full size
