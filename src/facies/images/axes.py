"""Which axis of an array is which: from the layouts people store images in to ``(N, C, H, W)``."""

from __future__ import annotations

import math
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError

_MAX_COLOURS = 4  # an axis of more entries holds pixels, not colours


class AxisOrder(Enum):
    """How the axes of a stored array are ordered."""

    GREY = "N H W"
    FIRST = "N C H W"
    LAST = "N H W C"
    STACK = "N L C H W"
    STACK_LAST = "N L H W C"

    def channels_first(self, batch: NDArray[Any]) -> NDArray[Any]:
        """View a stored batch with the channels before the rows.

        Parameters
        ----------
        batch : ndarray
            A batch in this order.

        Returns
        -------
        ndarray
            A view, ``(B, C, H, W)`` or ``(B, L, C, H, W)``.
        """
        if self is AxisOrder.GREY:
            return batch[:, None]
        if self in (AxisOrder.LAST, AxisOrder.STACK_LAST):
            return np.moveaxis(batch, -1, -3)
        return batch

    def channels_first_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of what `channels_first` returns for an array of `shape`."""
        if self is AxisOrder.GREY:
            return (shape[0], 1, *shape[1:])
        if self in (AxisOrder.LAST, AxisOrder.STACK_LAST):
            return (*shape[:-3], shape[-1], shape[-3], shape[-2])
        return shape


def infer_axis_order(shape: tuple[int, ...], name: str) -> AxisOrder:
    """Infer the order of the axes of an array of images, images first, from its shape; `name` is its name in errors.

    Three axes are grey images. Four axes are channels last where the last axis has 1 to 4 entries and the second more
    than 4, else channels first; more than 4 channels are taken where they are fewer than the rows and the columns.
    Five axes are focal stacks; the axes after the layers are inferred in the same way.
    """
    words = " × ".join(map(str, shape))
    if math.prod(shape) == 0:
        raise InputError(f"{name}: the array is empty (its shape is {words or 'a single number'})")
    if len(shape) == 2:
        side = math.isqrt(shape[1])
        into = f"({shape[0]}, {side}, {side})" if side * side == shape[1] else f"({shape[0]}, H, W)"
        raise InputError(f"{name}: {words} are flattened images or a table, not images: reshape the array to {into}")
    if len(shape) == 3:
        if shape[2] in (3, 4) and shape[1] > 2 * _MAX_COLOURS:
            raise InputError(
                f"{name}: {words} looks like one colour image: Facies needs a set, (N, H, W) or (N, H, W, C)"
            )
        return AxisOrder.GREY
    if len(shape) not in (4, 5):
        raise InputError(
            f"{name}: has {len(shape)} axes ({words}): "
            "images are (N, H, W), (N, H, W, C), (N, C, H, W) or (N, L, C, H, W)"
        )
    a, b, c = shape[-3:]
    last, first = (AxisOrder.LAST, AxisOrder.FIRST) if len(shape) == 4 else (AxisOrder.STACK_LAST, AxisOrder.STACK)
    if c <= _MAX_COLOURS < a:
        return last
    if a <= _MAX_COLOURS or a < min(b, c):
        return first
    raise InputError(f"{name}: no axis of {words} can be the channels: give (N, C, H, W) or (N, H, W, C)")


def check_dtype(dtype: np.dtype[Any], name: str) -> None:
    """Refuse pixels that are neither booleans, integers nor floats."""
    if dtype.kind not in "biuf":
        what = "Python objects" if dtype.kind == "O" else f"of type {dtype}"
        raise InputError(f"{name}: its entries are {what}, not numbers: save the pixels as uint8, uint16 or float32")
