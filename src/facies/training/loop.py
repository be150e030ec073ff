"""The training loop itself, the same in one process and in each of several."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facies.errors import InputError
from facies.training.batches import Batch, Examples, draw_partners, in_large_batches, read_batches, shuffled
from facies.training.callbacks import Callback, CallbackState
from facies.training.checkpoints import StageOutputs, load_state, save_state
from facies.training.cpu_threads import threads_of_a_step
from facies.training.denormals import denormals_as_zero
from facies.training.freed_memory import keep_freed_memory
from facies.training.one_device import OneDevice
from facies.training.optimizers import load_optimizer_state, make_optimizer, optimizer_state, set_learning_rate
from facies.training.progress import Progress
from facies.training.seeds import derive_seed
from facies.training.settings import Training

if TYPE_CHECKING:
    from lightning.fabric import Fabric

Objective = Callable[[nn.Module, Batch], dict[str, Tensor]]
"""Computes the loss of a batch: named terms, of which ``loss`` is minimised and the others are logged."""

SECONDS_BETWEEN_SAVES = 60.0


@runtime_checkable
class LargeBatchObjective(Protocol):
    """An objective that compares images with one another before it learns from batches of them.

    Attributes
    ----------
    pairing_batch_size
        How many images it compares at once, over all devices.
    """

    pairing_batch_size: int

    def begin_large_batch(self, module: nn.Module, batch: Batch) -> None:
        """Look at all images of the large batch. Between this and the last batch of it, nothing is saved."""

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms of the loss of a batch, which is `batch.within` the large one."""


@dataclass(frozen=True)
class TrainingResult:
    """How a training went."""

    rows: list[dict[str, Any]]
    callback_states: list[CallbackState]


@dataclass
class LoopState:
    """How far a training has come; with weights, optimiser and callbacks, all that a resumed one needs."""

    epoch: int = 0
    step: int = 0
    flops: float | None = None
    seconds: float = 0.0
    best: float = math.inf
    waited: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    stopped: bool = False


