"""One clear line, exit 2, nothing half-written: every row of the table."""

from __future__ import annotations

import contextlib
import errno
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facies.io import lock_run
from tests.cli.factories import call, entries, error_line, start, wait_until
from tests.workflows.factories import Brightness, make_input, make_photos, make_pixels


def save(folder: Path, images: np.ndarray) -> Path:
    path = folder / "images.npy"
    np.save(path, images)
    return path


def empty_folder(folder: Path) -> Path:
    (folder / "in").mkdir()
    return folder / "in"


def no_readable_image(folder: Path) -> Path:
    place = empty_folder(folder)
    (place / "a.png").write_bytes(b"nothing")
    (place / "b.tif").write_bytes(b"nothing either")
    return place


def one_image(folder: Path) -> Path:
    return make_photos(folder / "in", 1)


def too_few(folder: Path) -> Path:
    return make_photos(folder / "in", 9)


def all_equal(folder: Path) -> Path:
    return save(folder, np.full((30, 16, 16), 7, np.uint8))


def not_a_number(folder: Path) -> Path:
    images = make_pixels(dtype=np.float32)
    images[3, 2, 1] = np.nan
    return save(folder, images)


def infinite(folder: Path) -> Path:
    images = make_pixels(dtype=np.float32)
    images[4, 2, 1] = np.inf
    return save(folder, images)


def mixed_channels(folder: Path) -> Path:
    place = make_photos(folder / "in", 12)
    Image.fromarray(make_pixels(1, channels=3)[0]).save(place / "colour.png")
    return place


def one_file(folder: Path) -> Path:
    return make_photos(folder / "in", 1) / "kind 0" / "0.png"


def nothing(folder: Path) -> Path:
    return folder / "nothing"


ROWS: list[tuple[Callable[[Path], Path], tuple[str, ...], tuple[str, ...]]] = [
    (empty_folder, (), ("there is no image file in this folder",)),
    (no_readable_image, (), ("none of the 2 image files can be read", "a.png")),
    (one_image, (), ("holds 1 image", "at least 2")),
    (too_few, ("--method", "moe-vae"), ("9 images are fewer than twice the smallest group", "min_cluster_size")),
    (all_equal, (), ("all 30 images are equal",)),
    (not_a_number, (), ("NaN or infinite", "id 3")),
    (infinite, (), ("NaN or infinite", "id 4")),
    (mixed_channels, (), ("grey and colour images are mixed", "--channels grey")),
    (one_file, (), ("is one image; give the folder",)),
    (nothing, (), ("no such file or folder",)),
    (make_input, ("--method", "moe-vea"), ("there is no method 'moe-vea'", "did you mean 'moe-vae'?")),
    (make_input, ("--preset", "quik"), ("no preset 'quik'", "did you mean 'quick'?")),
    (
        make_input,
        ("--set", "epoch=3"),
        ("no parameter 'epoch'", "did you mean ", "'autoencoder.epochs'", "'manager.epochs'"),
    ),
    (make_input, ("--set", "epochs=many"), ("--set epochs=many: autoencoder.epochs", "1 or more, or 'auto'")),
    (make_input, ("--set", "epochs"), ("name=value",)),
    (make_input, ("--seed", "1", "--set", "random_state=2"), ("random_state is given twice",)),
    (make_input, ("--channels", "blue"), ("channels must be 'grey' or 'rgb'",)),
    (make_input, ("--size", "big"), ("--size big", "64x48")),
    (make_input, ("--fit", "squash"), ("fit must be 'resize' or 'pad'",)),
    (make_input, ("--labels", "nowhere.csv"), ("nowhere.csv", "no such file")),
    (make_input, ("--devices", "0"), ("--devices", "facies cluster --help")),
    (make_input, ("--colour", "red"), ("No such option: --colour", "facies cluster --help")),
    (make_input, ("--accelerator", "cpu", "--set", "accelerator=cuda"), ("accelerator is given twice",)),
]


@pytest.mark.parametrize(("make", "options", "words"), ROWS, ids=lambda part: getattr(part, "__name__", None))
def test_input_that_cannot_be_used(
    make: Callable[[Path], Path], options: tuple[str, ...], words: tuple[str, ...], tmp_path: Path
) -> None:
    source = make(tmp_path)
    before = entries(tmp_path)
    result = call("cluster", source, "-o", tmp_path / "run", *options)
    assert result.exit_code == 2, result.stderr
    line = error_line(result)
    for word in words:
        assert word in line
    assert result.stdout == ""
    assert entries(tmp_path) == before


