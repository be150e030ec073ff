from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facies.errors import InputError
from facies.images import open_images, reopen
from facies.images.readers.image_file import decode_pages, iter_images, read_contents, read_headers
from facies.images.readers.layout import PAGES, Pages, agree
from facies.images.readers.pixels import UnreadableImage

from .tiff_drawing import close_the_chain, save_ome_series, tiff_bytes

RNG = np.random.default_rng(0)


def noise(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def save_cells(folder: Path, pixels: np.ndarray, axes: str, **options: object) -> None:
    folder.mkdir()
    for number, cell in enumerate(pixels):
        name = f"cell{number}.tif" if options else f"cell{number}.ome.tif"
        tifffile.imwrite(folder / name, cell, photometric="minisblack", metadata={"axes": axes}, **options)


@pytest.mark.parametrize("options", [{}, {"imagej": True}])
def test_pages_of_channels_are_the_channels_of_one_image(options: dict[str, object], tmp_path: Path) -> None:
    pixels = noise(8, 3, 24, 20)
    save_cells(tmp_path / "in", pixels, "CYX", **options)
    images = open_images(tmp_path / "in")
    assert images.image_shape == (3, 24, 20)
    np.testing.assert_array_equal(images.__getitems__(range(8)).numpy(), pixels)
    assert images.notes == [
        "8 files of 3 pages: the pages are channels, as their own axes (CYX) say; --pages images makes each page an image"
    ]
    assert reopen(images.origin).fingerprint() == images.fingerprint()
    single = open_images(tmp_path / "in", pages="images")
    assert single.image_shape == (1, 24, 20)
    np.testing.assert_array_equal(single.__getitems__(range(24)).numpy()[:, 0], pixels.reshape(24, 24, 20))
    assert reopen(single.origin).fingerprint() == single.fingerprint()
    older = {**images.origin, "options": {}}  # as version 0.2 wrote it: each page was an image
    assert reopen(older).fingerprint() == single.fingerprint()


def test_pages_of_focal_planes_are_one_stack(tmp_path: Path) -> None:
    pixels = noise(5, 6, 12, 10)
    save_cells(tmp_path / "in", pixels, "ZYX")
    images = open_images(tmp_path / "in")
    assert images.image_shape == (6, 1, 12, 10)
    np.testing.assert_array_equal(images.__getitems__(range(5)).numpy()[:, :, 0], pixels)
    assert "5 files of 6 pages: the pages are focal layers, as their own axes (ZYX) say" in images.notes[0]
    as_channels = open_images(tmp_path / "in", pages="channels")
    assert as_channels.image_shape == (6, 12, 10)
    assert as_channels.notes == []
    small = open_images(tmp_path / "in", size=(6, 4))
    assert small.image_shape == (6, 1, 6, 4)
    assert reopen(small.origin).fingerprint() == small.fingerprint()


def test_times_are_images_of_channels_and_layers(tmp_path: Path) -> None:
    pixels = noise(4, 3, 2, 8, 6)
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels, photometric="minisblack", metadata={"axes": "TZCYX"})
    images = open_images(tmp_path / "a.ome.tif")
    assert images.table["id"].tolist() == [f"a.ome.tif#{k}" for k in range(1, 5)]
    np.testing.assert_array_equal(images.__getitems__(range(4)).numpy(), pixels)
    assert "images (T), channels (C) and focal layers (Z)" in images.notes[0]
    channels = open_images(tmp_path / "a.ome.tif", pages="channels")
    assert channels.image_shape == (6, 8, 6)
    assert len(channels) == 4


