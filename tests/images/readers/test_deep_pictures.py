from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from facies.images.readers.image_file import decode_pages, read_headers
from facies.images.readers.pixels import PageHeader, UnreadableImage

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 65536, (7, 9), dtype=np.uint16)
RGB = RNG.integers(0, 65536, (7, 9, 3), dtype=np.uint16)


def pnm(kind: str, pixels: np.ndarray, largest: int) -> bytes:
    head = f"{kind}\n# drawn\n9 7\n{largest}\n".encode()
    return head + (
        " ".join(map(str, pixels.ravel())).encode() if kind in ("P2", "P3") else pixels.astype(">u2").tobytes()
    )


def jpeg2000(pixels: np.ndarray, bits: int) -> bytes:
    return imagecodecs.jpeg2k_encode(pixels, level=0, bitspersample=bits, reversible=True)


FILES = {
    "a.pgm": (pnm("P5", GREY, 65535), GREY),
    "12.pgm": (pnm("P5", GREY >> 4, 4095), GREY >> 4),
    "text.pgm": (pnm("P2", GREY >> 4, 4095), GREY >> 4),
    "a.ppm": (pnm("P6", RGB, 65535), RGB),
    "12.ppm": (pnm("P6", RGB >> 4, 4095), RGB >> 4),
    "a.jp2": (jpeg2000(GREY, 16), GREY),
    "12.jp2": (jpeg2000(GREY >> 4, 12), GREY >> 4),
    "rgb.jp2": (jpeg2000(RGB, 16), RGB),
}


@pytest.mark.parametrize("name", FILES)
def test_more_than_8_bits_keep_their_numbers(name: str, tmp_path: Path) -> None:
    data, pixels = FILES[name]
    (tmp_path / name).write_bytes(data)
    (page,) = decode_pages(tmp_path / name)
    expected = pixels if pixels.ndim == 3 else pixels[..., None]
    np.testing.assert_array_equal(page, expected)
    assert read_headers(tmp_path / name) == [PageHeader(*expected.shape, np.dtype(np.uint16))]


def test_a_cut_file_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "a.ppm").write_bytes(FILES["a.ppm"][0][:-9])
    with pytest.raises(UnreadableImage, match="cut off"):
        list(decode_pages(tmp_path / "a.ppm"))


@pytest.mark.parametrize("suffix", [".jp2", ".avif", ".heic", ".ppm"])
def test_other_formats_of_8_bits(suffix: str, tmp_path: Path) -> None:
    smooth = np.add.outer(np.arange(32), np.arange(40)).astype(np.uint8)
    image = Image.fromarray(np.dstack([smooth, smooth + 20, smooth + 40]))
    if suffix == ".heic":
        import pillow_heif

        pillow_heif.register_heif_opener()
    image.save(tmp_path / f"a{suffix}")
    (page,) = decode_pages(tmp_path / f"a{suffix}")
    assert np.abs(page.astype(int) - np.asarray(image)).max() < 12
    assert read_headers(tmp_path / f"a{suffix}") == [PageHeader(*page.shape, page.dtype)]


def test_a_heic_of_another_name_is_known_by_its_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\0\0\0\x18ftypheic" + bytes(20))
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    with pytest.raises(UnreadableImage, match=r"a HEIC image: pip install 'facies\[heif\]'"):
        read_headers(tmp_path / "a.jpg")
