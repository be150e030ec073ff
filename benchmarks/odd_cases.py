"""The cases of the corpus of odd files, drawn from one seed."""

from __future__ import annotations

import os
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from odd_case import DAMAGED, Case, Pixels
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "images" / "readers"))

from tiff_drawing import close_the_chain, save_ome_series, tiff_bytes

SEED = 0
H, W = 21, 26
RNG = np.random.default_rng(SEED)


def noise(*shape: int, dtype: str = "u1") -> Pixels:
    """Return pixels of any type."""
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return RNG.integers(0, 2, shape).astype(bool)
    if kind.kind == "f":
        return RNG.normal(0, 100, shape).astype(kind)
    limits = np.iinfo(kind)
    return RNG.integers(limits.min, limits.max, shape, dtype=kind, endpoint=True)


def smooth(*channels: int) -> Pixels:
    """Return what a lossy format keeps nearly."""
    ramp = np.add.outer(np.arange(H) * 4, np.arange(W) * 3).astype(np.uint8)
    return np.stack([ramp + 20 * c for c in range(channels[0])], axis=-1) if channels else ramp


def seen(pixels: Pixels) -> Pixels:
    """Return what must be read of grey or coloured pixels."""
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8) * np.uint8(255)
    return pixels if pixels.ndim >= 3 else pixels[..., None]


def pictures() -> Iterator[Case]:
    """PNG, BMP, GIF, WebP, JPEG, JPEG 2000, PNM, AVIF and HEIC, of every mode."""
    grey, rgb, deep = noise(H, W), noise(H, W, 3), noise(H, W, dtype="u2")
    one = noise(H, W, dtype="?")
    palette = noise(256, 3)
    opacity = noise(H, W, 1)
    blended = np.round(rgb * (opacity / 255.0)).astype(np.uint8)

    def save(pixels: Pixels, **options: Any) -> Callable[[Path], Any]:
        return lambda path: Image.fromarray(pixels).save(path, **options)

    def indexed(path: Path) -> None:
        image = Image.fromarray(grey)
        image.putpalette(palette.tobytes())
        image.save(path)

    for suffix in ("png", "bmp", "webp", "jp2", "gif"):
        exact = {"lossless": True} if suffix == "webp" else {"irreversible": False} if suffix == "jp2" else {}
        if suffix != "webp":
            yield Case(f"grey.{suffix}", save(grey, **exact), (seen(grey),))
        if suffix != "gif":
            yield Case(f"rgb.{suffix}", save(rgb, **exact), (rgb,))
        if suffix in ("png", "bmp", "gif"):
            yield Case(f"palette.{suffix}", indexed, (palette[grey],))
    for suffix in ("png", "bmp", "pbm"):
        yield Case(f"one.{suffix}", save(one), (seen(one),))
    for suffix in ("png", "webp"):
        options = {"lossless": True, "exact": True} if suffix == "webp" else {}
        yield Case(f"rgba.{suffix}", save(np.dstack([rgb, opacity]), **options), (blended,))
    yield Case("deep.png", save(deep), (seen(deep),))
    yield Case("deep.jp2", save(deep, irreversible=False), (seen(deep),))
    for suffix in ("jpg", "jpeg", "jfif", "avif", "heic", "webp", "jp2"):
        options = {} if suffix == "jp2" else {"quality": 95}
        yield Case(f"smooth.{suffix}", _register(save(smooth(3), **options)), (smooth(3),), tolerance=4)
    yield Case("smooth-grey.jpg", save(smooth(), quality=95), (seen(smooth()),), tolerance=4)
    yield Case("cmyk.jpg", lambda p: Image.fromarray(smooth(3)).convert("CMYK").save(p), (smooth(3),), tolerance=6)


