"""What users of other programs reported, as far as no other test asks it: the right answers of `facies segment`, through the command.

V4 and V10 (nested groups, offsets, sizes) are in `test_open`, V5 in `test_objects`, V8 in `test_open` and `test_dense`, V13's levels in
`test_ome_zarr`, and the memory of 200,000 blocks (V15) in ``benchmarks/scale_out.py``.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
import zarr
from scipy import ndimage

from facies.methods.voxels import VoxelSample, make_voxel_method
from facies.methods.voxels.filter_bank import bank_responses
from facies.methods.voxels.model import VoxelModel
from facies.scale import BlockPlan, Engine, run_blocks
from facies.scale.engines import Outcome
from facies.volumes import open_volume
from facies.volumes.evaluation import evaluate_segmentation
from facies.volumes.segmentation import open_segmentation
from tests.volumes.stores import OFFSET_NM, SIZE_NM, write_ome_zarr
from tests.volumes.test_segment import facies

BANK = ["--method", "filter-bank", "--set", "n_scales=2", "--clusters", "kmeans"]


def balls(shape=(48, 48, 48), size=8.0, seed=0):
    """Bright balls of 70 nm, without two that touch, in a dark ground, with noise: grey values, and which voxels are of a ball."""
    rng = np.random.default_rng(seed)
    far = np.ones((48, 48, 48), bool)
    for place in rng.permutation([(z, y, x) for z in (12, 36) for y in (12, 36) for x in (12, 36)]):
        z, y, x = place + rng.integers(-2, 3, 3)
        far[z, y, x] = False
    inside = ndimage.distance_transform_edt(far) * size < 70
    grey = 90 + 80 * ndimage.gaussian_filter(inside.astype(float), 0.7) + rng.normal(scale=12, size=far.shape)
    part = tuple(slice(0, each) for each in shape)
    return np.clip(grey, 0, 255).astype(np.uint8)[part], inside.astype(np.uint8)[part]


@pytest.mark.parametrize("size", [(32.0, 8.0, 8.0), (8.0, 16.0, 8.0)])
def test_v1_filters_are_as_wide_in_nm_along_each_axis(size) -> None:
    """ilastik's issue 100: a ball gives the same responses whatever the voxels are."""
    method = make_voxel_method("filter-bank", "quick", {"scale_nm": 200, "n_scales": 1})
    method.voxel_size_nm_ = size
    responses = {}
    for voxels in ((8.0, 8.0, 8.0), size):
        half = [round(320 / each) for each in voxels]
        z, y, x = (np.arange(-n, n + 1) * each for n, each in zip(half, voxels, strict=True))
        ball = np.exp(-(z[:, None, None] ** 2 + y[None, :, None] ** 2 + x**2) / (2 * 60**2)).astype(np.float32)
        sigma = tuple(50 / each for each in voxels)
        found = np.stack(list(bank_responses(ball, [sigma], slices=False)))
        responses[voxels] = found[:, half[0], half[1], half[2]]
    np.testing.assert_allclose(responses[size], responses[8.0, 8.0, 8.0], atol=0.01)
    assert [round(a * b) for a, b in zip(method.sigmas[0], method.grid.working_size_nm, strict=True)] == [50] * 3


def test_v2_a_volume_of_thick_slices_has_nearly_the_dice_of_the_isotropic_one(tmp_path) -> None:
    """cellpose's issue 1398: correct sizes made rings."""
    grey, classes = balls()
    thin = slice(3, None, 6)
    np.savez(tmp_path / "a.npz", whole=grey, thin=grey[thin])
    dice = {}
    for name, size, true in (("whole", "8,8,8", classes), ("thin", "48,8,8", classes[thin])):
        words = ["--scale-nm", "128", "--voxel-size", size, "--k", "3"]
        facies("segment", f"{tmp_path}/a.npz:{name}", "-o", tmp_path / name, *BANK, *words)
        dice[name] = evaluate_segmentation(open_segmentation(tmp_path / name), open_volume(true), k=3)["dice_majority"]
    assert dice["whole"] > 0.8
    assert dice["thin"] > dice["whole"] - 0.05


def test_v7_a_transposed_volume_has_a_transposed_embedding() -> None:
    """micro-SAM's issue 805: the same method, not only along the first axis."""
    grey, _ = balls((44, 46, 48))
    method = make_voxel_method("filter-bank", "quick", {"scale_nm": 96, "n_scales": 2, "n_components": 4})
    method.fit(VoxelSample([grey], (8.0, 8.0, 8.0)))
    codes = method.embed(np.float32(grey / 255))
    for axes in ((1, 0, 2), (2, 1, 0)):
        turned = method.embed(np.float32(grey.transpose(axes) / 255))
        np.testing.assert_allclose(turned, codes.transpose(0, *(each + 1 for each in axes)), atol=2e-4)


