"""Hotspot's modules of genes (DeTomaso & Yosef, 2021) from the same counts; run in an environment of its own.

The folder, the last argument, holds ``counts.npz`` with ``counts`` (spots, genes) and ``places`` (spots, 2). Written are
``groups.npy`` (genes,), −1 for none, and ``answer.json``. The steps and numbers are those of its own guide for spatial data.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import time
from pathlib import Path

import anndata
import hotspot
import numpy as np

NEIGHBOURS = 30
LEAST_GENES = 15
Q = 0.05


def main() -> None:
    """Find the modules, and write them."""
    folder = Path(sys.argv[-1])
    with np.load(folder / "counts.npz", allow_pickle=False) as held:
        counts, places = held["counts"].astype(np.float64), held["places"].astype(np.float64)
    names = [f"gene {number}" for number in range(counts.shape[1])]
    table = anndata.AnnData(counts)
    table.var_names = names
    table.obsm["spatial"] = places
    began = time.monotonic()
    found = hotspot.Hotspot(table, model="danb", latent_obsm_key="spatial")
    found.create_knn_graph(weighted_graph=False, n_neighbors=NEIGHBOURS)
    tested = found.compute_autocorrelations(jobs=1)
    with_pattern = list(tested.index[tested["FDR"] < Q])
    found.compute_local_correlations(with_pattern, jobs=1)
    modules = found.create_modules(min_gene_threshold=LEAST_GENES, core_only=False, fdr_threshold=Q)
    seconds = time.monotonic() - began
    groups = np.full(len(names), -1, np.int64)
    for name, module in modules.items():
        groups[names.index(str(name))] = max(int(module), 0) - 1
    np.save(folder / "groups.npy", groups)
    versions = {name: importlib.metadata.version(name) for name in ("hotspotsc", "anndata", "numba")}
    (folder / "answer.json").write_text(json.dumps({"seconds_by_stage": {"fit": seconds}, "versions": versions}))


if __name__ == "__main__":
    main()
