from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facies.errors import InputError
from facies.grains.extraction import ExtractionSettings, extract_grains, read_description, read_outlines
from facies.grains.extraction import extract as extract_module
from facies.grains.extraction.focal_stacks import StackList, find_stacks
from facies.images import open_images
from facies.images.image_set import ImageSet
from tests.grains.extraction.factories import DARK, photographs, plate

SETTINGS = ExtractionSettings(size=48, um_per_px=1.5)
COLUMNS = [
    "id", "source", "sample", "stack", "photograph", "x0", "y0", "x1", "y1", "width", "height", "layers_found", "layers",
    "best_layer", "touches_border", "touching", "sharpness", "sharpness_0", "sharpness_1", "sharpness_2", "blur_px", "area_px",
    "hue", "saturation", "brightness", "flag",
]  # fmt: skip


def stacks(folder: Path) -> StackList:
    return find_stacks(folder, layers=3)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photographs(tmp_path_factory.mktemp("photos"), 4)


@pytest.fixture(scope="module")
def grains(photos: Path) -> Path:
    output = photos.parent / "grains of these"
    assert extract_grains(stacks(photos), output, SETTINGS)
    return output


def same(first: Path, second: Path) -> bool:
    one, other = open_images(first), open_images(second)
    return (
        one.table.equals(other.table)
        and one.fingerprint() == other.fingerprint()
        and all(bool((a == b).all()) for a, b in zip(one.batches(4), other.batches(4), strict=True))
    )


