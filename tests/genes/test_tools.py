"""Groups in an AnnData object: where scanpy's users look for them, and after a file."""

from __future__ import annotations

import anndata
import matplotlib as mpl
import numpy as np
import pytest

import facies
from facies.errors import InputError
from facies.metrics import ari
from tests.genes.factories import tissue

mpl.use("Agg")


@pytest.fixture(autouse=True)
def figures_closed():
    yield
    from matplotlib import pyplot as plt

    plt.close("all")


@pytest.fixture(scope="module")
def grouped():
    adata = tissue(side=16)
    counts = adata.X.toarray()
    counts[:, 5] = 0
    adata.X = counts
    assert facies.tl.gene_groups(adata, method="pca-kmeans", n_groups=2) is None
    return adata


def test_groups_are_where_they_are_looked_for(grouped):
    groups = grouped.var["facies_group"]
    assert list(groups.cat.categories) == ["0", "1", "unassigned"]
    kind = grouped.var["kind"].to_numpy()
    kept = (kind < 2) & (groups != "unassigned").to_numpy()
    assert kept.sum() == 29
    assert ari(kind[kept], groups[kept].astype(str)) == 1
    assert (groups[kind == 2] == "unassigned").mean() >= 0.7
    assert grouped.varm["X_facies"].shape[0] == 40
    assert list(grouped.obsm["facies_group_score"].columns) == ["0", "1"]
    assert len(grouped.uns["facies_group_colors"]) == 3
    assert grouped.uns["facies"]["n_unassigned"] == int((groups == "unassigned").sum())
    assert grouped.var["facies_reason"].iloc[5] == "no count at all"


def test_the_score_of_a_group_is_high_where_its_genes_are(grouped):
    group = grouped.var["facies_group"].iloc[0]
    score = grouped.obsm["facies_group_score"][group].to_numpy()
    left = grouped.obs["array_col"].to_numpy() < 8
    assert score[left].mean() > score[~left].mean() + 0.5


@pytest.mark.parametrize("kind", ["h5ad", "zarr"])
def test_results_survive_a_file(grouped, tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    getattr(grouped, f"write_{kind}")(path)
    again = anndata.read_h5ad(path) if kind == "h5ad" else anndata.read_zarr(path)
    assert again.var["facies_group"].astype(str).tolist() == grouped.var["facies_group"].astype(str).tolist()
    np.testing.assert_allclose(again.obsm["facies_group_score"], grouped.obsm["facies_group_score"])
    np.testing.assert_array_equal(again.varm["X_facies"], grouped.varm["X_facies"])
    assert list(again.uns["facies"]["notes"]) == list(grouped.uns["facies"]["notes"])


def test_a_copy_leaves_the_object_alone():
    adata = tissue()
    made = facies.tl.gene_groups(adata, method="leiden", n_groups=2, copy=True, key_added="mine")
    assert "mine_group" in made.var
    assert "mine_group" not in adata.var


def test_genes_without_a_pattern_are_said(grouped):
    assert any("have no pattern: unassigned" in note for note in grouped.uns["facies"]["notes"])


def test_p_values_by_permutation_say_the_same_of_clear_patterns(grouped):
    adata = facies.tl.gene_groups(tissue(side=16), method="pca-kmeans", n_groups=2, n_permutations=199, copy=True)
    clear = (adata.var["kind"] < 2).to_numpy()
    assert (adata.var["facies_moran_q"][clear] <= 1 / 100).all()
    assert not np.allclose(adata.var["facies_moran_q"], grouped.var["facies_moran_q"], equal_nan=True)
    note = next(note for note in adata.uns["facies"]["notes"] if "have no pattern" in note)
    assert f"{(adata.var['facies_moran_q'] > 0.05).sum()} of 40 genes" in note
    assert f"199 permutations, q > 0.05; by Geary's C it would be {(adata.var['facies_geary_q'] > 0.05).sum()})" in note


def test_too_many_groups_are_said_to_be_mergeable():
    """Giotto#662: several groups look the same when K is too large."""
    adata = tissue(side=16)
    facies.tl.gene_groups(adata, method="pca-kmeans", n_groups=6)
    assert any("can be merged" in note for note in adata.uns["facies"]["notes"])


def test_a_giant_group_is_warned_of():
    """Hotspot#36: one giant module."""
    adata = tissue(side=16)[:, [*range(15), *range(15, 18)]].copy()
    facies.tl.gene_groups(adata, method="local-correlation", n_groups=2)
    assert any("more than half" in note for note in adata.uns["facies"]["notes"])


def test_scanpy_draws_a_group(grouped):
    import scanpy

    adata = grouped.copy()
    adata.obs = adata.obs.join(adata.obsm["facies_group_score"].add_prefix("group "))
    axis = scanpy.pl.embedding(adata, "spatial", color="group 0", show=False)
    assert axis is not None


def test_similar_genes(grouped):
    after = facies.tl.similar_genes(grouped, "GENE0", n=10)
    before = facies.tl.similar_genes(tissue(side=16), "GENE0", n=10)
    for table in (after, before):
        assert len(table) == 10
        assert "GENE0" not in table.index
        assert all(int(name[4:]) < 15 for name in table.index)
        assert table["similarity"].is_monotonic_decreasing
    with pytest.raises(InputError, match="there is no gene 'KRT8'"):
        facies.tl.similar_genes(grouped, "KRT8")


def test_plots_give_axes(grouped):
    axes = facies.pl.group_patterns(grouped, show=False)
    assert [axis.get_title().split(":")[0] for axis in axes] == ["0", "1", "unassigned"]
    part = grouped[:200].copy()
    image = facies.pl.gene(part, "GENE3", show=False).images[0].get_array()
    assert np.ma.getmaskarray(image).sum() == image.size - 200
    with pytest.raises(InputError, match=r"run facies\.tl\.gene_groups"):
        facies.pl.group_patterns(tissue(), show=False)


def test_what_cannot_be_done_is_one_line():
    with pytest.raises(InputError, match="there is no method 'kmean' for genes; did you mean 'kmeans'"):
        facies.tl.gene_groups(tissue(), method="kmean")
    with pytest.raises(InputError, match="too few for 39 groups"):
        facies.tl.gene_groups(tissue(), method="kmeans", n_groups=39)


def test_nothing_heavy_is_imported_with_facies():
    import subprocess
    import sys

    code = "import sys, facies; print(sorted({'anndata', 'scanpy', 'torch', 'pyimzml'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
