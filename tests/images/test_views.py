"""Views: each change alone, what is off changes nothing, the seed, focal stacks, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facies.images import RandomAffine, RandomViews

CHANGES = {"brightness": 0.2, "contrast": 0.5, "blur": 0.1, "noise": 0.1, "hue": 90.0}


def seeded(number=0):
    return torch.Generator().manual_seed(number)


def pictures(n=4, channels=3, side=12, seed=0):
    return 50 + 100 * torch.rand(n, channels, side, side, generator=seeded(seed))


def views(**changes):
    return RandomViews(low=0.0, span=200.0, **changes)


def test_nothing_asked_for_changes_nothing():
    images = pictures()
    assert views()(images, seeded()) is images


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_alone_keeps_shape_and_range_and_follows_the_seed(name):
    images, change = pictures(), views(**{name: CHANGES[name]})
    once, again, other = change(images, seeded()), change(images, seeded()), change(images, seeded(1))
    assert once.shape == images.shape
    assert not torch.equal(once, images)
    torch.testing.assert_close(once, again)
    assert not torch.equal(once, other)
    assert once.min() >= 0
    assert once.max() <= 200


def test_brightness_moves_all_pixels_of_an_image_alike_and_by_no_more_than_asked():
    images = pictures()
    moved = (views(brightness=0.2)(images, seeded()) - images).flatten(1)
    torch.testing.assert_close(moved, moved[:, :1].expand_as(moved), atol=1e-3, rtol=0)
    assert moved.abs().max() <= 0.2 * 200 + 1e-3
    assert len(moved[:, 0].round(decimals=2).unique()) == len(images)


def test_contrast_keeps_the_mean_and_turns_the_spread_by_a_factor_in_range():
    images = pictures(n=16)
    changed = views(contrast=0.3)(images, seeded())
    torch.testing.assert_close(changed.flatten(1).mean(dim=1), images.flatten(1).mean(dim=1), atol=0.5, rtol=0)
    factor = changed.flatten(1).std(dim=1) / images.flatten(1).std(dim=1)
    assert (factor.log().abs() <= 0.31).all()
    assert factor.min() < 1 < factor.max()


def test_blur_smooths_some_images_and_leaves_others():
    images = pictures(n=32)
    blurred = views(blur=0.15)(images, seeded())
    spread = blurred.flatten(1).std(dim=1) / images.flatten(1).std(dim=1)
    assert (spread < 0.7).any()
    assert torch.isclose(spread, torch.ones(()), atol=1e-4).any()
    torch.testing.assert_close(blurred.mean(), images.mean(), atol=1.0, rtol=0)


def test_a_blurred_point_is_a_gaussian():
    point = torch.zeros(1, 1, 21, 21)
    point[..., 10, 10] = 100.0
    for seed in range(9):
        spread = RandomViews(blur=0.1, span=100.0)(point, seeded(seed))[0, 0]
        if spread[10, 10] < 50:
            break
    deviation = float(-1 / (2 * torch.log(spread[10, 11] / spread[10, 10]))) ** 0.5
    expected = np.exp(-(((np.arange(21) - 10)[:, None] ** 2 + (np.arange(21) - 10) ** 2) / (2 * deviation**2)))
    np.testing.assert_allclose(spread.numpy(), 100 * expected / expected.sum(), atol=1e-2)


def test_hue_keeps_luminance_and_grey():
    weights = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
    images = 90 + 20 * torch.rand(4, 3, 6, 6, generator=seeded())  # far from the ends of the range: nothing is clipped
    turned = views(hue=180.0)(images, seeded())
    torch.testing.assert_close((turned * weights).sum(dim=1), (images * weights).sum(dim=1), atol=1e-3, rtol=0)
    grey = images[:, :1].expand(-1, 3, -1, -1)
    torch.testing.assert_close(views(hue=180.0)(grey, seeded()), grey, atol=1e-3, rtol=0)


def test_hue_of_other_than_three_channels_is_refused():
    with pytest.raises(ValueError, match="three channels, and the images have 1"):
        views(hue=30.0)(pictures(channels=1), seeded())


def test_layers_of_a_stack_are_changed_alike_but_for_noise():
    stack = pictures()[:, None].expand(-1, 2, -1, -1, -1).contiguous()
    affine = RandomAffine(180.0, 0.2, 0.1, flip=True, isotropic=True)
    changed = views(affine=affine, brightness=0.1, contrast=0.3, blur=0.1, hue=30.0)(stack, seeded())
    assert changed.shape == stack.shape
    torch.testing.assert_close(changed[:, 0], changed[:, 1])
    noisy = views(noise=0.1)(stack, seeded())
    assert not torch.equal(noisy[:, 0], noisy[:, 1])


@pytest.mark.parametrize("changes", [{"noise": -0.1}, {"blur": float("nan")}, {"span": 0.0}])
def test_numbers_that_make_no_sense_are_refused(changes):
    with pytest.raises(ValueError, match="must be a number"):
        RandomViews(**changes)


def test_an_isotropic_zoom_keeps_proportions_and_draws_no_other_numbers():
    common = {"rotation": 0.0, "zoom": 0.5, "shift": 0.1}
    apart = RandomAffine(**common).draw(8, (10, 10), torch.device("cpu"), seeded())
    alike = RandomAffine(**common, isotropic=True).draw(8, (10, 10), torch.device("cpu"), seeded())
    torch.testing.assert_close(alike[:, 0, 0], apart[:, 0, 0])
    torch.testing.assert_close(alike[:, 1, 1], alike[:, 0, 0])
    assert not torch.allclose(apart[:, 1, 1], apart[:, 0, 0])