def more_pictures() -> Iterator[Case]:
    """PNM of other depths, and images that are to be turned."""
    rgb, deep = noise(H, W, 3), noise(H, W, dtype="u2")
    for bits in (8, 10, 12, 16):
        for kind, pixels in (("P5", deep >> (16 - bits)), ("P6", noise(H, W, 3, dtype="u2") >> (16 - bits))):
            data = f"{kind}\n{W} {H}\n{2**bits - 1}\n".encode() + pixels.astype(">u2" if bits > 8 else "u1").tobytes()
            truth = pixels if bits > 8 else pixels.astype(np.uint8)
            yield Case(f"{bits}-{kind}.pnm", lambda path, data=data: path.write_bytes(data), (seen(truth),))
    for orientation in range(1, 9):
        upright = _turned(rgb, orientation)
        yield Case(
            f"turned-{orientation}.tif",
            lambda p, o=orientation: tifffile.imwrite(p, rgb, extratags=[(274, 3, 1, o, True)]),
            (upright,),
        )


def _register(save: Callable[[Path], Any]) -> Callable[[Path], Any]:
    def registered(path: Path) -> None:
        if path.suffix == ".heic":
            import pillow_heif

            pillow_heif.register_heif_opener()
        save(path)

    return registered


def _turned(pixels: Pixels, orientation: int) -> Pixels:
    from PIL import ImageOps

    image = Image.fromarray(pixels)
    image.getexif()[0x0112] = orientation
    return np.asarray(ImageOps.exif_transpose(image))


def tiffs() -> Iterator[Case]:
    """TIFF of every type, compression and layout."""
    types = ("?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8")
    layouts: dict[str, dict[str, Any]] = {
        "strip": {},
        "rows": {"rowsperstrip": 5},
        "tile": {"tile": (16, 16)},
        "big": {"bigtiff": True, "byteorder": ">"},
    }
    for compression in (None, "lzw", "zlib", "zstd", "lzma", "packbits"):
        for dtype in types:
            for layout, options in layouts.items():
                if dtype == "?" and (layout == "tile" or compression not in (None, "zlib", "packbits")):
                    continue
                pixels = noise(H, W, dtype=dtype)
                yield Case(
                    f"{compression}-{dtype.replace('?', 'b1')}-{layout}.tif",
                    _tiff(pixels, compression, {**options, "photometric": "minisblack"}),
                    (seen(pixels),),
                )


def tiff_codecs() -> Iterator[Case]:
    """TIFF with predictors, image codecs, and colours in planes or in pixels."""
    for compression in ("lzw", "zlib", "zstd"):
        for dtype in ("u1", "u2", "u4", "f4", "f8"):
            pixels = noise(H, W, dtype=dtype)
            yield Case(
                f"predicted-{compression}-{dtype}.tif", _tiff(pixels, compression, {"predictor": True}), (seen(pixels),)
            )
    for compression in ("png", "jpegxl", "jpegxr", "jpeg2000", "webp"):
        for dtype in ("u1",) if compression == "webp" else ("u1", "u2"):
            pixels = noise(H, W, 3, dtype=dtype)
            arguments: dict[str, Any] = {"level": 0} if compression == "jpeg2000" else {"lossless": True}
            if compression in ("png", "jpegxr"):
                arguments = {}
            yield Case(
                f"codec-{compression}-{dtype}.tif",
                lambda p, x=pixels, c=compression, a=arguments: tifffile.imwrite(
                    p, x, photometric="rgb", compression=c, compressionargs=a
                ),
                (pixels,),
            )
    yield Case("codec-jpeg.tif", _tiff(smooth(3), "jpeg", {"photometric": "rgb"}), (smooth(3),), tolerance=6)
    for planar in ("contig", "separate"):
        for dtype in ("u1", "u2", "f4"):
            pixels = noise(H, W, 3, dtype=dtype)
            stored = pixels if planar == "contig" else np.moveaxis(pixels, -1, 0)
            options = {"photometric": "rgb", "planarconfig": planar}
            yield Case(f"rgb-{planar}-{dtype}.tif", _tiff(stored, None, options), (pixels,))
    five = noise(H, W, 5)
    yield Case("five.tif", _tiff(five, None, {"photometric": "minisblack", "planarconfig": "contig"}), (five,))