def test_v9_a_huge_or_tiny_voxel_costs_nothing(tmp_path) -> None:
    """napari-nninteractive's issue 3: the size is metadata, and no array grows with it."""
    grey, _ = balls((16, 20, 24))
    np.save(tmp_path / "a.npy", grey)
    facies(
        "segment", tmp_path / "a.npy", "-o", tmp_path / "run", *BANK, "--voxel-size", "20000,20000,20000", "--k", "3"
    )
    labels = open_segmentation(tmp_path / "run").labels("k3")
    assert labels.shape == grey.shape
    assert labels.voxel_size_nm == (20000, 20000, 20000)
    told = facies("segment", tmp_path / "a.npy", "-o", tmp_path / "b", *BANK, "--voxel-size", "1e-3,1e-3,1e-3", code=2)
    assert "has 16 voxels along z, and a patch of 300 nm needs 300000" in told


@pytest.mark.parametrize(("size", "halved"), [((8.0, 8.0, 8.0), [2, 2, 2]), ((80.0, 8.0, 8.0), [1, 2, 2])])
def test_v13_levels_of_labels_shrink_along_the_axes_that_are_fine(tmp_path, size, halved) -> None:
    """bioformats2raw's issue 208."""
    grey = np.tile(balls()[0], (2, 3, 3))
    np.save(tmp_path / "a.npy", grey)
    words = ["--method", "intensity", "--voxel-size", ",".join(map(str, size)), "--scale-nm", "80", "--k", "2"]
    facies("segment", tmp_path / "a.npy", "-o", tmp_path / "run", *words, "--clusters", "kmeans")
    group = zarr.open_group(str(tmp_path / "run" / "labels.zarr" / "k2"), mode="r")
    first, second = (
        each["coordinateTransformations"][0]["scale"] for each in group.attrs["ome"]["multiscales"][0]["datasets"][:2]
    )
    assert [b / a for a, b in zip(first, second, strict=True)] == halved
    z, y, x = halved
    fine, coarse = group["0"][:], group["1"][:]
    blocks = fine[: z * 4, : y * 4, : x * 4].reshape(4, z, 4, y, 4, x).transpose(0, 2, 4, 1, 3, 5).reshape(64, -1)
    modes = [np.bincount(block).argmax() for block in blocks if np.bincount(block).max() * 2 > len(block)]
    clear = [np.bincount(block).max() * 2 > len(block) for block in blocks]
    np.testing.assert_array_equal(coarse[:4, :4, :4].ravel()[clear], modes)


def test_v10_size_and_place_of_the_labels_are_those_of_the_volume(tmp_path) -> None:
    """napari's issue 5512, panseg's pull request 502."""
    grey, _ = balls()
    path = write_ome_zarr(tmp_path / "a.zarr", grey, axes="yxz")
    facies("segment", path, "-o", tmp_path / "run", "--method", "intensity", "--scale-nm", "80", "--k", "2")
    labels = open_segmentation(tmp_path / "run").labels("k2")
    np.testing.assert_allclose(labels.voxel_size_nm, SIZE_NM)
    np.testing.assert_allclose(labels.geometry.offset_nm, OFFSET_NM)
    assert labels.geometry.axes == "yxz"
    assert labels.shape == grey.shape


def test_v12_a_block_that_always_fails_ends_with_its_name_and_1(tmp_path, monkeypatch) -> None:
    """daisy's issues 64 and 56: tried three times, never called done; what is done is not done again."""
    grey = np.tile(balls()[0], (1, 1, 4))
    np.save(tmp_path / "a.npy", grey)
    words = [
        "segment",
        tmp_path / "a.npy",
        "-o",
        tmp_path / "run",
        "--method",
        "intensity",
        "--voxel-size",
        "8,8,8",
        "--scale-nm",
        "80",
    ]
    words += ["--k", "2"]
    whole, tried = VoxelModel.label, []

    def failing(self, values):
        tried.append(values.shape)
        if values.shape[2] < 100:  # the second of two blocks
            raise ValueError("this block fails")
        return whole(self, values)

    monkeypatch.setattr(VoxelModel, "label", failing)
    told = facies(*words, code=1)
    assert "this block fails" in told
    assert "--resume tries the missing blocks again" in told
    assert len(tried) == 1 + 3
    assert not (tmp_path / "run").exists()
    monkeypatch.undo()
    facies(*words, "--resume")
    assert open_segmentation(tmp_path / "run").labels("k2").read().min() == 1


