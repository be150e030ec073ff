from __future__ import annotations

import gc
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from facies.errors import InputError
from facies.images import open_images, reopen
from facies.images.readers.file_search import find_image_files, natural_key
from facies.images.readers.image_file import read_headers
from facies.images.sources import MappedSource


def test_files_are_found_in_the_order_people_count(tmp_path: Path, save_png) -> None:
    for name in ["b/2.png", "b/10.png", "a10.png", "a2.PNG", "B/1.png", ".hidden.png", ".git/x.png", "__MACOSX/1.png"]:
        save_png(tmp_path / name)
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "Thumbs.db").write_text("x")
    files, left_out = find_image_files(tmp_path)
    assert [file.name for file in files] == ["a2.PNG", "a10.png", "B/1.png", "b/2.png", "b/10.png"]
    assert left_out == []


@given(st.lists(st.text("aB1290./²", min_size=1), unique=True))
def test_the_order_does_not_depend_on_the_disk(names: list[str]) -> None:
    backwards = names[::-1]
    assert sorted(names, key=natural_key) == sorted(backwards, key=natural_key)


def test_links_and_pipes_are_left_out(tmp_path: Path, save_png) -> None:
    outside = save_png(tmp_path / "outside" / "secret.png")
    root = tmp_path / "in"
    save_png(root / "a.png")
    (root / "inside.png").symlink_to(root / "a.png")
    (root / "leaves.png").symlink_to(outside)
    (root / "nothing.png").symlink_to(root / "gone.png")
    (root / "circle.png").symlink_to(root / "circle.png")
    (root / "folder").symlink_to(tmp_path / "outside")
    (root / "loop").symlink_to(root)
    os.mkfifo(root / "pipe.png")
    files, left_out = find_image_files(root)
    assert [file.name for file in files] == ["a.png", "inside.png"]
    reasons = {item.source: item.reason for item in left_out}
    assert set(reasons) == {"leaves.png", "nothing.png", "circle.png", "folder", "loop", "pipe.png"}
    assert reasons["leaves.png"] == "a link that leaves the folder"
    assert reasons["folder"] == "a link to a folder"
    (tmp_path / "alias").symlink_to(root)
    assert [file.name for file in find_image_files(tmp_path / "alias")[0]] == ["a.png", "inside.png"]


