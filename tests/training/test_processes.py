"""Two processes on the CPU do the work of one."""

from __future__ import annotations

import functools
import math
import multiprocessing
import os
import tempfile
from pathlib import Path

import pytest
import torch

from facies.errors import InputError
from facies.processes import run_together
from facies.training import Hardware
from tests.training.factories import (
    CPU,
    NotANumber,
    Redraw,
    RedrawLargeBatches,
    WeightRecorder,
    build,
    make_images,
    make_training,
    train,
)

TWO = Hardware(accelerator="cpu", devices=2)


@pytest.fixture(autouse=True)
def nothing_is_left_behind(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield
    assert list(folder.iterdir()) == []
    assert multiprocessing.active_children() == []


def test_two_processes_learn_what_one_does(tmp_path):
    images, training = make_images(24), make_training(3, 6, 1e-2)
    alone, shared = build(batch_norm=False), build(batch_norm=False)
    before = {name: tensor.clone() for name, tensor in shared.state_dict().items()}
    one = train(alone, images, Redraw(), training, hardware=CPU)
    two = train(shared, images, Redraw(), training, hardware=TWO, folder=tmp_path)
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
    train(resumed, images, rest, training, folder=tmp_path)
    assert rest.seen == []
    for name, tensor in resumed.state_dict().items():
        assert torch.equal(tensor, shared.state_dict()[name])


def test_a_loss_that_is_no_number_is_told_by_processes_too():
    with pytest.raises(InputError, match="no longer a number"):
        train(build(batch_norm=False), make_images(24), NotANumber(), make_training(2, 6), hardware=TWO)


def test_processes_share_large_batches_and_callbacks():
    images, training = make_images(24), make_training(2, 6, 1e-2)
    alone, shared = build(batch_norm=False), build(batch_norm=False)
    here, there = WeightRecorder(), WeightRecorder()
    one = train(alone, images, RedrawLargeBatches(), training, callbacks=[here])
    two = train(shared, images, RedrawLargeBatches(), training, hardware=TWO, callbacks=[there])
    assert set(there.state) == {"steps", "weight 1", "weight 2"}
    for name, tensor in here.state.items():
        torch.testing.assert_close(there.state[name], tensor, atol=1e-4, rtol=1e-3)
    assert two.rows[-1]["loss"] == pytest.approx(one.rows[-1]["loss"], rel=1e-3)


def test_a_late_thread_of_the_group_does_not_abort_a_process(tmp_path):
    """Where its thread is late, gloo frees the last tensor after the interpreter has begun to shut down (see processes.py)."""
    run_together(2, functools.partial(reduce_with_late_threads, str(tmp_path / "rendezvous")))


def reduce_with_late_threads(rendezvous, rank):
    store = torch.distributed.FileStore(rendezvous, 2)
    torch.distributed.init_process_group("gloo", store=store, rank=rank, world_size=2)
    for task in Path("/proc/self/task").glob("*"):
        if "gloo" in (task / "comm").read_text():
            os.sched_setscheduler(int(task.name), os.SCHED_IDLE, os.sched_param(0))
    for _ in range(20):
        torch.distributed.all_reduce(torch.ones(1))
