from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from facies.images.readers.image_file import decode_pages, read_headers
from facies.images.readers.pixels import PageHeader, UnreadableImage
from facies.images.readers.tiff_samples import _D50_TO_D65

from .tiff_drawing import tiff_bytes

RAMP = np.arange(256).reshape(16, 16)


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("bits", [1, 2, 4, 10, 12, 14])
def test_packed_bits(bits: int, photometric: int, tmp_path: Path) -> None:
    stored = RAMP * 2**bits // 256 if bits > 8 else RAMP % 2**bits
    stored[-1, -1] = 2**bits - 1
    (tmp_path / "a.tif").write_bytes(tiff_bytes(stored, bits, photometric))
    (page,) = decode_pages(tmp_path / "a.tif")
    shown = stored if photometric else 2**bits - 1 - stored
    expected = shown * (255 // (2**bits - 1)) if bits < 8 else shown
    np.testing.assert_array_equal(page[..., 0], expected)
    assert page.dtype == (np.uint8 if bits < 8 else np.uint16)
    assert read_headers(tmp_path / "a.tif") == [PageHeader(16, 16, 1, page.dtype)]
    if bits < 8:
        np.testing.assert_array_equal(page[..., 0], np.asarray(Image.open(tmp_path / "a.tif").convert("L")))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_palettes_of_few_bits(bits: int, tmp_path: Path) -> None:
    palette = [(17 * i, 255 - 10 * i, 3 * i) for i in range(2**bits)]
    stored = RAMP % 2**bits
    (tmp_path / "a.tif").write_bytes(tiff_bytes(stored, bits, 3, palette))
    (page,) = decode_pages(tmp_path / "a.tif")
    np.testing.assert_array_equal(page, np.array(palette, np.uint8)[stored])
    assert read_headers(tmp_path / "a.tif") == [PageHeader(16, 16, 3, np.dtype(np.uint8))]


@pytest.mark.parametrize("compression", [None, "lzw", "zstd", "zlib", "lzma", "packbits"])
@pytest.mark.parametrize("dtype", ["i1", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"])
def test_every_type_with_every_compression(compression: str | None, dtype: str, tmp_path: Path) -> None:
    pixels = (np.random.default_rng(0).normal(0, 40, (7, 9))).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", pixels, compression=compression)
    (page,) = decode_pages(tmp_path / "a.tif")
    np.testing.assert_array_equal(page[..., 0], pixels)
    assert read_headers(tmp_path / "a.tif") == [PageHeader(7, 9, 1, np.dtype(dtype))]


def test_lzw_as_it_was_before_1993(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 9, (16, 16), dtype=np.uint8)
    # A GIF has the same codes, in blocks of 255 bytes.
    Image.fromarray(pixels).save(tmp_path / "a.gif", optimize=False, interlace=0)
    gif = (tmp_path / "a.gif").read_bytes()
    with Image.open(tmp_path / "a.gif") as image:
        at = image.tile[0].offset
    codes = b""
    while gif[at]:
        codes += gif[at + 1 : at + 1 + gif[at]]
        at += 1 + gif[at]
    (tmp_path / "a.tif").write_bytes(tiff_bytes(pixels, 8, compression=5, data=codes))
    (page,) = decode_pages(tmp_path / "a.tif")
    np.testing.assert_array_equal(page[..., 0], pixels)


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("photometric", ["cielab", "icclab"])
def test_lab_becomes_rgb(dtype: str, photometric: str, tmp_path: Path) -> None:
    from skimage.color import rgb2xyz, xyz2lab

    smooth = np.add.outer(np.arange(16), np.arange(20)) / 40
    rgb = np.dstack([0.2 + 0.6 * smooth, 0.5 * smooth + 0.3, 0.8 - 0.5 * smooth])
    lab = xyz2lab(rgb2xyz(rgb) @ np.linalg.inv(_D50_TO_D65).T, illuminant="D50")
    largest, unit = np.iinfo(dtype).max, (1 if dtype == "u1" else 256)
    colours = np.round(lab[..., 1:] * unit).astype(int)
    colours = colours + 128 * unit if photometric == "icclab" else colours % (largest + 1)
    stored = np.dstack([np.round(lab[..., :1] / 100 * largest).astype(int), colours]).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric=photometric)
    (page,) = decode_pages(tmp_path / "a.tif")
    assert page.dtype == np.dtype(dtype)
    assert np.abs(page / largest - rgb).max() < 0.04


def test_what_no_one_converts_is_named(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((8, 8, 3), "u2"), photometric="ycbcr")
    with pytest.raises(UnreadableImage, match="YCbCr of the type uint16 is not supported: convert it to RGB"):
        list(decode_pages(tmp_path / "a.tif"))
