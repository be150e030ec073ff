"""Runs the stages of a method, and in them its trainings, so that a killed fit goes on where it was."""

from __future__ import annotations

import copy
import dataclasses
import functools
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.multiprocessing.spawn import ProcessRaisedException

from facies.errors import InputError
from facies.images import ImageSet
from facies.training.batches import in_order, read_batches
from facies.training.checkpoints import Results, StageStore, as_stored, read_results, write_results
from facies.training.hardware import Hardware
from facies.training.loop import Course, Objective, Recipe, Training, Watch
from facies.training.progress import LineProgress, Progress, SilentProgress
from facies.training.seeds import derive_seed


@dataclass(frozen=True)
class Stage:
    """A named step of a method.

    Parameters
    ----------
    name
        As the paper calls it.
    run
        Takes what the stages before it found, and returns what this one finds.
    """

    name: str
    run: Callable[[Results], Results]


class Trainer:
    """Runs stages and trainings.

    Parameters
    ----------
    random_state
        Seed of the whole fit.
    hardware
        What to compute on.
    store
        Where to keep what is found; by default nothing is kept.
    progress
        How to show progress; by default not at all.
    """

    def __init__(
        self,
        random_state: int = 0,
        hardware: Hardware | None = None,
        store: StageStore | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.random_state = random_state
        self.hardware = hardware or Hardware()
        self.store = store or StageStore()
        self.progress: Progress = progress or SilentProgress()
        self.rows: list[dict[str, Any]] = []
        self.timings: dict[str, float] = {}
        self._number, self._stage, self._loops = 0, "", 0

    def run(self, stages: Sequence[Stage]) -> Results:
        """Run the stages in order; those whose results are kept are not run again."""
        found: Results = {}
        for number, stage in enumerate(stages, start=1):
            results = self.store.finished(number, stage.name)
            if results is None:
                results = self._run_stage(number, stage, found)
            self.rows += results.pop("history rows")
            self.timings[stage.name] = results.pop("seconds")
            found.update(results)
        return found

    def _run_stage(self, number: int, stage: Stage, found: Results) -> Results:
        self._number, self._stage, self._loops = number, stage.name, 0
        earlier, self.rows = self.rows, []
        began = time.monotonic()
        results = {**as_stored(stage.run(found)), "history rows": self.rows, "seconds": time.monotonic() - began}
        self.rows = earlier
        self.store.finish(number, stage.name, results)
        return results

    def seed(self, *names: str | int) -> int:
        """Seed for a named part of the stage that runs."""
        return derive_seed(self.random_state, self._stage, *names)

    def build(self, make: Callable[[], nn.Module]) -> Any:
        """Make a module with weights drawn by the stage's own seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed("weights", self._loops))
            return make()

    def fit(
        self,
        module: nn.Module,
        images: ImageSet,
        objective: Objective,
        recipe: Recipe,
        rows: NDArray[np.int64] | None = None,
        watch: Watch | None = None,
    ) -> Course:
        """Train `module` in place on the images that `rows` lists (all, by default); its curves join those of the fit.

        A second training in one stage has seeds of its own. A `watch` looks at the network after each epoch, in all
        processes alike; what it saw is returned with the curves.
        """
        self._loops += 1
        training = Training(
            module=module,
            images=images,
            objective=objective,
            recipe=recipe,
            rows=np.arange(len(images)) if rows is None else rows,
            name=self._stage,
            seed=self.seed("training", self._loops),
            channels_last=self.hardware.channels_last,
            place_file=self.store.place(self._number, self._stage, self._loops),
            watch=watch,
        )
        fabric = self.hardware.fabric()
        if self.hardware.devices == 1:
            fabric.launch()
            weights, course = training.run(fabric, self.progress)
        else:
            weights, course = _train_in_processes(fabric, training)
        module.load_state_dict(weights)
        self.rows += course.rows
        return course

    def show(self, name: str, total: int = 0, unit: str = "") -> Progress:
        """Begin to show the progress of a step without a network."""
        self.progress.start(name, total, unit)
        return self.progress


def _train_in_processes(fabric: Any, training: Training) -> tuple[dict[str, Tensor], Course]:
    """Spawn the processes and wait for them; what they learnt comes back through a file, for a pipe would fill up."""
    with tempfile.TemporaryDirectory(prefix="facies-") as folder:
        result = Path(folder) / "result.safetensors"
        try:
            fabric.launch(functools.partial(_train_in_process, training=training, result=result))
        except ProcessRaisedException as error:
            fault = _fault_file(result)
            if fault.exists():
                raise InputError(fault.read_text()) from error
            raise
        found = read_results(result)
    return found["weights"], Course(found["curve"], found["seen"])


def _train_in_process(fabric: Any, training: Training, result: Path) -> None:
    torch.set_num_threads(max(1, torch.get_num_threads() // fabric.world_size))
    progress = LineProgress() if fabric.global_rank == 0 else SilentProgress()
    # The weights come in memory that the processes share; on the CPU each would take its steps in those of the others.
    training = dataclasses.replace(training, module=copy.deepcopy(training.module))
    try:
        weights, course = training.run(fabric, progress)
    except InputError as error:
        _fault_file(result).write_text(str(error))
        raise
    if fabric.global_rank == 0:
        write_results(result, {"weights": weights, "curve": course.rows, "seen": course.seen})


def _fault_file(result: Path) -> Path:
    return result.with_suffix(".fault")


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
        Told of each batch.
    """
    parts: list[tuple[NDArray[np.float32], ...]] = []
    for batch in read_batches(images, in_order(len(images), batch_size), device):
        out = function(batch.images)
        out = out if isinstance(out, tuple) else (out,)
        parts.append(tuple(tensor.float().cpu().numpy() for tensor in out))
        if progress is not None:
            progress.advance(len(batch.images))
    return [np.concatenate(column) for column in zip(*parts, strict=True)]
