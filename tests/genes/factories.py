"""Small tissues with known patterns, as AnnData objects and as files."""

from __future__ import annotations

import gzip
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
from scipy.io import mmwrite
from scipy.sparse import csc_matrix, csr_matrix

anndata.settings.allow_write_nullable_strings = True  # text of pandas 3 in files


def tissue(n_genes: int = 40, side: int = 12, seed: int = 0, rate: float = 2.0) -> anndata.AnnData:
    """Counts on a square array: genes of the left half, as many of the right half, and the last quarter without a pattern.

    So the total of a spot says nothing of the patterns.
    """
    rng = np.random.default_rng(seed)
    row, column = (each.ravel() for each in np.mgrid[:side, :side])
    halves = [column < side // 2, column >= side // 2, np.ones(side * side, bool)]
    kinds = np.repeat([0, 1, 2], [n_genes * 3 // 8, n_genes * 3 // 8, n_genes - 2 * (n_genes * 3 // 8)])
    means = np.stack([np.where(halves[kind], rate, 0.1) for kind in kinds], axis=1)
    adata = anndata.AnnData(csr_matrix(rng.poisson(means).astype(np.float32)))
    adata.var_names = [f"GENE{number}" for number in range(n_genes)]
    adata.obs_names = [f"spot{number}" for number in range(side * side)]
    adata.obs["array_row"], adata.obs["array_col"] = row, column
    adata.obsm["spatial"] = np.stack([column, row], axis=1) * 100.0
    adata.var["kind"] = kinds
    return adata


def visium_folder(folder: Path, *, header: bool = True) -> Path:
    """A Visium folder of six spots on the hexagonal grid, all under tissue, and three genes."""
    counts = np.arange(1, 19).reshape(6, 3)
    matrix = folder / "filtered_feature_bc_matrix"
    matrix.mkdir(parents=True)
    (folder / "spatial").mkdir()
    barcodes = [f"SPOT{number}-1" for number in range(6)]
    with gzip.open(matrix / "matrix.mtx.gz", "wb") as file:
        mmwrite(file, csc_matrix(counts.T))
    with gzip.open(matrix / "barcodes.tsv.gz", "wt") as file:
        file.write("\n".join(barcodes))
    with gzip.open(matrix / "features.tsv.gz", "wt") as file:
        file.write("\n".join(f"ENS{n}\tGene{n}\tGene Expression" for n in range(3)))
    places = pd.DataFrame(
        [(name, 1, n // 2, 2 * (n % 2) + (n // 2) % 2, 10.0 * n, 5.0 * n) for n, name in enumerate(barcodes)],
        columns=["barcode", "in_tissue", "array_row", "array_col", "pxl_row_in_fullres", "pxl_col_in_fullres"],
    )
    name = "tissue_positions.csv" if header else "tissue_positions_list.csv"
    places.to_csv(folder / "spatial" / name, header=header, index=False)
    return folder


def write_imzml(path: Path, places: list[tuple[int, int]], seed: int = 0, mode: str = "continuous") -> Path:
    """An imzML with peaks at m/z 200, 400 and 800; the second only in the first half of the pixels.

    ``processed`` gives each spectrum an axis of its own, shifted by less than 20 ppm, without the peaks that it has not.
    """
    from pyimzml.ImzMLWriter import ImzMLWriter

    rng = np.random.default_rng(seed)
    axis = np.array([150.0, 200.0, 400.0, 800.0, 1000.0])
    with ImzMLWriter(str(path), mode=mode) as writer:
        for number, (x, y) in enumerate(places):
            heights = np.array([0.0, 50.0, 80.0 if number < len(places) // 2 else 0.0, 20.0, 0.0])
            heights = heights + rng.uniform(0.1, 1.0, 5) * (heights > 0)
            if mode == "continuous":
                writer.addSpectrum(axis, heights, (x, y, 1))
            else:
                kept = heights > 0
                writer.addSpectrum((axis * (1 + rng.uniform(-5e-6, 5e-6, 5)))[kept], heights[kept], (x, y, 1))
    return path


def write_ions(path: Path, side: int = 12, seed: int = 0, mode: str = "continuous") -> Path:
    """An imzML of twelve ions, m/z 200 to 310: six of the left half, and six of the right one, on all but a corner."""
    from pyimzml.ImzMLWriter import ImzMLWriter

    rng = np.random.default_rng(seed)
    axis = 200.0 + 10 * np.arange(12)
    with ImzMLWriter(str(path), mode=mode) as writer:
        for x, y in ((x, y) for y in range(side) for x in range(side) if x < side - 3 or y < side - 3):
            left = x < side // 2
            heights = rng.gamma(4, np.where((np.arange(12) < 6) == left, 25.0, 2.5))
            masses = axis if mode == "continuous" else axis * (1 + rng.uniform(-5e-6, 5e-6, 12))
            writer.addSpectrum(masses, heights, (x + 1, y + 1, 1))
    return path
