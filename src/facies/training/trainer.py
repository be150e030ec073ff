"""Runs the stages of a method, and in them its trainings, so that a killed fit goes on where it was."""

from __future__ import annotations

import functools
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed, nn

from facies.images import ImageSet
from facies.processes import run_together
from facies.training.batches import Examples, in_order, read_batches
from facies.training.callbacks import Callback
from facies.training.checkpoints import StageCheckpoints, StageOutputs, load_state, roundtrip, save_state
from facies.training.loop import Objective, TrainingLoop, TrainingResult
from facies.training.progress import LineProgress, Progress, SilentProgress
from facies.training.seeds import derive_seed
from facies.training.settings import Hardware, Training

if TYPE_CHECKING:
    from lightning.fabric import Fabric

RESULT = "result.safetensors"


@dataclass(frozen=True)
class Stage:
    """A named step of a method.

    Parameters
    ----------
    name
        As the paper calls it. The seeds of the stage follow from it.
    run
        Takes the outputs of the stages before it, and returns its own.
    """

    name: str
    run: Callable[[StageOutputs], StageOutputs]


class Trainer:
    """Runs stages and trainings.

    Parameters
    ----------
    random_state
        Seed of the whole fit.
    hardware
        What to compute on.
    checkpoints
        Where to keep what the stages give; by default nothing is kept.
    progress
        How to show progress; by default not at all.
    """

    def __init__(
        self,
        random_state: int = 0,
        hardware: Hardware | None = None,
        checkpoints: StageCheckpoints | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.random_state = random_state
        self.hardware = hardware or Hardware()
        self.checkpoints = checkpoints or StageCheckpoints()
        self.rows: list[dict[str, Any]] = []
        self.timings: dict[str, float] = {}
        self._progress: Progress = progress or SilentProgress()
        self._number, self._stage, self._trainings = 0, "", 0

    @property
    def device(self) -> torch.device:
        """Where steps outside of a training compute."""
        return self.hardware.device

    def run(self, stages: Sequence[Stage]) -> StageOutputs:
        """Run the stages in order; those whose outputs are kept are not run again."""
        outputs: StageOutputs = {}
        for number, stage in enumerate(stages, start=1):
            own = self.checkpoints.load_stage(number, stage.name)
            if own is None:
                own = self._run_stage(number, stage, outputs)
            self.rows += own.pop("history rows")
            self.timings[stage.name] = own.pop("seconds")
            outputs.update(own)
        return outputs

    def _run_stage(self, number: int, stage: Stage, outputs: StageOutputs) -> StageOutputs:
        self._number, self._stage, self._trainings = number, stage.name, 0
        earlier, self.rows = self.rows, []
        began = time.monotonic()
        own = {**roundtrip(stage.run(outputs)), "history rows": self.rows, "seconds": time.monotonic() - began}
        self.rows = earlier
        self.checkpoints.save_stage(number, stage.name, own)
        return own

    def seed(self, *names: str | int) -> int:
        """Seed for a named part of the stage that runs."""
        return derive_seed(self.random_state, self._stage, *names)

    def build(self, make: Callable[[], nn.Module]) -> Any:
        """Make a network with weights drawn by the stage's own seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed("weights", self._trainings))
            return make()

    def fit(
        self,
        module: nn.Module,
        images: Examples,
        objective: Objective,
        training: Training,
        rows: NDArray[np.int64] | None = None,
        *,
        callbacks: Sequence[Callback] = (),
        partners: NDArray[np.int64] | None = None,
        unit: str = "images",
    ) -> TrainingResult:
        """Train `module` in place; its curves join those of the fit.

        A second training in one stage has seeds of its own.

        Parameters
        ----------
        module
            What learns.
        images
            What it learns from.
        objective
            The loss of a batch.
        training
            How long and how fast; its epochs are a number.
        rows
            Which images to learn from; None is all.
        callbacks
            Called beside the steps, in all processes alike; their state survives a kill.
        partners
            (N, M) rows: for each image those of which one comes with it in a batch, drawn anew each epoch.
        unit
            What progress calls the rows.
        """
        self._trainings += 1
        loop = TrainingLoop(
            module=module,
            images=images,
            objective=objective,
            settings=training,
            rows=np.arange(len(images)) if rows is None else rows,
            name=self._stage,
            seed=self.seed("training", self._trainings),
            channels_last=self.hardware.channels_last,
            checkpoint=self.checkpoints.training_file(self._number, self._stage, self._trainings),
            callbacks=callbacks,
            partners=partners,
            unit=unit,
        )
        if self.hardware.devices == 1:
            weights, result = loop.run(self.hardware.fabric(), self._progress)
        else:
            weights, result = _train_in_processes(self.hardware, loop)
            for callback, state in zip(callbacks, result.callback_states, strict=True):
                callback.load_state_dict(state)
        module.load_state_dict(weights)
        self.rows += result.rows
        return result

    @contextmanager
    def progress(self, name: str, total: int = 0, unit: str = "") -> Iterator[Progress]:
        """Show the progress of a step without a training: `total` units, 0 where that is unknown."""
        self._progress.start(name, total, unit)
        yield self._progress
        self._progress.finish()

    def say(self, line: str) -> None:
        """Tell the user something while the fit runs, in one line."""
        self._progress.say(line)

    def apply(
        self,
        function: Callable[[Tensor], Tensor | tuple[Tensor, ...]],
        images: ImageSet,
        name: str,
        *,
        batch_size: int = 512,
    ) -> list[NDArray[np.float32]]:
        """Apply a function to all images, as `apply_in_batches` does, and show the progress under `name`."""
        with self.progress(name, len(images), "images") as progress:
            return apply_in_batches(function, images, self.device, batch_size=batch_size, progress=progress)


def _train_in_processes(hardware: Hardware, loop: TrainingLoop) -> tuple[dict[str, Tensor], TrainingResult]:
    """Train in several processes; what they learnt comes back through a file, for a pipe would fill up."""
    with tempfile.TemporaryDirectory(prefix="facies-") as folder:
        run_together(hardware.devices, functools.partial(_train_in_process, hardware, loop, Path(folder)))
        values = load_state(Path(folder) / RESULT)
    states = [values[f"callback {number}"] for number in range(len(loop.callbacks))]
    return values["weights"], TrainingResult(values["rows"], states)


def _train_in_process(hardware: Hardware, loop: TrainingLoop, folder: Path, rank: int) -> None:
    """What each process does. They find one another through a file, so that no port can be taken by another program."""
    count = hardware.devices
    torch.set_num_threads(max(1, torch.get_num_threads() // count))
    os.environ.update(LOCAL_RANK=str(rank), NODE_RANK="0")
    store = distributed.FileStore(str(folder / "rendezvous"), count)  # type: ignore[attr-defined]  # documented, not exported
    backend = "nccl" if hardware.resolved_accelerator == "cuda" else "gloo"
    distributed.init_process_group(backend, store=store, rank=rank, world_size=count)
    fabric = cast("Fabric", hardware.fabric())
    weights, outcome = loop.run(fabric, LineProgress() if rank == 0 else SilentProgress())
    if rank == 0:
        states = {f"callback {number}": state for number, state in enumerate(outcome.callback_states)}
        save_state(folder / RESULT, {"weights": weights, "rows": outcome.rows, **states})
    fabric.barrier()  # none leaves while another one still needs it


@torch.no_grad()
def apply_in_batches(
    function: Callable[[Tensor], Tensor | tuple[Tensor, ...]],
    images: ImageSet,
    device: torch.device,
    *,
    batch_size: int = 512,
    progress: Progress | None = None,
) -> list[NDArray[np.float32]]:
    """Apply `function` to all images in order; one array a tensor that it returns, rows stacked.

    Parameters
    ----------
    function
        Takes native pixels (B, C, H, W) on `device`; returns tensors of B rows.
    images
        What to read.
    device
        Where to compute.
    batch_size
        Images at once.
    progress
        Advanced by each batch.
    """
    parts: list[tuple[NDArray[np.float32], ...]] = []
    for batch in read_batches(images, in_order(len(images), batch_size), device):
        out = function(batch.images)
        out = out if isinstance(out, tuple) else (out,)
        parts.append(tuple(tensor.float().cpu().numpy() for tensor in out))
        if progress is not None:
            progress.advance(len(batch.images))
    return [np.concatenate(column) for column in zip(*parts, strict=True)]
