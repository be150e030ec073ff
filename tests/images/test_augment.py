from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from facies.images import RandomAffine, background, open_images


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(6, 3, 16, 12, generator=seeded(1))


def still(**changes) -> RandomAffine:
    return RandomAffine(**{"rotation": 0, "zoom": 0, "shift": 0, **changes})


def test_ranges_of_nothing_change_nothing(images: torch.Tensor) -> None:
    assert still().is_identity
    assert still()(images) is images
    assert not RandomAffine().is_identity
    # and the map itself is the identity, not only the way around it
    maps = still().draw(4, (16, 12), images.device)
    torch.testing.assert_close(maps, torch.eye(2, 3).expand(4, 2, 3))
    torch.testing.assert_close(still(rotation=(0, 1e-12))(images), images, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("degrees", "turns"), [(90, 1), (-90, -1), (180, 2), (360, 0)])
def test_known_rotations(degrees: float, turns: int) -> None:
    square = torch.rand(2, 3, 11, 11, generator=seeded())
    turned = still(rotation=(degrees, degrees))(square)
    torch.testing.assert_close(turned, torch.rot90(square, turns, dims=(-2, -1)), atol=1e-4, rtol=0)


def test_rotation_keeps_angles_in_images_that_are_not_square() -> None:
    image = torch.zeros(1, 1, 9, 21)
    image[..., 4, 9:14] = 1  # a bar of five pixels lying in the middle (column 11 of 0 … 20 is 10)
    image[..., 4, 8:13] = 1
    image[..., 4, 13] = 0
    turned = still(rotation=(90, 90))(image)
    expected = torch.zeros(1, 1, 9, 21)
    expected[..., 2:7, 10] = 1
    torch.testing.assert_close(turned, expected, atol=1e-4, rtol=0)


def test_known_shift(images: torch.Tensor) -> None:
    moved = still(shift=(0.25, 0.25))(images)  # 4 of 16 rows down, 3 of 12 columns right
    torch.testing.assert_close(moved[..., 4:, 3:], images[..., :-4, :-3], atol=1e-5, rtol=0)
    assert moved[..., :4, :].abs().max() < 1e-5
    assert moved[..., :3].abs().max() < 1e-5


def test_known_zoom() -> None:
    image = torch.zeros(1, 1, 16, 16)
    image[..., 6:10, 6:10] = 1
    grown = still(zoom=(2, 2))(image)
    assert float(grown.sum()) == pytest.approx(4 * 16, rel=0.1)
    assert grown[0, 0, 5:11, 5:11].min() > 0.9


def test_flips_are_half_of_all(images: torch.Tensor) -> None:
    many = images[:1].expand(400, -1, -1, -1)
    seen = still(flip=True)(many, seeded())
    mirrored = [torch.allclose(image, images[0].flip(-1), atol=1e-5) for image in seen]
    same = [torch.allclose(image, images[0], atol=1e-5) for image in seen]
    assert all(a != b for a, b in zip(mirrored, same, strict=True))
    assert 160 < sum(mirrored) < 240


def test_one_seed_gives_one_view(images: torch.Tensor) -> None:
    augment = RandomAffine(flip=True)
    first = augment(images, seeded(3))
    assert torch.equal(first, augment(images, seeded(3)))
    assert not torch.equal(first, augment(images, seeded(4)))
    assert not torch.allclose(first, images)
    again = pickle.loads(pickle.dumps(augment))
    assert again == augment
    torch.manual_seed(5)
    a = augment(images)
    torch.manual_seed(5)
    assert torch.equal(a, augment(images))


def test_each_image_has_its_own_map_and_its_channels_share_it(images: torch.Tensor) -> None:
    alike = images[:1, :1].expand(6, 3, -1, -1)
    seen = RandomAffine()(alike, seeded())
    assert torch.equal(seen[:, 0], seen[:, 2])
    assert not torch.allclose(seen[0], seen[1])


