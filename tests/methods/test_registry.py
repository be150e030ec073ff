from __future__ import annotations

import pytest

from facies.errors import InputError
from facies.methods import make_method
from facies.methods.moe_vae import MoEVAE


def test_the_papers_settings_are_the_defaults():
    assert make_method("moe-vae", "paper").parameters() == MoEVAE().parameters()
    paper = MoEVAE().parameters()
    expected = {
        "autoencoder.latent_size": 100,
        "autoencoder.batch_size": 100,
        "autoencoder.learning_rate": 5e-4,
        "autoencoder.epochs": 200,
        "autoencoder.explained_variance": 0.9,
        "autoencoder.retrain": True,
        "augmentation.rotation": 10.0,
        "augmentation.zoom": 0.1,
        "augmentation.shift": 0.1,
        "density.selection": "leaf",
        "manager.epochs": 1000,
        "manager.learning_rate": 1e-3,
        "mixture.epochs": 100,
        "mixture.learning_rate": 1e-4,
        "mixture.alpha": 100.0,
        "mixture.balance": 1.0,
        "mixture.routing_threshold": None,
        "experts.epochs": 100,
        "experts.learning_rate": 1e-4,
        "experts.explained_variance": 0.95,
        "experts.latent_size_from": "fresh",
    }
    assert {name: paper[name] for name in expected} == expected


def test_given_parameters_override_the_preset():
    assert make_method("moe-vae", "quick", {"manager.batch_size": 7}).manager.batch_size == 7
    assert make_method("moe-vae").parameters() == make_method("moe-vae", "quick").parameters()


def test_names_of_format_1_are_understood_and_may_be_several_today():
    method = make_method("moe-vae", "quick", {"batch_size": 7, "epochs": 3, "accelerator": "cpu"})
    trainings = (method.autoencoder, method.manager, method.mixture, method.experts)
    assert [training.batch_size for training in trainings] == [7] * 4
    assert (method.autoencoder.epochs, method.manager.epochs) == (3, "auto")
    assert method.hardware.accelerator == "cpu"


def test_two_methods_share_no_settings():
    one, other = make_method("st-dac"), make_method("st-dac")
    one.training.epochs = 99
    assert other.training.epochs == 10
    assert make_method("st-dac").training.epochs == 10


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("moe-vea",), "there is no method 'moe-vea'; did you mean 'moe-vae'?"),
        (("zzz",), "there is no method 'zzz'; choose from moe-vae"),
        (("moe-vae", "qick"), "moe-vae has no preset 'qick'; did you mean 'quick'?"),
        (
            ("moe-vae", "quick", {"autoencoder.latent_sise": 3}),
            "moe-vae has no parameter 'autoencoder.latent_sise'; did you mean 'autoencoder.latent_size' or ",
        ),
    ],
)
def test_a_slip_names_the_nearest(arguments, words):
    with pytest.raises(InputError) as caught:
        make_method(*arguments)
    assert str(caught.value).startswith(words)
