"""Opening a run: what is refused, what is added."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facies.errors import InputError
from facies.images import open_images
from facies.runs import RunFolder, write_run
from tests.runs.factories import N, make_contents, make_pixels


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path, what in [("nowhere", "does not exist"), ("", "has no run.json"), ("file", "is not a folder")]:
        with pytest.raises(InputError, match=f"not a run folder \\({what}\\)"):
            RunFolder(tmp_path / path)


@pytest.mark.parametrize("number", [0, 2, "1", None])
def test_another_format_is_refused(run: RunFolder, number: object) -> None:
    change_manifest(run, format=number)
    with pytest.raises(InputError, match="reads format 1"):
        RunFolder(run.path)


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "null", "\xff"])
def test_a_damaged_manifest_is_refused(run: RunFolder, text: str) -> None:
    (run.path / "run.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=r"run\.json cannot be read|reads format 1"):
        RunFolder(run.path)


def test_a_manifest_that_lacks_something_is_refused_by_its_name(run: RunFolder) -> None:
    change_manifest(run, input={"origin": {}, "n_images": -1})
    with pytest.raises(InputError, match=r"run\.json is damaged \(input\.n_images"):
        RunFolder(run.path)


@pytest.mark.parametrize("name", ["embedding.npy", "images.parquet", "thumbnails/sheet-000.webp", "model/model.json"])
def test_a_missing_or_truncated_file_is_named(run: RunFolder, name: str) -> None:
    file = run.path / name
    os.truncate(file, file.stat().st_size - 1)
    with pytest.raises(InputError, match=f"{name} has .* bytes and should have"):
        RunFolder(run.path)
    file.unlink()
    with pytest.raises(InputError, match=f"{name} is missing"):
        RunFolder(run.path)


@pytest.mark.parametrize(
    "embedding", [np.zeros((N, 0), np.float32), np.zeros((N - 1, 3)), np.zeros(N), np.zeros((N, 3), int)]
)
def test_an_embedding_that_is_none_is_named(run: RunFolder, embedding: np.ndarray) -> None:
    manifest = json.loads((run.path / "run.json").read_text())
    np.save(run.path / "embedding.npy", embedding)
    manifest["files"]["embedding.npy"] = (run.path / "embedding.npy").stat().st_size
    change_manifest(run, files=manifest["files"])
    with pytest.raises(InputError, match=r"embedding\.npy is no embedding of"):
        _ = RunFolder(run.path).embedding


def test_the_newest_is_the_default_and_names_go_by_age(run: RunFolder) -> None:
    table, _ = run.partition()
    coarse = table.assign(group=0)
    run.add_partition("zz", coarse, {"method": "merge"})
    run.add_partition("aa", table, {"method": "split"})
    run.add_projection("aa", np.ones((N, 2)), {"method": "PCA"})
    again = RunFolder(run.path)
    assert again.partitions() == ["density", "zz", "aa"]
    assert again.partition()[1]["name"] == "aa"
    assert again.partition("zz")[1]["n_groups"] == 1
    assert again.projections() == ["umap", "aa"]
    np.testing.assert_array_equal(again.projection()[0], np.ones((N, 2)))


def test_nothing_is_overwritten(run: RunFolder) -> None:
    table, _ = run.partition()
    with pytest.raises(InputError, match="already holds a partition 'density'"):
        run.add_partition("density", table.assign(group=0), {})
    with pytest.raises(InputError, match="already holds a projection 'umap'"):
        run.add_projection("umap", np.zeros((N, 2)), {})
    pd.testing.assert_frame_equal(run.partition()[0], table)


def test_a_partition_whose_writing_was_cut_off_is_not_there_and_can_be_written_again(run: RunFolder) -> None:
    (run.path / "partitions" / "new.parquet").write_bytes(b"half")
    assert RunFolder(run.path).partitions() == ["density"]
    table, _ = run.partition()
    run.add_partition("new", table, {})
    pd.testing.assert_frame_equal(run.partition("new")[0], table)


def test_unknown_names_are_told_the_known_ones(run: RunFolder) -> None:
    with pytest.raises(InputError, match="no partition 'x': it has density"):
        run.partition("x")
    with pytest.raises(InputError, match="no projection 'x': it has umap"):
        run.projection("x")


@pytest.mark.parametrize("name", ["", ".hidden", "../up", "a/b", "a\\b", "a\n", "ä", "x" * 101])
def test_names_that_are_no_file_names_are_refused(run: RunFolder, name: str) -> None:
    with pytest.raises(InputError, match="cannot name"):
        run.add_projection(name, np.zeros((N, 2)), {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"group": -2}, "whole numbers from 0 on"),
        ({"group": 0.5}, "whole numbers from 0 on"),
        ({"group": "x"}, "whole numbers from 0 on"),
        ({"group": None}, "whole numbers from 0 on"),
        ({"probability": 1.1}, "between 0 and 1"),
        ({"probability": -0.1}, "between 0 and 1"),
    ],
)
def test_a_bad_partition_is_refused(run: RunFolder, change: dict, message: str) -> None:
    table = run.partition()[0].assign(**change)
    with pytest.raises(InputError, match=message):
        run.add_partition("bad", table, {})
    assert run.partitions() == ["density"]


def test_a_bare_partition_is_completed(run: RunFolder) -> None:
    table = run.partition()[0][["id", "group"]].assign(probability=np.nan, note="x")
    run.add_partition("bare", table, {})
    read = run.partition("bare")[0]
    assert list(read) == ["id", "group", "probability", "distance", "note"]
    assert (read["probability"] == 0).all()
    assert read["distance"].isna().all()


def test_a_damaged_partition_is_named(run: RunFolder) -> None:
    run.add_partition("p", run.partition()[0], {})
    (run.path / "partitions" / "p.parquet").write_bytes(b"no parquet")
    with pytest.raises(InputError, match=r"p\.parquet is missing or damaged"):
        run.partition("p")


def test_the_images_are_opened_again(run: RunFolder) -> None:
    images = run.image_set()
    assert images.fingerprint() == run.manifest["input"]["fingerprint"]
    np.testing.assert_array_equal(images[5].numpy(), make_pixels()[5])


def test_images_that_moved_are_named(run: RunFolder) -> None:
    path = Path(run.manifest["input"]["origin"]["path"])
    path.rename(path.with_name("elsewhere.npz"))
    with pytest.raises(InputError, match=r"images\.npz, which holds the images .* is gone"):
        run.image_set()


def test_images_of_a_folder_that_changed(tmp_path: Path) -> None:
    pixels = make_pixels()
    folder = tmp_path / "folder"
    folder.mkdir()
    for i, image in enumerate(pixels):
        Image.fromarray(image[0]).save(folder / f"{i:03d}.png")
    run = write_run(tmp_path / "run", make_contents(open_images(folder)))
    Image.fromarray(np.zeros((90, 90), np.uint8)).save(folder / "000-new.png")
    again = run.image_set()
    assert again.table["id"].tolist() == run.images["id"].tolist()
    np.testing.assert_array_equal(again[7].numpy(), pixels[7])
    (folder / "007.png").unlink()
    with pytest.raises(InputError, match=r"no longer holds 1 of the 60 images .*'007\.png'"):
        run.image_set()


def change_manifest(run: RunFolder, **changes: object) -> None:
    path = run.path / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), "utf-8")
