"""Models of format 1, whose plain networks had an axis of networks side by side, and whose parameters were one flat list."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch

from facies.methods import make_method
from facies.methods.moe_vae.method import MoEVAE, without_network_axis
from facies.nn import ConvAutoencoder, ConvEncoder
from facies.parameters import parameters_of
from facies.training.checkpoints import load_state, save_state

FORMER = {  # names of format 1, and those of today
    "autoencoder": "autoencoder.kind",
    "latent_size": "autoencoder.latent_size",
    "retrain": "autoencoder.retrain",
    "filters": "filters",
    "expert_filters": "experts.filters",
    "routing_threshold": "mixture.routing_threshold",
    "activation": "activation",
    "random_state": "random_state",
    "accelerator": "hardware.accelerator",
}


def with_network_axis(state):
    return {name: tensor[None] if "head." in name else tensor for name, tensor in state.items()}


@pytest.mark.parametrize("network", [ConvAutoencoder((1, 8, 8), 3, 4), ConvEncoder((1, 8, 8), 5, 4)])
def test_the_axis_goes_from_former_weights_and_those_of_today_stay(network):
    today = network.state_dict()
    for state in (today, with_network_axis(today)):
        loaded = without_network_axis(state)
        assert list(loaded) == list(today)
        assert all(torch.equal(loaded[name], tensor) for name, tensor in today.items())


def test_a_network_of_one_number_keeps_its_shape():
    today = ConvEncoder((1, 8, 8), 1, 4).state_dict()
    assert without_network_axis(today)["head.bias"].shape == (1,)
    assert without_network_axis(with_network_axis(today))["head.weight"].shape == today["head.weight"].shape


def test_a_model_of_format_1_answers_as_it_did(fitted, pixels, tmp_path):
    fitted.save(tmp_path / "today")
    former = shutil.copytree(tmp_path / "today", tmp_path / "former")
    state = load_state(former / "model.safetensors")
    stacked = {name: with_network_axis(state[name]) for name in ("autoencoder", "manager")}
    save_state(former / "model.safetensors", {**state, **stacked})
    description = json.loads((former / "model.json").read_text())
    parameters = {name: fitted.parameters()[today] for name, today in FORMER.items()}
    (former / "model.json").write_text(json.dumps({**description, "format": 1, "parameters": parameters}))
    model = MoEVAE.load(former)
    for ask in ("predict_proba", "transform"):
        np.testing.assert_array_equal(getattr(model, ask)(pixels[:40]), getattr(fitted, ask)(pixels[:40]))
    np.testing.assert_array_equal(model.sample(2, 1), fitted.sample(2, 1))


def test_one_former_parameter_may_be_several_today():
    parameters = make_method("moe-vae", "quick", {"batch_size": 7, "mixture_learning_rate": 0.5}).parameters()
    trainings = ("autoencoder", "manager", "mixture", "experts")
    assert [parameters[f"{name}.batch_size"] for name in trainings] == [7] * 4
    assert [parameters[f"{name}.learning_rate"] for name in trainings] == [2e-3, 2e-3, 0.5, 0.5]
    assert set(MoEVAE.former_parameters.values()) >= {"autoencoder.kind", "experts.latent_size_from"}
    assert "autoencoder" not in parameters_of(MoEVAE)  # today the name of settings, no parameter
