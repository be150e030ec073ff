from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from facies.images.readers.image_file import decode_pages, read_headers
from facies.images.readers.pixels import PageHeader, UnreadableImage, apply_orientation, blend_alpha

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (7, 9), dtype=np.uint8)
RGB = RNG.integers(0, 256, (7, 9, 3), dtype=np.uint8)
GREY16 = RNG.integers(0, 65536, (7, 9), dtype=np.uint16)
RGB16 = RNG.integers(0, 65536, (7, 9, 3), dtype=np.uint16)
ALPHA = RNG.integers(0, 256, (7, 9, 1), dtype=np.uint8)
OPAQUE = np.full_like(ALPHA, 255)
FLOAT = RNG.random((7, 9)).astype(np.float32)
BLENDED = np.round(RGB * (ALPHA / 255)).astype(np.uint8)


def pillow(pixels: np.ndarray, mode: str | None = None, **options: Any) -> Callable[[Path], Any]:
    def save(path: Path) -> None:
        image = Image.fromarray(pixels)
        (image.convert(mode) if mode else image).save(path, **options)

    return save


def opencv(pixels: np.ndarray) -> Callable[[Path], Any]:
    return lambda path: cv2.imwrite(str(path), pixels)


def tiff(pixels: np.ndarray, **options: Any) -> Callable[[Path], Any]:
    return lambda path: tifffile.imwrite(path, pixels, **options)


def palette(colours: np.ndarray, **options: Any) -> Callable[[Path], Any]:
    def save(path: Path) -> None:
        image = Image.fromarray(GREY, mode="P")
        image.putpalette(colours.astype(np.uint8).ravel().tolist())
        image.save(path, **options)

    return save


GREYS = np.repeat(np.arange(256)[::-1, None], 3, axis=1)
COLOURS = RNG.integers(0, 256, (256, 3))
SEE_THROUGH = np.concatenate([np.zeros(1), np.full(255, 255)])
ONE_BIT = np.where(GREY > 127, 255, 0).astype(np.uint8)
FIVE = np.dstack([RGB, RGB[..., :2]])
UNASSOCIATED: dict[str, Any] = {"photometric": "rgb", "extrasamples": ["unassalpha"]}
ASSOCIATED: dict[str, Any] = {"photometric": "rgb", "extrasamples": ["assocalpha"]}
CMYK = np.asarray(Image.fromarray(RGB).convert("CMYK"))

