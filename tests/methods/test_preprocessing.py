"""The scale of the pixels, the likelihood, and what a network is given of a batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facies.images import RandomAffine, open_images
from facies.methods.preprocessing import (
    Preprocessor,
    as_channels,
    channels_shape,
    learn_normalizer,
    normalizer_outputs,
)
from facies.nn import PixelNormalizer
from facies.nn.pose import PoseTransformer

PIXELS = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def test_likelihood_follows_the_histogram():
    rng = np.random.default_rng(0)
    strokes = np.where(rng.random((40, 8, 8)) < 0.3, 255, 0).astype(np.uint8)
    greys = rng.integers(0, 256, (40, 8, 8), dtype=np.uint8)
    assert learn_normalizer(open_images(strokes)).likelihood == "bernoulli"
    assert learn_normalizer(open_images(greys)).likelihood == "gaussian"
    assert learn_normalizer(open_images(greys), "bernoulli").likelihood == "bernoulli"
    assert learn_normalizer(open_images(strokes), "gaussian").likelihood == "gaussian"


@pytest.mark.parametrize(("share", "likelihood"), [(0.79, "gaussian"), (0.81, "bernoulli")])
def test_the_line_is_drawn_at_four_fifths(share, likelihood):
    pixels = np.full((100, 10, 10), 128, dtype=np.uint8)
    flat = pixels.reshape(-1)
    flat[: int(share * flat.size)] = 255
    flat[:10] = 0
    assert learn_normalizer(open_images(pixels)).likelihood == likelihood


def test_scale_is_that_of_the_pixels():
    pixels = np.random.default_rng(0).normal(50, 20, (30, 8, 8)).astype(np.float32)
    normalizer = learn_normalizer(open_images(pixels))
    scaled = (pixels - pixels.min()) / np.ptp(pixels)
    assert float(normalizer.low) == pytest.approx(pixels.min())
    assert float(normalizer.span) == pytest.approx(np.ptp(pixels))
    assert float(normalizer.mean) == pytest.approx(scaled.mean(), rel=1e-5)
    assert float(normalizer.std) == pytest.approx(scaled.std(), rel=1e-4)


def test_focal_layers_become_channels():
    stacks = torch.rand(2, 3, 4, 5, 6)
    planes = as_channels(stacks)
    assert planes.shape == (2, 12, 5, 6)
    assert torch.equal(planes[1, 2 * 4 + 3], stacks[1, 2, 3])
    assert torch.equal(as_channels(planes), planes)
    assert channels_shape((3, 4, 5, 6)) == (12, 5, 6)
    assert channels_shape((4, 5, 6)) == (4, 5, 6)


def test_network_and_loss_are_given_the_same_without_views():
    images, target = Preprocessor(PixelNormalizer(0.0, 2.0))(PIXELS)
    assert torch.equal(images, PIXELS / 2)
    assert torch.equal(target, images)


def test_the_target_of_a_view_is_itself_or_the_image():
    normalizer = PixelNormalizer(0.0, 2.0)
    view, same = Preprocessor(normalizer, RandomAffine())(PIXELS)
    assert torch.equal(view, same)
    assert not torch.equal(view, PIXELS / 2)
    view, image = Preprocessor(normalizer, RandomAffine(), "image")(PIXELS)
    assert torch.equal(image, PIXELS / 2)
    assert not torch.equal(view, image)


def test_images_themselves_are_never_views():
    preprocessor = Preprocessor(PixelNormalizer(0.0, 2.0), RandomAffine())
    assert torch.equal(preprocessor.transform(PIXELS), PIXELS / 2)


def test_larger_images_are_reduced_first_and_layers_become_channels():
    normalizer = PixelNormalizer(0.0, 255.0, 0.3, 1.0, "gaussian")
    stacks = torch.randint(0, 256, (4, 2, 1, 8, 8)).float()
    small = Preprocessor(normalizer, size=(4, 4), whole_numbers=True).transform(stacks)
    blocks = stacks[:, :, 0].reshape(4, 2, 4, 2, 4, 2).mean(dim=(3, 5)).round()
    torch.testing.assert_close(small, blocks / 255 - 0.3)


def test_a_pose_sets_image_and_view_upright():
    pose = PoseTransformer(1, (8, 8))
    with torch.no_grad():
        pose.localisation.last.bias.copy_(torch.tensor([0.6, 0.0, 0.0, 0.0]))
    pose.requires_grad_(False)
    preprocessor = Preprocessor(PixelNormalizer(), RandomAffine(factor=0.5), "image", pose)
    view, image = preprocessor(PIXELS)
    torch.testing.assert_close(image, pose(PIXELS))
    torch.testing.assert_close(preprocessor.transform(PIXELS), pose(PIXELS))
    assert (image - PIXELS).abs().max() > 0.1
    assert view.max() <= 0.5 < image.max()


def test_a_normalizer_as_the_outputs_of_a_stage():
    normalizer = PixelNormalizer(3.0, 9.0, 0.3, 0.1, "gaussian")
    outputs = normalizer_outputs(normalizer)
    assert outputs["likelihood"] == "gaussian"
    again = PixelNormalizer(likelihood="gaussian")
    again.load_state_dict(outputs["intensity"])
    assert torch.equal(again(PIXELS), normalizer(PIXELS))