def test_names_that_are_no_text_are_left_out(tmp_path: Path, save_png) -> None:
    save_png(tmp_path / "a.png").rename(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png"))
    save_png(tmp_path / "b.png")
    files, left_out = find_image_files(tmp_path)
    assert [file.name for file in files] == ["b.png"]
    assert left_out[0].source == "?.png"
    assert "not UTF-8" in left_out[0].reason


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_folders_and_files_without_permission_are_left_out(tmp_path: Path, save_png) -> None:
    for name in ["a.png", "b.png", "c.png", "sub/d.png"]:
        save_png(tmp_path / name)
    (tmp_path / "c.png").chmod(0)
    (tmp_path / "sub").chmod(0)
    try:
        images = open_images(tmp_path)
    finally:
        (tmp_path / "sub").chmod(0o700)
    assert len(images) == 2
    assert sorted(images.left_out["source"]) == ["c.png", "sub"]


def test_images_of_one_size_are_kept_as_they_are(tmp_path: Path, save_png) -> None:
    for k in range(5):
        save_png(tmp_path / ("top.png" if k == 4 else f"sub/{k}.png"), (12, 10, 3), seed=k)
    images = open_images(tmp_path)
    assert images.image_shape == (3, 12, 10)
    assert images.dtype == np.uint8
    assert images.notes == []
    assert images.left_out.empty
    assert images.table["id"].tolist() == ["sub/0.png", "sub/1.png", "sub/2.png", "sub/3.png", "top.png"]
    assert images.table["folder"].tolist() == ["sub"] * 4 + ["."]
    assert images.table["width"].tolist() == [10] * 5
    assert images.table["height"].tolist() == [12] * 5
    expected = np.moveaxis(np.asarray(Image.open(tmp_path / "sub/2.png")), -1, 0)
    np.testing.assert_array_equal(images[2].numpy(), expected)
    assert images.origin == {"kind": "folder", "path": str(tmp_path), "options": {"pages": "axes"}}
    assert reopen(images.origin).fingerprint() == images.fingerprint()


def test_the_pixels_are_in_a_file_that_removes_itself(
    tmp_path: Path, save_png, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    for k in range(3):
        save_png(tmp_path / "in" / f"{k}.png", seed=k)
    images = open_images(tmp_path / "in")
    part = images.subset([1, 2])
    assert isinstance(images.source, MappedSource)
    assert images.source.path.parent == tmp_path / "tmp"
    del images
    gc.collect()
    part.fingerprint()
    del part
    gc.collect()
    assert not list((tmp_path / "tmp").iterdir())


def test_pages_are_images_of_their_own(tmp_path: Path) -> None:
    stack = np.random.default_rng(0).integers(0, 65536, (3, 8, 10), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "stack.tif", stack, photometric="minisblack")
    tifffile.imwrite(tmp_path / "one.tif", stack[0] // 2)
    images = open_images(tmp_path)
    assert images.table["id"].tolist() == ["one.tif", "stack.tif#1", "stack.tif#2", "stack.tif#3"]
    assert images.table["source"].tolist() == ["one.tif"] + ["stack.tif"] * 3
    assert images.dtype == np.uint16
    np.testing.assert_array_equal(images.__getitems__([1, 2, 3])[:, 0].numpy(), stack)
    single = open_images(tmp_path / "stack.tif")
    assert single.origin["kind"] == "tiff"
    assert single.table["id"].tolist() == ["stack.tif#1", "stack.tif#2", "stack.tif#3"]
    assert reopen(single.origin).fingerprint() == single.fingerprint()


def test_mixed_sizes_come_to_the_median_side(tmp_path: Path, save_png) -> None:
    for k, shape in enumerate([(20, 30), (30, 21), (40, 22), (10, 12)]):
        save_png(tmp_path / f"{k}.png", shape, seed=k)
    images = open_images(tmp_path)
    assert images.image_shape == (1, 20, 20)  # the median of the eight sides is 21.5, 20 the multiple of 4 next to it
    assert images.dtype == np.uint8
    assert len(images.notes) == 1
    assert "4 sizes were stretched to 20 × 20" in images.notes[0]
    assert images.table["width"].tolist() == [30, 21, 22, 12]
    padded = open_images(tmp_path, fit="pad")
    assert "padded" in padded.notes[0]
    assert padded.origin["options"] == {"pages": "axes", "channels": None, "size": None, "fit": "pad"}
    assert reopen(padded.origin).fingerprint() == padded.fingerprint() != images.fingerprint()
    assert open_images(tmp_path, size=(16, 24)).image_shape == (1, 16, 24)
    assert open_images(tmp_path, size=16).notes == []


def test_the_default_side_is_at_most_128(tmp_path: Path, save_png) -> None:
    save_png(tmp_path / "a.png", (300, 400))
    save_png(tmp_path / "b.png", (400, 300))
    assert open_images(tmp_path).image_shape == (1, 128, 128)


def test_grey_and_colour_need_a_choice(tmp_path: Path, save_png) -> None:
    save_png(tmp_path / "a.png", (8, 8))
    save_png(tmp_path / "b.png", (8, 8, 3))
    save_png(tmp_path / "c.png", (8, 8, 4))
    with pytest.raises(InputError, match=r"1 of 1 channel and 2 of 3 channels.*--channels grey or --channels rgb"):
        open_images(tmp_path)
    grey, rgb = open_images(tmp_path, channels="grey"), open_images(tmp_path, channels="rgb")
    assert (grey.image_shape, rgb.image_shape) == ((1, 8, 8), (3, 8, 8))
    assert torch.equal(rgb[0][0], grey[0][0])
    assert torch.equal(rgb[0][1], grey[0][0])
    assert reopen(grey.origin).fingerprint() == grey.fingerprint()


def test_channels_nobody_can_convert_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((8, 8, 5), "u1"), photometric="minisblack", planarconfig="contig")
    with pytest.raises(InputError, match="images of 5 channels cannot be made grey"):
        open_images(tmp_path, channels="grey")


def test_mixed_types_meet_between_zero_and_one(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), 255, np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(np.full((8, 8), 52428, np.uint16)).save(tmp_path / "b.png")
    images = open_images(tmp_path)
    assert images.dtype == np.float32
    assert images[0].unique().tolist() == [1]
    assert images[1].unique().tolist() == pytest.approx([0.8])
    assert "types uint16, uint8 are mixed" in images.notes[0]


def test_what_cannot_be_read_is_left_out_with_its_reason(tmp_path: Path, save_png) -> None:
    rng = np.random.default_rng(0)
    for k in range(3):
        tifffile.imwrite(tmp_path / f"{k}.tif", rng.random((8, 8), dtype=np.float32))
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.jpg").write_text("no image")
    with_nan = rng.random((3, 8, 8), dtype=np.float32)
    with_nan[1, 2, 3] = np.nan
    tifffile.imwrite(tmp_path / "nan.tif", with_nan, photometric="minisblack")
    tifffile.imwrite(tmp_path / "large.tif", np.full((8, 8), 1e300))
    images = open_images(tmp_path)
    reasons = dict(zip(images.left_out["source"], images.left_out["reason"], strict=True))
    assert reasons == {
        "empty.png": "the file is empty",
        "text.jpg": "not an image, or damaged at its beginning",
        "nan.tif#2": "NaN or infinite pixels",
        "large.tif": "NaN or infinite pixels",
    }
    assert images.table["id"].tolist() == ["0.tif", "1.tif", "2.tif", "nan.tif#1", "nan.tif#3"]
    np.testing.assert_allclose(images[4][0].numpy(), with_nan[2])
    assert np.isfinite(images.value_range()).all()


def test_a_file_cut_short_is_left_out_when_decoded(tmp_path: Path, save_png) -> None:
    for k in range(3):
        save_png(tmp_path / f"{k}.png", (64, 64), seed=k)
    data = (tmp_path / "1.png").read_bytes()
    (tmp_path / "1.png").write_bytes(data[: len(data) // 2])
    read_headers(tmp_path / "1.png")  # its header is whole
    images = open_images(tmp_path)
    assert images.table["id"].tolist() == ["0.png", "2.png"]
    assert images.left_out["source"].tolist() == ["1.png"]
    np.testing.assert_array_equal(images[1][0].numpy(), np.asarray(Image.open(tmp_path / "2.png")))


def test_progress_counts_files(tmp_path: Path, save_png) -> None:
    for k in range(4):
        save_png(tmp_path / f"{k}.png", seed=k)
    done: list[tuple[int, int]] = []
    open_images(tmp_path, progress=lambda k, n: done.append((k, n)))
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_an_interrupt_stops_the_decoding(tmp_path: Path, save_png) -> None:
    for k in range(4):
        save_png(tmp_path / f"{k}.png", seed=k)

    def interrupt(*_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_images(tmp_path, progress=interrupt)


def _nothing(folder: Path) -> None:
    (folder / "notes.txt").write_text("x")


def _rubbish(folder: Path) -> None:
    (folder / "a.png").touch()
    (folder / "b.png").write_text("x")


def _late_rubbish(folder: Path) -> None:
    tifffile.imwrite(folder / "a.tif", np.full((8, 8), np.nan, np.float32))


def _only_links(folder: Path) -> None:
    (folder / "a.png").symlink_to("/etc/hostname")


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda folder: None, "there is no image file in this folder or below .read are .*png"),
        (_nothing, "there is no image file"),
        (_only_links, "no image file in this folder or below; a.png: a link that leaves the folder"),
        (_rubbish, "none of the 2 image files can be read; a.png: the file is empty"),
        (_late_rubbish, "the image file cannot be read; a.tif: NaN or infinite pixels"),
    ],
)
def test_folders_without_images_are_refused(make, match: str, tmp_path: Path) -> None:
    make(tmp_path)
    with pytest.raises(InputError, match=match):
        open_images(tmp_path)
