"""What is their own of the baselines that cluster in the code of an autoencoder; the contract tests have the rest."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from facies.images import open_images
from facies.losses import kl_to_gaussian_mixture
from facies.methods import make_method
from facies.methods.autoencoder_clustering import ClusteringNetwork, variance_around
from facies.methods.clustering_networks import (
    DAMICNetwork,
    DEPICTNetwork,
    SoftmaxNetwork,
    SubspaceNetwork,
    VaDENetwork,
)
from facies.methods.conflict_targets import ConflictTargets
from facies.methods.damic import ExpertObjective
from facies.methods.depict import DEPICTObjective
from facies.methods.dynae import DynAEObjective
from facies.methods.edesc import singular_vectors
from facies.methods.idcec import representative_rows
from facies.methods.interpolation import InterpolationNetwork, InterpolationObjective
from facies.methods.preprocessing import Preprocessor
from facies.methods.target_distribution import TargetDistribution
from facies.metrics import accuracy
from facies.nn import MLPAutoencoder, PixelNormalizer, StridedAutoencoder
from facies.training import Batch
from tests.methods.factories import pictures

SMALL = {
    "n_clusters": 4,
    "latent_size": 4,
    "filters": 6,
    "n_init": 5,
    "pretraining.epochs": 20,
    "pretraining.batch_size": 40,
    "training.epochs": 8,
    "training.batch_size": 40,
    "hardware.accelerator": "cpu",
}
CONV = {"network": "conv"}
STRIDED = {
    "filters": 12,
    "latent_size": 10,
    "pretraining.epochs": 40,
    "pretraining.batch_size": 20,
    "pretraining.learning_rate": 2e-3,
}
OWN = {
    "convdec-da": {**STRIDED, "augmentation.enabled": False},
    "damic": {**CONV, "experts.epochs": 10, "experts.batch_size": 40},
    "depict": {"pretraining.epochs": 60},
    "dynae": {**CONV, "augmentation.enabled": False},
    "edesc": {**CONV, "latent_size": 8, "subspace_size": 2},
    "idcec": {**STRIDED, "selection.filters": 4, "selection.training.epochs": 20, "selection.training.batch_size": 10},
    "vade": CONV,
}
PREPROCESSOR = Preprocessor(PixelNormalizer(likelihood="gaussian"))


@pytest.mark.parametrize("name", OWN)
def test_kinds_are_found_also_in_images_never_seen(name):
    pixels, kinds = pictures(each=40)
    method = make_method(name, parameters={**SMALL, **OWN[name]}).fit(pixels)
    assert accuracy(kinds, method.labels_) > 0.9
    new, new_kinds = pictures(each=10, seed=1)
    assert accuracy(new_kinds, method.predict(new)) > 0.85
    if name == "vade":  # what is drawn of a group is placed in it
        drawn = np.concatenate([method.sample(20, group, random_state=1) for group in range(4)])
        assert (method.predict(drawn) == np.repeat(range(4), 20)).mean() > 0.9
    if name == "idcec":
        rounds = [note for note in method.notes_ if note.startswith("round ")]
        assert rounds[0].startswith("round 1: 80 sure images taught the classifier, which moved ")
        assert rounds[-1].endswith(" moved 0.0%")
        assert len(rounds) < method.selection.rounds


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def batch(n: int = 6) -> Batch:
    return Batch(torch.rand(n, 1, 4, 4), torch.arange(n))


def small_autoencoder(**options) -> MLPAutoencoder:
    return MLPAutoencoder((1, 4, 4), 3, hidden_sizes=(8,), **options)


def test_vade_begins_with_little_noise_and_its_divergence_is_that_of_the_drawn_code():
    network = VaDENetwork(small_autoencoder(deterministic=False), 4, 3)
    torch.nn.init.normal_(network.centres)
    network.log_noise.fill_(-30.0)
    images = batch().images
    reconstruction, divergence = network(images)
    mean, log_variance = network.autoencoder.encode(images)
    torch.testing.assert_close(reconstruction, network.autoencoder.decode(mean), atol=1e-4, rtol=1e-3)
    expected = kl_to_gaussian_mixture(mean, log_variance - 30, network.assign(mean), *network.mixture())
    torch.testing.assert_close(divergence, expected, atol=1e-3, rtol=1e-3)


def test_a_pretrained_variational_autoencoder_decodes_its_mean_and_still_has_a_variance():
    autoencoder = small_autoencoder(deterministic=False)
    autoencoder.deterministic = True
    out = autoencoder.train()(batch().images)
    assert torch.equal(out.code, out.mean)
    assert out.log_variance.abs().max() > 0


def test_a_softmax_begins_as_the_posterior_of_equal_spherical_gaussians():
    codes, centres = torch.randn(20, 3), torch.randn(4, 3)
    variance = variance_around(centres.numpy(), codes.numpy())
    squares = torch.cdist(codes, centres).square()
    assert variance == pytest.approx(float(squares.amin(dim=1).mean()) / 3, rel=1e-5)
    network = SoftmaxNetwork(small_autoencoder(), 4, 3)
    network.begin_at(centres, variance)
    torch.testing.assert_close(network.assign(codes), (-squares / (2 * variance)).softmax(dim=1))


def test_depict_gives_noise_to_one_encoder_alone_and_rebuilds_every_layer_of_the_other():
    network = DEPICTNetwork(StridedAutoencoder((1, 8, 8), 3, (4, 4), (4, 5)), 2, 3)
    torch.nn.init.normal_(network.centres)
    images = torch.rand(5, 1, 8, 8)
    network.dropout = 0.0
    logits, errors = network(images)
    torch.testing.assert_close(logits, network.logits(network.encode(images)))
    there, layers = images, [images]
    for layer in network.autoencoder.encoder:
        there = layer(there)
        layers.append(there)
    there = there.tanh()
    torch.testing.assert_close(network.encode(images), there)
    for layer, expected, error in zip(network.autoencoder.decoder, layers[-2::-1], errors, strict=True):
        there = layer(there)
        assert error.item() == pytest.approx((there - expected).square().mean().item(), rel=1e-5)
    network.dropout = 0.5
    assert not torch.allclose(network(images)[0], logits)
    torch.testing.assert_close(network.eval()(images)[0], logits)
    network.dropout = 0.0
    alone = DEPICTObjective(PREPROCESSOR, None, 2.0, 0.1)(network, Batch(images, torch.arange(5)))
    assert alone["layers"].item() == pytest.approx(
        errors[-1].item() + 0.1 * errors[0].item() + 0.1 * errors[1].item(), rel=1e-4
    )
    assert alone["loss"].item() == pytest.approx(2 * alone["layers"].item())


def test_the_balanced_target_of_depict_is_less_sure_than_the_squared_one():
    targets = {}
    images = open_images(np.arange(48, dtype=np.float32).reshape(3, 4, 4))
    for target in ("squared", "balanced"):
        method = make_method("depict", parameters={"target": target})
        shares = torch.tensor([[0.7, 0.3], [0.6, 0.4], [0.2, 0.8]])
        fit = SimpleNamespace(images=images, downsampled=lambda size: images)
        (callback,) = method.callbacks(fit, PREPROCESSOR)
        targets[target] = callback.sharpen(shares)
    assert targets["squared"][0, 0] > targets["balanced"][0, 0]


def test_a_subspace_network_scales_codes_and_places_a_vector_of_a_basis_in_its_group():
    network = SubspaceNetwork(small_autoencoder(), 3, 3, 1, smoothing=1.0)
    network.bases.data.copy_(torch.eye(3)[:, :, None])
    short = network.assign(torch.eye(3))
    assert (short.argmax(dim=1) == torch.arange(3)).all()
    network.scale.fill_(10.0)
    assert (network.assign(torch.eye(3)).diagonal() > short.diagonal()).all()
    target = TargetDistribution(open_images(batch().images.numpy()), PREPROCESSOR, None, 1, 0.0)
    target.on_fit_start(network)
    assert target.target.shape == (6, 3)


def test_singular_vectors_span_the_rows_and_the_rest_is_0():
    rows = np.outer([1.0, 2.0, -1.0, 3.0], [3.0, 4.0, 0.0]).astype(np.float32)
    found = singular_vectors(rows, 5)
    assert found.shape == (3, 5)
    np.testing.assert_allclose(np.abs(found[:, 0]), [0.6, 0.8, 0.0], atol=1e-6)
    np.testing.assert_array_equal(found[:, 3:], 0)


def test_each_expert_of_damic_learns_from_the_images_of_its_group_alone():
    network = DAMICNetwork(small_autoencoder(), 3, 3, 16, 2)
    given = batch(4)
    terms = ExpertObjective(PREPROCESSOR, torch.tensor([2, 0, 2, 2]))(network, given)
    errors = network.errors(given.images)
    own = errors[torch.arange(4), torch.tensor([2, 0, 2, 2])]
    torch.testing.assert_close(network(given.images, torch.tensor([2, 0, 2, 2])), own)
    expected = own.sum() / 4 / 16
    assert terms["loss"].item() == pytest.approx(expected.item(), rel=1e-5)
    terms["loss"].backward()
    for weight in network.experts.parameters():
        assert weight.grad[1].abs().max() == 0 < weight.grad[0].abs().max()


def test_interpolation_teaches_the_critic_and_the_autoencoder_each_by_its_own_terms():
    network = InterpolationNetwork(small_autoencoder(), small_autoencoder().encoder)
    terms = InterpolationObjective(PREPROCESSOR, 0.5)(network, batch())
    critic, autoencoder = list(network.critic.parameters()), list(network.autoencoder.parameters())
    silent = torch.autograd.grad(terms["deceived"], critic, retain_graph=True, allow_unused=True)
    assert all(gradient is None for gradient in silent)
    none = torch.autograd.grad(terms["critic"], autoencoder, retain_graph=True, allow_unused=True)
    assert all(gradient is None for gradient in none)
    learns = torch.autograd.grad(terms["deceived"], autoencoder, retain_graph=True)
    assert all(gradient.abs().max() > 0 for gradient in learns)
    total = terms["reconstruction"] + 0.5 * terms["deceived"] + terms["critic"]
    assert terms["loss"].item() == pytest.approx(total.item(), rel=1e-6)


@pytest.fixture
def conflict():
    """A network whose code is known, three centres, and the targets of nine images."""
    network = ClusteringNetwork(small_autoencoder(), 3, 3)
    places = torch.tensor([[0.0, 0, 0], [9, 0, 0], [0, 9, 0]]).repeat(3, 1)
    places[7] = torch.tensor([4.5, 0.0, 0.0])  # between two
    images = torch.arange(9.0)[:, None, None, None].expand(9, 1, 4, 4).contiguous()
    network.encode = lambda x: places[(x[:, 0, 0, 0] * 8).round().long()]
    network.centres.requires_grad_(False).copy_(places[:3])
    preprocessor = Preprocessor(PixelNormalizer(0.0, 8.0, likelihood="gaussian"))
    targets = ConflictTargets(open_images(images.numpy()), preprocessor, 2.0, 1, 0.2, seed=0)
    return network, targets, Batch(images, torch.arange(9))


def sure_groups(network, targets):
    images = torch.arange(9.0)[:, None, None, None].expand(9, 1, 4, 4) / 8
    return targets.sure_groups(network.encode(images), network.centres).tolist()


def test_images_between_groups_are_unsure_until_the_thresholds_fall(conflict):
    network, targets, given = conflict
    assert targets.thresholds(3) == pytest.approx((2 / 3, 1 / 3))
    network.centres.add_(0.5)
    targets.on_fit_start(network)
    assert network.centres.tolist() == [[0, 0, 0], [9, 0, 0], [0, 9, 0]]  # the nearest codes that there are
    assert sure_groups(network, targets) == [0, 1, 2, 0, 1, 2, 0, -1, 2]
    assert targets.n_unsure == 1
    assert targets.on_epoch_end(network, 1, {})  # one of nine is less than a fifth
    torch.testing.assert_close(targets.pictures, network.autoencoder.decode(network.centres))
    centres = network.centres.clone()
    targets.on_step_end(network, given)  # as many are unsure as before
    assert targets.thresholds(3) == pytest.approx((2 / 3 - 0.2, 1 / 3 - 0.2))
    assert sorted(map(tuple, network.centres.tolist())) == sorted(map(tuple, centres.tolist()))
    other = ConflictTargets(targets.images, targets.preprocessor, 2.0, 1, 0.2, seed=0)
    other.load_state_dict(targets.state_dict())
    assert (other.falls, other.n_unsure, other.steps) == (1, 1, 1)
    assert torch.equal(other.pictures, targets.pictures)
    # Both shares of the image between two centres are then above the least, and no margin is asked.
    for _ in range(2):
        targets.on_step_end(network, given)
    assert -1 not in sure_groups(network, targets)


def test_the_sure_are_to_become_their_centre_and_the_others_themselves(conflict):
    network, targets, given = conflict
    targets.on_fit_start(network)
    groups = sure_groups(network, targets)
    views = given.images.flip(0)

    @dataclass
    class Shifted(Preprocessor):
        def __call__(self, pixels):
            assert self.target == "image"
            return self.transform(views), self.transform(pixels)

    shifted = Shifted(targets.preprocessor.normalizer, target="image")
    terms = DynAEObjective(shifted, targets, 10.0)(network, given)
    images, codes = shifted.transform(given.images), network.encode(shifted.transform(given.images))
    moved = network.encode(shifted.transform(views))
    drawn = network.autoencoder.decode(moved)
    image = code = 0.0
    for i, group in enumerate(groups):
        goal = images[i] if group < 0 else targets.pictures[group]
        image += (drawn[i] - goal).square().mean().item() / 9
        code += (moved[i] - (codes[i] if group < 0 else network.centres[group])).square().mean().item() / 9
    assert code > 1
    assert terms["distance"].item() == pytest.approx(code, rel=1e-4)
    assert terms["loss"].item() == pytest.approx(code + 10 * image, rel=1e-4)
    assert terms["sure"].item() == pytest.approx(8 / 9)


def test_of_each_group_those_most_like_the_one_nearest_to_its_centre_are_selected_and_at_least_one():
    directions = np.radians([0.0, 10.0, 40.0, 80.0, 90.0])
    features = np.stack([np.cos(directions), np.sin(directions)], axis=1).astype(np.float32) * 3
    labels, centres = np.array([0, 0, 0, 1, 1]), np.array([[2.9, 0.6], [0.1, 2.9]], np.float32)
    assert representative_rows(features, labels, centres, 0.7).tolist() == [0, 1, 4]
    assert representative_rows(features, labels, centres, 0.0).tolist() == [1, 4]
