from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from facies.images.readers.image_file import decode_pages, read_headers

STACK = np.random.default_rng(0).integers(0, 65536, (5, 7, 9), dtype=np.uint16)


@pytest.mark.parametrize("options", [{}, {"imagej": True}, {"ome": True}, {"bigtiff": True}, {"compression": "zlib"}])
def test_every_page_is_an_image(options: dict[str, object], tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", STACK, **options)
    assert len(read_headers(tmp_path / "a.tif")) == 5
    np.testing.assert_array_equal(np.stack(list(decode_pages(tmp_path / "a.tif")))[..., 0], STACK)


def test_pages_behind_one_header_are_found(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", STACK, imagej=True, truncate=True)
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        assert len(tif.pages) == 1
    assert len(read_headers(tmp_path / "a.tif")) == 5
    np.testing.assert_array_equal(np.stack(list(decode_pages(tmp_path / "a.tif")))[..., 0], STACK)


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_pages_compressed_by_other_programs(dtype: str, tmp_path: Path) -> None:
    stack = STACK.astype(dtype)
    if dtype == "u1":
        first, *others = [Image.fromarray(page) for page in stack]
        first.save(tmp_path / "a.tif", compression="tiff_lzw", save_all=True, append_images=others)
    else:
        cv2.imwritemulti(str(tmp_path / "a.tif"), list(stack))
    np.testing.assert_array_equal(np.stack(list(decode_pages(tmp_path / "a.tif")))[..., 0], stack)


def test_pages_may_differ(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        tif.write(STACK[0])
        tif.write(STACK[1, :4, :5])
    assert [(header.height, header.width) for header in read_headers(tmp_path / "a.tif")] == [(7, 9), (4, 5)]
    assert [page.shape for page in decode_pages(tmp_path / "a.tif")] == [(7, 9, 1), (4, 5, 1)]


def test_reduced_copies_are_no_images(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        tif.write(STACK[0])
        tif.write(STACK[0, ::2, ::2], subfiletype=1)
        tif.write(STACK[1])
    pages = list(decode_pages(tmp_path / "a.tif"))
    np.testing.assert_array_equal(np.stack(pages)[..., 0], STACK[:2])
    assert len(read_headers(tmp_path / "a.tif")) == 2


@pytest.mark.parametrize("compression", ["lzw", "zstd", "lzma", "packbits", "jpeg2000", "jpegxr", "jpegxl", "png"])
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_every_compression_is_read(compression: str, dtype: str, tmp_path: Path) -> None:
    pixels = STACK.astype(dtype)[0]
    options = {"level": 0} if compression == "jpeg2000" else {"lossless": True} if compression == "jpegxl" else {}
    tifffile.imwrite(tmp_path / "a.tif", pixels, compression=compression, compressionargs=options)
    (page,) = decode_pages(tmp_path / "a.tif")
    np.testing.assert_array_equal(page[..., 0], pixels)


@pytest.mark.parametrize("predictor", [None, 3])
def test_floats_before_which_a_predictor_stands(predictor: int | None, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).random((7, 9)).astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", pixels, compression="lzw", predictor=predictor)
    (page,) = decode_pages(tmp_path / "a.tif")
    np.testing.assert_array_equal(page[..., 0], pixels)


@pytest.mark.parametrize("mode", ["YCbCr", "LAB"])
@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_deflate", "packbits"])
def test_other_colour_spaces_become_rgb(mode: str, compression: str | None, tmp_path: Path) -> None:
    smooth = np.add.outer(np.arange(32), np.arange(40)).astype(np.uint8)
    image = Image.fromarray(np.dstack([smooth, smooth + 20, smooth + 40]))
    if mode == "LAB":
        spaces = (ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"))
        other = ImageCms.profileToProfile(image, *spaces, outputMode="LAB")
        assert other is not None
    else:
        other = image.convert(mode)
    other.save(tmp_path / "a.tif", compression=compression, tiffinfo={274: 3})
    (page,) = decode_pages(tmp_path / "a.tif")
    assert np.abs(page.astype(int) - np.asarray(image)[::-1, ::-1]).max() < 8
