"""Pictures of more than 8 bits that Pillow would reduce to 8, or stretch: PNG, JPEG 2000 and PNM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from facies.images.readers.pixels import UnreadableImage, blend_alpha

_SIZ = b"\xff\x4f\xff\x51"
"""The first two markers of a JPEG 2000 codestream."""


def deep_channels(path: Path, image: Image.Image) -> int:
    """Return the number of channels, without opacity, of a picture that Pillow has opened and would not keep; else 0."""
    if image.format == "PNG" and not image.mode.startswith("I"):
        with path.open("rb") as file:
            head = file.read(26)
        bits, colour_type = head[24], head[25]
        return 0 if bits != 16 else {2: 3, 4: 1, 6: 3}.get(colour_type, 0)
    if image.format == "PPM":
        return len(image.getbands()) if _pnm_white(image) > 255 else 0
    if image.format == "JPEG2000" and _jpeg2000_bits(path) > 8:
        return {1: 1, 2: 1, 3: 3, 4: 3}.get(len(image.getbands()), 0)
    return 0


def decode_deep(path: Path, image: Image.Image, channels: int) -> NDArray[np.uint16]:
    """Decode a picture of which `deep_channels` returned the number of channels to its own numbers, (H, W, C)."""
    if image.format == "PPM":
        return _decode_pnm(path, image, channels)
    if image.format == "PNG":
        import cv2

        pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
        if pixels is None:
            raise UnreadableImage("damaged")
        if pixels.ndim == 3:
            pixels = np.concatenate([pixels[..., 2::-1], pixels[..., 3:]], axis=-1)
    else:
        from imagecodecs import jpeg2k_decode

        pixels = jpeg2k_decode(path.read_bytes()).astype(np.uint16)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.shape[2] in (2, 4):
        largest = 2 ** _jpeg2000_bits(path) - 1 if image.format == "JPEG2000" else None
        return blend_alpha(pixels[..., :-1][..., :channels], pixels[..., -1:], largest)
    return np.ascontiguousarray(pixels[..., :channels])


def _pnm_white(image: Image.Image) -> int:
    """Return the largest number that a PNM file names."""
    assert isinstance(image, ImageFile.ImageFile)
    told: Any = image.tile[0][3]
    if told == "I;16B":
        return 65535
    return int(told[-1]) if isinstance(told, tuple) and isinstance(told[-1], int) else 255


def _decode_pnm(path: Path, image: Image.Image, channels: int) -> NDArray[np.uint16]:
    assert isinstance(image, ImageFile.ImageFile)
    count = image.width * image.height * channels
    with path.open("rb") as file:
        plain = file.read(2) in (b"P2", b"P3")
        file.seek(image.tile[0][2])
        body = file.read() if plain else file.read(2 * count)
    pixels = np.array(body.split(), np.uint16) if plain else np.frombuffer(body, ">u2", len(body) // 2)
    if pixels.size < count:
        raise UnreadableImage("damaged: it is cut off")
    return pixels[:count].astype(np.uint16).reshape(image.height, image.width, channels)


def _jpeg2000_bits(path: Path) -> int:
    with path.open("rb") as file:
        head = file.read(2**16)
    at = head.find(_SIZ)
    return 8 if at < 0 or len(head) < at + 43 else (head[at + 42] & 0x7F) + 1
