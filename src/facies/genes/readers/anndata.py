"""AnnData: an object in memory, an ``.h5ad`` file, or a table inside a SpatialData store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix

from facies.errors import InputError, suggest
from facies.genes.spatial_table import SpatialTable

if TYPE_CHECKING:
    from anndata import AnnData

ARRAY_KEYS = (("array_row", "array_col"), ("row", "col"))
SECTION_KEYS = ("section", "sample", "library_id", "batch", "slide")
"""Columns of obs that name the section of a spot, where they hold more than one name."""


def need_anndata() -> Any:
    """Import anndata, or say how it is installed."""
    try:
        import anndata
    except ImportError as error:
        raise InputError("this needs anndata: pip install 'facies[omics]'") from error
    return anndata


def table_from_anndata(
    adata: AnnData, *, layer: str | None = None, section_key: str | None = None, where: str = "the AnnData object"
) -> SpatialTable:
    """Take the values and the places of the spots of an AnnData object.

    Parameters
    ----------
    adata : AnnData
        Spots × genes, with ``obs['array_row']`` and ``obs['array_col']``, or ``obsm['spatial']``.
    layer : str, optional
        The layer that holds the values; without it ``X``.
    section_key : str, optional
        The column of obs that names the section of each spot. Without it ``section``, ``sample``, ``library_id``, ``batch``
        or ``slide`` is taken, if it holds more than one name.
    where : str
        Its name, for messages.

    Raises
    ------
    InputError
        If there is no such layer or column, or there are no coordinates.
    """
    if layer is not None and layer not in adata.layers:
        raise InputError(f"{where}: has no layer {layer!r}; {suggest(layer, adata.layers.keys())}")
    values = adata.X if layer is None else adata.layers[layer]
    if values is None:
        raise InputError(f"{where}: has no values in X: name the layer that holds them")
    if hasattr(values, "to_memory"):
        values = values.to_memory()
    sections, said = _sections(adata, section_key, where)
    return SpatialTable(
        values=csc_matrix(values),
        names=[str(name) for name in adata.var_names],
        where=where,
        array=_array(adata),
        coordinates=_coordinates(adata, where),
        sections=sections,
        notes=tuple(said),
    )


def read_h5ad(path: Path, *, layer: str | None = None, section_key: str | None = None) -> SpatialTable:
    """Read an ``.h5ad`` file; `layer` and `section_key` as in `table_from_anndata`."""
    return table_from_anndata(open_h5ad(path), layer=layer, section_key=section_key, where=path.name)


def open_h5ad(path: Path) -> AnnData:
    """Open an ``.h5ad`` file; `InputError` in one line where it is damaged."""
    try:
        return need_anndata().read_h5ad(path)
    except InputError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:150]
        raise InputError(f"{path}: cannot be read as .h5ad ({reason}): write it again with anndata") from error


def is_spatialdata(path: Path) -> bool:
    """Whether a zarr folder is a SpatialData store with a table."""
    return path.is_dir() and (path / "tables").is_dir() and any((path / "tables").iterdir())


def read_spatialdata(path: Path) -> SpatialTable:
    """Read the table of a SpatialData store; its spots need ``obsm['spatial']``."""
    tables = sorted(each for each in (path / "tables").iterdir() if each.is_dir())
    if len(tables) > 1:
        names = ", ".join(each.name for each in tables)
        raise InputError(f"{path}: holds {len(tables)} tables ({names}): give the folder of one, such as {tables[0]}")
    return read_zarr_table(tables[0])


def read_zarr_table(path: Path) -> SpatialTable:
    """Read an AnnData object from its zarr folder."""
    try:
        adata = need_anndata().read_zarr(path)
    except InputError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:150]
        raise InputError(f"{path}: cannot be read as AnnData ({reason}): write it again with anndata") from error
    return table_from_anndata(adata, where=path.name)


def _array(adata: AnnData) -> NDArray[np.int64] | None:
    for row, column in ARRAY_KEYS:
        if row in adata.obs and column in adata.obs:
            places = adata.obs[[row, column]].to_numpy(float)
            if np.isfinite(places).all() and np.abs(places - np.round(places)).max(initial=0) < 0.35:  # ST rows: 9.97
                return np.round(places).astype(np.int64)
    return None


def _coordinates(adata: AnnData, where: str) -> NDArray[np.float64] | None:
    if "spatial" not in adata.obsm:
        return None
    places = np.asarray(adata.obsm["spatial"], dtype=float)
    if places.ndim != 2 or places.shape[1] < 2:
        raise InputError(f"{where}: obsm['spatial'] has the shape {places.shape}: it needs x and y of each spot")
    return places[:, :2]


def _sections(adata: AnnData, key: str | None, where: str) -> tuple[NDArray[np.object_] | None, list[str]]:
    if key is not None and key not in adata.obs:
        raise InputError(f"{where}: obs has no column {key!r}; {suggest(key, list(adata.obs.columns))}")
    for name in (key,) if key is not None else SECTION_KEYS:
        if name in adata.obs and adata.obs[name].nunique() > 1:
            if adata.obs[name].isna().any():
                raise InputError(f"{where}: obs[{name!r}] names no section for some spots: name it for all")
            return adata.obs[name].astype(str).to_numpy(object), [f"{where}: sections by obs[{name!r}]"]
    return None, []