KINDS: dict[str, tuple[str, Callable[[Path], Any], np.ndarray]] = {
    "grey png": (".png", pillow(GREY), GREY),
    "colour png": (".png", pillow(RGB), RGB),
    "16-bit grey png": (".png", pillow(GREY16), GREY16),
    "16-bit colour png": (".png", opencv(RGB16[..., ::-1]), RGB16),
    "16-bit opaque png": (".png", opencv(np.dstack([RGB16[..., ::-1], np.full((7, 9), 65535, "u2")])), RGB16),
    "1-bit png": (".png", pillow(ONE_BIT, "1"), ONE_BIT),
    "opaque png": (".png", pillow(np.dstack([RGB, OPAQUE])), RGB),
    "transparent png": (".png", pillow(np.dstack([RGB, ALPHA])), BLENDED),
    "grey opaque png": (".png", pillow(np.dstack([GREY, OPAQUE])), GREY),
    "grey transparent png": (".png", pillow(np.dstack([GREY, ALPHA])), np.round(GREY * (ALPHA[..., 0] / 255))),
    "palette png": (".png", palette(COLOURS), COLOURS[GREY]),
    "grey palette png": (".png", palette(GREYS), 255 - GREY),
    "transparent palette png": (".png", palette(COLOURS, transparency=0), COLOURS[GREY] * (GREY > 0)[..., None]),
    "palette gif": (".gif", palette(COLOURS), COLOURS[GREY]),
    "grey bmp": (".bmp", pillow(GREY), GREY),
    "colour bmp": (".bmp", pillow(RGB), RGB),
    "webp": (".webp", pillow(RGB, lossless=True), RGB),
    "grey tiff": (".tif", tiff(GREY), GREY),
    "colour tiff": (".tif", tiff(RGB), RGB),
    "planar tiff": (".tif", tiff(np.moveaxis(RGB, -1, 0), photometric="rgb", planarconfig="separate"), RGB),
    "16-bit tiff": (".tif", tiff(GREY16), GREY16),
    "16-bit big-endian tiff": (".tif", tiff(GREY16, byteorder=">"), GREY16),
    "16-bit colour tiff": (".tif", tiff(RGB16, photometric="rgb"), RGB16),
    "float tiff": (".tif", tiff(FLOAT), FLOAT),
    "deflated tiff": (".tif", tiff(GREY16, compression="zlib"), GREY16),
    "lzw tiff": (".tif", pillow(RGB, compression="tiff_lzw"), RGB),
    "lzw grey tiff": (".tif", pillow(GREY, compression="tiff_lzw"), GREY),
    "lzw 1-bit tiff": (".tif", pillow(ONE_BIT, "1", compression="tiff_lzw"), ONE_BIT),
    "fax tiff": (".tif", pillow(ONE_BIT, "1", compression="group4"), ONE_BIT),
    "lzw 16-bit colour tiff": (".tif", opencv(RGB16[..., ::-1]), RGB16),
    "lzw float tiff": (".tif", opencv(FLOAT), FLOAT),
    "lzw palette tiff": (".tif", palette(COLOURS, compression="tiff_lzw"), COLOURS[GREY]),
    "packbits tiff": (".tif", pillow(RGB, compression="packbits"), RGB),
    "palette tiff": (".tif", palette(COLOURS), COLOURS[GREY]),
    "grey palette tiff": (".tif", palette(GREYS), 255 - GREY),
    "1-bit tiff": (".tif", pillow(ONE_BIT, "1"), ONE_BIT),
    "inverted tiff": (".tif", tiff(GREY, photometric="miniswhite"), 255 - GREY),
    "cmyk tiff": (".tif", tiff(CMYK, photometric="separated"), RGB),
    "opaque tiff": (".tif", tiff(np.dstack([RGB, OPAQUE]), **UNASSOCIATED), RGB),
    "transparent tiff": (".tif", tiff(np.dstack([RGB, ALPHA]), **UNASSOCIATED), BLENDED),
    "premultiplied tiff": (".tif", tiff(np.dstack([BLENDED, ALPHA]), **ASSOCIATED), BLENDED),
    "tiff of five channels": (".tif", tiff(FIVE, photometric="minisblack", planarconfig="contig"), FIVE),
    "tiff called png": (".png", lambda path: tifffile.imwrite(path.open("wb"), GREY16), GREY16),
    "png called tiff": (".tif", lambda path: Image.fromarray(RGB).save(path, format="png"), RGB),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_is_read_as_it_is(kind: str, tmp_path: Path) -> None:
    suffix, save, pixels = KINDS[kind]
    path = tmp_path / f"image{suffix}"
    save(path)
    expected = pixels if pixels.ndim == 3 else pixels[..., None]
    (page,) = decode_pages(path)
    assert page.shape == expected.shape
    np.testing.assert_array_equal(page, expected)
    dtype = pixels.dtype if pixels.dtype in (np.uint16, np.float32) else np.uint8
    assert page.dtype == dtype
    assert read_headers(path) == [PageHeader(*page.shape, page.dtype)]


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_is_read_near_enough(mode: str, tmp_path: Path) -> None:
    smooth = np.add.outer(np.arange(32), np.arange(40)).astype(np.uint8) * 3
    Image.fromarray(smooth).convert("RGB").convert(mode).save(tmp_path / "a.jpg", quality=95)
    (page,) = decode_pages(tmp_path / "a.jpg")
    assert page.shape == (32, 40, 1 if mode == "L" else 3)
    assert np.abs(page.astype(int) - smooth[..., None]).max() < 8
    assert read_headers(tmp_path / "a.jpg") == [PageHeader(*page.shape, page.dtype)]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_upright(orientation: int, tmp_path: Path) -> None:
    image = Image.fromarray(RGB)
    exif = image.getexif()
    exif[0x0112] = orientation
    upright = np.asarray(ImageOps.exif_transpose(_with_exif(image, orientation)))
    np.testing.assert_array_equal(apply_orientation(RGB, orientation), upright)
    image.save(tmp_path / "a.png", exif=exif)
    tifffile.imwrite(tmp_path / "a.tif", RGB, extratags=[(274, 3, 1, orientation, True)])
    image.save(tmp_path / "b.tif", compression="tiff_lzw", tiffinfo={274: orientation})
    tifffile.imwrite(tmp_path / "c.tif", RGB16, photometric="rgb", extratags=[(274, 3, 1, orientation, True)])
    (page,) = decode_pages(tmp_path / "c.tif")
    _, (turned,) = cv2.imreadmulti(str(tmp_path / "c.tif"), 0, 1, flags=cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(page, turned[..., ::-1])
    for name in ("a.png", "a.tif", "b.tif"):
        (page,) = decode_pages(tmp_path / name)
        np.testing.assert_array_equal(page, upright, err_msg=name)
        assert read_headers(tmp_path / name) == [PageHeader(*page.shape, page.dtype)]


def _with_exif(image: Image.Image, orientation: int) -> Image.Image:
    copy = image.copy()
    copy.getexif()[0x0112] = orientation
    return copy


def test_16_bit_grey_with_opacity_stays_16_bit(tmp_path: Path) -> None:
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = np.dstack([GREY16, np.full((7, 9), 65535, "u2")]).astype(">u2")
    body = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", 9, 7, 16, 4, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(data)
    (page,) = decode_pages(tmp_path / "a.png")
    np.testing.assert_array_equal(page[..., 0], GREY16)
    assert read_headers(tmp_path / "a.png") == [PageHeader(7, 9, 1, np.dtype(np.uint16))]


def test_blending_leaves_opaque_images_alone() -> None:
    assert blend_alpha(RGB, OPAQUE) is RGB
    assert blend_alpha(FLOAT[..., None], np.full((7, 9, 1), 0.5, np.float32)).dtype == np.float32


def test_an_animation_is_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    (page,) = decode_pages(tmp_path / "a.gif")
    np.testing.assert_array_equal(page[..., 0], GREY)


def _cut(path: Path, save: Callable[[Path], Any], keep: float) -> None:
    save(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])


NOISE = RNG.integers(0, 256, (64, 64), dtype=np.uint8)
BAD: dict[str, tuple[str, Callable[[Path], Any], str]] = {
    "empty": ("a.png", lambda p: p.write_bytes(b""), "the file is empty"),
    "eps": ("a.png", lambda p: p.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"), "not an image"),
    "text": ("a.jpg", lambda p: p.write_bytes(b"hello"), "not an image"),
    "cut png": ("a.png", lambda p: _cut(p, pillow(NOISE), 0.5), "damaged"),
    "cut jpeg": ("a.jpg", lambda p: _cut(p, pillow(NOISE), 0.5), "damaged"),
    "cut bmp": ("a.bmp", lambda p: _cut(p, pillow(NOISE), 0.5), "damaged"),
    "cut 16-bit png": ("a.png", lambda p: _cut(p, opencv(np.dstack([NOISE.astype("u2") * 255] * 3)), 0.3), "damaged"),
    "cut tiff": ("a.tif", lambda p: _cut(p, tiff(NOISE), 0.5), "damaged"),
    "cut deflated tiff": ("a.tif", lambda p: _cut(p, tiff(NOISE, compression="zlib"), 0.5), "damaged"),
    "tiff header": ("a.tif", lambda p: p.write_bytes(b"II*\0\x08\0\0\0"), "damaged|without pages"),
    "complex tiff": ("a.tif", tiff(FLOAT.astype(np.complex64)), "complex64"),
    "gone": ("a.png", lambda p: None, "the file is gone"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_files_have_a_reason(kind: str, tmp_path: Path) -> None:
    name, save, match = BAD[kind]
    save(tmp_path / name)
    with pytest.raises(UnreadableImage, match=match) as caught:
        list(decode_pages(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_no_permission_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pillow(GREY)(tmp_path / "a.png")

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UnreadableImage, match="no permission"):
        read_headers(tmp_path / "a.png")


def test_a_bomb_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pillow(GREY)(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(UnreadableImage, match="megapixels"):
        read_headers(tmp_path / "a.png")
