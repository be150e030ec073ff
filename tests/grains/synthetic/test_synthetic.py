from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facies.errors import FaciesWarning, InputError
from facies.grains.synthetic import KINDS, cut_out, draw_plates, grains_from_crops, render_stack, write_plates
from facies.grains.synthetic.placement import place_grains
from facies.grains.synthetic.shapes import draw_grain

SMALL = {"size": (256, 320), "grain_size": 60.0, "layers": 3}


def sharpness(image: np.ndarray) -> float:
    return float(np.abs(cv2.Laplacian(image.astype(np.float32).mean(axis=2), cv2.CV_32F)).mean())


def test_the_geometry_is_that_of_the_microscope() -> None:
    plate = render_stack(0)
    assert plate.images.shape == (6, 1024, 1280, 3)
    assert plate.images.dtype == np.uint8
    assert plate.instances.dtype == np.uint16
    assert len(plate.grains) == 3
    sides = plate.grains[["x1", "y1"]].to_numpy() - plate.grains[["x0", "y0"]].to_numpy()
    assert 130 < sides.mean() < 480
    green = cv2.cvtColor(plate.images[0], cv2.COLOR_RGB2HSV)[plate.instances == 0]
    assert np.median(green[:, 1]) > 140  # saturated
    assert 50 < np.median(green[:, 0]) < 70  # green: 100 to 140 degrees


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_drawn(kind: str) -> None:
    areas = []
    for seed in range(5):
        grain = draw_grain(kind, np.random.default_rng(seed), side=96)
        mask = grain.coverage > 0.5
        assert grain.kind == kind
        assert cv2.connectedComponents(mask.astype(np.uint8))[0] == 2  # one piece
        assert not np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]]).any()
        assert 0 <= grain.albedo.min() <= grain.albedo.max() <= 1
        areas.append(mask.mean())
    assert min(areas) > 0.15


def test_the_plate_shines_through_quartz_and_not_through_minerals() -> None:
    saturation = {}
    for kind in ("quartz", "dark mineral", "planktic foraminifer"):
        plates = [render_stack(seed, grains=[kind], noise=0, **SMALL) for seed in range(4)]
        green = [p.images[1].astype(float) for p in plates]
        saturation[kind] = np.mean(
            [(g[..., 1] - g[..., [0, 2]].mean(-1))[p.instances > 0].mean() for g, p in zip(green, plates, strict=True)]
        )
    assert saturation["quartz"] > 2 * saturation["planktic foraminifer"]
    assert saturation["quartz"] > 2 * saturation["dark mineral"]


@pytest.mark.parametrize("seed", range(6))
def test_boxes_areas_and_masks_agree(seed: int) -> None:
    plate = render_stack(seed, n_grains=5, touching=1, cut=1, **SMALL)
    assert set(np.unique(plate.instances)) == set(range(6))
    for number, grain in enumerate(plate.grains.itertuples(), start=1):
        rows, columns = np.nonzero(plate.instances == number)
        assert (grain.x0, grain.y0, grain.x1, grain.y1) == (
            columns.min(),
            rows.min(),
            columns.max() + 1,
            rows.max() + 1,
        )
        assert grain.area_px == len(rows)


