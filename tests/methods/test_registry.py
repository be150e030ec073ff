from __future__ import annotations

import inspect

import pytest

from facies.errors import InputError
from facies.methods import METHODS, Method, make_method, method_class
from facies.methods.moe_vae.method import MoEVAE


@pytest.mark.parametrize("name", METHODS)
def test_every_method_keeps_the_contract(name):
    cls = method_class(name)
    assert issubclass(cls, Method)
    assert cls.name == name
    assert cls.title
    assert cls.reference
    assert {"quick", "paper"} <= set(cls.presets)
    parameters = inspect.signature(cls).parameters
    for preset, values in cls.presets.items():
        assert set(values) <= set(parameters), preset
        assert make_method(name, preset).get_params() == cls(**values).get_params()
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters.values())
    assert {"random_state", "accelerator", "devices", "strategy", "precision"} <= set(parameters)


@pytest.mark.parametrize("name", METHODS)
def test_every_parameter_is_documented(name):
    cls = method_class(name)
    head = cls.__doc__.split("Attributes\n")[0]
    for parameter in inspect.signature(cls).parameters:
        assert parameter in head


def test_the_papers_settings_are_the_defaults():
    assert make_method("moe-vae", "paper").get_params() == MoEVAE().get_params()
    paper = MoEVAE()
    assert (paper.latent_size, paper.batch_size, paper.learning_rate) == (100, 100, 5e-4)
    assert (paper.alpha, paper.balance, paper.mixture_learning_rate, paper.manager_learning_rate) == (
        100.0,
        1.0,
        1e-4,
        1e-3,
    )
    assert (paper.mixture_epochs, paper.expert_epochs, paper.manager_epochs) == (100, 100, 1000)
    assert (paper.explained_variance, paper.expert_explained_variance) == (0.9, 0.95)
    assert (paper.rotation, paper.zoom, paper.shift) == (10.0, 0.1, 0.1)
    assert (paper.selection, paper.retrain, paper.expert_size, paper.routing_threshold) == ("leaf", True, "fresh", None)


def test_given_parameters_override_the_preset():
    assert make_method("moe-vae", "quick", {"batch_size": 7}).batch_size == 7
    assert make_method("moe-vae").get_params() == make_method("moe-vae", "quick").get_params()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("moe-vea",), "there is no method 'moe-vea'; did you mean 'moe-vae'?"),
        (("zzz",), "there is no method 'zzz'; choose from moe-vae"),
        (("moe-vae", "qick"), "moe-vae has no preset 'qick'; did you mean 'quick'?"),
        (
            ("moe-vae", "quick", {"latent_sise": 3}),
            "moe-vae has no parameter 'latent_sise'; did you mean 'latent_size'?",
        ),
    ],
)
def test_a_slip_names_the_nearest(arguments, words):
    with pytest.raises(InputError) as caught:
        make_method(*arguments)
    assert str(caught.value).startswith(words)
