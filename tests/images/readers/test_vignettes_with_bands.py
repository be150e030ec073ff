"""Vignettes with a scale bar below them (P8): cut off before the learning, the same way when the images are opened again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.cluster import KMeans

from facies.images import ImageSet, as_image_set, open_images, reopen
from facies.metrics import evaluate_partition
from tests.images.readers.plankton import draw_plankton, ecotaxa_rows, tsv

N = 24


def write_vignettes(folder: Path, *, band: bool, suffix: str = ".png", lacking: int | None = None) -> Path:
    folder.mkdir()
    for number in range(N):
        draw_plankton(number, band and number != lacking).save(folder / f"v{number:02d}{suffix}")
    return folder


def pixels(images: ImageSet) -> np.ndarray:
    return np.asarray(images.source.read(np.arange(len(images))))


@pytest.mark.parametrize("size", [None, 32])
def test_what_is_left_are_the_vignettes_without_it(tmp_path: Path, size: int | None) -> None:
    images = open_images(write_vignettes(tmp_path / "with", band=True), size=size)
    plain = open_images(write_vignettes(tmp_path / "without", band=False), size=size)
    np.testing.assert_array_equal(pixels(images), pixels(plain))
    assert images.table["height"].tolist() == plain.table["height"].tolist()
    assert set(images.table["band_px"]) == {48}
    assert images.notes[0] == (
        "a band of 48 pixels with a scale bar was cut off the bottom of 24 of 24 images; --keep-band leaves it"
    )
    assert "band_px" not in plain.table
    assert not any("band" in note for note in plain.notes)
    assert "bands" not in plain.origin["options"]


def test_it_can_be_left_and_then_is_told(tmp_path: Path) -> None:
    images = open_images(write_vignettes(tmp_path / "v", band=True), size=32, cut_band=False)
    assert images.table["height"].tolist() == [draw_plankton(number, band=True).height for number in range(N)]
    assert images.notes[0] == (
        "a band of 48 pixels with a scale bar stands below the images, and was left: groups may follow it"
    )


def test_images_of_one_size_keep_their_width_and_lose_the_band(tmp_path: Path) -> None:
    for number in range(N):
        whole = draw_plankton(number, band=True)
        picture = Image.new("L", (60, 108))
        picture.paste(whole.crop((0, whole.height - 108, 60, whole.height)))
        picture.save(tmp_path / f"{number}.png")
    assert open_images(tmp_path).image_shape == (1, 60, 60)


def test_an_image_without_it_is_left_whole_and_counted(tmp_path: Path) -> None:
    images = open_images(write_vignettes(tmp_path / "v", band=True, lacking=5), size=32)
    assert images.table["band_px"].tolist() == [0 if number == 5 else 48 for number in range(N)]
    assert images.table["height"][5] == draw_plankton(5).height
    assert "23 of 24 images" in images.notes[0]


def test_it_is_cut_off_again_of_a_set_and_of_one_image(tmp_path: Path) -> None:
    folder = write_vignettes(tmp_path / "v", band=True)
    images = open_images(folder, size=32)
    again = reopen(images.origin)
    assert again.fingerprint() == images.fingerprint()
    draw_plankton(40, band=True).save(folder / "new.png")
    one = tmp_path / "one"
    one.mkdir()
    draw_plankton(7, band=True).save(one / "v.png")
    new = as_image_set(one, size=32, bands=images.origin["options"]["bands"])
    np.testing.assert_array_equal(pixels(new)[0], pixels(images)[7])
    before_bands = {**images.origin, "options": {**images.origin["options"], "bands": None}}
    heights = reopen(before_bands).table.set_index("id")["height"]
    assert heights["v00.png"] == draw_plankton(0, band=True).height


def test_jpegs_with_the_table_of_a_planktoscope(tmp_path: Path) -> None:
    folder = write_vignettes(tmp_path / "v", band=True, suffix=".jpg")
    rows = ecotaxa_rows(N, img_file_name=[f"v{number:02d}.jpg" for number in range(N)], process_pixel=0.75)
    (folder / "ecotaxa_a.tsv").write_text(tsv(rows))
    images = open_images(folder, size=32)
    assert set(images.table["band_px"]) == {48}
    assert images.pixel_size_um == 0.75
    assert reopen(images.origin).fingerprint() == images.fingerprint()


def agreement(images: ImageSet, classes: list[int]) -> float:
    """Group the pixels, and compare the groups with classes."""
    groups = KMeans(2, n_init=5, random_state=0).fit_predict(pixels(images).reshape(len(images), -1).astype(float))
    return float(evaluate_partition(groups, labels=np.array(classes))["ari"])


def test_groups_follow_the_objects_and_not_the_bars(tmp_path: Path) -> None:
    """Objects of two widths, in acquisitions with two lengths of bar."""
    kinds, bars = [], []
    for number in range(40):
        kind, bar = number % 2, number // 2 % 2
        picture = Image.new("L", (64, 64), 200)
        noise = np.random.default_rng(number).normal(200, 5, (64, 64)).clip(0, 255).astype(np.uint8)
        picture.paste(Image.fromarray(noise))
        half = 5 + 3 * kind
        picture.paste(60, (32 - half, 24, 32 + half, 64 - number % 9))
        whole = Image.new("L", (64, 112), 255)
        whole.paste(picture)
        whole.paste(0, (6, 74, 6 + (14 if bar else 52), 90))
        whole.save(tmp_path / f"{number:02d}.png")
        kinds.append(kind)
        bars.append(bar)
    kept = open_images(tmp_path, cut_band=False)
    assert agreement(kept, bars) == 1.0
    assert agreement(kept, kinds) < 0.1
    cut = open_images(tmp_path)
    assert agreement(cut, kinds) == 1.0
    assert agreement(cut, bars) < 0.1
