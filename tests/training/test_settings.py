from __future__ import annotations

import numpy as np
import pytest
import torch

from facies.errors import InputError
from facies.parameters import check_parameters
from facies.training import Hardware, ParameterGroup, Training
from facies.training import loop as training_loop
from tests.training.factories import Interrupted, Network, Redraw, build, make_images, make_training, train


def test_constant_rate():
    training = make_training(3, learning_rate=0.02)
    assert [training.rate(progress) for progress in (0.0, 0.5, 1.0)] == [0.02] * 3


def test_one_cycle_climbs_shortly_and_falls_long():
    training = make_training(3, learning_rate=0.02, schedule="one-cycle")
    rates = np.array([training.rate(progress) for progress in np.linspace(0, 1, 1001)])
    assert rates[0] == pytest.approx(0.02 * 0.04)
    assert rates.max() == pytest.approx(0.02)
    assert rates.argmax() == 200
    assert rates[-1] == pytest.approx(0.02 * 0.002)
    assert (np.diff(rates)[:199] > 0).all()
    assert (np.diff(rates)[201:] < 0).all()
    assert training.rate(0.6) == pytest.approx(0.02 * (0.002 + 0.998 / 2))  # half of the cosine


def test_the_rate_of_each_step_is_the_trainings():
    training = make_training(2, 6, learning_rate=1e-2, schedule="one-cycle")
    objective = Redraw()
    train(build(), make_images(24), objective, training)
    assert objective.progress == pytest.approx(np.arange(8) / 8)
    still, moved = build(batch_norm=False), build(batch_norm=False)
    train(moved, make_images(24), Redraw(), make_training(1, 24, learning_rate=1e-2, schedule="one-cycle"))
    for before, after in zip(
        still.parameters(), moved.parameters(), strict=True
    ):  # the first step of Adam has length of the rate
        assert (before - after).abs().max().item() == pytest.approx(0.04e-2, rel=0.02)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"devices": 0}, "devices=0: give a whole number of 1 or more; the nearest is 1"),
        ({"accelerator": "cuda", "devices": 99}, "GPUs"),
    ],
)
def test_hardware_that_is_not_there(settings, message):
    def check(hardware):
        check_parameters(hardware)
        hardware.check()

    with pytest.raises(InputError, match=message):
        check(Hardware(**settings))


def test_auto_hardware_is_definite():
    hardware = Hardware()
    assert hardware.resolved_accelerator in ("cpu", "cuda", "mps")
    assert hardware.device.type == hardware.resolved_accelerator
    assert Hardware(accelerator="cpu").device == torch.device("cpu")
    assert Hardware(accelerator="cpu").fabric().world_size == 1
    assert Hardware(accelerator="cpu", precision="bf16-mixed").fabric().strategy.precision.precision == "bf16-mixed"


def test_channels_last_is_only_an_arrangement():
    weights = []
    for channels_last in (True, False):
        network = build(batch_norm=False)
        train(
            network,
            make_images(),
            Redraw(),
            make_training(2, 6, 1e-2),
            hardware=Hardware(accelerator="cpu", channels_last=channels_last),
        )
        weights.append(network.state_dict())
    for name, tensor in weights[0].items():
        torch.testing.assert_close(tensor, weights[1][name], atol=1e-4, rtol=1e-3)


def test_weight_decay_pulls_every_weight_towards_nothing():
    # Adam's first step has the length of the rate whatever the gradient's: with a huge penalty, towards zero.
    plain, pulled = build(batch_norm=False), build(batch_norm=False)
    before = [parameter.detach().clone() for parameter in plain.parameters()]
    train(plain, make_images(24), Redraw(), make_training(1, 24, learning_rate=1e-3))
    train(pulled, make_images(24), Redraw(), make_training(1, 24, learning_rate=1e-3, weight_decay=1e6))
    towards = [
        torch.equal(torch.sign(old - new)[old != 0], torch.sign(old)[old != 0])
        for model in (plain, pulled)
        for old, new in zip(before, model.parameters(), strict=True)
    ]
    assert not all(towards[: len(before)])
    assert all(towards[len(before) :])


def test_cosine_and_step_schedules():
    cosine = make_training(10, learning_rate=0.02, schedule="cosine")
    rates = np.array([cosine.rate(progress) for progress in np.linspace(0, 1, 101)])
    assert rates[0] == pytest.approx(0.02)
    assert rates[-1] == pytest.approx(0.02 * 0.002)
    assert (np.diff(rates) < 0).all()
    step = make_training(10, learning_rate=0.02, schedule="step", decay=0.5, decay_epochs=4)
    epochs = [step.rate((epoch + 0.5) / 10) for epoch in range(10)]
    assert epochs == pytest.approx([0.02] * 4 + [0.01] * 4 + [0.005] * 2)


REFERENCES = {
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=1e-2, weight_decay=1e-3),
    "adamw": lambda parameters: torch.optim.AdamW(parameters, lr=1e-2, weight_decay=1e-3),
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=1e-2, weight_decay=1e-3, momentum=0.7),
    "rmsprop": lambda parameters: torch.optim.RMSprop(parameters, lr=1e-2, weight_decay=1e-3),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_optimizers_by_name_are_torchs(name):
    images = make_images(12)
    network, reference = build(batch_norm=False), build(batch_norm=False)
    optimizer = REFERENCES[name](reference.parameters())
    pixels = images.__getitems__(range(12))
    for _ in range(3):
        optimizer.zero_grad()
        (reference(pixels) - pixels).square().mean().backward()
        optimizer.step()
    options = {"optimizer": name, "weight_decay": 1e-3, "momentum": 0.7}
    train(network, images, Redraw(), make_training(3, 12, 1e-2, **options))
    for mine, theirs in zip(network.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("name", REFERENCES)
def test_every_optimizer_goes_on_as_if_unbroken(name, tmp_path, monkeypatch):
    monkeypatch.setattr(training_loop, "SECONDS_BETWEEN_SAVES", 0.0)
    training = make_training(2, 6, 1e-3, optimizer=name)
    unbroken, resumed = build(), build()
    train(unbroken, make_images(), Redraw(noise=0.1), training)
    with pytest.raises(Interrupted):
        train(build(), make_images(), Redraw(noise=0.1, stop_at=5), training, folder=tmp_path)
    train(resumed, make_images(), Redraw(noise=0.1), training, folder=tmp_path)
    for name_, tensor in unbroken.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name_]), name_


def test_groups_of_parameters_learn_at_their_own_rates():
    class Grouped(Network):
        def parameter_groups(self):
            first, *_, last = self.blocks
            return [ParameterGroup(first.parameters(), rate=0.1), ParameterGroup(last.parameters(), weight_decay=0.0)]

    network = Grouped(batch_norm=False)
    before = {name: tensor.clone() for name, tensor in network.named_parameters()}
    train(
        network, make_images(24), Redraw(), make_training(1, 24, 1e-2)
    )  # Adam's first step has the length of the rate
    moved = {name: (tensor - before[name]).abs().max().item() for name, tensor in network.named_parameters()}
    assert moved["blocks.0.weight"] == pytest.approx(1e-3, rel=0.02)
    assert moved["blocks.3.weight"] == pytest.approx(1e-2, rel=0.02)


def test_epochs_that_nobody_settled_are_refused():
    with pytest.raises(InputError, match="must be settled"):
        train(build(), make_images(), Redraw(), Training(epochs="auto"))
    assert Training(epochs="auto").with_epochs(7).n_epochs == 7
    assert Training(epochs="auto").with_epochs(0).n_epochs == 1
    assert Training(epochs=3).with_epochs(7).n_epochs == 3
