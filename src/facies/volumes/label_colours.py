"""A colour for each label, the same in every viewer."""

from __future__ import annotations

import colorsys
from typing import Any

_GOLDEN = 0.381966


def label_colours(n_labels: int) -> list[dict[str, Any]]:
    """Return ``label-value`` and ``rgba`` of the labels 1 to n, as OME-Zarr has them; 0 is transparent.

    Examples
    --------
    >>> [colour["label-value"] for colour in label_colours(2)]
    [0, 1, 2]
    """
    colours: list[dict[str, Any]] = [{"label-value": 0, "rgba": [0, 0, 0, 0]}]
    for label in range(1, n_labels + 1):
        # Hues that lie far from those before, and two depths, so that neighbours in number differ.
        rgb = colorsys.hsv_to_rgb((label * _GOLDEN) % 1.0, 0.75 if label % 2 else 0.5, 0.95 if label % 3 else 0.75)
        colours.append({"label-value": label, "rgba": [*(round(255 * part) for part in rgb), 255]})
    return colours
