"""From counts to values that can be compared: library size and logarithm, as scanpy does them."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.sparse import csc_matrix

from facies.errors import InputError
from facies.genes.spatial_table import check_values, has_whole_numbers, looks_logarithmic

Values = Literal["auto", "counts", "normalised"]
"""What a table holds: counts, or values that are to be used as they are; ``auto`` looks."""


def normalised(values: csc_matrix, kind: Values, names: list[str], where: str) -> tuple[csc_matrix, str]:
    """Bring a table to log values: counts are divided by the total of their spot, times the median total, then log(1 + x).

    Parameters
    ----------
    values : csc_matrix, shape (n_spots, n_genes)
        Not changed.
    kind : {"auto", "counts", "normalised"}
        What the values are; ``auto`` takes whole numbers for counts.
    names : list of str
        Names of the genes, for messages.
    where : str
        The file, for messages.

    Returns
    -------
    values : csc_matrix of float32
    note : str
        What the values were taken for.

    Raises
    ------
    InputError
        If values are negative or no numbers, or are not what `kind` says.
    """
    check_values(values, names, where)
    whole = has_whole_numbers(values)
    if kind == "normalised" and whole:
        raise InputError(
            f"{where}: normalised values were promised, and all values are whole numbers, so they are raw counts: "
            "normalise them, or ask for values='counts'"
        )
    if kind == "counts" and not whole:
        raise InputError(f"{where}: counts were promised, and not all values are whole numbers: give raw counts")
    if kind == "normalised" or (kind == "auto" and not whole):
        said = "log-normalised values" if looks_logarithmic(values) else "normalised values, not logarithms"
        return values.astype(np.float32), f"the values are not whole numbers: taken for {said}, and used as they are"
    totals = np.asarray(values.sum(axis=1)).ravel()
    target = float(np.median(totals[totals > 0])) if (totals > 0).any() else 1.0
    factors = np.divide(target, totals, out=np.zeros_like(totals, dtype=np.float64), where=totals > 0)
    made = values.astype(np.float32)
    made.data = np.log1p(made.data * factors[values.indices].astype(np.float32))
    empty = int((totals == 0).sum())
    more = f"; {empty:,} spots without any count stay 0" if empty else ""
    return made, (
        f"the values are whole numbers: taken for raw counts, divided by the total of each spot (median {target:,.0f}), "
        f"then log(1 + x){more}"
    )