def test_colour_pages_of_a_stack(tmp_path: Path) -> None:
    pixels = noise(2, 3, 8, 6, 3)
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels, photometric="rgb", metadata={"axes": "TZYXS"})
    images = open_images(tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(images.__getitems__([0, 1]).numpy(), np.moveaxis(pixels, -1, -3))


def test_a_single_image_of_many_pages_says_how_to_split_it(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", noise(5, 8, 8), imagej=True, metadata={"axes": "ZYX"})
    with pytest.raises(
        InputError, match=r"holds 1 image; .* focal layers, as its own axes \(ZYX\) say; --pages images"
    ):
        open_images(tmp_path / "a.tif")


@pytest.mark.parametrize("truncate", [False, True])
def test_axes_of_pages_behind_one_header(truncate: bool, tmp_path: Path) -> None:
    pixels = noise(2, 5, 7, 9)
    tifffile.imwrite(tmp_path / "a.tif", pixels, imagej=True, truncate=truncate, metadata={"axes": "TZYX"})
    images = open_images(tmp_path / "a.tif")
    np.testing.assert_array_equal(images.__getitems__([0, 1]).numpy()[:, :, 0], pixels)
    np.testing.assert_array_equal(
        open_images(tmp_path / "a.tif", pages="images").__getitems__(range(10)).numpy()[:, 0], pixels.reshape(10, 7, 9)
    )


def test_a_header_that_promises_more_pages_than_the_file_holds(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", noise(5, 32, 32), imagej=True, truncate=True)
    data = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(data.replace(b"images=5", b"images=9").replace(b"channels=5", b"channels=9"))
    with pytest.raises(UnreadableImage, match="fewer pages than it says"):
        read_headers(tmp_path / "a.tif")


def test_each_file_of_an_ome_series_gives_its_own_pages_once(tmp_path: Path) -> None:
    planes = list(noise(6, 16, 16))
    paths = save_ome_series(tmp_path / "in", planes)
    images = open_images(tmp_path / "in")
    assert images.table["id"].tolist() == [path.name for path in paths]
    np.testing.assert_array_equal(images.__getitems__(range(6)).numpy()[:, 0], planes)
    for path in (paths[1], paths[2], paths[4], paths[5]):
        path.unlink()
    images = open_images(tmp_path / "in")
    assert images.table["id"].tolist() == ["cells_T000.ome.tif", "cells_T003.ome.tif"]
    np.testing.assert_array_equal(images.__getitems__([0, 1]).numpy()[:, 0], [planes[0], planes[3]])


def test_a_file_of_an_ome_series_keeps_its_channels(tmp_path: Path) -> None:
    planes = noise(12, 8, 8)
    save_ome_series(tmp_path / "in", list(planes), per_file=6, sizes={"C": 3, "T": 4})
    images = open_images(tmp_path / "in")
    np.testing.assert_array_equal(images.__getitems__(range(4)).numpy(), planes.reshape(4, 3, 8, 8))


def test_files_of_one_channel_each_are_images_of_one_channel(tmp_path: Path) -> None:
    planes = noise(6, 8, 8)
    save_ome_series(tmp_path / "in", list(planes), sizes={"C": 3, "T": 2})
    np.testing.assert_array_equal(open_images(tmp_path / "in").__getitems__(range(6)).numpy()[:, 0], planes)


def test_a_file_that_holds_a_part_of_a_grid_gives_its_pages(tmp_path: Path) -> None:
    planes = noise(6, 8, 8)
    (path, _) = save_ome_series(tmp_path / "in", [*planes[:4], *planes[:4]], per_file=4, sizes={"C": 3, "T": 3})
    contents = read_contents(path, "axes")
    assert len(contents.headers) == 4
    np.testing.assert_array_equal(np.stack(list(decode_pages(path, "axes")))[..., 0], planes[:4])


def test_a_description_that_does_not_fit_invents_nothing(tmp_path: Path) -> None:
    pixels = noise(4, 8, 8)
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels, photometric="minisblack", metadata={"axes": "CYX"})
    data = (tmp_path / "a.ome.tif").read_bytes()
    assert b'SizeC="4"' in data
    (tmp_path / "a.ome.tif").write_bytes(data.replace(b'PlaneCount="4"', b'PlaneCount="3"'))
    images = open_images(tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(images.__getitems__(range(4)).numpy()[:, 0], pixels)
    assert "each page is an image, since the axes that the file names do not fit its pages" in images.notes[0]


def test_micro_manager_names_the_place_of_each_page(tmp_path: Path) -> None:
    pixels = noise(2, 3, 8, 8)
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        for number in (3, 0, 5, 1, 4, 2):
            frame, channel = divmod(number, 3)
            told = json.dumps({"FrameIndex": frame, "ChannelIndex": channel, "SliceIndex": 0, "PositionIndex": 0})
            tif.write(pixels[frame, channel], metadata=None, extratags=[(51123, 2, 0, told, True)], contiguous=False)
    images = open_images(tmp_path / "a.tif")
    np.testing.assert_array_equal(images.__getitems__([0, 1]).numpy(), pixels)


def test_a_pyramid_is_one_image(tmp_path: Path) -> None:
    pixels = noise(3, 64, 64)
    with tifffile.TiffWriter(tmp_path / "a.ome.tif") as tif:
        tif.write(pixels, subifds=2, metadata={"axes": "CYX"}, tile=(32, 32), photometric="minisblack")
        for step in (2, 4):
            tif.write(pixels[:, ::step, ::step], subfiletype=1, tile=(16, 16), photometric="minisblack")
    (image,) = decode_pages(tmp_path / "a.ome.tif", "axes")
    np.testing.assert_array_equal(image, np.moveaxis(pixels, 0, -1))
    assert len(read_headers(tmp_path / "a.ome.tif", "images")) == 3


def test_a_chain_that_is_cut_is_damage_and_not_fewer_images(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", noise(5, 32, 32), photometric="minisblack", metadata=None, compression="zlib")
    data = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(data[: len(data) // 2])
    with pytest.raises(UnreadableImage, match="cut off before"):
        read_headers(tmp_path / "a.tif")


@pytest.mark.timeout(20)
@pytest.mark.parametrize(("pages", "back_to"), [(1, 0), (5, 4), (5, 2), (250, 100)])
def test_pages_in_a_circle_end(pages: int, back_to: int, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", noise(pages, 4, 4), photometric="minisblack", metadata=None)
    close_the_chain(tmp_path / "a.tif", back_to)
    with pytest.raises(UnreadableImage, match="name one another in a circle"):
        read_headers(tmp_path / "a.tif")


@pytest.mark.timeout(20)
def test_a_page_that_names_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(tiff_bytes(noise(8, 8), 8, next_page=-1))
    with pytest.raises(InputError, match=r"cannot be read; a\.tif: damaged: its pages name one another in a circle"):
        open_images(tmp_path / "a.tif")


def test_a_page_that_claims_to_be_huge_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    data = bytearray(tiff_bytes(noise(8, 8), 8))
    at = data.index(struct.pack("<HHI", 256, 3, 1))
    struct.pack_into("<HHII", data, at, 256, 4, 1, 60_000)
    struct.pack_into("<HHII", data, at + 12, 257, 4, 1, 60_000)
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(UnreadableImage, match="larger than 178 megapixels"):
        read_headers(tmp_path / "a.tif")


def test_stacks_of_other_lengths_are_refused_in_one_line(tmp_path: Path) -> None:
    for n in (5, 6):
        tifffile.imwrite(tmp_path / f"{n}.ome.tif", noise(n, 8, 8), photometric="minisblack", metadata={"axes": "ZYX"})
    with pytest.raises(InputError, match=r"5\.ome\.tif has 5 focal layers, 6\.ome\.tif has 6: .*--pages images"):
        open_images(tmp_path)
    assert len(open_images(tmp_path, pages="images")) == 11


def test_other_numbers_of_channels_are_refused_in_one_line(tmp_path: Path) -> None:
    for n in (2, 3):
        tifffile.imwrite(tmp_path / f"{n}.ome.tif", noise(n, 8, 8), photometric="minisblack", metadata={"axes": "CYX"})
    with pytest.raises(InputError, match=r"2\.ome\.tif has 2 channels, 3\.ome\.tif has 3: .*--pages images"):
        open_images(tmp_path)


SHAPES = st.lists(st.sampled_from("TCZRQ"), max_size=3, unique=True)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    axes=SHAPES,
    lengths=st.lists(st.integers(1, 3), min_size=3, max_size=3),
    colour=st.booleans(),
    writer=st.sampled_from(["ome", "imagej", "shaped", "plain"]),
    pages=st.sampled_from(PAGES),
)
def test_headers_and_pixels_agree(
    axes: list[str], lengths: list[int], colour: bool, writer: str, pages: Pages, tmp_path: Path
) -> None:
    named = "".join(axis for axis in "TZC" if axis in axes) if writer == "imagej" else "".join(axes)
    if writer == "ome":
        named = named.replace("R", "").replace("Q", "")
    shape = (*lengths[: len(named)], 6, 5, *([3] if colour else []))
    pixels = RNG.integers(0, 256, shape, dtype=np.uint8)
    metadata = None if writer == "plain" else {"axes": named + ("YXS" if colour else "YX")}
    options = {"imagej": True} if writer == "imagej" else {"ome": True} if writer == "ome" else {}
    path = tmp_path / "a.tif"
    photometric = "rgb" if colour else "minisblack"
    tifffile.imwrite(path, pixels, metadata=metadata, photometric=photometric, **options)
    contents = read_contents(path, pages)
    images = list(iter_images(path, pages))
    assert len(images) == len(contents.headers)
    assert all(agree(header, image) for header, image in zip(contents.headers, images, strict=True))
    # No pixel is invented, and none lost.
    stored = np.sort(np.concatenate([np.asarray(image).ravel() for image in images]))
    np.testing.assert_array_equal(stored, np.sort(pixels.ravel()))
    if pages == "images":
        np.testing.assert_array_equal(np.stack(images).ravel(), pixels.ravel())
