"""Every format gives the same voxels along z, y and x, and the size and place that the file gives them."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from facies.errors import InputError
from facies.volumes import Box, open_volume, read_voxel_size, reopen_volume
from tests.volumes.stores import OFFSET_NM, SIZE_NM, voxels, write_ome_zarr

BOX = Box((1, 3, 5), (4, 17, 29))


def check(volume, array=None, size=SIZE_NM, offset=OFFSET_NM) -> None:
    array = voxels() if array is None else array
    np.testing.assert_array_equal(volume.read(), array)
    np.testing.assert_array_equal(volume.read(BOX), array[BOX.slices])
    if size is None:
        assert volume.geometry.voxel_size_nm is None
        with pytest.raises(InputError, match="size of its voxels is not known: give --voxel-size Z,Y,X in nm"):
            _ = volume.voxel_size_nm
    else:
        np.testing.assert_allclose(volume.voxel_size_nm, size)
    np.testing.assert_allclose(volume.geometry.offset_nm, offset)
    if volume.location is not None:
        np.testing.assert_array_equal(reopen_volume(volume.location).read(BOX), array[BOX.slices])


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("axes", ["zyx", "xyz"])
def test_ome_zarr(tmp_path, version, axes) -> None:
    volume = open_volume(write_ome_zarr(tmp_path / "a.zarr", voxels(), version, axes))
    assert volume.geometry.axes == axes
    assert volume.notes == ()
    check(volume)


def test_ome_zarr_levels(tmp_path) -> None:
    path = write_ome_zarr(tmp_path / "a.zarr", voxels(), levels=2)
    assert open_volume(path).voxels.stored.levels == 2
    coarse = open_volume(path, level=1)
    np.testing.assert_allclose(coarse.voxel_size_nm, np.multiply(SIZE_NM, 2))
    np.testing.assert_array_equal(coarse.read(), voxels()[::2, ::2, ::2])
    with pytest.raises(InputError, match="has 2 levels, numbered from 0: there is no level 2"):
        open_volume(path, level=2)


def test_nested_groups_with_offsets(tmp_path) -> None:
    """empanada-napari's issue 47, BiaPy's issue 82."""
    write_ome_zarr(tmp_path / "a.zarr" / "volumes" / "raw", voxels())
    zarr.open_group(str(tmp_path / "a.zarr"), mode="a").attrs["note"] = "a group"
    check(open_volume(tmp_path / "a.zarr" / "volumes" / "raw"))
    check(open_volume(f"{tmp_path}/a.zarr:volumes/raw"))
    only = open_volume(tmp_path / "a.zarr")
    check(only)
    assert only.notes == ("volumes/raw is the only volume in a.zarr, and was taken",)
    write_ome_zarr(tmp_path / "a.zarr" / "volumes" / "labels", voxels())
    with pytest.raises(InputError, match=r"holds 2 volumes: name one of them: .*volumes/labels, .*volumes/raw"):
        open_volume(tmp_path / "a.zarr")


def test_ome_zarr_without_units_is_of_unknown_size(tmp_path) -> None:
    path = write_ome_zarr(tmp_path / "a.zarr", voxels())
    group = zarr.open_group(str(path), mode="a")
    ome = dict(group.attrs["ome"])
    for axis in ome["multiscales"][0]["axes"]:
        del axis["unit"]
    group.attrs["ome"] = ome
    volume = open_volume(path)
    check(volume, size=None, offset=(0, 0, 0))
    assert "names no unit" in volume.notes[0]


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_zarr_arrays_with_attributes(tmp_path, zarr_format) -> None:
    array = zarr.create_array(str(tmp_path / "a"), data=voxels(), chunks=(2, 8, 8), zarr_format=zarr_format)
    check(open_volume(tmp_path / "a"), size=None, offset=(0, 0, 0))
    array.attrs.update({"resolution": SIZE_NM, "offset": OFFSET_NM, "units": ["nm"] * 3})
    check(open_volume(tmp_path / "a"))
    array.attrs.update({"axis_names": ["x", "y", "z"], "resolution": SIZE_NM[::-1], "offset": OFFSET_NM[::-1]})
    assert open_volume(tmp_path / "a").shape == (30, 20, 5)
    np.testing.assert_allclose(open_volume(tmp_path / "a").voxel_size_nm, SIZE_NM)


def test_n5(tmp_path) -> None:
    import tensorstore

    spec = {"driver": "n5", "kvstore": {"driver": "file", "path": f"{tmp_path}/a.n5/volumes/raw"}}
    metadata = {"dataType": "uint8", "dimensions": [30, 20, 5], "blockSize": [8, 8, 2], "compression": {"type": "raw"}}
    store = tensorstore.open({**spec, "metadata": metadata}, create=True).result()
    store[...] = voxels().transpose(2, 1, 0)
    path = tmp_path / "a.n5" / "volumes" / "raw"
    described = (path / "attributes.json").read_text()
    (path / "attributes.json").write_text(
        described[:-1] + ', "resolution": [4, 8, 40], "offset": [12, 80, 400], "units": ["nm", "nm", "nm"]}'
    )
    volume = open_volume(path)
    assert volume.geometry.axes == "xyz"
    check(volume)
    (path / "attributes.json").write_text(
        described[:-1] + ', "pixelResolution": {"dimensions": [0.004, 0.008, 0.04], "unit": "um"}}'
    )
    check(open_volume(path), offset=(0, 0, 0))


def test_precomputed(tmp_path) -> None:
    import tensorstore

    store = tensorstore.open(
        {
            "driver": "neuroglancer_precomputed",
            "kvstore": {"driver": "file", "path": f"{tmp_path}/raw"},
            "multiscale_metadata": {"type": "image", "data_type": "uint8", "num_channels": 1},
            "scale_metadata": {
                "size": [30, 20, 5], "resolution": [4, 8, 40], "voxel_offset": [3, 10, 10], "encoding": "raw",
                "chunk_size": [8, 8, 2],
            },
        },
        create=True,
    ).result()  # fmt: skip
    store[...] = voxels().transpose(2, 1, 0)[..., None]
    check(open_volume(tmp_path / "raw"))


def test_tiff_stacks(tmp_path) -> None:
    path = tmp_path / "a.tif"
    unit = {"axes": "ZYX", "spacing": 0.04, "unit": "um"}
    tifffile.imwrite(path, voxels(), imagej=True, resolution=(1 / 0.004, 1 / 0.008), metadata=unit)
    check(open_volume(path), offset=(0, 0, 0))
    physical = {
        "axes": "ZYX",
        "PhysicalSizeX": 4,
        "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": 0.008,
        "PhysicalSizeZ": 40,
    }
    tifffile.imwrite(tmp_path / "a.ome.tif", voxels(), metadata={**physical, "PhysicalSizeZUnit": "nm"})
    check(open_volume(tmp_path / "a.ome.tif"), offset=(0, 0, 0))
    tifffile.imwrite(path, voxels(), compression="zlib", photometric="minisblack", resolution=(72, 72))
    check(open_volume(path), size=None, offset=(0, 0, 0))


def test_a_tiff_without_depth_says_what_is_missing(tmp_path) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", voxels(), imagej=True, resolution=(250, 125), metadata={"axes": "TYX", "unit": "um"}
    )
    volume = open_volume(tmp_path / "a.tif")
    check(volume, size=None, offset=(0, 0, 0))
    assert volume.notes == (
        "the 5 times of the TIFF were taken as slices along z",
        "the TIFF gives x 4 nm, y 8 nm, and no size along z",
    )


def test_a_folder_of_slices(tmp_path) -> None:
    for number, plane in enumerate(voxels()):
        Image.fromarray(plane).save(tmp_path / f"s{9 + number}.png")  # s10 comes after s9
    check(open_volume(tmp_path), size=None, offset=(0, 0, 0))
    (tmp_path / "readme.txt").write_text("x")
    (tmp_path / "s11.png").unlink()
    assert open_volume(tmp_path).notes == (
        "not taken for slices: readme.txt",
        "numbers are missing among the names of the slices (after 10): those on both sides were put together",
    )


def test_mrc_keeps_axes_in_place(tmp_path) -> None:
    import mrcfile

    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(voxels(dtype=np.int16))
        file.voxel_size = (40.0, 80.0, 400.0)
        file.header.origin = (120.0, 800.0, 4000.0)
    check(open_volume(tmp_path / "a.mrc"), voxels(dtype=np.int16))
    with mrcfile.new(tmp_path / "b.mrc") as file:
        file.set_data(np.ascontiguousarray(voxels(dtype=np.int16).transpose(2, 1, 0)))
        file.header.mapc, file.header.mapr, file.header.maps = 3, 2, 1
        file.header.mx, file.header.my, file.header.mz = 30, 20, 5
        file.header.cella = (30 * 40.0, 20 * 80.0, 5 * 400.0)
    volume = open_volume(tmp_path / "b.mrc")
    assert volume.geometry.axes == "xyz"
    check(volume, voxels(dtype=np.int16), offset=(0, 0, 0))


def test_hdf5(tmp_path) -> None:
    import h5py

    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        raw = file.create_dataset("volumes/raw", data=voxels(), chunks=(2, 8, 8))
        raw.attrs["resolution"], raw.attrs["offset"] = SIZE_NM, OFFSET_NM
    volume = open_volume(path)
    check(volume)
    assert "names no unit, and was taken as nm" in volume.notes[0]
    path = tmp_path / "b.h5"
    with h5py.File(path, "w") as file:
        file["volumes/raw"] = voxels()
        labels = file.create_dataset("volumes/labels", data=voxels())
        labels.attrs["element_size_um"] = np.array(SIZE_NM) / 1000
    with pytest.raises(
        InputError, match=r"holds 2 volumes: name one of them: .*b.h5:/volumes/labels, .*b.h5:/volumes/raw"
    ):
        open_volume(path)
    check(open_volume(f"{path}:/volumes/labels"), offset=(0, 0, 0))
    check(open_volume(f"{path}/volumes/raw"), size=None, offset=(0, 0, 0))
    with pytest.raises(InputError, match=r"has no dataset /volumes/rww: it has /volumes/labels, /volumes/raw"):
        open_volume(f"{path}:/volumes/rww")


def test_numpy_files(tmp_path) -> None:
    np.save(tmp_path / "a.npy", voxels())
    volume = open_volume(tmp_path / "a.npy")
    check(volume, size=None, offset=(0, 0, 0))
    assert isinstance(volume.voxels.stored.array, np.memmap)
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", raw=voxels(), names=np.array(["a"]), voxel_size_nm=np.array(SIZE_NM))
        check(open_volume(tmp_path / "a.npz"), offset=(0, 0, 0))
    np.savez(tmp_path / "b.npz", raw=voxels(), labels=voxels())
    check(open_volume(f"{tmp_path}/b.npz:raw"), size=None, offset=(0, 0, 0))
    with pytest.raises(InputError, match=r"holds 2 volumes: name one of its arrays: .*b.npz:raw, .*b.npz:labels"):
        open_volume(tmp_path / "b.npz")


def test_arrays_from_python() -> None:
    check(open_volume(voxels(), voxel_size_nm=SIZE_NM), offset=(0, 0, 0))
    assert open_volume(voxels()[0]).shape == (1, 20, 30)


def test_a_dask_array_is_read_where_it_is_needed(tmp_path) -> None:
    """micro-SAM's issue 1035."""
    import dask.array

    read = []

    def block(values, block_info=None):
        read.append(block_info[0]["chunk-location"])
        return values

    source = zarr.create_array(str(tmp_path / "a"), data=voxels(), chunks=(2, 10, 10))
    lazy = dask.array.from_zarr(source).map_blocks(block, dtype=np.uint8)
    read.clear()
    volume = open_volume(lazy, voxel_size_nm=SIZE_NM)
    assert read == []
    assert volume.voxels.chunks == (2, 10, 10)
    np.testing.assert_array_equal(volume.read(Box((0, 0, 0), (2, 5, 5))), voxels()[:2, :5, :5])
    assert read == [(0, 0, 0)]
    check(volume, offset=(0, 0, 0))


