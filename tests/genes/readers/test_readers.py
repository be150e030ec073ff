"""Readers of tissues: what is read, what is left out and said, and what is refused in one line."""

from __future__ import annotations

import gzip

import h5py
import numpy as np
import pytest

from facies.errors import InputError
from facies.genes import gene_images
from facies.genes.readers import read_table
from facies.genes.readers.anndata import table_from_anndata
from facies.genes.readers.imzml import read_imzml
from facies.genes.readers.visium import read_positions
from facies.images import open_images
from tests.genes.factories import tissue, visium_folder, write_imzml


def test_h5ad_becomes_one_image_a_gene(tmp_path):
    adata = tissue()
    adata.write_h5ad(tmp_path / "a.h5ad")
    images = open_images(tmp_path / "a.h5ad")
    assert images.origin["kind"] == "genes"
    assert images.image_shape == (1, 12, 12)
    assert images.table["id"].tolist() == list(adata.var_names)
    counts = adata.X.toarray()
    totals = counts.sum(axis=1, keepdims=True)
    expected = np.log1p(counts / totals * np.median(totals))
    np.testing.assert_allclose(images[3][0].numpy().ravel(), expected[:, 3], rtol=1e-5)
    assert any("taken for raw counts" in note for note in images.notes)
    assert images.measured.all()


def test_the_values_are_those_of_scanpy(tmp_path):
    import scanpy

    adata = tissue()
    images = gene_images(table_from_anndata(adata))
    scanpy.pp.normalize_total(adata)
    scanpy.pp.log1p(adata)
    pixels = np.concatenate([batch.numpy() for batch in images.batches()]).reshape(len(images), -1)
    np.testing.assert_allclose(pixels.T, adata.X.toarray(), rtol=1e-4)


def test_a_part_of_a_set_keeps_its_mask():
    adata = tissue()[:100].copy()
    images = gene_images(table_from_anndata(adata))
    assert not images.measured.all()
    np.testing.assert_array_equal(images.subset([1, 2]).measured, images.measured)
    np.testing.assert_array_equal(images.clipped().measured, images.measured)


@pytest.mark.parametrize("header", [True, False])
def test_the_first_spot_of_a_visium_folder_is_kept(tmp_path, header):
    """squidpy#746, scanpy#2746: tissue_positions with header=1 lost the first spot."""
    folder = visium_folder(tmp_path / "v", header=header)
    assert read_positions(folder / "spatial")["barcode"].tolist() == [f"SPOT{n}-1" for n in range(6)]
    table = read_table(folder)
    assert table.values.shape == (6, 3)
    assert np.isfinite(table.coordinates).all()
    np.testing.assert_array_equal(table.values.toarray(), np.arange(1, 19).reshape(6, 3))


def test_the_h5_of_10x_reads_as_its_folder(tmp_path):
    folder = visium_folder(tmp_path / "v")
    table = read_table(folder)
    counts = table.values.T.tocsc()
    path = folder / "filtered_feature_bc_matrix.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        for name in ("data", "indices", "indptr"):
            group[name] = getattr(counts, name)
        group["shape"] = counts.shape
        group["barcodes"] = [f"SPOT{n}-1".encode() for n in range(6)]
        group.create_group("features")["name"] = [f"Gene{n}".encode() for n in range(3)]
        group["features"]["feature_type"] = [b"Gene Expression"] * 3
    np.testing.assert_array_equal(read_table(path).values.toarray(), table.values.toarray())


def test_hexagonal_spots_fill_a_grid(tmp_path):
    images = gene_images(read_table(visium_folder(tmp_path / "v")), min_spots=1)
    assert images.measured[:3, :3].sum() == 6
    assert any("hexagonal" in note for note in images.notes)


def test_free_coordinates_are_binned_and_said():
    adata = tissue()
    del adata.obs["array_row"], adata.obs["array_col"]
    adata.obsm["spatial"] = adata.obsm["spatial"] + np.random.default_rng(0).uniform(-30, 30, (144, 2))
    images = gene_images(table_from_anndata(adata))
    assert any("free coordinates in bins of" in note for note in images.notes)
    assert max(images.image_shape[1:]) <= 128
    counts = [batch.sum() for batch in images.batches()]
    assert sum(counts) > 0


