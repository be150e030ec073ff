"""Experts that are asked one after another: the loss and gradients of experts side by side, without the empty places."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from facies.losses import expected_loss, gaussian_reconstruction
from facies.methods import make_method
from facies.methods.moe_vae.network import MixtureOfExperts, ParallelAutoencoder
from facies.nn.conv_autoencoder import ConvLayout
from tests.methods.factories import THREE_GROUPS, TINY, TRAININGS, pictures

EXPERTS, SHAPE = 4, (1, 40, 33)
LOGITS = torch.tensor([[9.0, 0, 0, 0]] * 5 + [[0, 3.0, 2.5, -9]] * 2 + [[0, 0, 9.0, 0]])


class Given(nn.Module):
    """A manager that knows its answers."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Parameter(LOGITS.double())

    def forward(self, images):
        return self.logits


def mixture(*, in_turn, hard=False, own_sizes=None):
    torch.manual_seed(0)
    layout = ConvLayout(SHAPE, 3, "silu", "group", EXPERTS)
    experts = ParallelAutoencoder(layout, 3, own_sizes)
    for parameter in experts.parameters():  # weights that all differ, those of the normalisations too
        nn.init.normal_(parameter, std=0.3)
    return MixtureOfExperts(Given(), experts, 0.01, hard=hard, in_turn=in_turn).double().eval()


@pytest.mark.parametrize("most_held", [2**20, 0])
@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("own_sizes", [None, [2, 3, 1, 2]])
def test_loss_and_gradients_are_those_of_experts_side_by_side(hard, own_sizes, most_held, monkeypatch):
    monkeypatch.setattr("facies.methods.moe_vae.network.MOST_HELD", most_held)
    images = torch.rand(len(LOGITS), *SHAPE, dtype=torch.float64)
    losses, gradients, pairs = [], [], []
    for in_turn in (False, True):
        network = mixture(in_turn=in_turn, hard=hard, own_sizes=own_sizes)
        out = network(images)
        each = gaussian_reconstruction(out.experts.reconstruction, out.images)
        loss = expected_loss(out.weights, each) * len(each) / len(images)
        loss.backward()
        losses.append(loss.detach())
        gradients.append([parameter.grad for parameter in network.experts.parameters()])
        pairs.append(out.weights.numel())
    torch.testing.assert_close(losses[1], losses[0])
    torch.testing.assert_close(gradients[1], gradients[0])
    assert pairs == ([5 * EXPERTS, 8] if hard else [7 * EXPERTS, 12])


def test_gradients_are_the_same_where_maps_are_computed_again_and_codes_drawn(monkeypatch):
    gradients = []
    for most_held in (2**20, 0):
        monkeypatch.setattr("facies.methods.moe_vae.network.MOST_HELD", most_held)
        network = mixture(in_turn=True).train()
        images = torch.rand(len(LOGITS), *SHAPE, dtype=torch.float64)
        network(images).experts.reconstruction.square().sum().backward()
        gradients.append([parameter.grad for parameter in network.experts.parameters()])
    torch.testing.assert_close(gradients[1], gradients[0], rtol=0, atol=0)


def test_an_expert_that_nobody_asks_learns_nothing():
    network = mixture(in_turn=True, hard=True)
    network(torch.rand(len(LOGITS), *SHAPE, dtype=torch.float64)).experts.reconstruction.sum().backward()
    learnt = [bool(part.any()) for part in network.experts.encoder.head.weight.grad]
    assert learnt == [True, True, True, False]


def test_an_expert_of_a_single_image_learns_with_weights_in_the_channels_last_order():
    gradients = []
    for in_turn in (False, True):
        network = mixture(in_turn=in_turn, hard=True).float().to(memory_format=torch.channels_last)
        images = torch.rand(len(LOGITS), *SHAPE, generator=torch.Generator().manual_seed(1))
        out = network(images)
        assert out.experts.reconstruction.shape[:2] == ((8, 1) if in_turn else (5, EXPERTS))
        (out.weights * gaussian_reconstruction(out.experts.reconstruction, out.images)).sum().backward()
        gradients.append([parameter.grad for parameter in network.experts.parameters()])
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("own_sizes", [None, [2, 3, 1, 2]])
def test_the_codes_of_one_expert_are_those_that_all_give(own_sizes):
    experts = mixture(in_turn=True, own_sizes=own_sizes).experts
    images = torch.rand(3, *SHAPE, dtype=torch.float64)
    mean, _ = experts.encode(images[:, None].expand(-1, EXPERTS, -1, -1, -1))
    for network, size in enumerate(experts.own_sizes):
        torch.testing.assert_close(experts.encode_by_one(images, network)[:, :size], mean[:, network, :size])


def test_codes_are_drawn_in_training_alone():
    network, images = mixture(in_turn=True), torch.rand(len(LOGITS), *SHAPE, dtype=torch.float64)
    assert torch.equal(network(images).experts.code, network(images).experts.mean)
    network.train()
    assert not torch.equal(network(images).experts.code, network(images).experts.mean)


def test_routed_experts_of_larger_images_are_asked_in_turn():
    method = make_method("moe-vae", "quick", TINY)
    assert method.build_mixture((1, 32, 32), 3, 4).in_turn
    assert not method.build_mixture((1, 28, 28), 3, 4).in_turn
    thesis = make_method("moe-vae", "paper", {"filters": 4})
    assert not thesis.build_mixture((1, 32, 32), 3, 4).in_turn
    wasserstein = make_method("moe-vae", "quick", {**TINY, "experts.kind": "wae-random"})
    assert not wasserstein.build_mixture((1, 32, 32), 3, 4).in_turn


@pytest.mark.filterwarnings("ignore::facies.errors.FaciesWarning")  # so short a fit collapses, and says so
def test_a_fit_of_larger_images_places_them_as_it_found_them_and_asks_one_expert_alone(monkeypatch):
    images = pictures(each=8, side=36)[0]
    short = {f"{training}.epochs": 1 for training in TRAININGS}
    parameters = {**TINY, **THREE_GROUPS, **short, "filters": 2, "experts.filters": 2, "image_size": None}
    method = make_method("moe-vae", "quick", parameters).fit(images)
    np.testing.assert_array_equal(method.predict(images), method.labels_)
    assert method.mixture_.in_turn
    asked = []
    monkeypatch.setattr(method.mixture_.experts, "encode", asked.append)
    assert method.transform_by_expert(images[:2], 0).shape == (2, method.sampler_.latent_size(0))
    assert not asked
