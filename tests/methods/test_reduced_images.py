"""Methods whose networks look at larger images in small: what they learn from, what they place, and what they keep."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facies.errors import InputError
from facies.methods import load_method, make_method
from facies.methods.downsample import downsample
from facies.methods.reduced_images import ReducedImages
from facies.methods.registry import METHODS, method_class
from tests.methods.test_contract import images, small

# Fits so short collapse, and say so.
pytestmark = pytest.mark.filterwarnings("ignore::facies.errors.FaciesWarning")
REDUCING = [name for name in METHODS if issubclass(method_class(name), ReducedImages)]


@pytest.fixture(scope="module")
def large() -> np.ndarray:
    """Images of 24 × 32 pixels, in bytes."""
    shown = images()[:40]
    wide = np.repeat(np.repeat(shown, 2, axis=1), 2, axis=2)[:, 4:28]
    return (255 * (wide - wide.min()) / np.ptp(wide)).astype(np.uint8)


@pytest.mark.parametrize("name", REDUCING)
def test_it_learns_and_places_as_it_does_with_images_that_are_small(name, large, tmp_path):
    """A fit to large images is that of the reduced ones, to the last number, and so are the groups of new images."""
    stacks = torch.from_numpy(large.astype(np.float32))[:, None]
    reduced = downsample(stacks, (12, 16), whole_numbers=True).numpy()[:, 0].astype(np.uint8)
    method, other = small(name, image_size=16).fit(large), small(name, image_size=None).fit(reduced)
    assert method.shown_size == (12, 16)
    assert "the images of 24×32 pixels were reduced to 12×16 (image_size)" in method.notes_
    assert not any("reduced to" in note for note in other.notes_)
    np.testing.assert_array_equal(method.labels_, other.labels_)
    np.testing.assert_allclose(method.transform(large[:8]), other.transform(reduced[:8]), atol=1e-5)
    method.save(tmp_path / "model")
    again = load_method(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(large), method.predict(large))


@pytest.mark.parametrize("name", ["vade", "moe-sim-vae", "moe-vae"])
def test_what_is_drawn_in_small_is_enlarged(name, large):
    method = small(name, image_size=16).fit(large)
    drawn = method.sample(3, 0, random_state=1)
    assert drawn.shape == (3, 1, 24, 32)
    reduced = downsample(torch.from_numpy(large.astype(np.float32))[:, None], (12, 16), whole_numbers=True)
    as_small = small(name, image_size=None).fit(reduced.numpy()[:, 0].astype(np.uint8)).sample(3, 0, random_state=1)
    halved = downsample(torch.from_numpy(drawn), (12, 16), whole_numbers=False).numpy()
    assert np.abs(halved - as_small).mean() < 0.1 * np.ptp(as_small)


def test_moe_vae_reconstructs_and_walks_at_the_size_of_the_images(large):
    method = small("moe-vae", image_size=16).fit(large)
    assert method.reconstruct(large[:5]).shape == (5, 1, 24, 32)
    assert method.latent_walk(0, steps=4).shape == (4, 1, 24, 32)
    white, drawn = method.white_image()
    assert white.shape == (1, 24, 32)
    assert drawn.shape == (method.n_clusters_, 1, 24, 32)
    assert method.canonical(large[:5]).shape == (5, 1, 24, 32)
    assert method.reconstruction_errors(large[:5]).shape == (5, method.n_clusters_)


def test_moe_vae_reduces_focal_stacks_too(large):
    stacks = np.stack([large, 255 - large], axis=1)[:, :, None]  # (N, L, C, H, W)
    method = small("moe-vae", image_size=16).fit(stacks)
    np.testing.assert_array_equal(method.predict(stacks), method.labels_)
    assert method.reconstruct(stacks[:3]).shape == method.sample(3, 0).shape == (3, 2, 1, 24, 32)


def test_a_pretrained_encoder_sees_whole_images(large):
    pretrained = {"encoder.name": "efficientnet-lite0"}
    assert make_method("moe-vae", "quick", pretrained).longer_side is None
    with pytest.raises(InputError, match="looks at the images as they are: leave out image_size"):
        make_method("moe-vae", "quick", {**pretrained, "image_size": 16}).fit(large)
