from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from facies.images.readers.image_file import UnreadableImage, decode_pages, read_headers

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
def test_pages_that_tifffile_cannot_unpack_are_read_otherwise(dtype: str, tmp_path: Path) -> None:
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


def test_a_compression_nobody_reads_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cv2.imwrite(str(tmp_path / "a.tif"), STACK[0])
    monkeypatch.setattr(cv2, "imreadmulti", lambda *_, **__: (False, ()))
    with pytest.raises(UnreadableImage, match="compression LZW needs the package imagecodecs"):
        list(decode_pages(tmp_path / "a.tif"))
