"""Dense results: the same however the volume is cut, stored and done; kills and damage lose nothing in silence."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import zarr
from scipy import ndimage

from facies.errors import InputError
from facies.scale import make_engine
from facies.volumes import Box, dense, find_grey_range, open_volume
from facies.volumes.blocks import block_shape
from facies.volumes.dense import compute_dense
from facies.volumes.stored_results import ResultArray
from tests.scale.test_runner import ROOT, environment

NOISE = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(20, 40, 50)), 2)
GREY = ((NOISE - NOISE.min()) / np.ptp(NOISE) * 250).astype(np.uint8)


def compute(volume, work: Path, block=(16, 16, 16), jobs: int = 1, radius: int = 2, **options):
    axes = volume.geometry.axes
    results = {
        "labels": ResultArray(str(work / "labels"), volume.shape, block, "uint8", axes=axes),
        "embedding": ResultArray(str(work / "embedding"), volume.shape, block, "float32", 2, axes),
    }
    with make_engine("processes", jobs=jobs) as engine:
        found = compute_dense(
            volume, "tests.volumes.block_functions:Threshold", {"radius": radius, "level": 0.5}, results, halo=(radius,) * 3,
            grey_range=find_grey_range(volume), folder=work / "blocks", engine=engine, **options,
        )  # fmt: skip
    return found, results


def test_the_result_does_not_depend_on_the_blocks(tmp_path) -> None:
    volume = open_volume(GREY, voxel_size_nm=(8, 8, 8))
    found, whole = compute(volume, tmp_path / "whole", (64, 64, 64))
    assert found.is_complete
    expected = find_grey_range(volume).scale(GREY)
    expected = ndimage.uniform_filter(expected.astype(np.float64), 5, mode="mirror")
    np.testing.assert_allclose(whole["embedding"].read()[0], expected, atol=1e-5)
    for block in ((16, 24, 16), (20, 16, 8)):
        _, cut = compute(volume, tmp_path / str(block), block)
        np.testing.assert_array_equal(cut["labels"].read(), whole["labels"].read())
        np.testing.assert_allclose(cut["embedding"].read(), whole["embedding"].read(), atol=1e-6)


def test_transposed_volumes_have_transposed_labels(tmp_path) -> None:
    """micro-SAM's issue 805."""
    zarr.create_array(str(tmp_path / "a"), data=GREY.transpose(2, 1, 0)).attrs["axis_names"] = ["x", "y", "z"]
    turned = open_volume(tmp_path / "a")
    _, there = compute(turned, tmp_path / "there")
    _, here = compute(open_volume(GREY), tmp_path / "here")
    np.testing.assert_array_equal(there["labels"].read(), here["labels"].read())
    assert zarr.open_array(str(tmp_path / "there" / "labels")).shape == (50, 40, 20)
    assert zarr.open_array(str(tmp_path / "there" / "embedding")).shape == (2, 50, 40, 20)


def test_a_dask_array_is_computed_chunk_by_chunk(tmp_path) -> None:
    """micro-SAM's issue 1035."""
    import dask.array

    lazy = dask.array.from_array(GREY, chunks=(10, 20, 25))
    _, results = compute(open_volume(lazy), tmp_path / "lazy")
    _, expected = compute(open_volume(GREY), tmp_path / "here")
    np.testing.assert_array_equal(results["labels"].read(), expected["labels"].read())


def test_the_border_can_be_left_out(tmp_path) -> None:
    _, results = compute(open_volume(GREY), tmp_path, leave_border=True)
    labels = results["labels"].read()
    assert (labels[2:-2, 2:-2, 2:-2] > 0).all()
    assert labels.sum() == labels[2:-2, 2:-2, 2:-2].sum()


