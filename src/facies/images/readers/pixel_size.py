"""The size of a pixel, from the tables of plankton imagers: by acquisition, in micrometres."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

_UNITS = {"mm": 1000.0, "um": 1.0, "µm": 1.0, "μm": 1.0, "micron": 1.0, "microns": 1.0, "nm": 0.001}
_WITH_UNIT = re.compile(r"(?:acq|process|sample)_(?:\w*_)?(?:pixel\w*|resolution)_(mm|um|µm|μm|microns?|nm)(?:_px)?")
_PER_PIXEL = re.compile(r"(?:acq|process|sample)_(?:\w+_)?(mm|um|µm|μm|microns?|nm)_per_(?:px|pixel)")
# PlanktoScope and ZooProcess write these in µm and without a unit. `process_pixel_size` is that of the flow cell in use,
# `process_pixel` a constant of the machine up to 2026 (PlanktoScope, pull request 927).
_IN_MICROMETRES = ("process_pixel_size", "process_pixel")
_WITHOUT_UNIT = ("acq_pixel", "acq_pixel_size", "acq_resolution", "process_resolution")
_TOLERANCE = 0.01


def pixel_sizes(rows: pd.DataFrame) -> tuple[pd.Series, list[str]]:
    """Find the side of a pixel of each image.

    A column counts if its name has the unit (``process_particle_pixel_size_mm``), or is one of PlanktoScope's or
    ZooProcess's, which are in µm. Where several columns differ, the one that differs between acquisitions is right, and
    then the one with the unit, and `process_pixel_size` before `process_pixel`.

    Parameters
    ----------
    rows : DataFrame
        What `read_tables` returned.

    Returns
    -------
    Series of float64
        The side in µm; NaN where it is not known.
    list of str
        Lines for the user: columns that differ, sizes that differ between acquisitions, and columns without a unit.
    """
    known = {name: _in_micrometres(rows[name], factor) for name, factor in _candidates(list(map(str, rows.columns)))}
    known = {name: sizes for name, sizes in known.items() if sizes.notna().any()}
    notes = []
    unknown = [name for name in _WITHOUT_UNIT if name in rows and (rows[name].astype(str) != "").any()]
    if not known:
        if unknown:
            notes.append(
                f"{unknown[0]} names no unit, so the size of a pixel is not known: rename it to {unknown[0]}_um"
            )
        return pd.Series(float("nan"), index=rows.index), notes
    order = list(known)
    best = max(order, key=lambda name: (known[name].round(6).nunique(), -order.index(name)))
    sizes = known[best]
    for name in order:
        if name != best:
            notes += _conflict(best, sizes, name, known[name])
            sizes = sizes.fillna(known[name])
    counts = sizes.round(6).value_counts(sort=False)
    if len(counts) > 1:
        listed = ", ".join(f"{size:g} µm ({count} images)" for size, count in sorted(counts.items())[:6])
        notes.append(f"a pixel differs in size between acquisitions: {listed}; the column pixel_size_um has each")
    return sizes, notes


def _candidates(names: Sequence[str]) -> list[tuple[str, float]]:
    found = []
    for name in names:
        match = _WITH_UNIT.fullmatch(name) or _PER_PIXEL.fullmatch(name)
        if match and not any(word in name for word in ("area", "count", "min", "max")):
            found.append((name, _UNITS[match[1]]))
    return found + [(name, 1.0) for name in _IN_MICROMETRES if name in names]


def _in_micrometres(column: pd.Series, factor: float) -> pd.Series:
    values = pd.to_numeric(column, errors="coerce").astype("float64") * factor
    return values.where((values > 0) & (values < 1e6))


def _conflict(best: str, sizes: pd.Series, other: str, others: pd.Series) -> list[str]:
    differ = ((sizes - others).abs() > _TOLERANCE * sizes) & sizes.notna() & others.notna()
    if not differ.any():
        return []
    row = int(differ.to_numpy().argmax())
    return [
        f"{best} and {other} differ in {int(differ.sum())} of {len(sizes)} images (the first: {sizes.iloc[row]:g} and "
        f"{others.iloc[row]:g} µm): {best} was taken"
    ]
