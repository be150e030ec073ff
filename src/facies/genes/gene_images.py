"""Genes as images: one image a gene, made from a sparse table when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csc_matrix

from facies.errors import InputError
from facies.genes.grid import PixelGrid, pixel_grid
from facies.genes.normalisation import Values, normalised
from facies.genes.spatial_table import SpatialTable, unique_names
from facies.images import ImageSet
from facies.images.sources import Indices, SubsetSource

SPIKE_IN = "ERCC-"


@dataclass(frozen=True)
class GeneSource:
    """Images (N, 1, H, W) of the columns of a sparse table; the mean of the spots of a pixel, and 0 where none was measured.

    Memory is that of the sparse table and of the batch that is read.
    """

    matrix: csc_matrix = field(repr=False)
    grid: PixelGrid

    @property
    def shape(self) -> tuple[int, ...]:
        """``(N, 1, H, W)``."""
        return (self.matrix.shape[1], 1, *self.grid.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Float32."""
        return np.dtype(np.float32)

    def read(self, indices: Indices) -> NDArray[Any]:
        """Return the images of genes, ``(B, 1, H, W)`` float32."""
        columns = self.matrix[:, indices]
        n_pixels = self.grid.shape[0] * self.grid.shape[1]
        gene = np.repeat(np.arange(len(indices)), np.diff(columns.indptr))
        summed = np.bincount(
            gene * n_pixels + self.grid.pixel[columns.indices], columns.data, minlength=len(indices) * n_pixels
        ).reshape(len(indices), n_pixels)
        means = summed / np.maximum(self.grid.spots_in_pixel, 1)
        return means.astype(np.float32).reshape(len(indices), 1, *self.grid.shape)


def gene_images(
    table: SpatialTable,
    *,
    min_spots: int = 10,
    values: Values = "auto",
    max_side: int = 128,
    shape: tuple[int, int] | None = None,
) -> ImageSet:
    """Make one image a gene of a table of spots.

    Parameters
    ----------
    table : SpatialTable
        What a reader of `facies.genes.readers` gave.
    min_spots : int, default=10
        Genes that are seen in fewer spots are left out, and counted; so are spike-ins (ERCC).
    values : {"auto", "counts", "normalised"}, default="auto"
        What the table holds. Counts are normalised by the total of each spot, and their logarithm is taken.
    max_side : int, default=128
        Longest side of a section in pixels.
    shape : (int, int), optional
        Height and width of the images, such as those of another section that a method learnt from.

    Returns
    -------
    ImageSet
        Images (1, H, W) float32, with the mask `ImageSet.measured`; the table has the columns ``gene``, ``n_spots`` and
        ``mean``.

    Raises
    ------
    InputError
        If values are negative or no numbers, coordinates are missing, or no gene is left.
    """
    names, notes = unique_names(table.names, table.where)
    grid = pixel_grid(table, max_side, shape)
    ready, how = normalised(table.values, values, names, table.where)
    ready.eliminate_zeros()
    seen = np.diff(ready.indptr)
    spikes = np.array([name.startswith(SPIKE_IN) for name in names])
    kept = (seen >= min_spots) & ~spikes
    if not kept.any():
        raise InputError(
            f"{table.where}: no gene is seen in {min_spots} spots or more (the commonest in {int(seen.max(initial=0))}): "
            "give a table of more spots"
        )
    reasons = np.where(
        spikes, "spike-in", np.where(seen == 0, "no count at all", f"seen in fewer than {min_spots} spots")
    )
    left_out = pd.DataFrame({"source": np.array(names, object)[~kept], "reason": reasons[~kept]}, dtype=str)
    counts = left_out["reason"].value_counts()
    notes = [*table.notes, *notes, grid.note, how]
    notes += [f"{count:,} genes were left out: {reason}" for reason, count in counts.items()]
    chosen = ready[:, np.flatnonzero(kept)]
    own = [name for name, keep in zip(names, kept, strict=True) if keep]
    rows = pd.DataFrame(
        {
            "id": own, "source": table.where, "gene": own, "n_spots": seen[kept],
            "mean": np.asarray(chosen.mean(axis=0)).ravel(),
        }
    )  # fmt: skip
    source = GeneSource(chosen, grid)
    return ImageSet(
        source,
        rows,
        left_out=left_out,
        notes=notes,
        value_range=(0.0, _largest_pixel(source)),
        measured=grid.measured,
        origin={"kind": "memory", "path": None, "options": {}},
    )


def spot_values(images: ImageSet) -> csc_matrix:
    """Return the values that images of genes were made from, (n_spots, n_images).

    Raises
    ------
    InputError
        If the images are not what `gene_images` made, or a part of it.
    """
    source = images.source
    if isinstance(source, SubsetSource) and isinstance(source.parent, GeneSource):
        return source.parent.matrix[:, source.rows]
    if isinstance(source, GeneSource):
        return source.matrix
    raise InputError("these images are not of a table of spots: open the .h5ad, Visium folder or .imzML itself")


def _largest_pixel(source: GeneSource) -> float:
    step = max(1, 2**21 // max(1, source.grid.shape[0] * source.grid.shape[1]))
    return max(
        float(source.read(np.arange(start, min(start + step, source.shape[0]))).max())
        for start in range(0, source.shape[0], step)
    )
