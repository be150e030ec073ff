"""imzML: a spectrum a pixel, continuous or processed, made into ion images."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix

from facies.errors import InputError
from facies.genes.spatial_table import SpatialTable

PPM = 20.0
MOST_IONS = 2000
LEAST_SHARE = 0.01
"""Ions of fewer pixels than this share are not picked."""


def read_imzml(
    path: Path,
    *,
    mz: Sequence[float] | None = None,
    ppm: float = PPM,
    tic: bool = True,
    max_ions: int = MOST_IONS,
) -> SpatialTable:
    """Read ion images: the intensity of each pixel within a tolerance of each m/z.

    Parameters
    ----------
    path : Path
        The ``.imzML`` file; its ``.ibd`` lies beside it.
    mz : sequence of float, optional
        The m/z of the ions, in Da per charge. Without it the peaks of the mean spectrum are picked.
    ppm : float, default=20
        Half the width of an ion's window, in parts per million.
    tic : bool, default=True
        Divide each spectrum by its total ion current, times the median current.
    max_ions : int, default=2000
        How many peaks are picked at most, the highest first.

    Returns
    -------
    SpatialTable
        One row a spectrum, one column an ion, called by its m/z. The size of a pixel is not known from it unless a note says so.

    Raises
    ------
    InputError
        If the ``.ibd`` is missing or too short, the file is damaged, or an m/z lies outside of what was measured.
    """
    parser = _parser(path)
    try:
        _check_length(parser, path)
        spectra = [parser.getspectrum(number) for number in range(len(parser.coordinates))]
    finally:
        parser.m.close()
    counts = np.array([len(masses) for masses, _ in spectra])
    masses = np.concatenate([np.asarray(each[0], np.float64) for each in spectra])
    heights = np.concatenate([np.asarray(each[1], np.float64) for each in spectra])
    if not masses.size or not np.isfinite(masses).all() or (masses <= 0).any() or not np.isfinite(heights).all():
        raise InputError(f"{path}: its spectra are empty or hold what are no numbers: export it again")
    pixel = np.repeat(np.arange(len(counts)), counts)
    notes = [_size_note(parser, path)]
    if tic:
        currents = np.bincount(pixel, heights, minlength=len(counts))
        factor = np.divide(np.median(currents[currents > 0]), currents, out=np.zeros_like(currents), where=currents > 0)
        heights = heights * factor[pixel]
        notes.append(f"{path.name}: each spectrum was divided by its total ion current")
    wanted = _checked_mz(mz, masses, path) if mz is not None else pick_peaks(masses, heights, pixel, ppm, max_ions)
    if mz is None:
        notes.append(f"{path.name}: {len(wanted)} peaks of the mean spectrum were picked, ± {ppm:g} ppm")
    places = np.array([(y, x) for x, y, *_ in parser.coordinates], np.int64)
    return SpatialTable(
        values=_window_sums(masses, heights, pixel, wanted, ppm, len(counts)),
        names=[f"mz {each:.4f}" for each in wanted],
        where=path.name,
        array=places,
        coordinates=places[:, ::-1].astype(float),
        notes=tuple(notes),
    )


def pick_peaks(
    masses: NDArray[np.float64], heights: NDArray[np.float64], pixel: NDArray[np.int64], ppm: float, most: int
) -> NDArray[np.float64]:
    """Pick peaks of the summed spectrum: the highest places of a logarithmic axis, with no higher one within the tolerance.

    Parameters
    ----------
    masses, heights : ndarray of float, shape (n_peaks,)
        m/z and intensity of all spectra one after the other.
    pixel : ndarray of int, shape (n_peaks,)
        The spectrum of each.
    ppm : float
        Half the width of a window, in parts per million.
    most : int
        How many are picked, the highest first.

    Returns
    -------
    ndarray of float, ascending
        The intensity-weighted mean m/z of each.
    """
    position = np.log(masses)
    bins = ((position - position.min()) / (ppm * 1e-6)).astype(np.int64)
    found, place = np.unique(bins, return_inverse=True)
    total = np.bincount(place, heights)
    pixels = np.bincount(place[np.unique(place * (pixel.max() + 1) + pixel, return_index=True)[1]])
    mean = np.bincount(place, heights * masses) / np.maximum(total, 1e-300)
    enough = (total > 0) & (pixels >= LEAST_SHARE * (pixel.max() + 1))
    chosen: list[int] = []
    taken: set[int] = set()
    for number in np.argsort(-total, kind="stable"):
        if enough[number] and not {int(found[number]) + step for step in (-1, 0, 1)} & taken:
            chosen.append(int(number))
            taken.add(int(found[number]))
            if len(chosen) == most:
                break
    return np.sort(mean[chosen])


def _window_sums(
    masses: NDArray[np.float64], heights: NDArray[np.float64], pixel: NDArray[np.int64],
    wanted: NDArray[np.float64], ppm: float, n_pixels: int,
) -> csc_matrix:  # fmt: skip
    """Sum of the intensities of each pixel within the window of each m/z: (n_pixels, n_ions)."""
    order = np.argsort(masses, kind="stable")
    masses, heights, pixel = masses[order], heights[order], pixel[order]
    low = np.searchsorted(masses, wanted * (1 - ppm * 1e-6), side="left")
    high = np.searchsorted(masses, wanted * (1 + ppm * 1e-6), side="right")
    counts = high - low
    rows = np.repeat(low - np.concatenate([[0], counts.cumsum()[:-1]]), counts) + np.arange(counts.sum())
    made = csc_matrix(
        (heights[rows].astype(np.float32), (pixel[rows], np.repeat(np.arange(len(wanted)), counts))),
        shape=(n_pixels, len(wanted)),
    )
    made.sum_duplicates()
    return made


def _checked_mz(mz: Sequence[float], masses: NDArray[np.float64], path: Path) -> NDArray[np.float64]:
    wanted = np.asarray(mz, np.float64).ravel()
    low, high = float(masses.min()), float(masses.max())
    outside = wanted[~((wanted >= low) & (wanted <= high))]
    if not wanted.size or outside.size:
        what = f"m/z {outside[0]:g} lies" if outside.size else "no m/z lies"
        raise InputError(
            f"{path}: {what} outside of what was measured, {low:.2f} to {high:.2f}: take it out of the list"
        )
    return wanted


def _parser(path: Path) -> Any:
    try:
        from pyimzml.ImzMLParser import ImzMLParser
    except ImportError as error:
        raise InputError("this needs pyimzml: pip install 'facies[omics]'") from error
    data = next((path.with_suffix(end) for end in (".ibd", ".IBD") if path.with_suffix(end).is_file()), None)
    if data is None:
        raise InputError(f"{path}: its {path.stem}.ibd is missing: put both files into one folder")
    try:
        return ImzMLParser(str(path), parse_lib="ElementTree", ibd_file=data.open("rb"))
    except Exception as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{path}: is no imzML, or damaged ({reason}): export it again") from error


def _check_length(parser: Any, path: Path) -> None:
    size = os.fstat(parser.m.fileno()).st_size
    arrays = (
        (parser.mzOffsets, parser.mzLengths, parser.mzPrecision),
        (parser.intensityOffsets, parser.intensityLengths, parser.intensityPrecision),
    )
    needed = max(
        (offset + length * parser.sizeDict[kind] for offsets, lengths, kind in arrays
         for offset, length in zip(offsets, lengths, strict=True)),
        default=0,
    )  # fmt: skip
    if needed > size or not len(parser.coordinates):
        raise InputError(
            f"{path}: its .ibd has {size:,} bytes and {needed:,} are needed for {len(parser.coordinates)} spectra: "
            "it is cut off, or of another file"
        )


def _size_note(parser: Any, path: Path) -> str:
    x = parser.imzmldict.get("pixel size x")
    if not x:
        return f"{path.name}: does not say how large a pixel is; it stays unknown"
    return f"{path.name}: a pixel is {x:g} µm wide"