def test_the_layers_of_a_stack_share_the_map() -> None:
    stacks = torch.rand(4, 6, 3, 12, 12, generator=seeded())
    seen = RandomAffine(fill=0.3)(stacks, seeded(1))
    assert seen.shape == stacks.shape
    for layer in range(6):
        torch.testing.assert_close(seen[:, layer], RandomAffine(fill=0.3)(stacks[:, layer], seeded(1)))


@given(value=st.floats(0, 1, width=32), seed=st.integers(0, 1000))
def test_a_plain_image_filled_with_itself_stays_plain(value: float, seed: int) -> None:
    plain = torch.full((3, 1, 8, 10), value)
    for augment in (RandomAffine(45, 0.3, 0.3, flip=True, fill=value), RandomAffine(45, 0.3, 0.3, padding="border")):
        torch.testing.assert_close(augment(plain, seeded(seed)), plain, atol=1e-5, rtol=0)


def test_what_comes_in_from_outside() -> None:
    plain = torch.ones(1, 1, 8, 8)
    out = {
        "zero": still(shift=(0.5, 0.5))(plain),
        "fill": still(shift=(0.5, 0.5), fill=-2)(plain),
        "border": still(shift=(0.5, 0.5), padding="border")(plain),
    }
    assert out["zero"][0, 0, 0, 0] == 0
    assert out["fill"][0, 0, 0, 0] == -2
    assert (out["border"] == 1).all()


@given(seed=st.integers(0, 1000))
def test_drawn_maps_stay_in_their_ranges(seed: int) -> None:
    maps = (
        RandomAffine(rotation=20, zoom=(0.8, 1.25), shift=0.1)
        .draw(50, (10, 10), torch.device("cpu"), seeded(seed))
        .double()
    )
    forward = torch.linalg.inv(maps[:, :, :2])
    linear = forward.numpy()
    degrees = np.degrees(np.arctan2(-linear[:, 1, 0], linear[:, 0, 0]))
    assert np.abs(degrees).max() <= 20 + 1e-4
    zooms = np.linalg.norm(linear, axis=1)
    assert zooms.min() >= 0.8 - 1e-5
    assert zooms.max() <= 1.25 + 1e-5
    centre = (-forward @ maps[:, :, 2:])[..., 0].numpy()
    assert np.abs(centre).max() <= 0.2 + 1e-5  # coordinates run from -1 to 1


