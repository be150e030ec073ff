"""COCO for any image set, read by its own reader; grains are tested in tests/grains/report."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from facies.annotations import Journal
from facies.report import export_run
from tests.report.exporters.vignettes import write_vignette_run, write_vignettes
from tests.runs.factories import make_images, make_pixels


def test_each_vignette_is_an_image_with_one_box(tmp_path: Path) -> None:
    run = write_vignette_run(tmp_path / "run", write_vignettes(tmp_path / "vignettes"))
    with Journal(run) as journal:
        journal.name_groups({1: "Copepoda"})
    said: list[str] = []
    read = COCO(str(export_run(run, "coco", tmp_path / "c.json", report=said.append)))
    assert said == []
    assert len(read.getImgIds()) == len(read.getAnnIds()) == len(run)
    names = {category["id"]: category["name"] for category in read.loadCats(read.getCatIds())}
    groups = run.partition()[0]["group"]
    for row, annotation in enumerate(read.loadAnns(read.getAnnIds())):
        (image,) = read.loadImgs([annotation["image_id"]])
        with Image.open(tmp_path / "vignettes" / image["file_name"]) as picture:
            assert picture.size == (image["width"], image["height"])
        assert annotation["bbox"] == [0, 0, image["width"], image["height"]]
        assert annotation["area"] == image["width"] * image["height"]
        assert annotation["segmentation"] == []
        assert annotation["attributes"]["id"] == run.images["id"][row]
        expected = "Copepoda" if groups[row] == 1 else "no group" if groups[row] < 0 else f"group {groups[row]}"
        assert names[annotation["category_id"]] == expected


@pytest.mark.parametrize("channels", [1, 3])
def test_arrays_come_with_their_pixels_in_a_zip(tmp_path: Path, channels: int) -> None:
    run = write_vignette_run(tmp_path / "run", make_images(tmp_path, channels=channels))
    said: list[str] = []
    with zipfile.ZipFile(export_run(run, "coco", tmp_path / "c.zip", report=said.append)) as archive:
        document = json.loads(archive.read("annotations.json"))
        assert len(document["images"]) == len(document["annotations"]) == len(run)
        assert {f"images/{image['file_name']}" for image in document["images"]} == set(archive.namelist()) - {
            "annotations.json"
        }
        for image, pixels in list(zip(document["images"], make_pixels(channels=channels), strict=True))[::20]:
            with Image.open(io.BytesIO(archive.read(f"images/{image['file_name']}"))) as picture:
                assert picture.size == (image["width"], image["height"])
                found = np.asarray(picture, float)
            wanted = pixels[0] if channels == 1 else pixels.transpose(1, 2, 0)
            assert np.abs(found - wanted).mean() < (0.1 if channels == 1 else 6)
    assert said == []


def test_a_json_alone_says_which_images_are_no_files(tmp_path: Path) -> None:
    run = write_vignette_run(tmp_path / "run", make_images(tmp_path))
    said: list[str] = []
    document = json.loads(export_run(run, "coco", tmp_path / "c.json", report=said.append).read_text())
    assert len(document["annotations"]) == len(run)
    assert len({image["file_name"] for image in document["images"]}) == len(run)
    (line,) = said
    assert line.startswith("60 of 60 images are no files of their own")
    assert "-o NAME.zip" in line


def test_vignettes_go_into_the_zip_as_they_are(tmp_path: Path) -> None:
    run = write_vignette_run(tmp_path / "run", write_vignettes(tmp_path / "v"))
    with Journal(run) as journal:
        journal.exclude([0], "broken")
    said: list[str] = []
    with zipfile.ZipFile(export_run(run, "coco", tmp_path / "c.zip", report=said.append)) as archive:
        document = json.loads(archive.read("annotations.json"))
        for image, source in zip(document["images"], run.images["source"][1:], strict=True):
            assert archive.read(f"images/{image['file_name']}") == (tmp_path / "v" / source).read_bytes()
    assert said == ["1 of 12 images are excluded, and were left out"]
