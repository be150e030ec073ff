"""Two processes on the CPU do the work of one."""

from __future__ import annotations

import math

import pytest
import torch

from facies.errors import InputError
from facies.training import Hardware, Training
from tests.training.factories import CPU, FromChunk, NotANumber, Redraw, build, look, make_images, train

TWO = Hardware(accelerator="cpu", devices=2, strategy="ddp")


def test_two_processes_learn_what_one_does(tmp_path):
    images, recipe = make_images(24), Training(3, 6, 1e-2)
    alone, shared = build(batch_norm=False), build(batch_norm=False)
    before = {name: tensor.clone() for name, tensor in shared.state_dict().items()}
    one = train(alone, images, Redraw(), recipe, hardware=CPU)
    two = train(shared, images, Redraw(), recipe, hardware=TWO, folder=tmp_path)
    assert [row["epoch"] for row in two.rows] == [1, 2, 3]
    for mine, theirs in zip(one.rows, two.rows, strict=True):
        assert math.isfinite(theirs["loss"])
        assert theirs["loss"] == pytest.approx(mine["loss"], rel=1e-4)
    for name, tensor in shared.state_dict().items():
        assert not torch.equal(tensor, before[name])
        torch.testing.assert_close(tensor, alone.state_dict()[name], atol=1e-4, rtol=1e-3)
    # The place kept is that of one process as well: what two began, one can read.
    rest = Redraw()
    resumed = build(batch_norm=False)
    train(resumed, images, rest, recipe, folder=tmp_path)
    assert rest.seen == []
    for name, tensor in resumed.state_dict().items():
        assert torch.equal(tensor, shared.state_dict()[name])


def test_a_loss_that_is_no_number_is_told_by_processes_too():
    with pytest.raises(InputError, match="no longer a number"):
        train(build(batch_norm=False), make_images(24), NotANumber(), Training(2, 6), hardware=TWO)


def test_processes_look_at_chunks_together_and_are_watched():
    images, recipe = make_images(24), Training(2, 6, 1e-2, chunk_size=12)
    alone, shared = build(batch_norm=False), build(batch_norm=False)
    one = train(alone, images, FromChunk(), recipe, watch=look)
    two = train(shared, images, FromChunk(), recipe, hardware=TWO, watch=look)
    assert list(two.course.seen) == ["weight 1", "weight 2"]
    for name, tensor in one.course.seen.items():
        torch.testing.assert_close(two.course.seen[name], tensor, atol=1e-4, rtol=1e-3)
    assert two.rows[-1]["loss"] == pytest.approx(one.rows[-1]["loss"], rel=1e-3)
