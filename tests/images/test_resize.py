from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facies.errors import InputError
from facies.images import resize as resize_module
from facies.images.axes import AxisOrder
from facies.images.resize import ImageFormat, border_median, convert, convert_channels, pad, parse_size, resize
from facies.images.sources import ArraySource

sides = st.integers(1, 40)


@given(height=sides, width=sides, h=st.integers(4, 40), w=st.integers(4, 40), channels=st.sampled_from([1, 3]))
def test_any_size_fits_any_size(height: int, width: int, h: int, w: int, channels: int) -> None:
    images = np.random.default_rng(0).random((2, channels, height, width), dtype=np.float32)
    for change in (resize, pad):
        out = change(images, (h, w))
        assert out.shape == (2, channels, h, w)
        assert out.dtype == np.float32
        assert out.min() >= images.min() - 1e-6
        assert out.max() <= images.max() + 1e-6


@given(value=st.floats(-1e3, 1e3, width=32), h=st.integers(4, 40), w=st.integers(4, 40))
def test_a_plain_image_stays_plain(value: float, h: int, w: int) -> None:
    images = np.full((1, 1, 13, 17), value, dtype=np.float32)
    for change in (resize, pad):
        np.testing.assert_allclose(change(images, (h, w)), value, rtol=1e-5, atol=1e-5)


def test_shrinking_averages_instead_of_picking() -> None:
    stripes = np.zeros((1, 1, 64, 64), dtype=np.float32)
    stripes[..., ::2] = 1
    inner = resize(stripes, (8, 8))[..., 1:-1]
    np.testing.assert_allclose(inner, 0.5, atol=0.04)


def test_padding_keeps_the_pixels_and_takes_the_border() -> None:
    image = np.full((1, 1, 4, 6), 9, dtype=np.float32)
    image[0, 0, 1:3, 1:5] = 50
    image[0, 0, 0, 0] = 200
    out = pad(image, (8, 8))
    np.testing.assert_array_equal(out[0, 0, 2:6, 1:7], image[0, 0])
    assert (out[0, 0, :2] == 9).all()
    assert (out[0, 0, :, 0] == 9).all()


def test_padding_shrinks_what_is_larger_in_proportion() -> None:
    image = np.zeros((1, 1, 40, 20), dtype=np.float32)
    image[..., 1:-1, 1:-1] = 1
    out = pad(image, (10, 10))
    filled = out[0, 0, 5] > 0.5
    assert filled.sum() in (4, 5)
    assert not filled[:2].any()


def test_the_border_is_counted_once() -> None:
    images = np.arange(9, dtype=np.float32).reshape(1, 3, 3)
    assert border_median(images) == np.median([0, 1, 2, 3, 5, 6, 7, 8])


def test_channels_convert() -> None:
    rgb = np.array([10, 20, 30], dtype=np.float32).reshape(1, 3, 1, 1)
    grey = 0.299 * 10 + 0.587 * 20 + 0.114 * 30
    np.testing.assert_allclose(convert_channels(rgb, "grey"), [[[[grey]]]], rtol=1e-6)
    np.testing.assert_array_equal(convert_channels(rgb, "rgb"), rgb)
    assert convert_channels(rgb[:, :1], "rgb").ravel().tolist() == [10, 10, 10]
    assert convert_channels(rgb[:, :1], "grey").ravel().tolist() == [10]
    half = np.concatenate([rgb, np.full((1, 1, 1, 1), 127.5, np.float32)], axis=1)
    assert convert_channels(half, "rgb", white=255).ravel().tolist() == [5, 10, 15]
    with pytest.raises(InputError, match="2 channels cannot be made grey"):
        convert_channels(rgb[:, :2], "grey")


@pytest.mark.parametrize(
    ("native", "target", "kept"),
    [
        ("u1", ImageFormat(size=(8, 8)), "u1"),
        (">u2", ImageFormat(size=(8, 8)), "u2"),
        ("i4", ImageFormat(size=(8, 8)), "f4"),
        ("f8", ImageFormat(size=(8, 8)), "f4"),
        (bool, ImageFormat(size=(8, 8)), "f4"),
        ("f8", ImageFormat(), "f8"),
        ("u1", ImageFormat(to_float=True), "f4"),
    ],
)
def test_narrow_whole_numbers_stay_whole(native: str, target: ImageFormat, kept: str) -> None:
    assert target.dtype(np.dtype(native)) == np.dtype(kept)
    assert target.apply(np.ones((1, 1, 16, 16), dtype=native)).dtype == np.dtype(kept)


def test_types_meet_between_zero_and_one() -> None:
    target = ImageFormat(to_float=True)
    assert target.apply(np.full((1, 1, 4, 4), 255, "u1")).max() == 1
    assert target.apply(np.full((1, 1, 4, 4), 65535, "u2")).max() == 1
    assert target.apply(np.full((1, 1, 4, 4), 0.25, "f4")).max() == 0.25


def test_a_source_is_converted_once_focal_stacks_too(rng: np.random.Generator) -> None:
    stacks = rng.integers(0, 255, (3, 2, 3, 8, 8), dtype=np.uint8)
    source = ArraySource(stacks, AxisOrder.STACK)
    small = convert(source, ImageFormat("grey", (4, 4)))
    assert small.shape == (3, 2, 1, 4, 4)
    assert small.dtype == np.uint8
    flat = ImageFormat("grey", (4, 4)).apply(stacks.reshape(6, 3, 8, 8))
    np.testing.assert_array_equal(small.read(np.arange(3)).reshape(6, 1, 4, 4), flat)
    assert convert(source, ImageFormat("rgb", (8, 8))) is source


@pytest.mark.parametrize(("size", "parsed"), [(None, None), (8, (8, 8)), ((8, 4), (8, 4)), ([4, 9], (4, 9))])
def test_sizes_are_read(size, parsed) -> None:
    assert parse_size(size) == parsed


@pytest.mark.parametrize("size", [3, 0, -4, (8,), (8, 8, 8), (8, 2), 8.5, "8"])
def test_sizes_that_are_none_are_refused(size) -> None:
    with pytest.raises(InputError, match="size must be a side"):
        parse_size(size)


@pytest.mark.parametrize("shape", [(301, 257), (40, 999), (999, 8)])
@pytest.mark.parametrize("size", [(16, 16), (8, 40), (500, 9)])
def test_large_images_are_resized_by_bands_to_the_same_pixels(
    shape: tuple[int, int], size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    images = np.random.default_rng(0).random((2, 1, *shape), dtype=np.float32)
    whole = resize_module.resize(images, size)
    monkeypatch.setattr(resize_module, "_BAND_BYTES", 9_000)
    np.testing.assert_array_equal(resize_module.resize(images, size), whole)
