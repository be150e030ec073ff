"""One process on the CPU learns without Lightning what it learns with it."""

from __future__ import annotations

import subprocess
import sys

import torch
from lightning.fabric import Fabric

from facies.training import Hardware
from tests.training.factories import Redraw, build, make_images, make_training, train

WITHOUT = """
import sys
from facies.training import Hardware
from tests.training.factories import Redraw, build, make_images, make_training, train
train(build(), make_images(), Redraw(), make_training(1, 6, 1e-2), hardware=Hardware(accelerator="cpu"))
print([name for name in ("lightning", "torchmetrics") if name in sys.modules])
"""


def trained(**settings) -> dict[str, torch.Tensor]:
    network = build()
    training = make_training(2, 6, 1e-2, gradient_clip=0.05, **settings)
    train(network, make_images(), Redraw(), training, hardware=Hardware(accelerator="cpu"))
    return network.state_dict()


def test_it_learns_the_same_as_with_lightning(monkeypatch):
    alone = trained()
    used = []

    def fabric(self):
        used.append(Fabric(accelerator="cpu", devices=1, precision="32-true"))
        used[-1].launch()
        return used[-1]

    monkeypatch.setattr(Hardware, "fabric", fabric)
    for name, tensor in trained().items():
        assert torch.equal(tensor, alone[name])
    assert len(used) == 1


def test_lightning_is_not_imported():
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