def test_a_damaged_chunk_is_named_and_its_voxels_have_no_label(tmp_path) -> None:
    zarr.create_array(str(tmp_path / "a"), data=GREY, chunks=(10, 20, 25))
    chunk = tmp_path / "a" / "c" / "1" / "0" / "1"
    chunk.write_bytes(chunk.read_bytes()[:50])
    found, results = compute(open_volume(tmp_path / "a"), tmp_path / "run")
    missing = np.zeros(GREY.shape, bool)
    missing[8:, :22, 23:] = True  # with the halo
    np.testing.assert_array_equal(results["labels"].read() == 0, missing)
    assert not found.is_complete
    assert found.lines() == [
        f"chunk 1/0/1 of the volume is damaged or cut off: {missing.sum():,} voxels have no result (0)"
    ]


def test_what_cannot_be_resumed_or_written_is_said_at_once(tmp_path, monkeypatch) -> None:
    volume = open_volume(GREY)
    compute(volume, tmp_path)
    with pytest.raises(InputError, match=r"cannot be resumed: .*results was .*--overwrite"):
        compute(volume, tmp_path, (8, 8, 8), resume=True)
    with pytest.raises(InputError, match=r"input was .*, is "):
        compute(open_volume(GREY[::-1].copy()), tmp_path, resume=True)
    with pytest.raises(InputError, match="lies in the memory of this process"):
        compute(volume, tmp_path / "b", jobs=2)
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10_000})())
    with pytest.raises(InputError, match=r"the result may need 0\.00 GB, and the disk has 0\.00 GB free"):
        compute(volume, tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_nan_that_is_met_later_names_its_block(tmp_path) -> None:
    values = GREY.astype(np.float32)
    volume = open_volume(values)
    grey_range = find_grey_range(volume)
    values[3, 3, 3] = np.nan
    with pytest.raises(ValueError, match="NaN or infinite voxels between"):
        dense.read_with_halo(volume, Box.whole(volume.shape), (1, 1, 1), grey_range)


DRIVER = """
import sys
from pathlib import Path
from facies.volumes import open_volume
from tests.volumes.test_dense import compute
if __name__ == "__main__":
    compute(open_volume(sys.argv[1]), Path(sys.argv[2]), (8, 16, 16), resume=True)
"""


def test_a_killed_driver_changes_nothing(tmp_path) -> None:
    np.save(tmp_path / "a.npy", GREY)
    script, work = tmp_path / "driver.py", tmp_path / "run"
    script.write_text(DRIVER)
    driver = subprocess.Popen([sys.executable, script, tmp_path / "a.npy", work], cwd=ROOT, env=environment())
    while len(list(work.glob("blocks/done/*/*.json"))) < 5:
        time.sleep(0.02)
        assert driver.poll() is None
    driver.kill()
    driver.wait()
    volume = open_volume(tmp_path / "a.npy")
    found, results = compute(volume, work, (8, 16, 16), resume=True)
    _, undisturbed = compute(volume, tmp_path / "whole", (8, 16, 16))
    assert found.report.n_before >= 5
    for name, result in results.items():
        np.testing.assert_array_equal(result.read(), undisturbed[name].read())


def test_a_block_is_a_whole_shard(tmp_path) -> None:
    """Two workers that write into one shard would lose what the other wrote, without a word."""
    assert block_shape((300, 300, 300), (100, 128, 50)) == (64, 128, 50)
    result = ResultArray(str(tmp_path / "a"), (300, 20, 20), (64, 20, 20), "uint8")
    result.create()
    for start in (0, 64, 128, 192, 256):
        box = Box((start, 0, 0), (min(start + 64, 300), 20, 20))
        result.write(box, np.full(box.shape, 1 + start // 64, np.uint8))
    assert sorted(path.name for path in (tmp_path / "a" / "c").iterdir()) == ["0", "1", "2", "3", "4"]
    np.testing.assert_array_equal(result.read()[:, 5, 5], 1 + np.arange(300) // 64)
    with pytest.raises(ValueError, match="are no whole shards"):
        ResultArray(str(tmp_path / "b"), (300, 20, 20), (100, 20, 20), "uint8").create()
