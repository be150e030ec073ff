"""What methods that learn from single patches share: training on one or several devices, and the codes of all voxels of a block."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facies.methods.voxels.patch_sampler import PatchGrid, patches_of_all, standardised
from facies.training import Hardware, Objective, Stage, StageCheckpoints, StageOutputs, Trainer, Training
from facies.training.schedules import ScheduleName

if TYPE_CHECKING:
    from facies.training import Progress

MOST_ROWS = 200
"""Into so many parts a training is cut at most: after each, its losses are noted and its state is saved."""
AT_ONCE = 1024
STAGE = "training"


class Anchors:
    """Numbers of anchors, in place of images: the objective draws the patches themselves, on the compute device.

    Parameters
    ----------
    count : int
        How many there are.
    """

    image_shape = (1,)

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitems__(self, rows: NDArray[np.int64]) -> Tensor:
        """One number for each row, of which nothing depends."""
        return torch.zeros(len(rows), 1)


def parts_of(n_steps: int) -> int:
    """Into how many equal parts a training of so many steps is cut.

    Examples
    --------
    >>> parts_of(46_875), parts_of(60), parts_of(211)
    (125, 60, 1)
    """
    return max(count for count in range(1, min(n_steps, MOST_ROWS) + 1) if n_steps % count == 0)


def train_on_patches(
    network: nn.Module,
    objective: Objective,
    *,
    n_steps: int,
    batch_size: int,
    learning_rate: float,
    schedule: ScheduleName = "constant",
    device: str,
    devices: int,
    random_state: int,
    progress: Progress,
    checkpoints: Path | None,
) -> list[dict[str, float]]:
    """Train a network in place by AMSGrad, and return its losses; what a kill left unfinished goes on from `checkpoints`.

    Parameters
    ----------
    network, objective
        What learns, and what draws patches and computes the loss of so many anchors as a batch has rows.
    n_steps, batch_size, learning_rate, schedule
        Steps, anchors of a step over all devices together, the size of a step, and how it goes.
    device, devices : str, int
        What is computed on, and how many of them. With several each draws patches of its own, and compares them with one another alone.
    checkpoints : Path, optional
        A folder for the state of the training.

    Returns
    -------
    list of dict
        ``step`` and the means of the terms of the loss since the row before.
    """
    hardware = Hardware(accelerator=device, devices=devices, precision="32-true", channels_last=False)
    hardware.check()
    if checkpoints is not None:
        checkpoints.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(random_state, hardware, StageCheckpoints(checkpoints), progress)
    parts = parts_of(n_steps)
    training = Training(
        epochs=parts, batch_size=batch_size, optimizer="amsgrad", learning_rate=learning_rate, schedule=schedule
    )

    def run(_: StageOutputs) -> StageOutputs:
        trainer.fit(network, Anchors(n_steps // parts * batch_size), objective, training, unit="anchors")
        return {"weights": dict(network.state_dict())}

    network.load_state_dict(trainer.run([Stage(STAGE, run)])["weights"])
    terms = [{name: value for name, value in row.items() if name not in _COLUMNS} for row in trainer.rows]
    return [{"step": row["epoch"] * (n_steps // parts), **own} for row, own in zip(trainer.rows, terms, strict=True)]


_COLUMNS = ("stage", "epoch", "seconds")


@torch.no_grad()
def embed_patches(
    encode: Callable[[Tensor], Tensor],
    values: NDArray[np.float32],
    grid: PatchGrid,
    radius_nm: float,
    device: torch.device,
) -> NDArray[np.float32]:
    """Embed all voxels of a block by the patches around them, standardised one by one.

    Parameters
    ----------
    encode : callable
        Patches (B, n_values, …) → codes (B, D).
    values : ndarray
        (z, y, x) float32 in 0 … 1, with the halo of the radius on each side.

    Returns
    -------
    ndarray
        (D, z, y, x) float32, without the halo.
    """
    shape = [size - 2 * more for size, more in zip(values.shape, grid.halo(radius_nm), strict=True)]
    block = torch.from_numpy(np.ascontiguousarray(values)).to(device)
    rows = [encode(standardised(each)).float().cpu() for each in patches_of_all(block, grid, radius_nm, AT_ONCE)]
    return np.ascontiguousarray(torch.cat(rows).T.reshape(-1, *shape).numpy())


def weights_of(network: nn.Module, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """The weights of some parts of a network, as arrays."""
    return {
        name: each.detach().cpu().numpy() for name, each in network.state_dict().items() if name.split(".")[0] in names
    }


def load_weights(network: nn.Module, state: dict[str, NDArray[Any]], names: tuple[str, ...]) -> None:
    """Give parts of a network the weights that `weights_of` returned; a `ValueError` if one is missing or has another shape."""
    own = {name: each for name, each in network.state_dict().items() if name.split(".")[0] in names}
    if {name: tuple(each.shape) for name, each in own.items()} != {name: each.shape for name, each in state.items()}:
        raise ValueError("its weights are of another network")
    network.load_state_dict({name: torch.from_numpy(each.copy()) for name, each in state.items()}, strict=False)
