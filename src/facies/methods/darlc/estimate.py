"""How long a fit will take: said before it begins, from one step of the network."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch

from facies.training import Batch
from facies.training.progress import duration

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from facies.images import ImageSet
    from facies.methods.darlc.objectives import PretrainingObjective
    from facies.methods.darlc.settings import Settings

TRIALS = 2
JOINT = 1.5
"""A step of the joint training, with the codes of all images before each epoch, takes so many times one of the pretraining."""


def seconds_of_learning(
    settings: Settings,
    objective: PretrainingObjective,
    images: ImageSet,
    measured: NDArray[np.bool_],
    device: torch.device,
) -> float:
    """Seconds that both trainings take at most, from the quicker of two steps of a network that is then thrown away.

    What is drawn at random afterwards stays the same.
    """
    s = settings
    rows = range(min(s.pretraining.batch_size, len(images)))
    pixels = images.__getitems__(list(rows)).to(device)
    taken = []
    with torch.random.fork_rng():
        network = s.build(images.image_shape[0], measured, 2).to(device)
        batch = Batch(pixels, torch.tensor(list(rows), device=device), 0.0)
        for _ in range(TRIALS):
            began = time.monotonic()
            loss = objective(network, batch)["loss"]
            torch.autograd.grad(loss, list(network.online.parameters()), allow_unused=True)
            float(loss.detach())  # a GPU has finished then
            taken.append(time.monotonic() - began)
    first = 0 if s.ablation == "pretraining" else s.pretraining.n_epochs
    epochs = first + (0.0 if s.ablation == "module-2" else JOINT * s.training.n_epochs)
    return min(taken) / len(rows) * len(images) * epochs


def time_in_words(images: ImageSet, seconds: float) -> str:
    """One line for the user."""
    rows, columns = images.image_shape[-2:]
    return (
        f"{len(images):,} images of {rows} × {columns} pixels: learning takes about {duration(seconds)} on this machine, "
        "less where the groups come to rest before"
    )