@dataclass
class TrainingLoop:
    """One training of one network; picklable, so that several processes can run it."""

    module: nn.Module
    images: Examples
    objective: Objective
    settings: Training
    rows: NDArray[np.int64]
    name: str
    seed: int
    channels_last: bool = True
    checkpoint: Path | None = None
    callbacks: Sequence[Callback] = ()
    partners: NDArray[np.int64] | None = None
    unit: str = "images"

    def run(self, fabric: Fabric | OneDevice, progress: Progress) -> tuple[dict[str, Tensor], TrainingResult]:
        """Train, from the checkpoint if there is one. Return the weights and how it went."""
        settings = self.settings
        module = self.module.to(fabric.device)
        if self.channels_last:
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
        wrapped, optimizer = _wrapped(fabric, module, make_optimizer(module, settings, fabric.device))
        state = self._restore(module, optimizer)
        progress.start(self.name, settings.n_epochs * len(self.rows), self.unit)
        progress.advance(state.epoch * len(self.rows))
        with _own_randomness(fabric.device):
            for callback in self.callbacks:
                callback.on_fit_start(module)
            while state.epoch < settings.n_epochs and not state.stopped:
                with keep_freed_memory() if fabric.device.type == "cpu" else nullcontext():
                    self._epoch(fabric, wrapped, optimizer, state, progress)
        progress.finish()
        module.eval()
        weights = {name: tensor.detach().cpu() for name, tensor in module.state_dict().items()}
        return weights, TrainingResult(state.rows, [callback.state_dict() for callback in self.callbacks])

    def _epoch(
        self, fabric: Fabric | OneDevice, module: Any, optimizer: Any, state: LoopState, progress: Progress
    ) -> None:
        seed = derive_seed(self.seed, state.epoch)
        batches = shuffled(self.rows, self.settings.batch_size, seed, fabric.global_rank, fabric.world_size)
        shares = [(state.epoch + step / len(batches)) / self.settings.n_epochs for step in range(len(batches))]
        progress.advance(sum(map(len, batches[: state.step])) * fabric.world_size)
        began = saved = time.monotonic()
        module.train()
        large = self.objective if isinstance(self.objective, LargeBatchObjective) else None
        for large_batch, sizes in self._large_batches(fabric, batches, state, seed):
            if large is not None:
                large.begin_large_batch(module, large_batch)
            for batch in large_batch.parts(sizes, shares[state.step : state.step + len(sizes)]):
                _seed(fabric.device, derive_seed(seed, state.step, fabric.global_rank))
                terms = self._step_on_threads(fabric, module, optimizer, batch, state)
                progress.advance(len(batch.images) * fabric.world_size, f"loss {terms['loss']:.4g}")
            if state.step < len(batches) and time.monotonic() - saved > SECONDS_BETWEEN_SAVES:
                state.seconds, began = state.seconds + time.monotonic() - began, time.monotonic()
                self._save(fabric, module, optimizer, state)
                saved = time.monotonic()
        state.seconds += time.monotonic() - began
        self._end_epoch(fabric, module, state, len(batches))
        self._save(fabric, module, optimizer, state)

    def _large_batches(
        self, fabric: Fabric | OneDevice, batches: list[NDArray[np.int64]], state: LoopState, seed: int
    ) -> Iterator[tuple[Batch, list[int]]]:
        """Read the large batches from the state on, each with the sizes of its batches."""
        objective = self.objective
        size = objective.pairing_batch_size // fabric.world_size if isinstance(objective, LargeBatchObjective) else None
        grouped = in_large_batches(batches, size)
        begins = np.cumsum([0, *map(len, grouped)])
        left = grouped[int(np.searchsorted(begins, state.step)) :]
        order = [np.concatenate(group) for group in left]
        partners = None if self.partners is None else draw_partners(self.partners, derive_seed(seed, "partners"))
        read = read_batches(self.images, order, fabric.device, epoch=state.epoch, partners=partners)
        for batch, parts in zip(read, left, strict=True):
            yield batch, [len(part) for part in parts]

    def _step_on_threads(
        self, fabric: Fabric | OneDevice, module: Any, optimizer: Any, batch: Batch, state: LoopState
    ) -> dict[str, float]:
        on_cpu = fabric.device.type == "cpu"
        alone = on_cpu and fabric.world_size == 1
        with threads_of_a_step(state) if alone else nullcontext(), denormals_as_zero() if on_cpu else nullcontext():
            terms = self._step(fabric, module, optimizer, batch)
        for callback in self.callbacks:
            callback.on_step_end(unwrapped(module), batch)
        for name, value in terms.items():
            state.sums[name] = state.sums.get(name, 0.0) + value
        state.step += 1
        return terms

    def _step(self, fabric: Fabric | OneDevice, module: Any, optimizer: Any, batch: Batch) -> dict[str, float]:
        set_learning_rate(optimizer, self.settings.rate(batch.progress))
        terms = self.objective(module, batch)
        optimizer.zero_grad()
        fabric.backward(terms["loss"])
        if self.settings.gradient_clip is not None:
            fabric.clip_gradients(module, optimizer, max_norm=self.settings.gradient_clip)
        optimizer.step()
        names = list(terms)
        values = torch.stack([terms[name].detach().float() for name in names]).tolist()
        if not all(math.isfinite(value) for value in values):
            raise InputError(
                f"stage {self.name}: the loss is no longer a number (epoch {batch.progress * self.settings.n_epochs:.1f}); "
                f"lower the learning rate ({self.settings.learning_rate:g}), or set gradient_clip=1"
            )
        return dict(zip(names, values, strict=True))

    def _end_epoch(self, fabric: Fabric | OneDevice, module: Any, state: LoopState, steps: int) -> None:
        means = {name: total / steps for name, total in state.sums.items()}
        if fabric.world_size > 1:
            means = {
                name: float(cast("Fabric", fabric).all_reduce(torch.tensor(value, device=fabric.device)))
                for name, value in means.items()
            }
        state.epoch += 1
        state.rows.append({"stage": self.name, "epoch": state.epoch, "seconds": state.seconds, **means})
        if means["loss"] < state.best - 1e-3 * abs(state.best) or not math.isfinite(state.best):
            state.best, state.waited = means["loss"], 0
        else:
            state.waited += 1
        patience = self.settings.patience
        state.stopped = patience is not None and state.waited >= patience
        for callback in self.callbacks:
            state.stopped |= callback.on_epoch_end(unwrapped(module), state.epoch, state.rows[-1])
        state.step, state.seconds, state.sums = 0, 0.0, {}

    def _save(self, fabric: Fabric | OneDevice, module: Any, optimizer: Any, state: LoopState) -> None:
        if self.checkpoint is None or fabric.global_rank != 0:
            return
        save_state(
            self.checkpoint,
            {
                "module": dict(unwrapped(module).state_dict()),
                "optimizer": optimizer_state(optimizer),
                "loop": dict(state.__dict__),
                **{f"callback {number}": callback.state_dict() for number, callback in enumerate(self.callbacks)},
            },
        )

    def _restore(self, module: nn.Module, optimizer: Any) -> LoopState:
        if self.checkpoint is None or not self.checkpoint.exists():
            return LoopState()
        saved: StageOutputs = load_state(self.checkpoint)
        module.load_state_dict(saved["module"])
        load_optimizer_state(optimizer, saved["optimizer"])
        for number, callback in enumerate(self.callbacks):
            callback.load_state_dict(saved[f"callback {number}"])
        return LoopState(**saved["loop"])


def _wrapped(fabric: Fabric | OneDevice, module: nn.Module, optimizer: Any) -> tuple[Any, Any]:
    """As Fabric joins processes and converts numbers; where it would do neither, its wrappers only cost time."""
    if isinstance(fabric, OneDevice):
        return module, optimizer
    if fabric.world_size == 1 and fabric.strategy.precision.precision == "32-true":
        return module, optimizer
    return fabric.setup(module, optimizer)


def unwrapped(module: Any) -> Any:
    """The network itself, where several processes share it in a wrapper."""
    return getattr(module, "module", module)


def _seed(device: torch.device, seed: int) -> None:
    """Seed the generators a step draws from (`torch.manual_seed` would record a stack trace a step for each absent GPU kind)."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


@contextmanager
def _own_randomness(device: torch.device) -> Iterator[None]:
    """Draw random numbers without touching those of the caller."""
    devices = [device.index or 0] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        yield
