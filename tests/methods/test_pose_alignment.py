"""Setting images upright: the loss, what is learnt of turned pictures, and the methods that look at them upright."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facies.errors import InputError
from facies.images import RandomAffine, as_image_set
from facies.methods import load_method
from facies.methods.pose_alignment import PoseObjective, align_pose, build_pose
from facies.methods.preprocessing import learn_normalizer
from facies.nn import resample
from facies.nn.pose import PoseAutoencoder, compose_affine
from facies.training import Batch, Trainer
from tests.methods.factories import pictures, tiny

ALIGNED = {"align": True, "alignment.epochs": 2}


def turned(pixels, seed, degrees=40.0):
    """Pictures turned at random, and by how much (radians)."""
    images = torch.from_numpy(pixels).float()[:, None]
    maps = RandomAffine(degrees, 0.0, 0.0).draw(
        len(images), images.shape[-2:], images.device, torch.Generator().manual_seed(seed)
    )
    return resample(images, maps).round().numpy().astype(np.uint8)[:, 0], torch.atan2(maps[:, 1, 0], maps[:, 0, 0])


@pytest.fixture(scope="module")
def flags():
    """One kind of picture that has one way up: a bar with a foot."""
    rng = np.random.default_rng(0)
    drawn = np.zeros((600, 20, 20), np.uint8)
    for picture in drawn:
        top, wide = rng.integers(2, 5), rng.integers(5, 8)
        picture[top:16, 8:11] = 220
        picture[13:16, 8 : 8 + wide] = 220
    return drawn


@pytest.fixture(scope="module")
def aligned(drawn):
    return tiny(**ALIGNED).fit(turned(drawn[0], 1)[0])


def test_the_loss_against_its_terms_one_by_one():
    images = as_image_set(turned(pictures(4)[0], 0)[0])
    normalizer = learn_normalizer(images)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = PoseAutoencoder(build_pose(images.image_shape, 60.0), 1, (16, 16)).eval()
        torch.nn.init.normal_(network.pose.localisation.last.weight, std=0.3)
        pixels = images.__getitems__(np.arange(len(images)))
        augment = RandomAffine(20, 0.1, 0.1)
        torch.manual_seed(5)
        terms = PoseObjective(normalizer, augment)(network, Batch(pixels, torch.arange(len(pixels))))
        torch.manual_seed(5)
        maps = augment.draw(len(pixels), (16, 16), pixels.device)
    scaled = normalizer(pixels)
    out = network(scaled, resample(scaled, maps))
    consistency, kl = 0.0, 0.0
    for view, drawn, theta, view_theta, mean, log_variance in zip(
        maps, out.reconstruction, out.theta, out.view_theta, out.mean, out.log_variance, strict=True
    ):
        del drawn
        three = [torch.cat([m, torch.tensor([[0.0, 0.0, 1.0]])]) for m in (view, view_theta)]
        consistency += ((three[0] @ three[1])[:2] - theta).square().sum() / len(pixels)
        kl += 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).sum() / len(pixels) / 256
    torch.testing.assert_close(terms["consistency"], consistency)
    torch.testing.assert_close(terms["kl"], kl)
    off = (out.theta.mean(dim=0) - torch.eye(2, 3)).square().sum()
    torch.testing.assert_close(terms["loss"], terms["reconstruction"] + kl + 0.1 * consistency + off)


def test_the_consistency_of_a_true_pose_is_zero():
    drawn = RandomAffine(30, 0.1, 0.1)
    maps, theta = drawn.draw(9, (16, 16), torch.device("cpu")), drawn.draw(9, (16, 16), torch.device("cpu"))
    whole = torch.cat([maps, torch.tensor([0.0, 0.0, 1.0]).expand(9, 1, 3)], dim=1)
    three = torch.cat([theta, torch.tensor([0.0, 0.0, 1.0]).expand(9, 1, 3)], dim=1)
    of_view = torch.linalg.solve(whole, three)[:, :2]
    torch.testing.assert_close(compose_affine(maps, of_view), theta, rtol=0, atol=1e-5)


def test_turned_flags_are_set_alike(flags):
    learnt_from, _ = turned(flags[:400], 3)
    images = as_image_set(learnt_from)
    normalizer = learn_normalizer(images)
    found = align_pose(Trainer(0), images, normalizer, rotation=60.0, epochs=40)
    pose = build_pose(images.image_shape, 60.0)
    pose.load_state_dict(found["pose"])
    others, angles = turned(flags[400:], 4)  # other flags, other turns
    scaled = normalizer(torch.from_numpy(others).float()[:, None])
    with torch.no_grad():
        theta = pose.theta(scaled)
        upright = resample(scaled, theta)
    predicted = torch.atan2(theta[:, 1, 0], theta[:, 0, 0])
    assert np.corrcoef(predicted, angles)[0, 1] < -0.95
    assert (predicted + angles).std() < 0.35 * angles.std()
    assert upright.var(dim=0).mean() < 0.5 * scaled.var(dim=0).mean()


def test_a_method_has_canonical_images_in_native_units(aligned, drawn):
    images = turned(drawn[0], 1)[0][:30]
    upright = aligned.canonical(images)
    assert upright.shape == (30, 1, 16, 16)
    assert upright.dtype == np.float32
    assert images.min() - 1e-3 <= upright.min() < upright.max() <= images.max() + 1e-3
    assert np.abs(upright[:, 0] - images).mean() > 1
    alone = np.concatenate([aligned.canonical(image[None]) for image in images])
    np.testing.assert_allclose(alone, upright, atol=1e-3)


def test_what_it_says_and_draws(aligned, drawn):
    images = turned(drawn[0], 1)[0]
    assert (aligned.predict(images) == aligned.labels_).all()
    assert aligned.history_["stage"].unique()[0] == "align"
    drawn_again = aligned.reconstruct(images[:20])
    assert drawn_again.shape == (20, 1, 16, 16)
    assert aligned.predict_by_reconstruction(images[:20]).max() < aligned.n_clusters_
    assert aligned.sample(3, cluster=0).shape == (3, 1, 16, 16)


def test_saved_and_loaded_it_sets_images_the_same(aligned, drawn, tmp_path):
    aligned.save(tmp_path)
    loaded = load_method(tmp_path)
    images = turned(drawn[0], 9)[0][:40]
    assert loaded.has_canonical_pose
    np.testing.assert_array_equal(loaded.canonical(images), aligned.canonical(images))
    np.testing.assert_array_equal(loaded.predict_proba(images), aligned.predict_proba(images))


def test_most_methods_set_nothing_upright(fitted, pixels):
    assert not fitted.has_canonical_pose
    with pytest.raises(InputError, match="moe-vae as it was fitted sets no images upright"):
        fitted.canonical(pixels[:3])


@pytest.mark.parametrize(("rotation", "message"), [(-1.0, "alignment.rotation=-1"), (200.0, "alignment.rotation=200")])
def test_turns_that_make_no_sense_are_refused(pixels, rotation, message):
    with pytest.raises(InputError, match=message):
        tiny(**ALIGNED, **{"alignment.rotation": rotation}).fit(pixels)


def test_images_that_are_too_small_are_refused():
    with pytest.raises(InputError, match="align needs images of 4 × 4 pixels or more, and these are 3 × 9"):
        tiny(**ALIGNED).fit(np.random.default_rng(0).integers(0, 255, (60, 3, 9), np.uint8))


def test_colour_and_focal_stacks_are_set_alike():
    rng = np.random.default_rng(0)
    stacks = rng.integers(0, 255, (60, 2, 3, 12, 12), np.uint8)
    model = tiny(**ALIGNED).fit(stacks)
    assert model.canonical(stacks[:4]).shape == (4, 2, 3, 12, 12)
    twins = np.repeat(stacks[:4, :1], 2, axis=1)  # both layers alike, and so they stay
    upright = model.canonical(twins)
    np.testing.assert_array_equal(upright[:, 0], upright[:, 1])
