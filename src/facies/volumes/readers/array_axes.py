"""The axes of arrays that name none: z, y, x; a last axis of three or four bytes is colour."""

from __future__ import annotations

from typing import Any

import numpy as np

from facies.errors import InputError


def axes_of(shape: tuple[int, ...], dtype: np.dtype[Any], name: str) -> str:
    """Return a letter for each axis of an array; an `InputError` says that it is no volume.

    Parameters
    ----------
    shape, dtype
        Of the array.
    name : str
        What the message calls it.
    """
    if len(shape) == 4 and shape[-1] in (3, 4) and np.dtype(dtype).itemsize <= 2:
        return "zyxs"
    if len(shape) == 3 and shape[-1] in (3, 4) and np.dtype(dtype) == np.uint8 and min(shape[:2]) > 16:
        return "yxs"
    letters = {2: "yx", 3: "zyx"}.get(len(shape))
    if letters is None:
        extra = len(shape) - 3
        if extra > 0 and all(size == 1 for size in shape[:extra]):
            return "q" * extra + "zyx"
        raise InputError(
            f"{name}: has {len(shape)} axes, and a volume has three (z, y, x): write the part that you mean by itself"
        )
    return letters
