"""Tissues on the command line: how they are read, sections, imzML, and what is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from facies.metrics import ari
from facies.runs import RunFolder
from tests.cli.factories import call
from tests.genes.factories import tissue, visium_folder, write_imzml, write_ions

FAST = ("--method", "local-correlation", "--set", "n_clusters=2")
TINY = (
    "--method", "darlc", "--set", "n_clusters=2", "--set", "width=16", "--set", "depth=1", "--set", "attention_width=8",
    "--set", "denoising.epochs=1", "--set", "pretraining.epochs=2", "--set", "training.epochs=1", "--set", "latent_size=4",
)  # fmt: skip


def words(result: object) -> str:
    return " ".join(result.output.split())


def written(adata: anndata.AnnData, path: Path) -> Path:
    adata.write_h5ad(path)
    return path


def test_layer_section_fewest_spots_and_size_can_be_set_and_are_kept(tmp_path):
    adata = anndata.concat({"one": tissue(side=10), "two": tissue(side=10, seed=1)}, label="where", index_unique="-")
    adata.layers["raw"] = adata.X.copy()
    adata.X = np.ones(adata.shape, np.float32)
    source = written(adata, tmp_path / "a.h5ad")
    own = ["layer=raw", "section_key=where", "min_spots=60", "values=counts", "max_side=8"]
    settings = [each for name in own for each in ("--set", f"reading.{name}")]
    done = call("cluster", source, "-o", tmp_path / "run", *FAST, *settings)
    assert done.exit_code == 0, done.output
    run = RunFolder(tmp_path / "run")
    assert run.manifest["input"]["origin"]["options"]["reading"] == {
        "layer": "raw", "section_key": "where", "min_spots": 60, "values": "counts", "max_side": 8,
    }  # fmt: skip
    images = run.image_set()  # read again in the same way
    assert (images.table["n_spots"] >= 60).all()
    notes = " ".join(images.notes)
    assert "sections by obs['where']" in notes
    assert "2×2 spots a pixel" in notes
    assert "taken for raw counts" in notes


def test_a_list_of_mz_is_read_and_one_that_was_not_measured_refused(tmp_path):
    source = write_ions(tmp_path / "a.imzML")
    done = call("cluster", source, "-o", tmp_path / "run", *FAST, "--set", "reading.mz=[200,210,250,260,300]")
    assert done.exit_code == 0, done.output
    assert RunFolder(tmp_path / "run").images["id"].tolist() == [
        f"mz {each}.0000" for each in (200, 210, 250, 260, 300)
    ]
    out = tmp_path / "out.h5ad"
    assert call("export", tmp_path / "run", "--to", "h5ad", "-o", out).exit_code == 0
    assert anndata.read_h5ad(out).n_vars == 5
    outside = call("cluster", source, "-o", tmp_path / "other", *FAST, "--set", "reading.mz=[70]")
    assert outside.exit_code == 2
    assert "m/z 70 lies outside of what was measured, 200.00 to 310.00" in words(outside)


@pytest.mark.parametrize("mode", ["continuous", "processed"])
def test_imzml_becomes_groups_of_ions(tmp_path, mode):
    done = call("cluster", write_ions(tmp_path / "a.imzML", mode=mode), "-o", tmp_path / "run", *TINY)
    assert done.exit_code == 0, done.output
    assert "its pixels' size" not in words(done)
    assert call("export", tmp_path / "run", "--to", "csv", "-o", tmp_path / "ions.csv").exit_code == 0
    table = pd.read_csv(tmp_path / "ions.csv")
    mz = table["id"].str.removeprefix("mz ").astype(float)
    assert len(table) == 12
    assert ari(mz < 255, table["group"]) == 1
    assert json.loads(call("evaluate", tmp_path / "run", "--json").stdout)["dbie"] > 0


def test_groups_of_one_section_are_told_of_a_smaller_one(tmp_path):
    """Stereopy#353, GASTON#12: fit on one section, predict on the other."""
    first = written(tissue(side=16), tmp_path / "a.h5ad")
    assert call("cluster", first, "-o", tmp_path / "run", *TINY).exit_code == 0
    second = written(tissue(side=14, seed=5), tmp_path / "b.h5ad")
    done = call("predict", tmp_path / "run", second, "-o", tmp_path / "b.csv")
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "b.csv").set_index("id")
    kinds = tissue(side=14).var["kind"]
    kept = [gene for gene in table.index if kinds[gene] < 2 and table["group"][gene] >= 0]
    assert len(kept) >= 20
    assert ari(kinds[kept], table["group"][kept]) > 0.8
    larger = call("predict", tmp_path / "run", written(tissue(side=24), tmp_path / "c.h5ad"), "-o", tmp_path / "c.csv")
    assert larger.exit_code == 2
    assert "fit on the larger section" in words(larger)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("reading.layers=raw", "did you mean 'reading.layer'"),
        ("reading.min_spots=0", "reading.min_spots takes a whole number of 1 or more"),
        ("reading.layer=raw", "has no layer 'raw'"),
        ("reading.section_key=patient", "obs has no column 'patient'"),
        ("reading.values=normalised", "normalised values were promised, and all values are whole numbers"),
        ("n_clusters=41", "are fewer than the 41"),
        ("reading.min_spots=1000", "no gene is seen in 1000 spots or more"),
    ],
)
def test_a_setting_that_does_not_suit_is_one_line(tmp_path, setting, said):
    source = written(tissue(), tmp_path / "a.h5ad")
    done = call("cluster", source, "-o", tmp_path / "run", *FAST, "--set", setting)
    assert done.exit_code == 2, done.output
    assert said in words(done)
    assert "Traceback" not in done.output
    assert not (tmp_path / "run").exists()


