"""A run of genes or ions written back: groups in the AnnData file that they came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from facies.errors import InputError
from facies.genes.annotate import GeneGroups, write_groups
from facies.genes.readers.anndata import need_anndata, open_h5ad
from facies.genes.readers.registry import GENES, IONS, read_table
from facies.genes.readers.settings import GeneReading, IonReading
from facies.images.readers.base import reading_settings
from facies.report.exporters.registry import Exporter
from facies.runs import RunFolder

KINDS = ("genes", "ions")


def write_h5ad(run: RunFolder, partition: pd.DataFrame, path: Path) -> Sequence[str]:
    """Write the groups of a run into a copy of its AnnData object, or a new one where it came from another format.

    Raises
    ------
    InputError
        If the run is not of genes or ions, some images were chosen, or the input is gone.
    """
    need_anndata()
    images = run.image_set()
    origin = images.origin
    if origin.get("kind") not in KINDS:
        raise InputError(f"{run.path}: is not of genes or ions, so there is no AnnData object of it: use --to csv")
    if len(partition) != len(images):
        raise InputError("--to h5ad takes all genes: leave out --class and --group")
    source = Path(origin["path"])
    adata = open_h5ad(source) if source.suffix.lower() == ".h5ad" else _new(source, origin)
    found = GeneGroups(
        images,
        partition["group"].to_numpy(np.int64),
        partition["probability"].to_numpy(float) if "probability" in partition else np.full(len(images), np.nan),
        np.asarray(run.embedding, np.float32),
        notes=run.manifest.get("notes", ()),
        params={"method": run.manifest["method"], "run": run.path.name},
    )
    write_groups(adata, found)
    _save(adata, path)
    count = int((adata.var["facies_group"] == "unassigned").sum())
    return [f"{adata.n_vars:,} genes, of which {count:,} are unassigned"]


def _new(source: Path, origin: Mapping[str, Any]) -> Any:
    """Make an AnnData object of what another reader reads, in the way in which it was read for the run."""
    reader = IONS if origin["kind"] == IONS.name else GENES
    given = reading_settings(reader, origin.get("options", {}).get("reading", {}), source)
    assert isinstance(given, GeneReading | IonReading)
    table = read_table(source, given)
    adata = need_anndata().AnnData(csr_matrix(table.values, dtype=np.float32))
    adata.var_names = pd.Index(table.names, dtype=object)
    if table.array is not None:
        adata.obs["array_row"], adata.obs["array_col"] = table.array.T
    if table.coordinates is not None:
        adata.obsm["spatial"] = table.coordinates
    return adata


def _save(adata: Any, path: Path) -> None:
    import anndata

    if int(pd.__version__.split(".")[0]) >= 3:  # its text is written only where this is allowed
        with anndata.settings.override(allow_write_nullable_strings=True):
            adata.write_h5ad(path)
    else:
        adata.write_h5ad(path)


H5AD = Exporter("groups written into a copy of the AnnData file that the genes came from", ".h5ad", write_h5ad)