def test_what_the_command_line_lacks() -> None:
    result = call("cluster")
    assert result.exit_code == 2
    assert "Missing argument 'INPUT'" in error_line(result)
    assert call("cluster", "in").exit_code == 2


def test_output_exists(source: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    call("cluster", source, "-o", run, "--method", "brightness")
    before = entries(tmp_path)
    result = call("cluster", source, "-o", run, "--method", "brightness")
    assert result.exit_code == 2
    assert "--resume" in error_line(result)
    assert "--overwrite" in error_line(result)
    assert entries(tmp_path) == before


@pytest.mark.parametrize("option", ["--overwrite", "--resume"])
def test_output_is_something_else(option: str, source: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    before = entries(tmp_path)
    result = call("cluster", source, "-o", precious, "--method", "brightness", option)
    assert result.exit_code == 2
    assert "is not a run folder" in error_line(result)
    assert entries(tmp_path) == before


COMMANDS: list[tuple[Any, ...]] = [
    ("cluster", "SOURCE", "-o", "RUN", "--method", "brightness", "--resume"),
    ("predict", "RUN", "SOURCE", "-o", "OUT.csv"),
    ("sample", "RUN", "--cluster", "0", "-o", "OUT.png"),
    ("evaluate", "RUN"),
    ("report", "RUN", "-o", "OUT.html"),
    ("export", "RUN", "--to", "csv", "-o", "OUT.csv"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_run_of_another_version(command: tuple[str, ...], source: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    call("cluster", source, "-o", run, "--method", "brightness")
    manifest = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**manifest, "format": 2}))
    before = entries(tmp_path)
    names = {"SOURCE": source, "RUN": run}
    result = call(*(names.get(word, word.replace("OUT", str(tmp_path / "out"))) for word in command))
    assert result.exit_code == 2
    assert "format 2" in error_line(result)
    assert entries(tmp_path) == before


@pytest.mark.parametrize("command", COMMANDS[1:], ids=lambda command: command[0])
def test_no_run_there(command: tuple[str, ...], source: Path, tmp_path: Path) -> None:
    names = {"SOURCE": source, "RUN": tmp_path / "nowhere"}
    result = call(*(names.get(word, word.replace("OUT", str(tmp_path / "out"))) for word in command))
    assert result.exit_code == 2
    assert "is not a run folder (does not exist)" in error_line(result)


def test_run_being_written_by_another_process(source: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    process = start("cluster", source, "-o", run, "--method", "brightness", "--set", "pause=60")
    try:
        wait_until((tmp_path / ".run.work" / "of.json").exists, process)
        before = entries(tmp_path)
        for option in ("--resume", "--overwrite"):
            result = call("cluster", source, "-o", run, "--method", "brightness", option)
            assert result.exit_code == 2
            assert f"is being written by another process (pid {process.pid})" in error_line(result)
        assert entries(tmp_path) == before
    finally:
        process.kill()
        process.communicate()


def test_a_lock_that_this_process_holds_itself_is_no_hindrance(source: Path, tmp_path: Path) -> None:
    with lock_run(tmp_path / "run"):
        assert call("cluster", source, "-o", tmp_path / "run", "--method", "brightness").exit_code == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a quarter of a megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small disk")
    yield place
    subprocess.run(["umount", place], check=True)


def test_disk_full(source: Path, small_disk: Path) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(bytes(180_000))
    result = call("cluster", source, "-o", small_disk / "run", "--method", "brightness")
    assert result.exit_code == 2
    assert "full" in error_line(result)
    assert not (small_disk / "run").exists()
    assert not list(small_disk.glob(".run.partial*"))
    filler.unlink()
    before = Brightness.measured
    resumed = call("cluster", source, "-o", small_disk / "run", "--method", "brightness", "--resume")
    assert resumed.exit_code == 0, resumed.stderr
    assert Brightness.measured == before


def test_disk_full_at_the_first_byte(source: Path, small_disk: Path) -> None:
    with contextlib.suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    result = call("cluster", source, "-o", small_disk / "run", "--method", "brightness")
    assert result.exit_code == 2
    assert "full" in error_line(result)
    assert {name for name in entries(small_disk) if name != "filler"} == set()


@pytest.mark.parametrize("place", ["facies.training.checkpoints.save_file", "facies.runs.writer.write_thumbnails"])
def test_disk_full_wherever_it_is_written(
    place: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(place, full)
        result = call("cluster", source, "-o", tmp_path / "run", "--method", "brightness")
    assert result.exit_code == 2
    assert "full" in error_line(result)
    assert not (tmp_path / "run").exists()
    assert call("cluster", source, "-o", tmp_path / "run", "--method", "brightness", "--resume").exit_code == 0