def test_a_transposed_volume_gives_the_same_voxels(tmp_path) -> None:
    """micro-SAM's issue 805, napari's issue 5512, panseg's pull request 502."""
    straight = open_volume(write_ome_zarr(tmp_path / "a.zarr", voxels(), axes="zyx"))
    turned = open_volume(write_ome_zarr(tmp_path / "b.zarr", voxels(), axes="yxz"))
    np.testing.assert_array_equal(straight.read(), turned.read())
    assert (straight.geometry.voxel_size_nm, turned.geometry.axes) == (turned.geometry.voxel_size_nm, "yxz")


def test_a_huge_voxel_is_only_a_number(tmp_path) -> None:
    """napari-nninteractive's issue 3."""
    volume = open_volume(voxels(), voxel_size_nm=(20000, 20000, 20000))
    assert volume.shape == (5, 20, 30)
    assert volume.voxel_size_nm == (20000.0, 20000.0, 20000.0)


def test_the_size_that_is_given_goes_first_and_a_difference_is_told(tmp_path) -> None:
    path = write_ome_zarr(tmp_path / "a.zarr", voxels())
    assert open_volume(path, voxel_size_nm=SIZE_NM).notes == ()
    volume = open_volume(path, voxel_size_nm=(50, 8, 4))
    assert volume.notes == ("voxels of 50 × 8 × 4 nm, as was given; the file says 40 × 8 × 4 nm",)
    assert reopen_volume(volume.location).voxel_size_nm == (50.0, 8.0, 4.0)


@pytest.mark.parametrize("text", ["40,4", "40,4,0", "a,b,c", "40,4,nan", ""])
def test_a_voxel_size_that_is_none(text) -> None:
    with pytest.raises(InputError, match=r"--voxel-size .*three lengths"):
        read_voxel_size(text)