class Counting(Engine):
    """Does nothing, and counts what is in flight."""

    def __init__(self) -> None:
        self.waiting: list[int] = []
        self.most = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def room(self) -> int:
        return 8 - len(self.waiting)

    def submit(self, number, function, *arguments) -> None:
        self.waiting.append(number)
        self.most = max(self.most, len(self.waiting))

    def next_outcome(self) -> Outcome:
        return Outcome(self.waiting.pop(0), None, None)

    def check(self, function, *arguments) -> None:
        return None


def test_v15_a_few_blocks_are_in_flight_however_many_there_are(tmp_path) -> None:
    """dask/distributed's issue 3898; and the plan does not grow with them."""
    few, many = (BlockPlan("tests.scale.tasks:nothing", {}, count) for count in (2, 5_000))
    engine = Counting()
    run_blocks(many, tmp_path / "many", engine)
    assert engine.most <= 8
    run_blocks(few, tmp_path / "few", Counting())
    sizes = [(tmp_path / name / "plan.json").stat().st_size for name in ("few", "many")]
    assert sizes[1] - sizes[0] < 10


def test_a_scheduler_that_cannot_be_reached_is_told_before_anything_is_learnt(tmp_path, monkeypatch) -> None:
    from facies.scale import dask_engine

    monkeypatch.setattr(dask_engine, "PATIENCE_S", 0.3)
    np.save(tmp_path / "a.npy", balls()[0])
    words = [*BANK, "--voxel-size", "8,8,8", "--scale-nm", "80", "--engine", "dask", "--scheduler", "tcp://127.0.0.1:9"]
    told = facies("segment", tmp_path / "a.npy", "-o", tmp_path / "run", *words, code=2)
    assert "the Dask scheduler at tcp://127.0.0.1:9 does not answer" in told
    assert [each.name for each in tmp_path.iterdir()] == ["a.npy"]


def test_dask_that_is_not_installed_is_named(tmp_path, monkeypatch) -> None:
    import sys

    np.save(tmp_path / "a.npy", balls()[0])
    monkeypatch.setitem(sys.modules, "distributed", None)
    told = facies("segment", tmp_path / "a.npy", "-o", tmp_path / "run", *BANK, "--engine", "dask", code=2)
    assert "pip install 'facies[scale]'" in told


def test_a_worker_without_what_it_needs_is_told_before_the_first_block(tmp_path, monkeypatch) -> None:
    from facies.methods.voxels.intensity import Intensity

    monkeypatch.setattr(Intensity, "needs", ("no_such_package",))
    np.save(tmp_path / "a.npy", balls()[0])
    words = ["--method", "intensity", "--voxel-size", "8,8,8", "--scale-nm", "80", "--k", "2"]
    told = facies("segment", tmp_path / "a.npy", "-o", tmp_path / "run", *words, code=2)
    assert "no_such_package" in told
    assert not list(tmp_path.rglob("done/*"))


def test_too_little_room_is_told_before_anything_is_learnt(tmp_path, monkeypatch) -> None:
    np.save(tmp_path / "a.npy", balls()[0])
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10_000})())
    words = [*BANK, "--voxel-size", "8,8,8", "--scale-nm", "80"]
    told = facies("segment", tmp_path / "a.npy", "-o", tmp_path / "run", *words, code=2)
    assert "the result may need 0.00 GB, and the disk has 0.00 GB free" in told
    assert [each.name for each in tmp_path.iterdir()] == ["a.npy"]


def test_a_chunk_that_is_cut_off_is_named_and_the_rest_is_labelled(tmp_path) -> None:
    grey, _ = balls()
    zarr.create_array(str(tmp_path / "a.zarr"), data=grey, chunks=(24, 24, 24))
    chunk = tmp_path / "a.zarr" / "c" / "1" / "0" / "1"
    chunk.write_bytes(chunk.read_bytes()[:50])
    words = ["--method", "intensity", "--voxel-size", "8,8,8", "--scale-nm", "80", "--k", "2"]
    facies("segment", tmp_path / "a.zarr", "-o", tmp_path / "run", *words, code=1)
    run = open_segmentation(tmp_path / "run")
    assert list(run.described["damaged"]) == ["1/0/1"]
    labels = run.labels("k2").read()
    assert (labels[24:, :24, 24:] == 0).all()
    assert (labels[:12] > 0).all()
    assert json.loads((tmp_path / "run" / "segmentation.json").read_text())["notes"]