def test_images_have_nothing_to_set_about_reading(tmp_path):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).random((10, 16, 16)))
    done = call("cluster", tmp_path / "a.npy", "-o", tmp_path / "run", "--set", "reading.layer=raw")
    assert done.exit_code == 2
    assert "there is nothing to set about reading" in words(done)


def spoiled(kind: str, folder: Path) -> Path:
    """A tissue that cannot be used."""
    adata = tissue()
    if kind == "no coordinates":
        del adata.obs["array_row"], adata.obsm["spatial"]
    elif kind in ("negative", "nan"):
        adata.X = adata.X.toarray()
        adata.X[3, 7] = -2 if kind == "negative" else np.nan
    elif kind == "sections":
        adata = anndata.concat({"a": adata, "b": tissue(seed=1)}, index_unique="-")
    elif kind == "spots without a place":
        folder = visium_folder(folder / "v")
        path = folder / "spatial" / "tissue_positions.csv"
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:-2]))
        return folder
    elif kind in ("no ibd", "short ibd"):
        path = write_imzml(folder / "a.imzML", [(x, y) for x in range(1, 6) for y in range(1, 6)])
        data = path.with_suffix(".ibd")
        data.write_bytes(data.read_bytes()[:100])
        if kind == "no ibd":
            data.unlink()
        return path
    return written(adata, folder / "a.h5ad")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("no coordinates", "has no coordinates of its spots: add obs['array_row']"),
        ("negative", "1 values below 0, the first of GENE7"),
        ("nan", "1 values that are no numbers, the first of GENE7"),
        ("sections", "several spots at one place of the array: where it holds several sections, name them"),
        ("spots without a place", "2 of 6 spots have no position, the first SPOT4-1"),
        ("no ibd", "its a.ibd is missing: put both files into one folder"),
        ("short ibd", "it is cut off, or of another file"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, kind, said):
    done = call("cluster", spoiled(kind, tmp_path), "-o", tmp_path / "run", *FAST)
    assert done.exit_code == 2, done.output
    assert said in words(done)
    assert "Traceback" not in done.output
    assert not (tmp_path / "run").exists()


def test_genes_of_one_name_and_empty_ones_are_said_and_counted(tmp_path):
    adata = tissue()
    counts = adata.X.toarray()
    counts[:, 5] = 0
    adata.X = counts
    adata.var_names = ["GENE1", *adata.var_names[1:]]
    done = call("cluster", written(adata, tmp_path / "a.h5ad"), "-o", tmp_path / "run", *FAST)
    assert done.exit_code == 0, done.output
    assert "1 names of genes stood there twice, such as GENE1; the later ones got a number" in words(done)
    assert "1 genes were left out: no count at all" in words(done)
    assert len(RunFolder(tmp_path / "run").images) == 39


def test_too_few_genes_for_the_groups_are_refused_before_anything_is_written(tmp_path):
    source = written(tissue(n_genes=8), tmp_path / "a.h5ad")
    done = call("cluster", source, "-o", tmp_path / "run", "--method", "darlc", "--set", "n_clusters=9")
    assert done.exit_code == 2
    assert "8 images are fewer than the 9 groups asked for" in words(done)
    assert not (tmp_path / "run").exists()