def tiff_bits() -> Iterator[Case]:
    """TIFF of packed bits, palettes and faxes."""
    for bits in (1, 2, 4, 10, 12, 14):
        stored = RNG.integers(0, 2**bits, (H, W))
        factor = 255 // (2**bits - 1) if bits < 8 else 1
        dtype = np.uint8 if bits < 8 else np.uint16
        for photometric in (0, 1):
            shown = stored if photometric else 2**bits - 1 - stored
            data = tiff_bytes(stored, bits, photometric)
            truth = (shown * factor).astype(dtype)[..., None]
            yield Case(f"bits-{bits}-{photometric}.tif", lambda p, d=data: p.write_bytes(d), (truth,))
        if bits <= 4:
            palette = RNG.integers(0, 256, (2**bits, 3))
            data = tiff_bytes(stored, bits, 3, [tuple(map(int, colour)) for colour in palette])
            yield Case(
                f"bits-{bits}-palette.tif", lambda p, d=data: p.write_bytes(d), (palette[stored].astype(np.uint8),)
            )
    for compression in ("group3", "group4", "tiff_lzw", "packbits", "tiff_deflate"):
        one = noise(H, W, dtype="?")
        yield Case(
            f"one-{compression}.tif",
            lambda p, x=one, c=compression: Image.fromarray(x).save(p, compression=c),
            (seen(one),),
        )


def _tiff(pixels: Pixels, compression: str | None, options: dict[str, Any]) -> Callable[[Path], Any]:
    return lambda path: tifffile.imwrite(path, pixels, **{"compression": compression, **options})