def test_the_folder_is_an_image_set(grains: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = open_images(grains)
    assert images.image_shape == (3, 3, 48, 48)
    assert images.dtype == np.uint8
    assert list(images.table.columns) == COLUMNS
    assert len(images) == 8
    assert images.table["id"].iloc[3] == "S1_g001"
    assert images.labels is None
    assert images.origin["kind"] == "grains"
    assert images.pixel_size_um == 1.5
    kept = images.value_range()
    reread = ImageSet(images.source, images.table)
    assert kept == reread.value_range()
    monkeypatch.setattr(ImageSet, "stored_blocks", None)  # nothing is read for what the folder tells
    assert len(images.fingerprint()) == 64
    assert images[0].shape == (3, 3, 48, 48)


def test_outlines(grains: Path) -> None:
    images = open_images(grains)
    outlines = read_outlines(images)
    assert outlines is not None
    assert outlines["id"].tolist() == images.table["id"].tolist()
    part = read_outlines(images.subset([5, 2]))
    assert part is not None
    assert part["id"].tolist() == images.table["id"].iloc[[5, 2]].tolist()
    points = outlines["outline"].iloc[0].reshape(-1, 2)
    box = images.table.iloc[0][["x0", "y0", "x1", "y1"]].to_numpy(float)
    assert (points >= box[:2] - 1).all()
    assert (points <= box[2:] + 1).all()
    assert read_outlines(open_images(np.random.default_rng(0).random((4, 8, 8)))) is None


def test_tables_and_pictures(grains: Path, photos: Path) -> None:
    table = pd.read_parquet(grains / "stacks.parquet")
    assert table["n_grains"].tolist() == [2, 2, 2, 2]
    assert table["photographs"].iloc[1].tolist() == ["S1_L0.png", "S1_L1.png", "S1_L2.png"]
    assert set(table["status"]) == {"read"}
    told = read_description(grains)
    assert told["counts"]["grains"] == 8
    assert told["thresholds"]["ground"] == "green"
    assert told["photographs"] == str(photos)
    pictures = sorted((grains / "check").iterdir())
    assert [path.name for path in pictures] == ["histogram.png", *(f"outlines_{n:02d}.png" for n in range(1, 5))]
    drawn, bare = np.asarray(Image.open(pictures[1])), np.asarray(Image.open(photos / "S0_L1.png"))
    changed = (drawn != bare).any(axis=2).nonzero()
    assert 100 < len(changed[0]) < 6000


def test_processes_write_the_same(photos: Path, grains: Path, tmp_path: Path) -> None:
    assert extract_grains(stacks(photos), tmp_path / "two", SETTINGS, jobs=2)
    assert same(grains, tmp_path / "two")


def test_the_good_stacks_are_kept(tmp_path: Path) -> None:
    photos = photographs(tmp_path / "photos", 4)
    (photos / "S1_L0.png").write_bytes(b"no photograph")
    (photos / "S2_L2.png").unlink()
    extract_grains(stacks(photos), tmp_path / "grains", SETTINGS)
    images = open_images(tmp_path / "grains")
    assert images.table["stack"].tolist() == ["S0", "S0", "S3", "S3"]
    assert dict(images.left_out.to_numpy().tolist()) == {
        "S2": "it has 2 photographs, not 3: layer 2 is missing",
        "S1": "S1_L0.png: not an image, or damaged at its beginning",
    }
    told = pd.read_parquet(tmp_path / "grains" / "stacks.parquet").set_index("stack")
    assert told.loc["S1", "n_grains"] == 0


def test_frozen_thresholds(grains: Path, tmp_path: Path) -> None:
    photos = photographs(tmp_path / "photos", 2, colour=(150, 160, 150))
    extract_grains(stacks(photos), tmp_path / "own", SETTINGS)
    extract_grains(stacks(photos), tmp_path / "frozen", SETTINGS, thresholds=grains)
    own, frozen, first = (
        read_description(path)["thresholds"] for path in (tmp_path / "own", tmp_path / "frozen", grains)
    )
    assert frozen == first
    assert own != first
    with pytest.raises(InputError, match="of a green ground"):
        extract_grains(stacks(photos), tmp_path / "x", ExtractionSettings(background="dark"), thresholds=grains)
    with pytest.raises(InputError, match=r"--plate even: the grains of .* are shown otherwise.*give --plate keep"):
        extract_grains(stacks(photos), tmp_path / "x", replace(SETTINGS, plate="even"), thresholds=grains)
    with pytest.raises(InputError, match=r"no grains\.json"):
        extract_grains(stacks(photos), tmp_path / "x", SETTINGS, thresholds=photos)
    dark = photographs(tmp_path / "pale", 2, ground=(120, 160, 120))
    extract_grains(stacks(dark), tmp_path / "pale grains", SETTINGS, thresholds=grains)
    assert "is not that for which" in read_description(tmp_path / "pale grains")["notes"][0]


class Stop(Exception):
    pass


def test_stopped_anywhere_and_resumed_is_the_same(
    photos: Path, grains: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "grains"
    for after in (1, 1):
        done: list[int] = []

        def stop(now: int, _total: int, done: list[int] = done, after: int = after) -> None:
            done.append(now)
            if len(done) > after:
                raise Stop

        with pytest.raises(Stop):
            extract_grains(stacks(photos), output, SETTINGS, resume=True, progress=stop)
        assert not output.exists()
    with pytest.raises(InputError, match="--resume"):
        extract_grains(stacks(photos), output, SETTINGS)
    with pytest.raises(InputError, match="size was 48, is 32"):
        extract_grains(stacks(photos), output, ExtractionSettings(size=32, um_per_px=1.5), resume=True)
    # As a kill leaves it: crops of a stack whose line was not written, and half of a line.
    work = output.with_name(".grains.work")
    lines = (work / "stacks.jsonl").read_bytes().splitlines(keepends=True)
    (work / "stacks.jsonl").write_bytes(b"".join(lines[:-1]) + lines[-1][:50])
    monkeypatch.setattr(extract_module, "learn_thresholds", None)  # they are kept, not found again
    assert extract_grains(stacks(photos), output, SETTINGS, resume=True)
    assert same(output, grains)
    assert not work.exists()
    assert {path.name for path in tmp_path.iterdir()} == {"grains"}
    assert not extract_grains(stacks(photos), output, SETTINGS, resume=True)


def test_killed_between_the_name_and_the_tidying(photos: Path, grains: Path, tmp_path: Path) -> None:
    output = tmp_path / "grains"
    shutil.copytree(grains, output)
    work = tmp_path / ".grains.work"
    work.mkdir()
    told = read_description(grains)
    (work / "extract.json").write_text(
        json.dumps({name: told[name] for name in ("format", "order", "thresholds", "histogram", "notes", "replaces")})
    )
    assert not extract_grains(stacks(photos), output, SETTINGS, resume=True)
    assert not work.exists()


def test_overwriting(photos: Path, grains: Path, tmp_path: Path) -> None:
    output = tmp_path / "grains"
    shutil.copytree(grains, output)
    with pytest.raises(InputError, match="already exists"):
        extract_grains(stacks(photos), output, SETTINGS)
    with pytest.raises(InputError, match="is complete, and is not what is asked for"):
        extract_grains(stacks(photos), output, ExtractionSettings(size=32), resume=True)
    assert extract_grains(stacks(photos), output, ExtractionSettings(size=32), overwrite=True)
    assert open_images(output).image_shape == (3, 3, 32, 32)
    (tmp_path / "notes").mkdir()
    with pytest.raises(InputError, match="no folder of grains"):
        extract_grains(stacks(photos), tmp_path / "notes", SETTINGS, overwrite=True)
    with pytest.raises(InputError, match="one of them"):
        extract_grains(stacks(photos), output, SETTINGS, resume=True, overwrite=True)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"discs": ()}, "nothing differs"),
        ({"discs": [(100, 100, 7)]}, "smaller --min-diameter"),
        ({"discs": [(150, 120, 100)]}, "larger --max-side"),
    ],
)
def test_no_grains(options: dict[str, Any], told: str, tmp_path: Path) -> None:
    photos = photographs(tmp_path / "photos", 2, **options)
    with pytest.raises(InputError, match=told) as error:
        extract_grains(stacks(photos), tmp_path / "grains", ExtractionSettings(max_side=150))
    assert "a coloured plate was seen" in str(error.value)
    assert {path.name for path in tmp_path.iterdir()} == {"photos"}


