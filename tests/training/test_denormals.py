"""While a network learns, numbers that processors are slow at count as 0."""

from __future__ import annotations

import torch
from torch import nn

from facies.images import open_images
from facies.training import Trainer, Training
from facies.training.denormals import denormals_as_zero
from facies.training.settings import Hardware


def tiny() -> float:
    return float(torch.tensor(1e-38) * 0.01)


def test_they_are_0_within_and_as_before_afterwards():
    before = tiny()
    with denormals_as_zero():
        assert tiny() == 0
        with denormals_as_zero():
            assert tiny() == 0
        assert tiny() == 0
    assert tiny() == before > 0


def test_a_step_of_a_training_is_computed_so():
    seen = []

    def objective(module, batch):
        seen.append(tiny())
        return {"loss": module(batch.images.flatten(1)).square().mean()}

    images = open_images(torch.rand(8, 4, 4).numpy())
    trainer = Trainer(0, Hardware(accelerator="cpu"))
    trainer.fit(nn.Linear(16, 1), images, objective, Training(epochs=2, batch_size=4))
    assert seen == [0.0] * 4
    assert tiny() > 0
