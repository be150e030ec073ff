"""The training loop itself, the same in one process and in each of several."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facies.errors import InputError
from facies.images import ImageSet
from facies.training.batches import Batch, in_chunks, read_batches, shuffled
from facies.training.checkpoints import Results, read_results, write_results
from facies.training.cpu_threads import threads_of_a_step
from facies.training.progress import Progress
from facies.training.seeds import derive_seed

if TYPE_CHECKING:
    from lightning.fabric import Fabric

Objective = Callable[[nn.Module, Batch], dict[str, Tensor]]
"""Computes the loss of a batch: named terms, of which ``loss`` is minimised and the others are logged."""

Seen = dict[str, Tensor]
"""What was seen of a network while it learnt; kept with the place reached, so that a resumed training has it too."""

Watch = Callable[[nn.Module, int, Mapping[str, Any], Seen], bool]
"""Looks at a network after an epoch (from 1) and at its row of the curves, may add to what was seen, and may end the training."""


@runtime_checkable
class ChunkObjective(Protocol):
    """An objective that looks at a chunk of images (`Recipe.chunk_size`) before it learns from the batches of it."""

    def begin_chunk(self, module: nn.Module, chunk: Batch) -> None:
        """Look at the chunk. Between this and its last batch, nothing is saved."""

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms of the loss of a batch, which is `batch.within` the chunk."""


@dataclass(frozen=True)
class Course:
    """How a training went.

    Parameters
    ----------
    rows
        Of the curves, one an epoch.
    seen
        By the watch.
    """

    rows: list[dict[str, Any]]
    seen: Seen


SECONDS_BETWEEN_SAVES = 60.0


@dataclass(frozen=True)
class Recipe:
    """How long and how fast to learn.

    Parameters
    ----------
    epochs
        Times that every image is seen.
    batch_size
        Images a step, over all devices together.
    learning_rate
        Of Adam; the highest one where the schedule changes it.
    schedule
        ``constant``, or ``one-cycle``: a short climb and a long cosine descent.
    gradient_clip
        Largest norm of the gradient; None does not clip.
    patience
        Stop once the loss has not fallen by 0.1 % for so many epochs; None never stops early. No label is read.
    weight_decay
        Adds ``weight_decay``·w to the gradient of each weight w (Adam with an L2 penalty).
    chunk_size
        Images that a `ChunkObjective` looks at together, over all devices; None for other objectives.
    """

    epochs: int
    batch_size: int = 100
    learning_rate: float = 5e-4
    schedule: Literal["constant", "one-cycle"] = "constant"
    gradient_clip: float | None = None
    patience: int | None = None
    weight_decay: float = 0.0
    chunk_size: int | None = None

    def rate(self, progress: float) -> float:
        """Learning rate at `progress` in [0, 1]."""
        if self.schedule == "constant":
            return self.learning_rate
        climb = 0.2
        if progress < climb:
            return self.learning_rate * (0.04 + 0.96 * progress / climb)
        return self.learning_rate * (0.002 + 0.998 * 0.5 * (1 + math.cos(math.pi * (progress - climb) / (1 - climb))))


@dataclass
class Place:
    """How far a training has come; together with weights and optimiser, all that a resumed one needs."""

    epoch: int = 0
    step: int = 0
    flops: float | None = None
    seconds: float = 0.0
    best: float = math.inf
    waited: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    stopped: bool = False
    seen: Seen = field(default_factory=dict)


