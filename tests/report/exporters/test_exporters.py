"""Exports: read back equal, whole or not at all, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import errno
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from facies.annotations import Journal
from facies.errors import InputError
from facies.images import open_images
from facies.report import Exporter, export_run, exporters
from facies.report.exporters.folders import FileNames
from facies.runs import RunFolder, write_run
from tests.runs.factories import N, make_contents, make_images, make_pixels


def test_csv_is_read_back_equal(run: RunFolder, tmp_path: Path) -> None:
    read = pd.read_csv(export_run(run, "csv", tmp_path / "t.csv"), dtype={"id": str})
    partition = run.partition()[0]
    others = [column for column in run.images.columns if column != "id"]
    assert list(read) == ["id", "group", "probability", *others, "distance"]
    assert read["id"].tolist() == partition["id"].tolist()
    assert read["group"].tolist() == partition["group"].tolist()
    for column in ("probability", "distance"):
        np.testing.assert_array_equal(read[column].astype(np.float32), partition[column])
    assert read["label"].tolist() == run.labels.tolist()


def test_parquet_keeps_types_and_texts(run: RunFolder, tmp_path: Path) -> None:
    read = pd.read_parquet(export_run(run, "parquet", tmp_path / "t.parquet"))
    assert list(read)[:3] == ["id", "group", "probability"]
    assert read["probability"].dtype == np.float32
    pd.testing.assert_frame_equal(read[["id", "group", "probability", "distance"]], run.partition()[0])


@pytest.fixture
def nasty(tmp_path: Path) -> RunFolder:
    images = make_images(tmp_path)
    starts = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "safe", 'comma, "quote"', "line\nbreak", "'quoted"]
    images.table["id"] = [f"{starts[i % len(starts)]} {i}" for i in range(N)]
    images.table["=HYPERLINK(0)"] = "=cmd|' /C calc'!A0"
    images.table["number"] = -1.5
    images.table["kind"] = pd.Categorical(["=a", "b"] * (N // 2))
    images.table["group"] = "of the table"
    images.table["when"] = pd.Timestamp("2020-01-02")
    return write_run(tmp_path / "nasty", make_contents(images))


def test_no_cell_is_a_formula(nasty: RunFolder, tmp_path: Path) -> None:
    with export_run(nasty, "csv", tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    heading, *cells = rows
    assert "'=HYPERLINK(0)" in heading
    assert "images.group" in heading
    assert len(cells) == N
    for row in cells:
        for name, cell in zip(heading, row, strict=True):
            if name not in ("number", "distance", "probability", "group"):
                assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    ids = nasty.images["id"].tolist()
    assert [row[0].removeprefix("'") if row[0][1:] == i else row[0] for row, i in zip(cells, ids, strict=True)] == ids
    assert {row[heading.index("number")] for row in cells} == {"-1.5"}
    assert {row[heading.index("kind")] for row in cells} == {"'=a", "b"}
    assert {row[heading.index("group")] for row in cells} == {"-1", "0", "1", "2"}


def test_images_are_excluded_before_any_class_is_named(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", make_contents(make_images(tmp_path)))
    with Journal(run) as journal:
        journal.exclude([0, 7], "blurred")
    read = pd.read_csv(export_run(run, "csv", tmp_path / "t.csv"), keep_default_na=False)
    assert read.index[read["state"] == "excluded"].tolist() == [0, 7]
    assert set(read["class"]) == {""}
    with pytest.raises(InputError, match="no class of run has been named yet"):
        export_run(run, "csv", tmp_path / "u.csv", classes=["quartz"])


def test_parquet_has_the_texts_as_they_are(nasty: RunFolder, tmp_path: Path) -> None:
    read = pd.read_parquet(export_run(nasty, "parquet", tmp_path / "t.parquet"))
    assert read["id"].tolist() == nasty.images["id"].tolist()
    assert read["images.group"].tolist() == ["of the table"] * N


def test_folders_hold_copies_of_the_originals(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for i, image in enumerate(make_pixels()):
        path = source / f"plate {i % 2}" / f"Ü{i:02d}.{'PNG' if i % 3 else 'tif'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[0]).save(path, "PNG" if i % 3 else "TIFF")
    run = write_run(tmp_path / "run", make_contents(open_images(source)))
    out = export_run(run, "folders", tmp_path / "out")
    assert {path.name for path in out.iterdir()} == {
        "group-00", "group-01", "group-02", "noise", "index.csv", "README.txt",
    }  # fmt: skip
    index = check_index(run, out)
    for row, name in enumerate(index["file"]):
        assert (out / name).read_bytes() == (source / run.images["source"][row]).read_bytes()
        assert (out / name).stat().st_nlink == 1
    assert "plate_0_Ü00.tif" in {Path(name).name for name in index["file"]}


@pytest.mark.parametrize("kind", ["grey8", "grey16", "rgb8", "rgb16", "rgba8"])
def test_pixels_become_png_without_loss(tmp_path: Path, kind: str) -> None:
    channels = {"grey": 1, "rgb": 3, "rgba": 4}[kind.rstrip("0123456789")]
    dtype = np.uint16 if kind.endswith("16") else np.uint8
    images = make_images(tmp_path, channels=channels, dtype=dtype, labels=False)
    pixels = make_pixels(channels=channels, dtype=dtype)
    run = write_run(tmp_path / "run", make_contents(images, samples=None))
    out = export_run(run, "folders", tmp_path / "out")
    for row, name in enumerate(check_index(run, out)["file"]):
        assert name.endswith(".png")
        read = read_png(out / name)
        assert read.dtype == dtype
        np.testing.assert_array_equal(read, pixels[row])
    assert "65535" not in (out / "README.txt").read_text()


def test_other_types_are_scaled_to_sixteen_bits_and_it_is_said(tmp_path: Path) -> None:
    pixels = np.linspace(-3, 5, N * 64).reshape(N, 1, 8, 8).astype(np.float32)
    np.save(tmp_path / "images.npy", pixels)
    run = write_run(tmp_path / "run", make_contents(open_images(tmp_path / "images.npy")))
    out = export_run(run, "folders", tmp_path / "out")
    assert "-3.0 + v / 65535 * (5.0 - -3.0)" in (out / "README.txt").read_text()
    for row, name in enumerate(check_index(run, out)["file"]):
        read = read_png(out / name)
        assert read.dtype == np.uint16
        np.testing.assert_allclose(-3 + read / 65535 * 8, pixels[row], atol=8 / 65535)


@pytest.mark.parametrize("shape", [(2, 8, 8), (5, 8, 8), (3, 1, 8, 8), (2, 3, 8, 8)])
def test_what_png_cannot_hold_becomes_tiff(tmp_path: Path, shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).normal(size=(N, *shape)).astype(np.float32)
    np.save(tmp_path / "images.npy", pixels)
    images = open_images(tmp_path / "images.npy")
    run = write_run(tmp_path / "run", make_contents(images))
    out = export_run(run, "folders", tmp_path / "out")
    stored = np.concatenate([block for _, block in images.stored_blocks()])
    for row, name in enumerate(check_index(run, out)["file"]):
        assert name.endswith(".tif")
        np.testing.assert_array_equal(tifffile.imread(out / name).squeeze(), stored[row].squeeze())


def test_pages_of_one_tiff_become_files_of_their_own(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    pixels = make_pixels()[:, 0]
    tifffile.imwrite(source / "pages.tif", pixels[1:], photometric="minisblack")
    Image.fromarray(pixels[0]).save(source / "alone.png")
    run = write_run(tmp_path / "run", make_contents(open_images(source)))
    index = check_index(run, export_run(run, "folders", tmp_path / "out"))
    assert len(index) == N
    assert (tmp_path / "out" / index["file"][0]).read_bytes() == (source / "alone.png").read_bytes()
    for row in range(1, N):
        np.testing.assert_array_equal(read_png(tmp_path / "out" / index["file"][row])[0], pixels[row])


def test_ids_never_lead_out_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = make_images(tmp_path)
    ids = [
        "../../up",
        "/etc/passwd",
        "..",
        ".",
        "",
        "a/b",
        "a\\b",
        "CON",
        "nul.txt",
        "x" * 300,
        "ä" * 300,
        "a\0b",
        "~",
        "A/B",
    ]
    images.table["id"] = [*ids, *(f"{i}" for i in range(N - len(ids)))]
    run = write_run(tmp_path / "run", make_contents(images))
    monkeypatch.setattr(RunFolder, "image_set", lambda self: images)
    folder = tmp_path / "deep" / "out"
    out = export_run(run, "folders", folder)
    names = check_index(run, out)["file"]
    assert names.str.casefold().is_unique
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {"out"}
    for name in names:
        assert len(Path(name).parts) == 2
        assert len(Path(name).name.encode()) <= 255


@given(st.lists(st.text(max_size=150), max_size=30), st.sampled_from([".png", ".TIF", ""]))
def test_names_are_safe_and_unique(ids: list[str], suffix: str) -> None:
    naming = FileNames()
    names = [naming.name(identity, suffix) for identity in ids]
    assert len({name.casefold() for name in names}) == len(ids)
    for name in names:
        assert Path(name).name == name
        assert name not in (".", "..")
        assert not name.startswith(".")
        assert name.endswith(suffix)
        assert len(name.encode()) < 255
        assert not set(name) & set('/\\:*?"<>|\0\n')


def test_a_name_without_a_suffix_is_kept() -> None:
    assert FileNames().name("grain 7", "") == "grain_7"


def test_a_source_that_leads_out_of_the_images_folder_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for i, image in enumerate(make_pixels()):
        Image.fromarray(image[0]).save(source / f"{i:02d}.png")
    (tmp_path / "secret").write_text("x")
    images = open_images(source)
    images.table.loc[0, ["id", "source"]] = "../secret"
    run = write_run(tmp_path / "run", make_contents(images))
    with pytest.raises(InputError, match="does not name a file in"):
        export_run(run, "folders", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_images_that_are_gone_are_named_and_nothing_is_left(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", make_contents(make_images(tmp_path)))
    (tmp_path / "images.npz").unlink()
    with pytest.raises(InputError, match=r"images\.npz.* is gone"):
        export_run(run, "folders", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


@pytest.mark.parametrize("to", ["csv", "parquet", "folders"])
def test_an_existing_output_is_kept_unless_asked(run: RunFolder, tmp_path: Path, to: str) -> None:
    path = export_run(run, to, tmp_path / "out")
    with pytest.raises(InputError, match="already exists"):
        export_run(run, to, path)
    assert export_run(run, to, path, overwrite=True) == path
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_overwrite_spares_what_no_export_wrote(run: RunFolder, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match="not written by an export"):
        export_run(run, "folders", precious, overwrite=True)
    with pytest.raises(InputError, match="is a folder and a file is to be written"):
        export_run(run, "csv", precious, overwrite=True)
    with pytest.raises(InputError, match="is a file and a folder is to be written"):
        export_run(run, "folders", precious / "thesis.tex", overwrite=True)
    assert (precious / "thesis.tex").read_text() == "x"


def test_unknown_names_get_the_nearest(run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no exporter 'folder': did you mean 'folders'"):
        export_run(run, "folder", tmp_path / "out")
    with pytest.raises(InputError, match="no partition 'x': it has density"):
        export_run(run, "csv", tmp_path / "out", partition="x")
    assert list(tmp_path.iterdir()) == []


def test_a_partition_is_chosen_by_its_name(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", make_contents(make_images(tmp_path)))
    run.add_partition("one", run.partition()[0].assign(group=0), {})
    newest = pd.read_csv(export_run(run, "csv", tmp_path / "a.csv"))
    named = pd.read_csv(export_run(run, "csv", tmp_path / "b.csv", partition="density"))
    assert set(newest["group"]) == {0}
    assert set(named["group"]) == {-1, 0, 1, 2}


def test_an_exporter_can_be_added_and_its_failure_leaves_nothing(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(run: RunFolder, partition: pd.DataFrame, path: Path) -> None:
        path.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    def write(run: RunFolder, partition: pd.DataFrame, path: Path) -> None:
        path.write_text(str(len(partition)))

    monkeypatch.setitem(exporters(), "count", Exporter("the number of images", ".txt", write))
    monkeypatch.setitem(exporters(), "full", Exporter("fails", ".txt", fill))
    assert export_run(run, "count", tmp_path / "n").read_text() == str(N)
    with pytest.raises(InputError, match="is full: x did not fit"):
        export_run(run, "full", tmp_path / "x")
    assert [path.name for path in tmp_path.iterdir()] == ["n"]


def check_index(run: RunFolder, out: Path) -> pd.DataFrame:
    """Each image is in the folder of its group, and no file is there that the index does not tell of."""
    index = pd.read_csv(out / "index.csv", keep_default_na=False)
    groups = run.partition()[0]["group"]
    expected = ["noise" if group < 0 else f"group-{group:02d}" for group in groups]
    assert [str(Path(name).parent) for name in index["file"]] == expected
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert files == {*index["file"], "index.csv", "README.txt"}
    return index


def read_png(path: Path) -> np.ndarray[Any, Any]:
    """Read a PNG, channels first."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture)
    if cv2.imread(str(path), cv2.IMREAD_UNCHANGED).dtype != pixels.dtype:  # Pillow cuts 16-bit colour to 8 bits
        pixels = cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGR2RGB)
    return pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)
