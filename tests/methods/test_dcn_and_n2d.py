"""`dcn`: its loss, and centres that are the mean of what they have had. `n2d`: groups in a layout of a code."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facies.errors import InputError
from facies.images import open_images
from facies.methods import make_method
from facies.methods.autoencoder_clustering import ClusteringNetwork
from facies.methods.dcn import DCNObjective, FollowingCentres
from facies.methods.preprocessing import Preprocessor
from facies.metrics import accuracy
from facies.nn import MLPAutoencoder, PixelNormalizer
from facies.training import Batch
from tests.methods.factories import pictures


@pytest.fixture
def network() -> ClusteringNetwork:
    torch.manual_seed(0)
    made = ClusteringNetwork(MLPAutoencoder((1, 4, 4), 2, hidden_sizes=(8,)), 3, 2)
    made.centres.requires_grad_(False).copy_(torch.tensor([[0.0, 0.0], [0.4, -0.2], [-0.3, 0.3]]))
    return made


def batch(seed: int = 1) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    return Batch(torch.rand(6, 1, 4, 4, generator=generator), torch.arange(6))


def test_the_loss_is_that_of_the_paper_and_moves_no_centre(network):
    given, preprocessor = batch(), Preprocessor(PixelNormalizer(likelihood="gaussian"))
    terms = DCNObjective(preprocessor, 0.05, 2.0)(network, given)
    codes, reconstruction = (each.detach() for each in network(given.images))
    expected = 0.0
    for image, code, again in zip(given.images, codes, reconstruction, strict=True):
        nearest = min(float((code - centre).square().sum()) for centre in network.centres)
        expected += (0.05 * float((image - again).square().sum()) + 2.0 * nearest) / 16 / 6
    assert float(terms["loss"]) == pytest.approx(expected, rel=1e-5)
    terms["loss"].backward()
    assert network.centres.grad is None


def test_centres_take_up_codes_one_by_one(network):
    follow = FollowingCentres(Preprocessor(PixelNormalizer(likelihood="gaussian")), 4)
    follow.on_fit_start(network)
    centres, counts = network.centres.clone(), torch.full((3,), 4.0)
    for seed in (1, 2):
        codes = network.encode(batch(seed).images).detach()
        groups = [int((code - centres).square().sum(dim=1).argmin()) for code in codes]
        for code, group in zip(codes, groups, strict=True):
            counts[group] += 1
            centres[group] += (code - centres[group]) / counts[group]
        follow.on_step_end(network, batch(seed))
        torch.testing.assert_close(network.centres, centres)
    assert follow.state_dict()["counts"].tolist() == counts.tolist()


def test_several_processes_are_refused():
    with pytest.raises(InputError, match=r"hardware\.devices=2: dcn moves its centres in one process"):
        make_method("dcn", parameters={"hardware.devices": 2}).check(open_images(pictures(each=10)[0]))


@pytest.mark.parametrize("name", ["dcn", "n2d"])
def test_kinds_are_found_also_in_images_never_seen(name):
    pixels, kinds = pictures(each=40)
    small = {"n_clusters": 4, "latent_size": 4, "network": "conv", "filters": 6, "training.batch_size": 40}
    own = {
        "dcn": {"pretraining.epochs": 20, "pretraining.batch_size": 40, "training.epochs": 10, "n_init": 5},
        "n2d": {"layout_dimensions": 2, "training.epochs": 25},
    }
    method = make_method(name, parameters={**small, **own[name]}).fit(pixels)
    assert accuracy(kinds, method.labels_) > 0.9
    new, new_kinds = pictures(each=10, seed=1)
    assert accuracy(new_kinds, method.predict(new)) > 0.9
    assert np.isfinite(method.history_["loss"]).all()