def test_a_legacy_table(tmp_path):
    with gzip.open(tmp_path / "A1.tsv.gz", "wt") as file:
        file.write("\tACTB\tKRT8\n1x1\t3\t0\n2x1\t1\t4\n1x2\t0\t5\n")
    table = read_table(tmp_path / "A1.tsv.gz")
    assert table.names == ["ACTB", "KRT8"]
    np.testing.assert_array_equal(table.array, [[1, 1], [1, 2], [2, 1]])


def test_a_spatialdata_store(tmp_path):
    tissue().write_zarr(tmp_path / "s.zarr" / "tables" / "table")
    images = open_images(tmp_path / "s.zarr")
    assert (images.origin["kind"], len(images)) == ("genes", 40)


def test_sections_lie_apart():
    """Banksy_py#9, Stereopy#353: two sections in one AnnData, no edge between them."""
    import anndata

    both = anndata.concat({"A": tissue(), "B": tissue(seed=1)}, label="section", index_unique="-")
    images = gene_images(table_from_anndata(both))
    assert images.image_shape == (1, 12, 28)
    assert not images.measured[:, 12:16].any()
    assert images.measured.sum() == 288
    assert any("2 sections side by side" in note for note in images.notes)


def test_another_section_can_be_brought_to_the_grid_of_the_first():
    small = gene_images(table_from_anndata(tissue(side=8)), shape=(12, 12))
    assert small.image_shape == (1, 12, 12)
    assert small.measured.sum() == 64
    with pytest.raises(InputError, match="fit on the larger section"):
        gene_images(table_from_anndata(tissue(side=12)), shape=(8, 8))


def test_rare_and_empty_genes_and_spike_ins_are_left_out_and_counted():
    adata = tissue()
    counts = adata.X.toarray()
    counts[:, 0] = 0
    counts[3:, 1] = 0
    adata.X = counts
    adata.var_names = [*adata.var_names[:2], "ERCC-00002", *adata.var_names[3:]]
    images = gene_images(table_from_anndata(adata))
    assert len(images) + len(images.left_out) == 40
    reasons = dict(zip(images.left_out["source"], images.left_out["reason"], strict=True))
    assert reasons == {
        "GENE0": "no count at all", "GENE1": "seen in fewer than 10 spots", "ERCC-00002": "spike-in",
    }  # fmt: skip


def test_names_that_stand_twice_are_made_unique_and_said():
    adata = tissue()
    adata.var_names = ["X", "X", "X-1", *adata.var_names[3:]]
    images = gene_images(table_from_anndata(adata))
    assert images.table["id"].tolist()[:3] == ["X", "X-2", "X-1"]
    assert any("stood there twice" in note for note in images.notes)


def test_raw_counts_and_logarithms_are_told_apart():
    """SPARK#8: which of the two was given is said, and the images are the same."""
    adata = tissue()
    raw = gene_images(table_from_anndata(adata))
    counts = adata.X.toarray()
    totals = counts.sum(axis=1, keepdims=True)
    adata.layers["log"] = np.log1p(counts / totals * np.median(totals))
    logs = gene_images(table_from_anndata(adata, layer="log"))
    assert any("raw counts" in note for note in raw.notes)
    assert any("log-normalised" in note for note in logs.notes)
    np.testing.assert_allclose(raw[5].numpy(), logs[5].numpy(), rtol=1e-5)
    with pytest.raises(InputError, match="so they are raw counts"):
        gene_images(table_from_anndata(adata), values="normalised")
    with pytest.raises(InputError, match="counts were promised"):
        gene_images(table_from_anndata(adata, layer="log"), values="counts")