def containers() -> Iterator[Case]:
    """Files of several pages: the axes of OME, ImageJ, tifffile and plain TIFF."""
    for writer in ("ome", "imagej", "shaped", "plain"):
        for axes, lengths in (
            ("C", (3,)), ("Z", (4,)), ("T", (5,)), ("TC", (2, 3)), ("TZ", (2, 4)), ("ZC", (4, 2)), ("TZC", (2, 3, 2))
        ):  # fmt: skip
            for suffix, last in (("", ()), ("-rgb", (3,))):
                pixels = noise(*lengths, H, W, *last)
                options: dict[str, Any] = (
                    {"imagej": True} if writer == "imagej" else {"ome": True} if writer == "ome" else {}
                )
                named = axes + ("YXS" if last else "YX")
                yield Case(
                    f"{writer}-{axes}{suffix}.tif",
                    lambda p, x=pixels, n=named, w=writer, o=options, s=bool(last): tifffile.imwrite(
                        p,
                        x,
                        photometric="rgb" if s else "minisblack",
                        metadata=None if w == "plain" else {"axes": n},
                        **o,
                    ),
                    tuple(_laid_out(pixels, axes, known=writer != "plain")),
                )
    for per_file, n_channels in ((1, 1), (3, 3), (1, 3)):
        planes = noise(6, H, W)
        for number in range(6 // per_file):
            own = planes[number * per_file : (number + 1) * per_file]
            yield Case(
                f"series-{per_file}-{n_channels}/cells_T{number:03d}.ome.tif",
                lambda p, x=planes, k=per_file, c=n_channels: save_ome_series(
                    p.parent, list(x), k, {"C": c, "T": 6 // c}
                ),
                (np.moveaxis(own, 0, -1),),
            )
    planes = noise(6, H, W)
    for number in (0, 3):
        yield Case(
            f"missing/cells_T{number:03d}.ome.tif",
            lambda p, x=planes: [
                q.unlink() for q in save_ome_series(p.parent, list(x)) if q.name[7:10] not in ("000", "003")
            ],
            (planes[number][..., None],),
        )
    stack = noise(5, H, W)
    yield Case(
        "behind-one-header.tif",
        lambda p: tifffile.imwrite(p, stack, imagej=True, truncate=True, metadata={"axes": "TYX"}),
        tuple(stack[..., None]),
    )
    pixels = noise(3, 64, 64)
    yield Case("pyramid.ome.tif", _pyramid(pixels), (np.moveaxis(pixels, 0, -1),))


def _pyramid(pixels: Pixels) -> Callable[[Path], Any]:
    def write(path: Path) -> None:
        with tifffile.TiffWriter(path) as tif:
            tif.write(pixels, subifds=2, metadata={"axes": "CYX"}, tile=(32, 32), photometric="minisblack")
            for step in (2, 4):
                tif.write(pixels[:, ::step, ::step], subfiletype=1, tile=(16, 16), photometric="minisblack")

    return write


def _laid_out(pixels: Pixels, axes: str, *, known: bool) -> list[Pixels]:
    """Return the images that pages of axes are, by the slow and obvious way."""
    colour = pixels.ndim - len(axes) == 3
    pages = pixels if colour else pixels[..., None]
    if not known:
        return list(pages.reshape(-1, *pages.shape[-3:]))
    images = []
    for time in range(pages.shape[axes.index("T")] if "T" in axes else 1):
        image = pages.take(time, axes.index("T")) if "T" in axes else pages
        rest = axes.replace("T", "")
        if rest == "ZC":
            image = np.concatenate([image[:, c] for c in range(image.shape[1])], axis=-1)
        elif rest == "C":
            image = np.concatenate(list(image), axis=-1)
        images.append(image)
    return images


def faults() -> Iterator[Case]:
    """Files that were cut, changed, mislabelled, or that claim what they do not hold."""
    bases = {
        case.name: case
        for case in [*pictures(), *more_pictures(), *tiffs(), *tiff_codecs(), *tiff_bits(), *containers()]
        if case.images and "/" not in case.name
    }
    names = sorted(bases)
    for number in range(60):
        base = bases[names[int(RNG.integers(len(names)))]]
        share = float(RNG.uniform(0.05, 0.98))
        yield Case(f"cut/{number:02d}-{base.name}", _changed(base, share), base.images, DAMAGED, base.tolerance)
    for number in range(60):
        base = bases[names[int(RNG.integers(len(names)))]]
        seed = int(RNG.integers(2**31))
        yield Case(f"changed/{number:02d}-{base.name}", _changed(base, 1.0, seed), (), DAMAGED, any_pixels=True)
    for suffix in ("png", "jpg", "tif", "bmp", "gif", "webp", "jp2", "pgm", "avif", "heic", "lif", "nd2"):
        not_read = r"damaged|not an image|empty|not supported"
        yield Case(f"empty.{suffix}", lambda p: p.touch(), reason="the file is empty")
        yield Case(f"text.{suffix}", lambda p: p.write_text("no image, but text\n" * 9), reason=not_read)
    grey, rgb = noise(H, W), noise(H, W, 3)
    for suffix in ("jpg", "tif", "bmp", "gif"):
        yield Case(f"png-called.{suffix}", lambda p: Image.fromarray(rgb).save(p, format="PNG"), (rgb,))
        yield Case(
            f"tiff-called.{suffix.replace('tif', 'png')}", lambda p: p.write_bytes(tiff_bytes(grey, 8)), (seen(grey),)
        )
    for name, head in (
        ("eps", b"%!PS-Adobe-3.0 EPSF-3.0\n"),
        ("html", b"<!doctype html>"),
        ("zip", b"PK\3\4" + bytes(60)),
    ):
        yield Case(f"{name}-called.png", lambda p, h=head: p.write_bytes(h), reason="not an image|damaged")
    for n_pages, back in ((1, 0), (4, 3), (6, 2), (150, 120)):
        yield Case(f"circle-{n_pages}.tif", _circle(n_pages, back), reason="name one another in a circle")
    for value in (np.nan, np.inf, -np.inf):
        pixels = noise(H, W, dtype="f4")
        pixels[3, 4] = value
        yield Case(f"{value}.tif", _tiff(pixels, None, {}), (seen(pixels),))  # which the folder leaves out, later
    yield Case(
        "complex.tif", _tiff(noise(H, W, dtype="f4").astype("c8"), None, {}), reason="complex64.*is not an image"
    )
    for suffix in ("png", "bmp", "gif", "ppm", "tif", "webp"):
        yield Case(f"claims.{suffix}", _claims(suffix), reason=DAMAGED)
    yield Case("bomb.png", lambda p: p.write_bytes(_png_bomb(24_000)), reason="larger than 178", heavy=True)
    yield Case("bomb.tif", _tiff_bomb, reason="larger than 178", heavy=True)
    for number in range(4):
        yield Case(
            f"large-{number}.png", lambda p: p.write_bytes(_png_bomb(9_000)), reason=None, any_pixels=True, heavy=True
        )


def _changed(base: Case, share: float, seed: int | None = None) -> Callable[[Path], Any]:
    """Cut a file, or change a few of its bytes."""

    def write(path: Path) -> None:
        base.write(path)
        data = bytearray(path.read_bytes()[: max(5, int(path.stat().st_size * share))])
        if seed is not None:
            rng = np.random.default_rng(seed)
            for at in rng.integers(4, len(data), int(rng.integers(1, 9))):
                data[at] = int(rng.integers(256))
        path.write_bytes(data)

    return write


def _circle(n_pages: int, back: int) -> Callable[[Path], Any]:
    def write(path: Path) -> None:
        tifffile.imwrite(path, noise(n_pages, 4, 4), photometric="minisblack", metadata=None)
        close_the_chain(path, back)

    return write


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png_bomb(side: int, body: bytes | None = None) -> bytes:
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    if body is None:
        packer = zlib.compressobj(1)
        body = b"".join(packer.compress(bytes(side + 1)) for _ in range(side)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _tiff_bomb(path: Path) -> None:
    tifffile.imwrite(path, shape=(1, 32_768, 32_768), dtype="u1", compression="zlib", tile=(4096, 4096),
                     data=iter([np.zeros((4096, 4096), np.uint8)] * 64), photometric="minisblack")  # fmt: skip


def _claims(suffix: str) -> Callable[[Path], Any]:
    """Write a small file whose header names sides of tens of thousands of pixels."""

    def write(path: Path) -> None:
        if suffix == "png":
            path.write_bytes(_png_bomb(30_000, zlib.compress(bytes(99))))
        elif suffix == "ppm":
            path.write_bytes(b"P6\n60000 60000\n255\n" + bytes(300))
        elif suffix == "tif":
            data = bytearray(tiff_bytes(noise(8, 8), 8))
            at = data.index(struct.pack("<HHI", 256, 3, 1))
            struct.pack_into("<HHIIHHII", data, at, 256, 4, 1, 60_000, 257, 4, 1, 60_000)
            path.write_bytes(data)
        else:
            Image.fromarray(noise(H, W)).save(path)
            data = bytearray(path.read_bytes())
            where, form = {"bmp": (18, "<ii"), "gif": (6, "<HH"), "webp": (26, "<HH")}[suffix]
            struct.pack_into(form, data, where, *((60_000, 60_000) if suffix != "webp" else (16_383, 16_383)))
            path.write_bytes(data)

    return write


def not_files() -> Iterator[Case]:
    """Links, pipes, and files of other kinds, which are never opened."""
    yield Case("links/leaves.png", lambda p: p.symlink_to("/etc/hostname"), kind="not a file")
    yield Case("links/nothing.png", lambda p: p.symlink_to(p.parent / "gone.png"), kind="not a file")
    yield Case("links/circle.png", lambda p: p.symlink_to(p), kind="not a file")
    yield Case("links/folder", lambda p: p.symlink_to(p.parent), kind="not a file")
    yield Case("links/pipe.png", os.mkfifo, kind="not a file")
    for suffix in ("cr2", "dcm", "vsi", "mrc", "psd", "mp4", "zip", "svs", "fits", "qqq"):
        yield Case(f"others/a.{suffix}", lambda p: p.write_bytes(b"x"), kind="passed over")


def cases() -> list[Case]:
    """Return the whole corpus; the same in every process."""
    global RNG  # noqa: PLW0603 - all cases are drawn from one generator, begun anew
    RNG = np.random.default_rng(SEED)
    drawn = []
    for make in (pictures, more_pictures, tiffs, tiff_codecs, tiff_bits, containers, faults, not_files):
        for case in make():
            kind = case.kind or (case.name.split("/")[0] if make is faults and "/" in case.name else make.__name__)
            drawn.append(Case(**{**vars(case), "kind": kind}))
    names = [case.name for case in drawn]
    assert len(set(names)) == len(names), [name for name in names if names.count(name) > 1]
    return drawn
