"""Small steps compute on one thread."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from facies.images import open_images
from facies.training import Batch, Trainer, Training
from facies.training.cpu_threads import FLOPS_PER_THREAD, limited_threads, threads_for_flops, threads_of_a_step


@dataclass
class Step:
    flops: float | None = None


def test_one_thread_for_each_billion_operations() -> None:
    assert threads_for_flops(0, 8) == 1
    assert threads_for_flops(0.9 * FLOPS_PER_THREAD, 8) == 1
    assert threads_for_flops(3.5 * FLOPS_PER_THREAD, 8) == 3
    assert threads_for_flops(1e15, 8) == 8


def test_operations_are_counted_in_the_first_step_forward_and_back() -> None:
    layer, images, step = nn.Linear(30, 20), torch.rand(50, 30, requires_grad=True), Step()
    with threads_of_a_step(step):
        layer(images).sum().backward()
    assert step.flops == 3 * 2 * 50 * 30 * 20  # the product, the gradient of the weights, that of the images


def test_a_step_that_was_counted_gets_what_it_is_worth() -> None:
    with limited_threads(3):
        for flops, threads in ((0.1, 1), (2.0, 2), (10.0, 3)):
            with threads_of_a_step(Step(flops * FLOPS_PER_THREAD)):
                assert torch.get_num_threads() == threads
            assert torch.get_num_threads() == 3


def test_threads_are_as_before_after_a_failure() -> None:
    before = torch.get_num_threads()

    def fail() -> None:
        with limited_threads(before + 1):
            assert torch.get_num_threads() == before + 1
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert torch.get_num_threads() == before


def test_a_small_training_uses_one_thread() -> None:
    seen: list[int] = []

    def objective(module: nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
        seen.append(torch.get_num_threads())
        return {"loss": module(batch.images.flatten(1)).square().mean()}

    images = open_images(torch.rand(40, 8, 8).numpy())
    with limited_threads(2):
        Trainer().fit(nn.Linear(64, 4), images, objective, Training(epochs=1, batch_size=20))
        assert torch.get_num_threads() == 2
    assert seen == [1, 1]