def spoiled(kind: str):
    adata = tissue()
    if kind == "coordinates":
        del adata.obs["array_row"], adata.obsm["spatial"]
    elif kind in ("negative", "nan"):
        adata.X = adata.X.toarray()
        adata.X[0, 7] = -1 if kind == "negative" else np.nan
    elif kind == "sections":
        adata.obs["array_row"] = adata.obs["array_row"].to_numpy() // 2
    elif kind == "sections by coordinates":
        del adata.obs["array_row"]
        adata.obsm["spatial"][:72] = adata.obsm["spatial"][72:]
    elif kind == "coordinates that are none":
        del adata.obs["array_row"]
        adata.obsm["spatial"][3] = np.nan
    return adata


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("coordinates", "has no coordinates of its spots: add obs"),
        ("negative", "1 values below 0, the first of GENE7"),
        ("nan", "1 values that are no numbers, the first of GENE7"),
        ("sections", "several spots at one place.*'section'"),
        ("sections by coordinates", "50% of the spots have the coordinates of another one.*'section'"),
        ("coordinates that are none", "some coordinates are no numbers: leave these spots out"),
    ],
)
def test_what_cannot_be_used_is_one_line(kind, words):
    with pytest.raises(InputError, match=words) as caught:
        gene_images(table_from_anndata(spoiled(kind)))
    assert "\n" not in str(caught.value)


def test_coordinates_of_another_number_of_spots_are_refused():
    from facies.genes import SpatialTable

    table = table_from_anndata(tissue())
    with pytest.raises(InputError, match="has 144 spots and coordinates of 10"):
        SpatialTable(table.values, table.names, "x", coordinates=np.zeros((10, 2)))


def test_a_damaged_h5ad_is_one_line(tmp_path):
    (tmp_path / "x.h5ad").write_bytes(b"no hdf5")
    with pytest.raises(InputError, match=r"cannot be read as \.h5ad") as caught:
        open_images(tmp_path / "x.h5ad")
    assert "\n" not in str(caught.value)


L_SHAPE = [(x, y) for x in range(1, 9) for y in range(1, 9) if x <= 3 or y <= 3]


def test_imzml_of_an_l_shaped_region_has_a_mask(tmp_path):
    """pyimzML#35: pixels outside of the region are unmeasured, not 0."""
    images = open_images(write_imzml(tmp_path / "a.imzML", L_SHAPE))
    assert images.measured.sum() == len(L_SHAPE)
    assert not images.measured[4:, 4:].any()
    assert images.table["id"].tolist() == ["mz 200.0000", "mz 400.0000", "mz 800.0000"]
    assert images.origin["kind"] == "ions"


def test_an_mz_out_of_range_is_refused(tmp_path):
    """pyimzML#19: it gave the image of the first peak."""
    path = write_imzml(tmp_path / "a.imzML", L_SHAPE)
    assert read_imzml(path, mz=[400.0]).values.shape == (len(L_SHAPE), 1)
    with pytest.raises(InputError, match=r"m/z 70 lies outside of what was measured, 150\.00 to 1000\.00"):
        read_imzml(path, mz=[70.0])


def test_an_unknown_pixel_size_stays_unknown(tmp_path):
    """thyra#236: a missing size became 20 µm."""
    images = open_images(write_imzml(tmp_path / "a.imzML", L_SHAPE))
    assert images.pixel_size_um is None
    assert any("does not say how large a pixel is" in note for note in images.notes)


def test_imzml_without_its_data_or_with_too_little_of_it(tmp_path):
    path = write_imzml(tmp_path / "a.imzML", L_SHAPE)
    data = (tmp_path / "a.ibd").read_bytes()
    (tmp_path / "a.ibd").write_bytes(data[:200])
    with pytest.raises(InputError, match="it is cut off, or of another file"):
        open_images(path)
    (tmp_path / "a.ibd").unlink()
    with pytest.raises(InputError, match=r"its a\.ibd is missing"):
        open_images(path)


def test_total_ion_current_makes_spectra_equal(tmp_path):
    table = read_imzml(write_imzml(tmp_path / "a.imzML", L_SHAPE))
    sums = np.asarray(table.values.sum(axis=1)).ravel()
    np.testing.assert_allclose(sums, sums[0], rtol=1e-3)
