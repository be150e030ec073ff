from __future__ import annotations

import numpy as np
import pytest

from facies.errors import InputError
from facies.images.axes import AxisOrder, check_dtype, infer_axis_order


@pytest.mark.parametrize(
    ("shape", "axis_order", "image_shape"),
    [
        ((5, 16, 12), AxisOrder.GREY, (1, 16, 12)),
        ((5, 16, 12, 1), AxisOrder.LAST, (1, 16, 12)),
        ((5, 16, 12, 3), AxisOrder.LAST, (3, 16, 12)),
        ((5, 16, 12, 4), AxisOrder.LAST, (4, 16, 12)),
        ((5, 3, 16, 12), AxisOrder.FIRST, (3, 16, 12)),
        ((5, 1, 16, 12), AxisOrder.FIRST, (1, 16, 12)),
        ((5, 8, 16, 12), AxisOrder.FIRST, (8, 16, 12)),
        ((5, 3, 4, 4), AxisOrder.FIRST, (3, 4, 4)),
        ((5, 6, 3, 16, 12), AxisOrder.STACK, (6, 3, 16, 12)),
        ((5, 6, 16, 12, 3), AxisOrder.STACK_LAST, (6, 3, 16, 12)),
    ],
)
def test_the_axes_are_told_from_the_shape(
    shape: tuple[int, ...], axis_order: AxisOrder, image_shape: tuple[int, ...]
) -> None:
    assert infer_axis_order(shape, "x") is axis_order
    assert axis_order.channels_first_shape(shape) == (5, *image_shape)
    array = np.arange(np.prod(shape)).reshape(shape)
    assert axis_order.channels_first(array).shape == (5, *image_shape)
    channels_last = axis_order in (AxisOrder.LAST, AxisOrder.STACK_LAST)
    one = np.moveaxis(array, -1, -3) if channels_last else array.reshape(5, *image_shape)
    np.testing.assert_array_equal(axis_order.channels_first(array), one)


@pytest.mark.parametrize(
    ("shape", "match"),
    [
        ((0, 8, 8), "is empty"),
        ((7, 8, 0), "is empty"),
        ((10, 784), r"flattened images or a table.*\(10, 28, 28\)"),
        ((10, 783), r"reshape the array to \(10, H, W\)"),
        ((30, 40, 3), "one colour image"),
        ((5,), "has 1 axes"),
        ((2, 2, 2, 2, 8, 8), "has 6 axes"),
        ((5, 28, 28, 28), "no axis of"),
    ],
)
def test_what_cannot_be_images_is_refused(shape: tuple[int, ...], match: str) -> None:
    with pytest.raises(InputError, match=match):
        infer_axis_order(shape, "x.npy")


@pytest.mark.parametrize(("dtype", "match"), [("O", "Python objects"), ("c8", "complex64"), ("U3", "not numbers")])
def test_types_that_are_no_pixels_are_refused(dtype: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        check_dtype(np.dtype(dtype), "x.npy")
