"""Thumbnails: their size, their grey and colour, their place on the sheets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from facies.errors import InputError
from facies.images import ImageSet, open_images
from facies.runs import Thumbnails, to_thumbnails
from facies.runs.thumbnails import write_thumbnails


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((8, 8), (64, 64)),
        ((28, 28), (56, 56)),
        ((64, 64), (64, 64)),
        ((33, 20), (33, 20)),
        ((128, 64), (64, 32)),
        ((100, 300), (21, 64)),
        ((1000, 3), (64, 1)),
        ((1, 1), (64, 64)),
    ],
)
def test_sizes(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    assert to_thumbnails(torch.zeros(2, 1, *shape), 0, 1).shape == (2, *expected)


@pytest.mark.parametrize(("channels", "grey"), [(1, True), (2, True), (3, False), (4, False), (7, False)])
def test_channels(channels: int, grey: bool) -> None:
    images = torch.arange(channels).float().reshape(1, -1, 1, 1).expand(1, -1, 8, 8)
    shown = to_thumbnails(images, 0, 10)
    if grey:
        assert shown.shape == (1, 64, 64)
        assert (shown == round(255 * np.mean(range(channels)) / 10)).all()
    else:
        assert shown.shape == (1, 64, 64, 3)
        np.testing.assert_array_equal(shown[0, 0, 0], [0, 26, 51])


def test_values_are_scaled_by_the_range_of_the_set_and_cut() -> None:
    images = torch.tensor([-5.0, 0.0, 50.0, 100.0, 300.0, float("nan")]).reshape(-1, 1, 1, 1)
    shown = to_thumbnails(images, 0, 100)[:, 0, 0]
    np.testing.assert_array_equal(shown, [0, 0, 128, 255, 255, 0])


def test_a_flat_set_is_black() -> None:
    assert (to_thumbnails(torch.full((2, 1, 8, 8), 7.0), 7, 7) == 0).all()


def test_large_images_are_averaged_not_skipped_over() -> None:
    checkerboard = (torch.arange(256)[:, None] + torch.arange(256)) % 2
    shown = to_thumbnails(checkerboard[None, None].float(), 0, 1)
    assert abs(shown.astype(int) - 128).max() <= 2


def test_of_a_focal_stack_each_image_shows_its_sharpest_layer() -> None:
    stacks = torch.full((2, 3, 1, 16, 16), 0.5)
    stripes = (torch.arange(16) % 2).float()
    stacks[0, 2] = stripes
    stacks[1, 0] = stripes[:, None]
    shown = to_thumbnails(stacks, 0, 1)
    for number in range(2):
        assert set(np.unique(shown[number])) == {0, 255}


def make_stacks(n: int, layers: int = 3) -> ImageSet:
    """Make focal stacks whose grey value tells the image and the layer; layer 0 is the sharpest by its stripes."""
    values = np.arange(n)[:, None] * 10 + np.arange(layers) * 50
    pixels = np.broadcast_to(values.astype(np.uint8)[..., None, None, None], (n, layers, 3, 8, 8)).copy()
    pixels[:, 0, :, ::2] += 5
    return open_images(pixels)


@pytest.mark.parametrize("best", [[2, 0, 1, 2], None])
def test_the_best_layer_is_shown_and_every_layer_can_be(tmp_path: Path, best: list[int] | None) -> None:
    images = make_stacks(4)
    if best:
        images.table["best_layer"] = best
    write_thumbnails(tmp_path / "t", images, 0, 255)
    thumbnails = Thumbnails(tmp_path / "t")
    assert thumbnails.n_layers == 3
    for i in range(4):
        for layer in range(3):
            assert thumbnails.array(i, layer).min() == 10 * i + 50 * layer
        np.testing.assert_array_equal(thumbnails.array(i), thumbnails.array(i, best[i] if best else 0))
    assert thumbnails.sheet_path(0).name == "sheet-000.webp"
    assert thumbnails.sheet_path(0, layer=2).name == "layer-2-000.webp"
    assert np.asarray(thumbnails.image(1, layer=2)).min() == 110
    for layer in (-1, 3):
        with pytest.raises(IndexError, match="focal layer"):
            thumbnails.image(0, layer)


def test_layers_fill_sheets_of_their_own(tmp_path: Path) -> None:
    n = 1024 + 2
    pixels = np.zeros((n, 2, 1, 4, 4), np.uint8)
    pixels[:, 1] = (np.arange(n) % 251)[:, None, None, None]
    write_thumbnails(tmp_path / "t", open_images(pixels), 0, 255)
    thumbnails = Thumbnails(tmp_path / "t")
    assert [[sheet["count"] for sheet in sheets] for sheets in thumbnails.index["layers"]] == [[1024, 2], [1024, 2]]
    assert [int(thumbnails.array(i, 1)[0, 0]) for i in (0, 500, 1023, 1024, 1025)] == [0, 249, 19, 20, 21]


@pytest.mark.parametrize(("max_bytes", "at_hand"), [(2**30, [0, 1, 2]), (8_400_000, [1, 2]), (1, [2])])
def test_the_sheets_used_last_stay_in_memory(tmp_path: Path, max_bytes: int, at_hand: list[int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2 * 1024 + 3, 1, 1)).astype(np.uint8)
    write_thumbnails(tmp_path / "t", open_images(pixels), 0, 255)
    thumbnails = Thumbnails(tmp_path / "t", max_bytes=max_bytes)
    assert not any(thumbnails.is_cached(1024 * sheet) for sheet in range(3))
    for sheet in range(3):
        assert thumbnails.array(1024 * sheet).shape == (64, 64)
    assert [sheet for sheet in range(3) if thumbnails.is_cached(1024 * sheet)] == at_hand


def test_images_without_layers_have_none(tmp_path: Path) -> None:
    write_thumbnails(tmp_path / "t", open_images(np.arange(192, dtype=np.uint8).reshape(3, 8, 8)), 0, 255)
    assert Thumbnails(tmp_path / "t").n_layers == 0
    assert [path.name for path in sorted((tmp_path / "t").iterdir())] == ["index.json", "sheet-000.webp"]
    with pytest.raises(IndexError, match="focal layer 0 of 0"):
        Thumbnails(tmp_path / "t").image(0, layer=0)


def test_every_image_is_found_again_on_its_sheet(tmp_path: Path) -> None:
    n = 2 * 1024 + 3
    pixels = np.random.default_rng(0).integers(0, 256, (n, 6, 4)).astype(np.uint8)
    images = open_images(pixels)
    write_thumbnails(tmp_path / "t", images, 0, 255)
    thumbnails = Thumbnails(tmp_path / "t")
    assert len(thumbnails) == n
    assert thumbnails.shape == (60, 40)
    assert [sheet["count"] for sheet in thumbnails.index["sheets"]] == [1024, 1024, 3]
    for i in (0, 1, 31, 32, 1023, 1024, 2047, 2048, n - 1):
        np.testing.assert_array_equal(thumbnails.array(i)[::10, ::10], pixels[i])
    with Image.open(tmp_path / "t" / "sheet-000.webp") as sheet:
        assert sheet.size == (2048, 2048)
    for i in (-1, n):
        with pytest.raises(IndexError):
            thumbnails.image(i)


def test_colour_survives_nearly(tmp_path: Path) -> None:
    ramp = np.linspace(0, 255, 96)
    pixels = np.stack([np.add.outer(ramp, ramp) / 2, np.tile(ramp, (96, 1)), np.full((96, 96), 90)], -1)
    pixels = np.stack([pixels, pixels[::-1]]).astype(np.uint8)
    write_thumbnails(tmp_path / "t", open_images(pixels), 0, 255)
    thumbnails = Thumbnails(tmp_path / "t")
    expected = np.asarray(Image.fromarray(pixels[1]).resize((64, 64), Image.Resampling.BOX), int)
    assert thumbnails.array(1).shape == (64, 64, 3)
    assert np.abs(thumbnails.array(1).astype(int) - expected).mean() < 4


def test_few_sheets_are_kept_in_memory_and_threads_agree(tmp_path: Path) -> None:
    n = 6 * 1024
    pixels = np.broadcast_to((np.arange(n) % 251).astype(np.uint8)[:, None, None], (n, 2, 2))
    write_thumbnails(tmp_path / "t", open_images(np.ascontiguousarray(pixels)), 0, 250)
    thumbnails = Thumbnails(tmp_path / "t", max_bytes=2**24)
    wanted = np.random.default_rng(0).integers(0, n, 40)
    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(lambda i: int(thumbnails.array(int(i))[0, 0]), wanted))
    np.testing.assert_array_equal(seen, np.round(wanted % 251 / 250 * 255))
    assert len(thumbnails._sheets) <= 4


def test_damage_is_named(tmp_path: Path) -> None:
    write_thumbnails(tmp_path / "t", open_images(np.arange(128, dtype=np.uint8).reshape(2, 8, 8)), 0, 255)
    (tmp_path / "t" / "sheet-000.webp").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"sheet-000\.webp is missing or damaged"):
        Thumbnails(tmp_path / "t").image(0)
    (tmp_path / "t" / "index.json").write_text("{}")
    with pytest.raises(InputError, match=r"index\.json is missing or damaged"):
        Thumbnails(tmp_path / "t")