def test_gradients_and_types_pass_through(images: torch.Tensor) -> None:
    images.requires_grad_()
    RandomAffine()(images, seeded()).sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0
    assert RandomAffine()(images.double(), seeded()).dtype == torch.float64
    empty = torch.empty(0, 1, 8, 8)
    assert RandomAffine()(empty).shape == (0, 1, 8, 8)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"rotation": -5}, "rotation must be"),
        ({"shift": (0.2, 0.1)}, "shift must be"),
        ({"zoom": float("nan")}, "zoom must be"),
        ({"zoom": 1.0}, "zoom must stay above 0"),
        ({"zoom": (0, 1)}, "zoom must stay above 0"),
        ({"padding": "reflect"}, "padding must be"),
    ],
)
def test_ranges_out_of_bounds_are_refused(options: dict, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        RandomAffine(**options)


def test_the_background_is_the_median_border() -> None:
    pixels = np.full((20, 10, 10), 7, dtype=np.uint8)
    pixels[:, 1:-1, 1:-1] = 200
    pixels[:3, 0] = 90
    pixels[5, 3, 3] = 0
    assert background(open_images(pixels)) == 7
    assert background(open_images(pixels), n_images=2) == 7


def test_flips_alone_move_pixels_and_do_not_sample_them(images: torch.Tensor) -> None:
    many = images[:1].expand(60, -1, -1, -1)
    seen = still(flip=True)(many, seeded())
    assert {torch.equal(image, images[0]) + 2 * torch.equal(image, images[0].flip(-1)) for image in seen} == {1, 2}


def test_quarter_turns_and_flips_show_all_eight_positions_equally_often() -> None:
    image = torch.rand(3, 8, 8, generator=seeded())
    eight = [torch.rot90(side, turns, dims=(-2, -1)) for side in (image, image.flip(-1)) for turns in range(4)]
    seen = still(flip=True, quarter_turns=True)(image.expand(1600, -1, -1, -1), seeded())
    counts = [sum(torch.equal(view, position) for view in seen) for position in eight]
    assert sum(counts) == 1600
    assert min(counts) > 150


def test_images_that_are_not_square_are_turned_by_halves(images: torch.Tensor) -> None:
    seen = still(quarter_turns=True)(images[:1].expand(200, -1, -1, -1), seeded())
    upside_down = torch.rot90(images[0], 2, dims=(-2, -1))
    same = sum(torch.equal(view, images[0]) for view in seen)
    assert same + sum(torch.equal(view, upside_down) for view in seen) == 200
    assert 70 < same < 130


def test_all_layers_of_a_stack_are_turned_alike() -> None:
    layer = torch.rand(40, 1, 2, 6, 6, generator=seeded())
    stacks = layer.expand(-1, 5, -1, -1, -1)
    seen = RandomAffine(rotation=20, zoom=0.1, shift=0.1, flip=True, quarter_turns=True)(stacks, seeded(3))
    assert not torch.equal(seen, stacks)
    torch.testing.assert_close(seen, seen[:, :1].expand_as(seen))
    exact = still(flip=True, quarter_turns=True)(stacks, seeded(3))
    assert torch.equal(exact, exact[:, :1].expand_as(exact))
    assert not torch.equal(exact[0], exact[1])


def test_channels_are_shifted_each_by_its_own_within_the_range_of_the_image(images: torch.Tensor) -> None:
    shifted = still(channel_shift=0.2)(images, seeded())
    low, high = images.amin(dim=(1, 2, 3), keepdim=True), images.amax(dim=(1, 2, 3), keepdim=True)
    assert (shifted >= low).all()
    assert (shifted <= high).all()
    free = (shifted > low) & (shifted < high)
    difference = torch.where(free, shifted - images, torch.nan).flatten(2)
    shifts = difference.nanmedian(dim=2).values
    torch.testing.assert_close(
        difference.nan_to_num(0), torch.where(free.flatten(2), shifts[..., None], 0.0), atol=1e-5, rtol=0
    )
    assert len(shifts.unique()) == 18
    assert shifts.abs().max() <= 0.2
    assert shifts.min() < -0.05 < 0.05 < shifts.max()
    stack = still(channel_shift=0.2)(images[:, None], seeded())
    torch.testing.assert_close(stack[:, 0], shifted)


def test_pixels_are_multiplied_in_the_end(images: torch.Tensor) -> None:
    torch.testing.assert_close(still(factor=0.5)(images), images / 2)
    assert not still(factor=0.5).is_identity
    assert not still(channel_shift=0.1).is_identity
    moved = RandomAffine(rotation=20)(images, seeded(3))
    torch.testing.assert_close(RandomAffine(rotation=20, factor=2)(images, seeded(3)), 2 * moved)


@pytest.mark.parametrize(
    ("name", "value"), [("channel_shift", -0.1), ("channel_shift", np.inf), ("factor", 0), ("factor", np.nan)]
)
def test_shifts_and_factors_out_of_bounds(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be a number"):
        still(**{name: value})


def test_maps_that_were_drawn_before_are_applied() -> None:
    images = torch.rand(4, 1, 9, 9)
    augment = RandomAffine(20.0, 0.1, 0.1, padding="border", factor=0.5)
    torch.manual_seed(1)
    views = augment(images)
    torch.manual_seed(1)
    maps = augment.draw(4, (9, 9), images.device)
    torch.testing.assert_close(augment(images, maps=maps), views)
    still = RandomAffine(0.0, 0.0, 0.0)
    assert not torch.equal(still(images, maps=maps), images)
    with pytest.raises(ValueError, match="quarter turns"):
        RandomAffine(quarter_turns=True)(images, maps=maps)
