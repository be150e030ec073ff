"""What is their own of the baselines that learn images and groups at once; the contract tests have the rest."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facies.losses import mixture_energy, mixture_moments
from facies.methods import make_method
from facies.methods.dagmm import DAGMMObjective
from facies.methods.mixae import MIXAEObjective
from facies.methods.moe_sim_vae import MoESimVAEObjective
from facies.methods.preprocessing import Preprocessor
from facies.metrics import accuracy
from facies.nn import DAGMMNetwork, MixAENetwork, MLPAutoencoder, MoESimVAENetwork, PixelNormalizer
from facies.nn.estimation_network import Whitening
from facies.training import Batch
from tests.methods.factories import pictures

SMALL = {"n_clusters": 4, "training.batch_size": 40, "hardware.accelerator": "cpu"}
PREPROCESSOR = Preprocessor(PixelNormalizer(likelihood="gaussian"))


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def batch(n: int = 6, progress: float = 1.0) -> Batch:
    return Batch(torch.rand(n, 1, 4, 4), torch.arange(n), progress)


def test_moe_sim_vae_finds_the_kinds_and_draws_them():
    pixels, kinds = pictures(each=40)
    method = make_method("moe-sim-vae", parameters={**SMALL, "latent_size": 10, "training.epochs": 60}).fit(pixels)
    assert accuracy(kinds, method.labels_) > 0.9
    drawn = np.concatenate([method.sample(10, group, random_state=1) for group in range(4)])
    assert (method.predict(drawn) == np.repeat(range(4), 10)).mean() > 0.7


def test_mixae_finds_the_kinds():
    pixels, kinds = pictures(each=40)
    method = make_method("mixae", parameters={**SMALL, "training.epochs": 60}).fit(pixels)
    assert accuracy(kinds, method.labels_) > 0.9


def test_images_are_alike_if_one_is_among_the_nearest_of_the_other():
    layout, reach = np.array([[0.0, 0], [1, 0], [3, 0], [9, 0]], np.float32), np.array([1, 1, 2, 6], np.float32)
    objective = MoESimVAEObjective(PREPROCESSOR, layout, reach, 1.0, 1.0, 1.0)
    alike = objective.similar(Batch(torch.zeros(4, 1, 2, 2), torch.tensor([3, 2, 1, 0])))
    assert alike.int().tolist() == [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 1]]


def test_the_terms_of_moe_sim_vae_have_their_weights():
    network, given = MoESimVAENetwork((1, 4, 4), 3, 2, 8), batch()
    places, reach = np.random.default_rng(0).random((6, 2), np.float32), np.full(6, 0.4, np.float32)
    objective = MoESimVAEObjective(Preprocessor(PixelNormalizer()), places, reach, 0.5, 0.25, 2.0)
    terms = objective(network, given)
    total = terms["reconstruction"] + 0.5 * terms["similarity"] + 0.25 * terms["clustering"] + 2 * terms["variance"]
    assert terms["loss"].item() == pytest.approx(total.item(), rel=1e-6)
    means, logits, drawn = network.eval()(given.images)
    chosen = logits.argmax(dim=1)
    for i in range(6):
        torch.testing.assert_close(drawn[i].flatten(), network.decoders(means)[chosen[i], i])


@pytest.mark.parametrize(("progress", "alpha", "beta"), [(0.0, 0.0, 2.0), (0.5, 0.25, 1.25), (1.0, 0.5, 0.5)])
def test_the_weights_of_mixae_change_along_the_training(progress, alpha, beta):
    given = batch(progress=progress)
    terms = MIXAEObjective(PREPROCESSOR, 0.5, 2.0)(MixAENetwork(16, 3, 2), given)
    total = terms["reconstruction"] + alpha * terms["sample entropy"] + beta * terms["batch entropy"]
    assert terms["loss"].item() == pytest.approx(total.item(), rel=1e-6)


def test_the_errors_of_mixae_are_shares_of_that_of_the_mean_image():
    given, network = batch(n=64), MixAENetwork(16, 3, 2)
    mean = given.images.mean(dim=0)
    network.forward = lambda images: (
        torch.full((64, 3), 1 / 3),
        (images - mean).square().mean(dim=(1, 2, 3))[:, None].expand(-1, 3),
    )
    plain = MIXAEObjective(Preprocessor(PixelNormalizer(likelihood="bernoulli")), 0.1, 1.0)
    assert plain(network, given)["reconstruction"].item() == pytest.approx(1.0, rel=1e-4)


def test_the_errors_of_mixae_are_those_of_each_autoencoder_alone():
    network, images = MixAENetwork(16, 3, 2), batch().images
    probabilities, errors = network(images)
    rows = images.flatten(1)
    for k in range(3):
        again = network.decoders(network.encoders(rows))[k]
        torch.testing.assert_close(errors[:, k], (again - rows).square().mean(dim=1))
    embedding, placed = network.place(images)
    assert embedding.shape == (6, 6)
    torch.testing.assert_close(placed, probabilities)


def test_dagmm_describes_an_image_by_code_and_error_of_which_all_are_uncorrelated():
    network, given = DAGMMNetwork(MLPAutoencoder((1, 4, 4), 3, (8,)), 3, 2), batch(40)
    reconstruction, z, probabilities = network(given.images)
    assert z.shape == (40, 5)
    torch.testing.assert_close(z.mean(dim=0), torch.zeros(5), atol=1e-3, rtol=0)
    torch.testing.assert_close(torch.cov(z.T, correction=0), torch.eye(5), atol=0.02, rtol=0)
    rows, again = given.images.flatten(1), reconstruction.flatten(1)
    error = ((rows - again).norm(dim=1) / rows.norm(dim=1)).detach()
    explained = z[:, :4].detach() @ (z[:, :4].detach().T @ (error - error.mean())) / 40
    torch.testing.assert_close(explained, error - error.mean(), atol=1e-3, rtol=0.02)
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(40))
    terms = DAGMMObjective(PREPROCESSOR, 0.1, 0.005)(network, given)
    total = terms["reconstruction"] + (0.1 * terms["energy"] + 0.005 * terms["covariance"]) / 16
    assert terms["loss"].item() == pytest.approx(total.item(), rel=1e-5)


def test_copies_of_a_number_do_not_make_images_likelier():
    """Of numbers that are only standardised the energy fell as they became one; it must not pay."""
    rows = torch.randn(200, 3)
    copied = torch.cat([rows[:, :2], rows[:, :1] + 0.02 * rows[:, 2:]], dim=1)
    energies = []
    for given in (rows, copied):
        z = Whitening(3)(given)
        energies.append(float(mixture_energy(z, *mixture_moments(z, torch.ones(200, 1))).mean()))
    assert energies[0] == pytest.approx(energies[1], abs=0.1)


def test_whitening_applies_what_it_saw():
    whiten, rows = Whitening(4), torch.randn(300, 4) @ torch.randn(4, 4) + 3
    seen = whiten(rows)
    torch.testing.assert_close(whiten.eval()(rows), seen)
