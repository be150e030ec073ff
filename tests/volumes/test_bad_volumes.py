"""What is no volume, is damaged or means harm ends in one line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from facies.errors import InputError
from facies.volumes import Box, find_grey_range, open_volume
from tests.volumes.stores import voxels, write_ome_zarr


def refused(source, match: str, **options) -> None:
    with pytest.raises(InputError, match=match) as caught:
        open_volume(source, **options)
    assert "\n" not in str(caught.value)


def test_colour_is_refused(tmp_path) -> None:
    colour = np.zeros((4, 20, 30, 3), np.uint8)
    refused(colour, "is in colour")
    tifffile.imwrite(tmp_path / "a.tif", colour, photometric="rgb")
    refused(tmp_path / "a.tif", "is in colour")
    (tmp_path / "slices").mkdir()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (9, 9, 3), np.uint8)).save(tmp_path / "slices" / "1.png")
    refused(tmp_path / "slices", "is in colour")


def test_several_channels_and_axes_are_refused(tmp_path) -> None:
    refused(np.zeros((2, 4, 20, 30), np.uint8), "has 4 axes")
    refused(np.zeros(30, np.uint8), "has 1 axes")
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 2, 20, 30), np.uint8), imagej=True, metadata={"axes": "ZCYX"})
    refused(tmp_path / "a.tif", "has 2 channels")
    refused(np.zeros((4, 20, 30), complex), "no grey values")
    refused(np.zeros((0, 20, 30)), "has no voxels")
    refused([1, 2], "a list is no volume")


def test_nan_and_volumes_of_one_value() -> None:
    values = voxels(dtype=np.float32)
    values[2, 3, 4] = np.nan
    with pytest.raises(InputError, match=r"1 voxel is NaN or infinite \(the first at z 2, y 3, x 4\)"):
        find_grey_range(open_volume(values))
    with pytest.raises(InputError, match="all voxels are zero"):
        find_grey_range(open_volume(np.zeros((4, 20, 30), np.uint8)))
    with pytest.raises(InputError, match="all voxels have the value 7"):
        find_grey_range(open_volume(np.full((4, 20, 30), 7, np.uint16)))


def test_the_range_is_robust_and_leaves_padding_out() -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(20_000, 1000, (20, 64, 64)).astype(np.uint16)
    values[0, 0, :3] = 65_535
    values[:, :20] = 0
    found = find_grey_range(open_volume(values))
    assert 16_000 < found.low < 18_000
    assert 22_000 < found.high < 24_000
    assert "without the zeros (31%)" in found.note
    scaled = found.scale(np.array([0, 20_000, 65_535], np.uint16))
    assert scaled[0] == 0
    assert scaled[2] == 1
    assert scaled[1] == pytest.approx(0.5, abs=0.05)


def test_a_volume_thinner_than_a_patch() -> None:
    with pytest.raises(InputError, match="has 5 voxels along z, and a patch needs 9"):
        open_volume(voxels()).check_thickness((9, 9, 9))


def test_nothing_and_other_files(tmp_path) -> None:
    refused(tmp_path / "no.zarr", "there is no such file or folder")
    refused(tmp_path, "holds no slices")
    (tmp_path / "a.txt").write_text("text")
    refused(tmp_path / "a.txt", "no volume of a known format: give OME-Zarr")
    (tmp_path / "b.zarr").mkdir()
    refused(tmp_path / "b.zarr", "has no metadata of zarr")
    np.save(tmp_path / "a.npy", voxels())
    refused(f"{tmp_path}/a.npy:raw", "in which nothing can be named")


@pytest.mark.parametrize("suffix", ["npy", "npz", "tif", "mrc", "h5"])
@pytest.mark.parametrize("content", [b"", b"\x00" * 3000, os.urandom(3000)], ids=["empty", "zeros", "noise"])
def test_files_of_rubbish(tmp_path, suffix, content) -> None:
    (tmp_path / f"a.{suffix}").write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.{suffix}"):
        find_grey_range(open_volume(tmp_path / f"a.{suffix}"))


def test_nothing_is_unpickled(tmp_path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}] * 3, object), allow_pickle=True)
    refused(tmp_path / "a.npy", "cannot be loaded|no array that can be read")
    np.savez(tmp_path / "a.npz", raw=np.array([{"a": 1}] * 3, object))
    refused(f"{tmp_path}/a.npz:raw", "holds Python objects")


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.mrc", "a.tif", "a.h5"])
def test_files_that_are_cut_off(tmp_path, name) -> None:
    path = tmp_path / name
    values = voxels((40, 64, 64), np.int16)
    if name.endswith("npy"):
        np.save(path, values)
    elif name.endswith("npz"):
        np.savez_compressed(path, raw=values)
    elif name.endswith("mrc"):
        import mrcfile

        with mrcfile.new(path) as file:
            file.set_data(values)
    elif name.endswith("tif"):
        tifffile.imwrite(path, values, photometric="minisblack")
    else:
        import h5py

        with h5py.File(path, "w") as file:
            file["raw"] = values
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(InputError, match=r"cut off|damaged"):
        open_volume(path).read()


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_chunk_that_is_cut_off_is_named(tmp_path, zarr_format) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (8, 16, 16), np.uint8)
    zarr.create_array(str(tmp_path / "a"), data=noise, chunks=(4, 8, 8), zarr_format=zarr_format)
    chunk = next(each for each in (tmp_path / "a").rglob("*") if str(each).endswith(("c/1/0/1", "1.0.1")))
    chunk.write_bytes(chunk.read_bytes()[:40])
    volume = open_volume(tmp_path / "a")
    with pytest.raises(InputError, match="chunk 1/0/1 is damaged or cut off: copy the file again"):
        volume.read()
    np.testing.assert_array_equal(volume.read(Box((0, 0, 0), (4, 16, 16))), noise[:4])
    values, damaged = volume.voxels.read_undamaged(Box((2, 2, 2), (8, 16, 16)))
    assert damaged == {"1/0/1": Box((4, 2, 8), (8, 8, 16))}
    expected = noise.copy()
    expected[4:, :8, 8:] = 0
    np.testing.assert_array_equal(values, expected[2:, 2:, 2:])
    assert find_grey_range(volume).high > 200


def test_a_slice_that_is_damaged_or_other_than_the_first(tmp_path) -> None:
    for number, plane in enumerate(voxels()):
        Image.fromarray(plane).save(tmp_path / f"{number}.png")
    Image.fromarray(voxels()[0, :10]).save(tmp_path / "2.png")
    refused(tmp_path, r"2.png: is 10 × 30 of uint8, and the first slice \(0.png\) is 20 × 30")
    noise = np.random.default_rng(0).integers(0, 255, (20, 30), np.uint8)
    Image.fromarray(noise).save(tmp_path / "2.png")
    content = (tmp_path / "2.png").read_bytes()
    (tmp_path / "2.png").write_bytes(content[:-300])
    with pytest.raises(InputError, match="chunk 2/0/0 is damaged"):
        open_volume(tmp_path).read()


def test_links_out_of_a_file_are_not_followed(tmp_path) -> None:
    import h5py

    np.save(tmp_path / "secret.npy", voxels())
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["raw"] = voxels()
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["link"] = h5py.ExternalLink("other.h5", "/raw")
        file.create_dataset("outside", (5, 20, 30), "u1", external=[(str(tmp_path / "secret.npy"), 128, 3000)])
    refused(f"{tmp_path}/a.h5:/link", "is a link to another file .other.h5.")
    refused(f"{tmp_path}/a.h5:/outside", "lie in other files")
    path = write_ome_zarr(tmp_path / "a.zarr", voxels())
    metadata = json.loads((path / "zarr.json").read_text())
    metadata["attributes"]["ome"]["multiscales"][0]["datasets"][0]["path"] = "../other.zarr/0"
    (path / "zarr.json").write_text(json.dumps(metadata))
    write_ome_zarr(tmp_path / "other.zarr", voxels())
    refused(path, "is no zarr array")


def edit(path: Path, **changes) -> None:
    metadata = json.loads((path / "zarr.json").read_text())
    (path / "zarr.json").write_text(json.dumps({**metadata, **changes}))


def test_metadata_that_are_damaged_or_too_large(tmp_path) -> None:
    path = write_ome_zarr(tmp_path / "a.zarr", voxels())
    for damaged in ({"multiscales": [{"axes": 3}]}, {"multiscales": [{"datasets": [{"path": "0"}], "axes": ["z"]}]}):
        edit(path, attributes={"ome": {"version": "0.5", **damaged}})
        refused(path, "OME-Zarr metadata are damaged")
    huge = tmp_path / "huge"
    zarr.create_array(str(huge), shape=(4000, 4000, 4000), chunks=(2000, 2000, 2000), dtype="u1")
    refused(huge, r"its chunks have 8.0 GB each")
    zarr.create_array(str(tmp_path / "wide"), shape=(10**6, 10**6, 10**6), chunks=(64, 64, 64), dtype="u1")
    wide = open_volume(tmp_path / "wide")  # opened and read in no time, since nothing of it is there
    assert wide.read(Box((5, 5, 5), (7, 7, 7))).sum() == 0