def test_the_output_is_not_among_the_photographs(photos: Path) -> None:
    for output in (photos, photos / "grains"):
        with pytest.raises(InputError, match="among the photographs"):
            extract_grains(stacks(photos), output, SETTINGS)
    assert not (photos / "grains").exists()


def test_nothing_readable(tmp_path: Path) -> None:
    photos = photographs(tmp_path / "photos", 1)
    for path in photos.iterdir():
        path.write_bytes(b"")
    with pytest.raises(InputError, match=r"none of the 3 photographs .* empty"):
        extract_grains(stacks(photos), tmp_path / "grains", SETTINGS)


def test_grey_photographs_of_sixteen_bits(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for layer in range(2):
        bright = plate(ground=DARK, seed=layer)[..., 0].astype(np.uint16) * 16
        bright[0, 0] = 4095
        Image.fromarray(bright).save(folder / f"S0_{layer}.tif")
    extract_grains(find_stacks(folder, layers=2), tmp_path / "grains", SETTINGS)
    images = open_images(tmp_path / "grains")
    assert len(images) == 2
    assert images.image_shape == (2, 3, 48, 48)
    assert read_description(tmp_path / "grains")["thresholds"]["white"] == 4095


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"um_per_px": 0.0}, "--um-per-px"),
        ({"um_per_px": float("nan")}, "--um-per-px"),
        ({"background": "blue"}, "--background"),
        ({"min_diameter": 50, "max_side": 40}, "--min-diameter"),
        ({"size": 2}, "--size"),
        ({"overlap": 0.0}, "--overlap"),
        ({"min_layers": 0}, "--min-layers"),
        ({"superpixel": 1}, "--superpixel"),
        ({"compactness": 0.0}, "--compactness"),
        ({"plate": "red"}, "--plate red: choose keep, even"),
    ],
)
def test_settings_that_cannot_be_meant(options: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        ExtractionSettings(**options).check()


def test_damaged_folders(grains: Path, tmp_path: Path) -> None:
    for name, told in (("images.parquet", "is missing"), ("images.zarr/zarr.json", "damaged")):
        broken = tmp_path / name.replace("/", "-")
        shutil.copytree(grains, broken)
        (broken / name).unlink()
        with pytest.raises(InputError, match=told):
            open_images(broken)
    broken = tmp_path / "outlines"
    shutil.copytree(grains, broken)
    os.truncate(broken / "outlines.parquet", 100)
    with pytest.raises(InputError, match="damaged"):
        read_outlines(open_images(broken))
    (broken / "grains.json").write_text("{}")
    with pytest.raises(InputError, match="another version"):
        open_images(broken)
