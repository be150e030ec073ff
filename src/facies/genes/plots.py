"""Genes and groups drawn on the tissue, unmeasured pixels as background."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError, suggest
from facies.genes.annotate import UNASSIGNED
from facies.genes.grid import PixelGrid, pixel_grid
from facies.genes.readers.anndata import table_from_anndata

if TYPE_CHECKING:
    from anndata import AnnData

BACKGROUND = "#e8e8e8"


def gene(
    adata: AnnData, name: str, *, layer: str | None = None, section_key: str | None = None, cmap: str = "viridis",
    ax: Any = None, show: bool | None = None,
) -> Any:  # fmt: skip
    """Draw one gene on the tissue.

    Parameters
    ----------
    adata : AnnData
    name : str
        Of the gene.
    layer, section_key
        As `facies.tl.gene_groups` takes them.
    cmap : str, default="viridis"
        A perceptually uniform colour map of matplotlib.
    ax : Axes, optional
        Where to draw; without it a new figure.
    show : bool, optional
        Show the figure; False returns the Axes.

    Raises
    ------
    InputError
        If there is no such gene.
    """
    if name not in adata.var_names:
        raise InputError(f"there is no gene {name!r}; {suggest(name, list(adata.var_names), 'see adata.var_names')}")
    table = table_from_anndata(adata, layer=layer, section_key=section_key)
    column = table.values[:, [list(adata.var_names).index(name)]].toarray().ravel()
    axes = _figure(1)[0] if ax is None else ax
    _draw(axes, pixel_grid(table), column, name, cmap)
    return _shown(axes, show)


def group_patterns(
    adata: AnnData,
    *,
    groups: Sequence[str | int] | None = None,
    key: str = "facies",
    section_key: str | None = None,
    cmap: str = "viridis",
    show: bool | None = None,
) -> Any:
    """Draw the mean pattern of each group, and of the unassigned genes, with the number of genes.

    Parameters
    ----------
    adata : AnnData
        After `facies.tl.gene_groups`.
    groups : sequence, optional
        Which groups, by name; without it all, and ``unassigned`` where there are such genes.
    key : str, default="facies"
        What `facies.tl.gene_groups` wrote under.
    section_key, cmap, show
        As in `gene`; ``show=False`` returns a list of Axes.

    Raises
    ------
    InputError
        If there are no groups yet, or none of a name.
    """
    if f"{key}_group" not in adata.var or f"{key}_group_score" not in adata.obsm:
        raise InputError(f"there are no groups under {key!r}: run facies.tl.gene_groups(adata) first")
    table = table_from_anndata(adata, section_key=section_key)
    sizes = adata.var[f"{key}_group"].value_counts()
    known = [str(name) for name in adata.var[f"{key}_group"].cat.categories if sizes[name] > 0]
    chosen = known if groups is None else [str(name) for name in groups]
    for name in chosen:
        if name not in known:
            raise InputError(f"there is no group {name!r}; {suggest(name, known)}")
    grid, scores, axes = pixel_grid(table), adata.obsm[f"{key}_group_score"], _figure(len(chosen))
    for axis, name in zip(axes, chosen, strict=True):
        if name == UNASSIGNED:
            members = np.flatnonzero((adata.var[f"{key}_group"] == UNASSIGNED).to_numpy())
            column = np.asarray(table.values[:, members].mean(axis=1)).ravel()
        else:
            column = np.asarray(scores[name])
        _draw(axis, grid, column, f"{name}: {sizes[name]:,} genes", cmap)
    return _shown(axes, show)


def _draw(axis: Any, grid: PixelGrid, values: NDArray[Any], title: str, cmap: str) -> None:
    from matplotlib import colormaps

    sums = np.bincount(grid.pixel, values, minlength=grid.shape[0] * grid.shape[1])
    image = (sums / np.maximum(grid.spots_in_pixel, 1)).reshape(grid.shape)
    colours = colormaps[cmap].with_extremes(bad=BACKGROUND)
    drawn = axis.imshow(np.ma.masked_where(~grid.measured, image), cmap=colours, interpolation="nearest")
    axis.set_title(title, fontsize=9)
    axis.set_axis_off()
    axis.figure.colorbar(drawn, ax=axis, shrink=0.7)


def _figure(count: int) -> list[Any]:
    from matplotlib import pyplot as plt

    columns = min(4, count)
    rows = -(-count // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(3.2 * columns, 2.8 * rows), squeeze=False, layout="constrained")
    for axis in axes.ravel()[count:]:
        figure.delaxes(axis)
    return list(axes.ravel()[:count])


def _shown(axes: Any, show: bool | None) -> Any:
    if show is False:
        return axes
    from matplotlib import pyplot as plt

    plt.show()
    return None
