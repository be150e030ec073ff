from __future__ import annotations

import functools
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from facies import plugins
from facies.errors import InputError
from facies.images import ImageSet, as_image_set, open_images, reopen
from facies.images.readers import Reader, readers
from facies.images.readers.arrays import images_from_npy
from facies.images.readers.base import Progress
from facies.images.resize import ImageFormat

IMAGES = np.random.default_rng(0).integers(0, 256, (10, 12, 10), dtype=np.uint8)


def _weights(folder: Path, ids: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame({"id": list(ids), "weight": np.load(folder / "weights.npy")[[int(each) for each in ids]]})


def _read(folder: Path, image_format: ImageFormat, progress: Progress | None) -> ImageSet:
    images = images_from_npy(folder / "pixels.npy")
    images.pixel_size_um = 0.5
    images.companions = {"weights": functools.partial(_weights, folder)}
    return images


READER = Reader(
    name="scan", description="a folder of scans", can_read=lambda path: (path / "pixels.npy").is_file(), read=_read
)


def _fails(path: Path) -> bool:
    raise LookupError(f"nothing of\n{path.name}")


FAILING = Reader(name="failing", description="nothing", can_read=_fails, read=_read)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    folder = tmp_path / "scan"
    folder.mkdir()
    np.save(folder / "pixels.npy", IMAGES)
    np.save(folder / "weights.npy", np.arange(10.0))
    return folder


def register(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    entries = tuple(EntryPoint(name, value, "facies.readers") for name, value in values.items())
    monkeypatch.setattr(plugins, "_entry_points", lambda group: entries if group == "facies.readers" else ())


def test_a_reader_of_another_package_opens_its_format(scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no image file"):
        open_images(scan)
    register(monkeypatch, scan=f"{__name__}:READER")
    images = open_images(scan, size=6)
    assert images.image_shape == (1, 6, 6)
    assert images.origin == {
        "kind": "scan", "path": str(scan), "options": {"channels": None, "size": [6, 6], "fit": "resize"}
    }  # fmt: skip
    part = images.subset([7, 2])
    assert part.pixel_size_um == 0.5
    assert part.read_companions()["weights"]["weight"].tolist() == [7, 2]
    assert reopen(part.origin).fingerprint() == part.fingerprint()
    with pytest.raises(InputError, match=r"read are .*, a folder of scans, .*, \.zarr or a folder of images"):
        as_image_set(Path(__file__))


def test_a_set_is_reopened_by_the_reader_that_opened_it(scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(scan.parent / "a.npy", IMAGES)
    plain = open_images(scan.parent / "a.npy")
    register(monkeypatch, scan=f"{__name__}:READER")
    origin = open_images(scan).origin
    assert reopen(plain.origin).origin["kind"] == "npy"
    register(monkeypatch)
    with pytest.raises(InputError, match="was read by the reader 'scan', which is not there"):
        reopen(origin)


def test_readers_stand_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, scan=f"{__name__}:READER")
    assert [reader.name for reader in readers()] == [
        "npy",
        "npz",
        "tiff",
        "microscopy",
        "scan",
        "ecotaxa",
        "ifcb",
        "ome-zarr",
        "zarr",
        "folder",
    ]


def test_files_of_a_known_suffix_import_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, absent="no_such_package_1:READER")
    np.save(tmp_path / "a.npy", IMAGES)
    assert len(open_images(tmp_path / "a.npy")) == 10


def test_a_package_that_cannot_be_imported_is_named_and_the_rest_works(
    scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch, absent="no_such_package_2:READER", scan=f"{__name__}:READER", wrong=f"{__name__}:IMAGES")
    with pytest.warns(plugins.FaultyPlugin) as caught:
        names = [reader.name for reader in readers()]
    assert names == ["npy", "npz", "tiff", "microscopy", "scan", "ecotaxa", "ifcb", "ome-zarr", "zarr", "folder"]
    first, second = (str(warning.message) for warning in caught)
    assert "no_such_package_2 of the package no_such_package_2 is left out" in first
    assert "'wrong' of the package tests is left out, for it is no Reader" in second
    assert "\n" not in first + second


def test_the_command_line_says_so_in_one_line(scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from facies.cli import app

    register(monkeypatch, absent="no_such_package_3:READER", scan=f"{__name__}:READER")
    command = ["cluster", str(scan), "-o", str(scan.parent / "run"), "--set", "n_clusters=99"]
    done = CliRunner().invoke(app, command, prog_name="facies")
    assert done.exit_code == 2
    lines = [line for line in done.stderr.splitlines() if "no_such_package_3" in line]
    assert len(lines) == 1
    assert lines[0].startswith("facies: note: no_such_package_3 of the package no_such_package_3 is left out")
    assert "Traceback" not in done.stderr


def test_a_reader_that_fails_is_named_and_left_out(scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, failing=f"{__name__}:FAILING", scan=f"{__name__}:READER")
    with pytest.warns(plugins.FaultyPlugin) as caught:
        images = open_images(scan)
    assert images.origin["kind"] == "scan"
    assert str(caught[0].message) == (
        "facies.readers: 'failing' of the package tests is left out, for it fails (LookupError: nothing of scan); "
        "update or remove that package"
    )
