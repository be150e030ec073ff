"""`SpatialTable`: a sparse table of spots by genes (or pixels by ions), with the place of each spot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix

from facies.errors import InputError

_SAMPLE = 1_000_000
_LARGEST_LOG = 30.0  # log1p of 10¹³ counts; no table of logarithms goes beyond


@dataclass(frozen=True)
class SpatialTable:
    """Values of genes at spots.

    Parameters
    ----------
    values : csc_matrix of float32, shape (n_spots, n_genes)
        Counts, or normalised values; what is not stored is 0.
    names : list of str
        Name of each gene or ion.
    where : str
        The file, for messages.
    array : ndarray of int, shape (n_spots, 2), optional
        Row and column of each spot in the array of spots.
    coordinates : ndarray of float, shape (n_spots, 2), optional
        x and y of each spot, in any unit; used where there is no array.
    sections : ndarray of str, shape (n_spots,), optional
        Section of each spot, where there are several.
    notes : tuple of str
        What was done on reading, for the user.
    """

    values: csc_matrix
    names: list[str]
    where: str
    array: NDArray[np.int64] | None = None
    coordinates: NDArray[np.float64] | None = None
    sections: NDArray[Any] | None = None
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        n_spots, n_genes = self.values.shape
        if len(self.names) != n_genes:
            raise InputError(f"{self.where}: has {n_genes} columns of values and {len(self.names)} names of genes")
        if not n_spots or not n_genes:
            raise InputError(f"{self.where}: holds {n_spots} spots and {n_genes} genes: there is nothing to group")
        for name, places in (("array coordinates", self.array), ("coordinates", self.coordinates)):
            if places is not None and places.shape != (n_spots, 2):
                raise InputError(
                    f"{self.where}: has {n_spots} spots and {name} of {len(places)}: give one row of two numbers a spot"
                )
            if places is not None and not np.isfinite(places).all():
                raise InputError(f"{self.where}: some {name} are no numbers: leave these spots out")
        if self.array is None and self.coordinates is None:
            raise InputError(
                f"{self.where}: has no coordinates of its spots: add obs['array_row'] and obs['array_col'], "
                "or obsm['spatial'] with x and y"
            )


def check_values(values: csc_matrix, names: Sequence[str], where: str) -> None:
    """Raise `InputError`, naming the gene, if a value is negative or no finite number."""
    stored = values.data
    for wrong, what in ((~np.isfinite(stored), "that are no numbers"), (stored < 0, "below 0")):
        if wrong.any():
            gene = int(np.searchsorted(values.indptr, int(wrong.argmax()), side="right")) - 1
            raise InputError(
                f"{where}: {int(wrong.sum()):,} values {what}, the first of {names[gene]}: "
                "give counts, or values that were normalised and not centred"
            )


def has_whole_numbers(values: csc_matrix) -> bool:
    """Whether the values are counts: all of a sample of a million are whole numbers, and not all are 0 or 1 after a log."""
    step = max(1, values.data.size // _SAMPLE)
    sample = values.data[::step]
    return bool(sample.size) and bool((sample == np.round(sample)).all())


def looks_logarithmic(values: csc_matrix) -> bool:
    """Whether values may be logarithms: none is beyond 30, and not all are whole numbers."""
    return not has_whole_numbers(values) and float(values.data.max(initial=0)) <= _LARGEST_LOG


def unique_names(names: Sequence[str], where: str) -> tuple[list[str], list[str]]:
    """Make the names of genes unique as anndata does, by ``-1``, ``-2`` and so on; also a note where some were not."""
    texts = [str(name) for name in names]
    taken, seen, made = set(texts), Counter[str](), []
    for name in texts:
        if not seen[name]:
            seen[name] += 1
            made.append(name)
            continue
        new = f"{name}-{seen[name]}"
        while new in taken:
            seen[name] += 1
            new = f"{name}-{seen[name]}"
        seen[name] += 1
        taken.add(new)
        made.append(new)
    twice = sorted({name for name, count in Counter(texts).items() if count > 1})
    if not twice:
        return made, []
    renamed = sum(one != other for one, other in zip(made, texts, strict=True))
    return made, [
        f"{where}: {renamed} names of genes stood there twice, such as {twice[0]}; the later ones got a number (-1, -2 …)"
    ]
