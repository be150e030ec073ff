from __future__ import annotations

import struct
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from facies.errors import InputError
from facies.images import open_images
from facies.images.readers.image_file import decode_pages, read_contents
from facies.images.readers.microscopy import Scene, SceneContainer
from facies.images.readers.pixels import UnreadableImage

RNG = np.random.default_rng(0)


def block(body: bytes) -> bytes:
    """Return a part of a LIF file: its length, a star, and what it holds."""
    return struct.pack("<II", 0x70, len(body)) + body


def save_lif(path: Path, images: dict[str, np.ndarray]) -> None:
    """Write a LIF file of images of 8 bits, T × Z × C × Y × X; liffile reads what this writes."""
    elements, memories = "", b""
    for number, (name, pixels) in enumerate(images.items()):
        n_times, n_layers, n_channels, height, width = pixels.shape
        steps = {"X": 1, "Y": width, "C": width * height}
        steps["Z"] = steps["C"] * n_channels
        steps["T"] = steps["Z"] * n_layers
        channels = "".join(
            f'<ChannelDescription DataType="0" ChannelTag="0" Resolution="8" NameOfMeasuredQuantity="" Min="0" Max="255" '
            f'Unit="" LUTName="Gray" IsLUTInverted="0" BytesInc="{c * steps["C"]}" BitInc="0"/>'
            for c in range(n_channels)
        )
        dimensions = "".join(
            f'<DimensionDescription DimID="{code}" NumberOfElements="{length}" Origin="0" Length="1" Unit="m" '
            f'BitInc="0" BytesInc="{steps[axis]}"/>'
            for axis, code, length in (("X", 1, width), ("Y", 2, height), ("Z", 3, n_layers), ("T", 4, n_times))
        )
        memory = f"MemBlock_{number}"
        elements += (
            f'<Element Name="{name}"><Data><Image><ImageDescription><Channels>{channels}</Channels>'
            f"<Dimensions>{dimensions}</Dimensions></ImageDescription></Image></Data>"
            f'<Memory Size="{pixels.size}" MemoryBlockID="{memory}"/></Element>'
        )
        head = b"\x2a" + struct.pack("<Q", pixels.size) + b"\x2a" + struct.pack("<I", len(memory))
        memories += block(head + memory.encode("utf-16-le")) + pixels.tobytes()
    xml = (
        '<LMSDataContainerHeader Version="2"><Element Name="drawn"><Data/><Memory Size="0" MemoryBlockID="MemBlock_x"/>'
        f"<Children>{elements}</Children></Element></LMSDataContainerHeader>"
    )
    path.write_bytes(block(b"\x2a" + struct.pack("<I", len(xml)) + xml.encode("utf-16-le")) + memories)


def test_images_of_a_lif_are_images_and_their_axes_are_kept(tmp_path: Path) -> None:
    one, other = RNG.integers(0, 256, (2, 2, 3, 2, 8, 10), dtype=np.uint8)
    save_lif(tmp_path / "a.lif", {"one": one, "other": other})
    images = open_images(tmp_path / "a.lif")
    assert images.image_shape == (3, 2, 8, 10)
    np.testing.assert_array_equal(images.__getitems__(range(4)).numpy(), np.concatenate([one, other]))
    pages = open_images(tmp_path / "a.lif", pages="images")
    assert len(pages) == 24
    assert images.origin["kind"] == "microscopy"


def test_a_file_that_is_none_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.lif").write_bytes(b"hello, world")
    (tmp_path / "b.nd2").write_bytes(b"hello, world")
    with pytest.raises(InputError, match="none of the 2 image files can be read"):
        open_images(tmp_path)


class FakeCzi:
    """What czifile of 2026 gives, which needs Python 3.12."""

    scenes = property(lambda self: self._scenes)

    def __init__(self, path: Path) -> None:
        pixels = np.arange(2 * 2 * 4 * 5 * 3, dtype=np.uint16).reshape(2, 2, 4, 5, 3)
        self._scenes = {
            number: SimpleNamespace(
                dims=tuple("TCYXS"), shape=pixels.shape, dtype=pixels.dtype, asarray=lambda k=number: pixels + k
            )
            for number in (0, 7)
        }

    def __enter__(self) -> FakeCzi:
        return self

    def __exit__(self, *error: object) -> None: ...


def test_scenes_of_a_czi_are_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("czifile")
    module.CziFile = FakeCzi
    monkeypatch.setitem(sys.modules, "czifile", module)
    (tmp_path / "a.czi").write_bytes(b"ZISRAWFILE")
    contents = read_contents(tmp_path / "a.czi", "axes")
    assert [(h.channels, h.layers, h.height, h.width) for h in contents.headers] == [(6, 0, 4, 5)] * 4
    images = np.stack(list(decode_pages(tmp_path / "a.czi", "axes")))
    plain = FakeCzi(tmp_path).scenes[0].asarray()
    expected = np.concatenate([plain, plain + 7]).transpose(0, 2, 3, 1, 4).reshape(4, 4, 5, 6)
    np.testing.assert_array_equal(images, expected)


def test_an_older_czifile_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("czifile")
    module.CziFile = type("CziFile", (), {})
    monkeypatch.setitem(sys.modules, "czifile", module)
    (tmp_path / "a.czi").write_bytes(b"ZISRAWFILE")
    with pytest.raises(UnreadableImage, match=r"czifile of 2026 or later, which needs Python 3\.12"):
        read_contents(tmp_path / "a.czi")


@pytest.mark.parametrize(("suffix", "module"), [(".czi", "czifile"), (".lif", "liffile"), (".nd2", "nd2")])
def test_what_is_not_installed_is_named(
    suffix: str, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / f"a{suffix}").write_bytes(b"x")
    with pytest.raises(InputError, match=rf"pip install 'facies\[microscopy\]' reads \{suffix} files"):
        open_images(tmp_path / f"a{suffix}")


def test_the_arrays_of_nd2_are_read_plane_by_plane() -> None:
    pixels = RNG.integers(0, 4096, (2, 3, 4, 5), dtype=np.uint16)
    container = SceneContainer([Scene("PCYX", pixels.shape, pixels.dtype, lambda: pixels)])
    assert container.series[0].axes == "PC"
    np.testing.assert_array_equal(container.read(4)[..., 0], pixels[1, 1])
