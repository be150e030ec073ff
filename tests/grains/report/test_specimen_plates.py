"""Plates: which grains, in which proportions, how long the scale bar is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.grains.report.specimen_plates import plate, typical_rows
from facies.report.native_images import NativeImages
from facies.report.svg import svg_markup
from facies.runs import RunFolder
from tests.grains.report.factories import make_grain_run


@pytest.fixture(scope="module")
def grains(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return make_grain_run(tmp_path_factory.mktemp("plates"))


def test_typical_grains_are_near_and_every_group_has_its_share() -> None:
    rng = np.random.default_rng(0)
    embedding = rng.normal(size=(130, 3)).astype(np.float32)
    groups = np.repeat([4, 7, 9, 1], [60, 30, 10, 30])
    members = np.flatnonzero(groups != 1)
    chosen = typical_rows(embedding, groups, members, n_grains=20)
    assert len(set(chosen)) == 20
    assert np.unique(groups[chosen], return_counts=True)[1].tolist() == [12, 6, 2]
    distance = np.linalg.norm(embedding - embedding[members].mean(0), axis=1)
    assert (np.diff(distance[chosen]) >= 0).all()
    for group, places in ((4, 12), (7, 6), (9, 2)):
        nearest = np.sort(distance[groups == group])[:places]
        np.testing.assert_allclose(np.sort(distance[chosen[groups[chosen] == group]]), nearest)


def test_few_members_are_all_shown() -> None:
    embedding = np.arange(12, dtype=np.float32)[:, None]
    assert sorted(typical_rows(embedding, np.zeros(12, int), np.array([3, 5, 8]))) == [3, 5, 8]
    assert len(typical_rows(embedding, np.zeros(12, int), np.array([], int))) == 0


def test_a_picture_has_native_proportions_and_shows_the_best_layer(grains: RunFolder) -> None:
    images = NativeImages(grains)
    pixels = grains.image_set()
    for row in (0, 50, 120):
        picture = images.picture(row)
        assert picture.size == tuple(grains.images.loc[row, ["width", "height"]])
        layer = int(grains.images["best_layer"][row])
        expected = pixels[row][layer].numpy().transpose(1, 2, 0)
        found = np.asarray(images.picture(row, (40, 40)), float)
        np.testing.assert_array_equal(found, expected)


def test_the_scale_bar_is_as_long_as_it_says(grains: RunFolder) -> None:
    rows = list(range(24))
    drawing = plate("plate-x", "x", rows, NativeImages(grains), grains.images, 2.5)
    axes = drawing.figure.axes[0]
    numbers = [text.get_text() for text in axes.texts]
    assert numbers[:24] == [str(i) for i in range(1, 25)]
    length, unit = numbers[24].strip("\u200b").split()
    assert unit == "µm"
    (bar,) = axes.lines
    zoom = _zoom(drawing.data, axes)
    assert np.ptp(bar.get_xdata()) / zoom * 2.5 == pytest.approx(float(length), rel=0.02)
    assert np.diff(drawing.data["height_px"]).max() <= 0
    assert (
        drawing.data["id"].tolist()
        == grains.images["id"].iloc[sorted(rows, key=lambda row: -grains.images["height"][row])].tolist()
    )
    unscaled = plate("plate-x", "x", rows, NativeImages(grains), grains.images, None)
    assert unscaled.figure.axes[0].texts[-1].get_text().endswith(" px")


def _zoom(data: pd.DataFrame, axes: object) -> float:
    """Measure the zoom in the picture itself: the first grain's rows that are not empty."""
    sheet = np.asarray(axes.images[0].get_array())
    filled = sheet[:, 0, 3] > 0
    return int(np.argmin(filled)) / float(data["height_px"][0])


def test_gone_images_are_replaced_by_thumbnails(tmp_path: Path) -> None:
    run = make_grain_run(tmp_path)
    (tmp_path / "grains").rename(tmp_path / "elsewhere")
    images = NativeImages(run)
    assert images.from_thumbnails
    assert images.picture(3).size == tuple(run.images.loc[3, ["width", "height"]])


def test_pages_get_photographs_as_webp(grains: RunFolder) -> None:
    drawing = plate("plate-x", "x", [0, 1], NativeImages(grains), grains.images, None)
    markup = svg_markup(drawing.figure, "x", photographic=True)
    assert "data:image/webp;base64," in markup
    assert "data:image/png" not in markup