@pytest.mark.parametrize("seed", range(6))
def test_touching_grains_touch_and_others_keep_the_gap(seed: int) -> None:
    plate = render_stack(seed, n_grains=4, touching=1, gap=9, **SMALL)
    assert plate.grains.touching.tolist() == [True, True, False, False]
    masks = [(plate.instances == number).astype(np.uint8) for number in range(1, 5)]
    distance = [cv2.distanceTransform(1 - mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for mask in masks]
    assert distance[0][masks[1] > 0].min() <= np.sqrt(2)
    for first, second in [(0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]:
        assert distance[first][masks[second] > 0].min() > 9


@pytest.mark.parametrize("seed", range(6))
def test_grains_in_touch_hardly_overlap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    grains = [draw_grain(kind, rng, 96) for kind in ("quartz", "benthic foraminifer")]
    sizes = np.array([60.0, 50.0])
    first, second = place_grains(rng, grains, (256, 320), sizes=sizes, touching=1, cut=0, gap=9)
    masks = np.zeros((2, 256, 320), bool)
    for mask, grain in zip(masks, (first, second), strict=True):
        inside, own = grain.window((256, 320))
        mask[inside] = grain.mask[own]
    overlap = (masks[0] & masks[1]).sum() / min(masks[0].sum(), masks[1].sum())
    assert 0 < overlap < 0.05


@pytest.mark.parametrize("seed", range(6))
def test_cut_grains_reach_the_border_and_whole_ones_do_not(seed: int) -> None:
    plate = render_stack(seed, n_grains=3, cut=1, gap=9, **SMALL)
    assert plate.grains.cut.tolist() == [True, False, False]
    border = np.concatenate([plate.instances[0], plate.instances[-1], plate.instances[:, 0], plate.instances[:, -1]])
    assert set(np.unique(border)) == {0, 1}


def test_blur_depends_on_the_distance_from_the_focus() -> None:
    plate = render_stack(3, grains=["rock fragment"], n_grains=1, layers=6, noise=0, uneven_light=0)
    grain = plate.grains.iloc[0]
    measures = [sharpness(image[grain.y0 : grain.y1, grain.x0 : grain.x1]) for image in plate.images]
    assert abs(int(np.argmax(measures)) - grain.layer) <= 1
    assert max(measures) > 1.3 * min(measures)


def test_grains_at_different_heights_are_sharp_in_different_layers() -> None:
    layers = {
        int(layer)
        for seed in range(10)
        for layer in render_stack(seed, layers=6, size=(256, 320), grain_size=60).grains.layer
    }
    assert len(layers) >= 3


def test_equal_seeds_give_equal_pixels() -> None:
    first, again, other = (render_stack(seed, n_grains=3, touching=1, **SMALL) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.instances, again.instances)
    pd.testing.assert_frame_equal(first.grains, again.grains)
    assert not np.array_equal(first.images, other.images)


def test_a_stack_does_not_depend_on_those_before_it() -> None:
    few, many = (list(draw_plates(n, seed=1, **SMALL)) for n in (2, 3))
    for one, other in zip(few, many, strict=False):
        np.testing.assert_array_equal(one.images, other.images)
    assert not np.array_equal(many[0].images, many[1].images)


@pytest.mark.parametrize(("background", "level"), [("dark", (0, 40)), ("light", (150, 255))])
def test_other_plates(background: str, level: tuple[int, int]) -> None:
    plate = render_stack(0, background=background, **SMALL)
    ground = plate.images[0][plate.instances == 0]
    assert level[0] <= np.median(ground) <= level[1]
    assert np.ptp(np.median(ground, axis=0)) < 25  # grey


def test_one_layer_and_no_grains() -> None:
    plate = render_stack(0, size=(128, 160), grain_size=40, layers=1, n_grains=0)
    assert plate.images.shape == (1, 128, 160, 3)
    assert not plate.instances.any()
    assert plate.grains.empty
    assert "kind" in plate.grains


def test_shares_of_kinds_are_followed() -> None:
    often = {"quartz": 3.0, "rock fragment": 1.0, "dark mineral": 0.0}
    plates = draw_plates(40, seed=0, grains=often, size=(160, 200), grain_size=24, layers=1)
    kinds = pd.concat([plate.grains for plate in plates]).kind.value_counts(normalize=True)
    assert "dark mineral" not in kinds
    assert 0.6 < kinds["quartz"] < 0.9


def crop(ground: tuple[int, int, int], grain: tuple[int, int, int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A picture of a bright ellipse, blurred onto its ground."""
    mask = cv2.ellipse(np.zeros((64, 64), np.uint8), (32, 30), (20, 12), 30, 0, 360, 1, cv2.FILLED)
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.0)[..., None]
    picture = np.array(ground) * (1 - soft) + np.array(grain) * soft
    picture = picture + np.random.default_rng(seed).normal(0, 3, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8), mask > 0


@pytest.mark.parametrize(("ground", "grain"), [((20, 20, 22), (220, 190, 150)), ((235, 235, 235), (70, 60, 50))])
def test_crops_are_cut_from_their_ground(ground, grain) -> None:
    picture, truth = crop(ground, grain)
    mask = cut_out(picture)
    assert mask is not None
    assert (mask & truth).sum() / (mask | truth).sum() > 0.9
    (cut,) = grains_from_crops([picture], ["shell"])
    assert cut.kind == "shell"
    # Nothing of the old ground is left, neither in the grain nor around it.
    assert np.abs(cut.albedo * 255 - np.array(grain)).mean(axis=2).max() < 30


def test_grains_cut_from_crops_lie_on_plates() -> None:
    bone, _ = crop((20, 20, 22), (230, 200, 160))
    stone, _ = crop((20, 20, 22), (120, 120, 110))
    plate = render_stack(0, grains=grains_from_crops([bone, stone], ["bone", "rock"]), n_grains=4, **SMALL)
    assert set(plate.grains.kind) <= {"bone", "rock"}
    for number, kind in enumerate(plate.grains.kind, start=1):
        inner = cv2.erode((plate.instances == number).astype(np.uint8), np.ones((9, 9))) > 0
        red = plate.images[1][inner][:, 0].mean()
        assert (red > 160) == (kind == "bone")


def test_masks_may_be_given() -> None:
    picture = np.full((40, 40, 3), 128, np.uint8)
    mask = np.zeros((40, 40), bool)
    mask[10:30, 5:35] = True
    (grain,) = grains_from_crops([picture], masks=[mask])
    assert (grain.coverage > 0.5).sum() == 18 * 28  # but for the outermost pixels, which are mixed with the ground


def test_crops_without_a_grain_are_left_out_by_name() -> None:
    picture, _ = crop((20, 20, 22), (220, 190, 150))
    empty, _ = crop((20, 20, 22), (20, 20, 22))
    with pytest.warns(FaciesWarning, match="1 of 2 crops .* rows 1"):
        grains = grains_from_crops([picture, empty])
    assert len(grains) == 1
    with pytest.raises(InputError, match="none of the 1 crops"):
        grains_from_crops([empty])


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
@pytest.mark.parametrize("layout", ["names", "folders"])
def test_folders_of_photographs(tmp_path: Path, layout: str, suffix: str) -> None:
    truth = write_plates(tmp_path / "photos", 2, layout=layout, format=suffix, **SMALL)
    pattern = "S*_L*" if layout == "names" else "S*/L*"
    files = sorted(path.relative_to(tmp_path / "photos").as_posix() for path in (tmp_path / "photos").glob(pattern))
    between = "_" if layout == "names" else "/"
    assert files == [f"S{stack:04d}{between}L{layer}.{suffix}" for stack in (1, 2) for layer in range(3)]
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "photos" / "truth.csv"), truth, check_dtype=False)
    assert {"stack", "x0", "y0", "x1", "y1", "kind", "cut", "touching", "area_px"} <= set(truth)
    assert "SYNTHETIC" in (tmp_path / "photos" / "README.txt").read_text()
    plate = next(draw_plates(2, **SMALL))
    with Image.open(tmp_path / "photos" / files[1]) as picture:
        assert "SYNTHETIC" in str(picture.info) + str(getattr(picture, "tag_v2", ""))
        pixels = np.asarray(picture).astype(float)
    assert np.abs(pixels - plate.images[1]).mean() < (2 if suffix == "jpg" else 1e-9)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"background": "blue"}, "background 'blue' is unknown: choose one of green, dark, light"),
        ({"layers": 0}, "layers is 0"),
        ({"n_grains": -1}, "none may be negative"),
        ({"n_grains": 2, "touching": 1, "cut": 1}, "more than n_grains, 2"),
        ({"grain_size": 5}, "at least 12"),
        ({"grain_size": float("nan")}, "at least 12"),
        ({"size": (100, 320)}, "too small for grains of 60"),
        ({"grains": []}, "no grains to choose from"),
        ({"grains": ["gold"]}, "no grain of kind 'gold' can be drawn: there are quartz"),
        ({"grains": {"quartz": 0.0}}, "not all 0"),
        ({"n_grains": 60}, "found no place on a plate of 320 × 256 pixels"),
    ],
)
def test_settings_that_cannot_be(settings: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        render_stack(0, **{**SMALL, **settings})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layout": "heap"}, "layout 'heap' is unknown"),
        ({"format": "gif"}, "format 'gif' is unknown"),
        ({"n_stacks": 0}, "at least one"),
        ({"touching": 2}, "touching is 2: it is a share"),
        ({"grains_per_stack": -1}, "may not be negative"),
    ],
)
def test_folders_that_cannot_be(tmp_path: Path, settings: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        write_plates(tmp_path / "photos", **{"n_stacks": 1, **SMALL, **settings})
    assert not (tmp_path / "photos").exists()


@pytest.mark.parametrize(
    ("crops", "options", "message"),
    [
        ([np.zeros((8, 8), np.uint8)], {}, "crop 0 is uint8 of shape"),
        ([np.zeros((8, 8, 3))], {}, "crop 0 is float64"),
        ([np.zeros((8, 8, 3), np.uint8)], {"kinds": ["a", "b"]}, "1 crops but 2 kinds"),
        ([np.zeros((8, 8, 3), np.uint8)], {"masks": [np.ones((4, 4), bool)]}, "mask 0 has shape"),
    ],
)
def test_crops_that_cannot_be(crops, options, message: str) -> None:
    with pytest.raises(InputError, match=message):
        grains_from_crops(crops, **options)
