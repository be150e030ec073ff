"""How large in nature is what each image shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.runs import RunFolder


def physical_sizes(folder: RunFolder) -> NDArray[np.float32] | None:
    """Return width and height of what each image shows, in µm, float32 of shape (N, 2); None if no scale is known.

    The scale is the column ``pixel_size_um`` where the table has one, else that of all photographs. It is of the pixels
    as they were before images were brought to one shape: the columns ``width`` and ``height`` hold how many those were.
    An image that was stretched shows all of them; one that was padded shows a border, too, at the same scale. NaN where
    the size of an image is not known.
    """
    described, table = folder.manifest["input"], folder.images
    scale = _positive(table["pixel_size_um"]) if "pixel_size_um" in table else np.full(len(table), np.nan)
    scale = np.where(np.isnan(scale), _number(described.get("um_per_px")), scale)
    height, width = (float(side) for side in described["image_shape"][-2:])
    options = described["origin"].get("options", {})
    sides = np.tile([width, height], (len(table), 1))
    if "width" in table and "height" in table:
        native = np.column_stack([_positive(table["width"]), _positive(table["height"])])
        padded = sides / np.minimum(1, (sides / native).min(axis=1, keepdims=True))
        sides = padded if options.get("fit") == "pad" else native
    elif options.get("size") is not None:  # resized, and nobody wrote down from what
        return None
    sizes = (sides * scale[:, None]).astype(np.float32)
    return sizes if np.isfinite(sizes).any() else None


def scale_to_json(sizes: NDArray[np.float32] | None) -> dict[str, Any] | None:
    """Return what the page is told of the sizes of a run: None if unknown, else the width and height that all images
    have in µm, which are None where images differ.
    """
    if sizes is None:
        return None
    alike = bool((sizes == sizes[0]).all())
    width, height = (float(side) if alike else None for side in sizes[0])
    return {"width_um": width, "height_um": height}


def _positive(column: pd.Series) -> NDArray[np.float64]:
    """The numbers of a column; NaN for what is none, or not positive."""
    values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)


def _number(value: object) -> float:
    # A run may come from a stranger: what is no length is no scale.
    number = float(value) if isinstance(value, int | float) else float("nan")
    return number if np.isfinite(number) and number > 0 else float("nan")
