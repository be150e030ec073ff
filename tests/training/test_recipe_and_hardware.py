from __future__ import annotations

import numpy as np
import pytest
import torch

from facies.errors import InputError
from facies.training import Hardware, Training
from tests.training.factories import Redraw, build, make_images, train


def test_constant_rate():
    recipe = Training(3, learning_rate=0.02)
    assert [recipe.rate(progress) for progress in (0.0, 0.5, 1.0)] == [0.02] * 3


def test_one_cycle_climbs_shortly_and_falls_long():
    recipe = Training(3, learning_rate=0.02, schedule="one-cycle")
    rates = np.array([recipe.rate(progress) for progress in np.linspace(0, 1, 1001)])
    assert rates[0] == pytest.approx(0.02 * 0.04)
    assert rates.max() == pytest.approx(0.02)
    assert rates.argmax() == 200
    assert rates[-1] == pytest.approx(0.02 * 0.002)
    assert (np.diff(rates)[:199] > 0).all()
    assert (np.diff(rates)[201:] < 0).all()
    assert recipe.rate(0.6) == pytest.approx(0.02 * (0.002 + 0.998 / 2))  # half of the cosine


def test_the_rate_of_each_step_is_the_recipes():
    recipe = Training(2, 6, learning_rate=1e-2, schedule="one-cycle")
    objective = Redraw()
    train(build(), make_images(24), objective, recipe)
    assert objective.progress == pytest.approx(np.arange(8) / 8)
    still, moved = build(batch_norm=False), build(batch_norm=False)
    train(moved, make_images(24), Redraw(), Training(1, 24, learning_rate=1e-2, schedule="one-cycle"))
    for before, after in zip(
        still.parameters(), moved.parameters(), strict=True
    ):  # the first step of Adam has length of the rate
        assert (before - after).abs().max().item() == pytest.approx(0.04e-2, rel=0.02)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"devices": 0}, "give 1 or more"),
        ({"strategy": "fsdp"}, "choose from auto, ddp"),
        ({"accelerator": "cuda", "devices": 99}, "GPUs"),
    ],
)
def test_hardware_that_is_not_there(settings, message):
    with pytest.raises(InputError, match=message):
        Hardware(**settings)


def test_auto_hardware_is_definite():
    hardware = Hardware()
    assert hardware.resolved_accelerator in ("cpu", "cuda", "mps")
    assert hardware.device.type == hardware.resolved_accelerator
    assert Hardware(accelerator="cpu").device == torch.device("cpu")
    assert Hardware(accelerator="cpu").fabric().world_size == 1


def test_channels_last_is_only_an_arrangement():
    weights = []
    for channels_last in (True, False):
        network = build(batch_norm=False)
        train(
            network,
            make_images(),
            Redraw(),
            Training(2, 6, 1e-2),
            hardware=Hardware(accelerator="cpu", channels_last=channels_last),
        )
        weights.append(network.state_dict())
    for name, tensor in weights[0].items():
        torch.testing.assert_close(tensor, weights[1][name], atol=1e-4, rtol=1e-3)


def test_weight_decay_pulls_every_weight_towards_nothing():
    # Adam's first step has the length of the rate whatever the gradient's: with a huge penalty, towards zero.
    plain, pulled = build(batch_norm=False), build(batch_norm=False)
    before = [parameter.detach().clone() for parameter in plain.parameters()]
    train(plain, make_images(24), Redraw(), Training(1, 24, learning_rate=1e-3))
    train(pulled, make_images(24), Redraw(), Training(1, 24, learning_rate=1e-3, weight_decay=1e6))
    towards = [
        torch.equal(torch.sign(old - new)[old != 0], torch.sign(old)[old != 0])
        for model in (plain, pulled)
        for old, new in zip(before, model.parameters(), strict=True)
    ]
    assert not all(towards[: len(before)])
    assert all(towards[len(before) :])
