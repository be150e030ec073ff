"""What Space Ranger writes: a folder with ``filtered_feature_bc_matrix`` (a folder or ``.h5``) and ``spatial``."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csc_matrix

from facies.errors import InputError
from facies.genes.spatial_table import SpatialTable

MATRIX = "filtered_feature_bc_matrix"
POSITIONS = ("tissue_positions.parquet", "tissue_positions.csv", "tissue_positions_list.csv")
COLUMNS = ["barcode", "in_tissue", "array_row", "array_col", "pxl_row_in_fullres", "pxl_col_in_fullres"]


def is_visium(path: Path) -> bool:
    """Whether a path is an output folder of Space Ranger, or its ``.h5`` beside the folder ``spatial``."""
    folder = path if path.is_dir() else path.parent
    if not (folder / "spatial").is_dir():
        return False
    return path.suffix.lower() == ".h5" if path.is_file() else (path / MATRIX).is_dir() or bool(_h5(path))


def read_visium(path: Path) -> SpatialTable:
    """Read the counts of the spots under tissue, and their array coordinates.

    Raises
    ------
    InputError
        If a file is missing or damaged, or a spot has no position.
    """
    folder = path if path.is_dir() else path.parent
    h5 = path if path.is_file() else _h5(folder)
    if (folder / MATRIX).is_dir() and path.is_dir():
        values, barcodes, names = _from_mtx(folder / MATRIX)
    elif h5 is not None:
        values, barcodes, names = _from_h5(h5)
    else:
        raise InputError(f"{folder}: has no {MATRIX} and no {MATRIX}.h5: give the output folder of Space Ranger")
    positions = read_positions(folder / "spatial").set_index("barcode")
    missing = [barcode for barcode in barcodes if barcode not in positions.index]
    if missing:
        raise InputError(
            f"{folder}: {len(missing)} of {len(barcodes)} spots have no position, the first {missing[0]}: "
            "matrix and spatial folder must be of one section"
        )
    places = positions.loc[barcodes]
    return SpatialTable(
        values=values,
        names=names,
        where=path.name or str(path),
        array=places[["array_row", "array_col"]].to_numpy(np.int64),
        coordinates=places[["pxl_col_in_fullres", "pxl_row_in_fullres"]].to_numpy(float),
    )


def read_positions(folder: Path) -> pd.DataFrame:
    """Read the positions of the spots, with or without a line of names: where there is none, the first line is a spot.

    Parameters
    ----------
    folder : Path
        The folder ``spatial``.

    Returns
    -------
    DataFrame
        ``barcode``, ``in_tissue``, ``array_row``, ``array_col``, ``pxl_row_in_fullres``, ``pxl_col_in_fullres``.

    Raises
    ------
    InputError
        If there is no such file, or it has other columns.
    """
    path = next((folder / name for name in POSITIONS if (folder / name).is_file()), None)
    if path is None:
        raise InputError(f"{folder}: has none of {', '.join(POSITIONS)}: the spots have no coordinates")
    try:
        if path.suffix == ".parquet":
            table = pd.read_parquet(path)
        else:
            table = pd.read_csv(path, header=None, dtype=str)
            first = table.iloc[0].tolist()
            if not str(first[1]).strip().lstrip("-").isdigit():  # names, not the first spot
                table = table.iloc[1:].set_axis([str(name) for name in first], axis=1)
            elif len(first) == len(COLUMNS):
                table.columns = pd.Index(COLUMNS)
        table = table[COLUMNS]
        return table.assign(**{name: pd.to_numeric(table[name]) for name in COLUMNS[1:]}).reset_index(drop=True)
    except (ValueError, KeyError, OSError, IndexError) as error:
        raise InputError(
            f"{path}: needs the columns {', '.join(COLUMNS)} ({' '.join(str(error).split())[:100]}): restore it"
        ) from error


def _h5(folder: Path) -> Path | None:
    return next(iter(sorted(folder.glob(f"*{MATRIX}.h5"))), None)


def _from_mtx(folder: Path) -> tuple[csc_matrix, list[str], list[str]]:
    from scipy.io import mmread

    try:
        counts = mmread(_file(folder, "matrix.mtx"))
        barcodes = [line[0] for line in _lines(_file(folder, "barcodes.tsv"))]
        features = _lines(_file(folder, "features.tsv"))
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{folder}: is damaged ({' '.join(str(error).split())[:100]}): copy it again") from error
    return _genes(counts, barcodes, [row[1] if len(row) > 1 else row[0] for row in features],
                  [row[2] if len(row) > 2 else "" for row in features], folder)  # fmt: skip


def _file(folder: Path, name: str) -> Path:
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            return path
    raise InputError(f"{folder / name} is missing: restore it")


def _lines(path: Path) -> list[list[str]]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    return [line.split("\t") for line in text.splitlines() if line]


def _from_h5(path: Path) -> tuple[csc_matrix, list[str], list[str]]:
    try:
        import h5py
    except ImportError as error:
        raise InputError("this needs h5py: pip install 'facies[omics]'") from error
    try:
        with h5py.File(path, "r") as file:
            group = file["matrix"]
            shape = tuple(int(side) for side in group["shape"][:])
            counts = csc_matrix((group["data"][:], group["indices"][:], group["indptr"][:]), shape=shape)
            counts.check_format()
            barcodes = [text.decode() for text in group["barcodes"][:]]
            features = group["features"]
            names = [text.decode() for text in features["name"][:]]
            kinds = (
                [text.decode() for text in features["feature_type"][:]]
                if "feature_type" in features
                else [""] * len(names)
            )
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path}: is no 10x matrix, or damaged ({' '.join(str(error).split())[:100]})") from error
    return _genes(counts, barcodes, names, kinds, path)


def _genes(
    counts: Any, barcodes: list[str], names: list[str], kinds: list[str], where: Path
) -> tuple[csc_matrix, list[str], list[str]]:
    """Spots × genes, without features of other kinds (antibodies)."""
    if counts.shape != (len(names), len(barcodes)):
        raise InputError(
            f"{where}: the matrix is {counts.shape[0]}×{counts.shape[1]}, and there are {len(names)} features and "
            f"{len(barcodes)} barcodes: these files are not of one run"
        )
    genes = np.array([kind in ("", "Gene Expression") for kind in kinds])
    return csc_matrix(csc_matrix(counts).T)[:, np.flatnonzero(genes)], barcodes, list(np.array(names, object)[genes])
