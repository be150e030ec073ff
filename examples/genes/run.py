"""From an .h5ad file to named patterns drawn on the tissue by scanpy.

    python examples/genes/run.py              # makes a tissue, groups its genes, draws the groups
    python examples/genes/run.py my.h5ad      # the same with a tissue of your own

Needs ``pip install 'facies[omics]' scanpy``. Writes ``grouped.h5ad``, ``patterns.png`` and ``similar.csv`` into the folder
``gene-patterns``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

import facies
from facies.genes.planted import planted_tissue

SIDE = 0.2
"""So many standard deviations from the middle of the tissue are called a side."""


def main(arguments: list[str] | None = None) -> None:
    """Group, name, draw and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tissue", nargs="?", type=Path, help="an .h5ad file; without it a tissue is made")
    parser.add_argument("--output", type=Path, default=Path("gene-patterns"))
    parser.add_argument("--groups", type=int, help="how many; without it one for 30 genes that have a pattern")
    parser.add_argument("--method", default="darlc")
    given = parser.parse_args(arguments)
    given.output.mkdir(parents=True, exist_ok=True)
    source = given.tissue or make_tissue(given.output / "tissue.h5ad")

    adata = anndata.read_h5ad(source)
    facies.tl.gene_groups(adata, n_groups=given.groups, method=given.method)
    print(adata.var["facies_group"].value_counts().to_string())
    for note in adata.uns["facies"]["notes"]:
        print("-", note)

    name_patterns(adata)
    draw(adata, given.output / "patterns.png")
    gene = str(adata.var["facies_moran_i"].idxmax())
    similar = facies.tl.similar_genes(adata, gene)
    similar.to_csv(given.output / "similar.csv")
    print(f"most like {gene}: {', '.join(similar.index[:5])}")
    adata.write_h5ad(given.output / "grouped.h5ad")


def make_tissue(path: Path, side: int = 24) -> Path:
    """Write a tissue of 90 genes of three patterns and 30 without any, as raw counts."""
    made = planted_tissue(3, 30, 30, side, mean=2.0, random_state=1)
    adata = anndata.AnnData(csr_matrix(made.table.values))
    adata.var_names = pd.Index(made.table.names, dtype=object)
    adata.obs_names = pd.Index([f"spot{number}" for number in range(adata.n_obs)], dtype=object)
    assert made.table.array is not None
    adata.obs["array_row"], adata.obs["array_col"] = made.table.array.T
    adata.obsm["spatial"] = made.table.array[:, ::-1] * 100.0
    adata.write_h5ad(path)
    return path


def name_patterns(adata: Any) -> None:
    """Give each group a name: here the place where it is highest; in your work what you know of its genes.

    ``var["pattern"]`` is the name of each gene's pattern, and ``obs`` gets a column a pattern, so that scanpy can draw it.
    """
    places = np.asarray(adata.obsm["spatial"], float)
    scores = adata.obsm["facies_group_score"]
    names: dict[str, str] = {}
    for group in scores.columns:
        weights = np.maximum(scores[group].to_numpy(), 0) ** 2
        x, y = (np.average(places, axis=0, weights=weights) - places.mean(axis=0)) / places.std(axis=0)
        words = (
            "lower" if y > SIDE else "upper" if y < -SIDE else "",
            "right" if x > SIDE else "left" if x < -SIDE else "",
        )
        names[group] = f"{group}: {' '.join(filter(None, words)) or 'middle'}"
    adata.var["pattern"] = [names.get(group, "unassigned") for group in adata.var["facies_group"].astype(str)]
    adata.uns["facies_pattern_names"] = names
    for group, name in names.items():
        adata.obs[name] = scores[group].to_numpy()


def draw(adata: Any, path: Path) -> None:
    """Draw all patterns on the tissue by scanpy's own plot."""
    import matplotlib as mpl

    mpl.use("Agg")
    import scanpy
    from matplotlib import pyplot as plt

    names = list(adata.uns["facies_pattern_names"].values())
    scanpy.pl.embedding(adata, "spatial", color=names, ncols=4, show=False)
    for axis in plt.gcf().axes:
        axis.set_aspect("equal")
    plt.gcf().savefig(path, dpi=80, bbox_inches="tight")
    plt.close("all")


if __name__ == "__main__":
    main()