@dataclass
class Training:
    """One training of one module; picklable, so that several processes can run it.

    Parameters
    ----------
    module, images, objective, recipe
        What learns, from what, by which loss, and how long.
    rows
        Which images to learn from.
    name
        Of the stage, for the curves.
    seed
        Of this training.
    place_file
        Where to keep the place reached; None keeps none.
    watch
        Looks at the network after each epoch.
    """

    module: nn.Module
    images: ImageSet
    objective: Objective
    recipe: Recipe
    rows: NDArray[np.int64]
    name: str
    seed: int
    channels_last: bool
    place_file: Path | None = None
    watch: Watch | None = None

    def run(self, fabric: Fabric, progress: Progress) -> tuple[dict[str, Tensor], Course]:
        """Train, from the place kept if there is one. Return the weights and how it went."""
        recipe = self.recipe
        module = self.module.to(fabric.device)
        if self.channels_last:
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
        optimiser = torch.optim.Adam(
            module.parameters(),
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            fused=fabric.device.type in ("cpu", "cuda"),
        )
        wrapped, optimiser = _wrapped(fabric, module, optimiser)
        place = self._restore(module, optimiser)
        progress.start(self.name, recipe.epochs * len(self.rows), "images")
        progress.advance(place.epoch * len(self.rows))
        with _own_randomness(fabric.device):
            while place.epoch < recipe.epochs and not place.stopped:
                self._epoch(fabric, wrapped, optimiser, place, progress)
        progress.finish()
        module.eval()
        return {name: tensor.detach().cpu() for name, tensor in module.state_dict().items()}, Course(
            place.rows, place.seen
        )

    def _epoch(self, fabric: Fabric, module: Any, optimiser: Any, place: Place, progress: Progress) -> None:
        recipe = self.recipe
        seed = derive_seed(self.seed, place.epoch)
        batches = shuffled(self.rows, recipe.batch_size, seed, fabric.global_rank, fabric.world_size)
        progresses = [(place.epoch + step / len(batches)) / recipe.epochs for step in range(len(batches))]
        progress.advance(sum(map(len, batches[: place.step])) * fabric.world_size)
        began = saved = time.monotonic()
        module.train()
        by_chunks = self.objective if isinstance(self.objective, ChunkObjective) else None
        for chunk, sizes in self._chunks(fabric, batches, place):
            if by_chunks is not None:
                by_chunks.begin_chunk(module, chunk)
            for batch in chunk.parts(sizes, progresses[place.step : place.step + len(sizes)]):
                _seed(fabric.device, derive_seed(seed, place.step, fabric.global_rank))
                terms = self._step_on_threads(fabric, module, optimiser, batch, place)
                progress.advance(len(batch.images) * fabric.world_size, f"loss {terms['loss']:.4g}")
            if place.step < len(batches) and time.monotonic() - saved > SECONDS_BETWEEN_SAVES:
                place.seconds, began = place.seconds + time.monotonic() - began, time.monotonic()
                self._save(fabric, module, optimiser, place)
                saved = time.monotonic()
        place.seconds += time.monotonic() - began
        self._end_epoch(fabric, module, place, len(batches))
        self._save(fabric, module, optimiser, place)

    def _chunks(
        self, fabric: Fabric, batches: list[NDArray[np.int64]], place: Place
    ) -> Iterator[tuple[Batch, list[int]]]:
        """Read the chunks from the place on, each with the sizes of its batches."""
        chunks = in_chunks(batches, self.recipe.chunk_size and self.recipe.chunk_size // fabric.world_size)
        begins = np.cumsum([0, *map(len, chunks)])
        left = chunks[int(np.searchsorted(begins, place.step)) :]
        read = read_batches(self.images, [np.concatenate(chunk) for chunk in left], fabric.device, epoch=place.epoch)
        for chunk, parts in zip(read, left, strict=True):
            yield chunk, [len(part) for part in parts]

    def _step_on_threads(
        self, fabric: Fabric, module: Any, optimiser: Any, batch: Batch, place: Place
    ) -> dict[str, float]:
        alone_on_cpu = fabric.device.type == "cpu" and fabric.world_size == 1
        with threads_of_a_step(place) if alone_on_cpu else nullcontext():
            terms = self._step(fabric, module, optimiser, batch)
        for name, value in terms.items():
            place.sums[name] = place.sums.get(name, 0.0) + value
        place.step += 1
        return terms

    def _step(self, fabric: Fabric, module: Any, optimiser: Any, batch: Batch) -> dict[str, float]:
        for group in optimiser.param_groups:
            group["lr"] = self.recipe.rate(batch.progress)
        terms = self.objective(module, batch)
        optimiser.zero_grad()
        fabric.backward(terms["loss"])
        if self.recipe.gradient_clip is not None:
            fabric.clip_gradients(module, optimiser, max_norm=self.recipe.gradient_clip)
        optimiser.step()
        names = list(terms)
        values = torch.stack([terms[name].detach().float() for name in names]).tolist()
        if not all(math.isfinite(value) for value in values):
            raise InputError(
                f"stage {self.name}: the loss is no longer a number (epoch {batch.progress * self.recipe.epochs:.1f}); "
                f"lower the learning rate ({self.recipe.learning_rate:g}), or set gradient_clip=1"
            )
        return dict(zip(names, values, strict=True))

    def _end_epoch(self, fabric: Fabric, module: Any, place: Place, steps: int) -> None:
        means = {name: total / steps for name, total in place.sums.items()}
        if fabric.world_size > 1:
            means = {
                name: float(fabric.all_reduce(torch.tensor(value, device=fabric.device)))
                for name, value in means.items()
            }
        place.epoch += 1
        place.rows.append({"stage": self.name, "epoch": place.epoch, "seconds": place.seconds, **means})
        if means["loss"] < place.best - 1e-3 * abs(place.best) or not math.isfinite(place.best):
            place.best, place.waited = means["loss"], 0
        else:
            place.waited += 1
        place.stopped = self.recipe.patience is not None and place.waited >= self.recipe.patience
        if self.watch is not None:
            inner = getattr(module, "module", module)
            place.stopped |= self.watch(inner, place.epoch, place.rows[-1], place.seen)
        place.step, place.seconds, place.sums = 0, 0.0, {}

    def _save(self, fabric: Fabric, module: Any, optimiser: Any, place: Place) -> None:
        if self.place_file is None or fabric.global_rank != 0:
            return
        inner = getattr(module, "module", module)
        moments = optimiser.state_dict()["state"]
        write_results(
            self.place_file,
            {
                "module": dict(inner.state_dict()),
                "optimiser": {
                    f"{number}/{key}": value for number, state in moments.items() for key, value in state.items()
                },
                "place": {name: value for name, value in place.__dict__.items() if name != "seen"},
                "seen": place.seen,
            },
        )

    def _restore(self, module: nn.Module, optimiser: Any) -> Place:
        if self.place_file is None or not self.place_file.exists():
            return Place()
        kept: Results = read_results(self.place_file)
        module.load_state_dict(kept["module"])
        parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in kept["optimiser"].items():
            number, key = name.split("/", 1)
            state.setdefault(int(number), {})[key] = _laid_out_like(parameters[int(number)], tensor)
        whole = optimiser.state_dict()
        optimiser.load_state_dict({"state": state, "param_groups": whole["param_groups"]})
        return Place(**kept["place"], seen=kept["seen"])


def _wrapped(fabric: Fabric, module: nn.Module, optimiser: Any) -> tuple[Any, Any]:
    """As Fabric joins processes and converts numbers; where it would do neither, its wrappers only cost time."""
    if fabric.world_size == 1 and fabric.strategy.precision.precision == "32-true":
        return module, optimiser
    return fabric.setup(module, optimiser)


def _laid_out_like(parameter: Tensor, moment: Tensor) -> Tensor:
    """Order a moment in memory as its parameter is: fused Adam pairs them by their place there."""
    return torch.empty_like(parameter, dtype=moment.dtype).copy_(moment) if moment.shape == parameter.shape else moment


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
