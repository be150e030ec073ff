"""Batches: the next one is read while this one computes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BYTES_AT_ONCE = 2**22
"""Small batches are read several at once, about so many bytes: to hand one over takes as long as a small layer."""


class Examples(Protocol):
    """What a training reads its batches from: an `ImageSet`, or what gives tensors of one shape by the numbers of its rows."""

    @property
    def image_shape(self) -> tuple[int, ...]:
        """The shape of one row."""

    def __len__(self) -> int:
        """How many rows there are."""

    def __getitems__(self, rows: NDArray[np.int64]) -> Tensor:
        """Read rows: float32 (B, …)."""


@dataclass(frozen=True)
class Batch:
    """Images of one step.

    Attributes
    ----------
    images
        Float32 tensor (B, C, H, W) or (B, L, C, H, W) on the device, native pixel values.
    indices
        Int64 tensor (B,): rows of the image set.
    progress
        How much of the training is done, in [0, 1); for warm-ups.
    epoch
        Epochs done before this one.
    first
        Where the batch begins in its large batch.
    partners
        Like `images`: a partner of each, where the training has partners (nearest neighbours, say); else None.
    partner_indices
        Int64 tensor (B,): rows of the partners; else None.
    """

    images: Tensor
    indices: Tensor
    progress: float = 1.0
    epoch: int = 0
    first: int = 0
    partners: Tensor | None = None
    partner_indices: Tensor | None = None

    @property
    def within(self) -> slice:
        """Where the batch is in its large batch."""
        return slice(self.first, self.first + len(self.images))

    def parts(self, sizes: Sequence[int], progress: Sequence[float]) -> Iterator[Batch]:
        """Cut a large batch into its batches; nothing is copied."""
        first = 0
        for size, done in zip(sizes, progress, strict=True):
            cut = slice(first, first + size)
            partners = None if self.partners is None else self.partners[cut]
            partner_indices = None if self.partner_indices is None else self.partner_indices[cut]
            yield Batch(self.images[cut], self.indices[cut], done, self.epoch, first, partners, partner_indices)
            first += size


def read_batches(
    images: Examples,
    order: Sequence[NDArray[np.int64]],
    device: torch.device,
    epoch: int = 0,
    partners: NDArray[np.int64] | None = None,
) -> Iterator[Batch]:
    """Yield the batches whose rows `order` lists, reading ahead in a thread.

    Parameters
    ----------
    images
        What to read from.
    order
        Rows of each batch.
    device
        Where the tensors go.
    epoch
        Value of `Batch.epoch`.
    partners
        (N,) the row of the partner of every image; None for batches without partners.
    """

    def read(block: list[NDArray[np.int64]]) -> Tensor:
        rows = np.concatenate(block)
        pixels = images.__getitems__(rows if partners is None else np.concatenate([rows, partners[rows]]))
        return pixels.pin_memory() if device.type == "cuda" else pixels

    blocks = in_large_batches(order, max(1, BYTES_AT_ONCE // (4 * math.prod(images.image_shape))))
    with ThreadPoolExecutor(1) as reader:
        ahead = reader.submit(read, blocks[0]) if blocks else None
        for number, block in enumerate(blocks):
            assert ahead is not None
            pixels = ahead.result()
            ahead = reader.submit(read, blocks[number + 1]) if number + 1 < len(blocks) else None
            sizes = [len(rows) for rows in block]
            on_device = pixels.to(device, non_blocking=True)
            parts = torch.split(on_device[: sum(sizes)], sizes)
            others = torch.split(on_device[sum(sizes) :], sizes) if partners is not None else [None] * len(sizes)
            for rows, part, other in zip(block, parts, others, strict=True):
                indices = torch.from_numpy(rows).to(device, non_blocking=True)
                partner_indices = None if partners is None else torch.from_numpy(partners[rows]).to(device)
                yield Batch(part, indices, epoch=epoch, partners=other, partner_indices=partner_indices)


def draw_partners(candidates: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Draw one partner for each image: (N, M) rows → (N,) rows."""
    column = np.random.default_rng(seed).integers(candidates.shape[1], size=len(candidates))
    return np.asarray(candidates[np.arange(len(candidates)), column], dtype=np.int64)


def shuffled(
    rows: NDArray[np.int64], batch_size: int, seed: int, rank: int = 0, world: int = 1
) -> list[NDArray[np.int64]]:
    """Split `rows` into batches in a random order; each of `world` processes gets its own share of each batch.

    A last batch of fewer than half the size joins the one before it, so that no step rests on a handful of images.
    Every process gets equally many batches, and shares of equal size, whatever the number of rows.
    """
    order = np.random.default_rng(seed).permutation(rows)
    count = max(1, round(len(order) / batch_size))
    batches = np.array_split(order, count)
    if world == 1:
        return batches
    return [np.resize(batch, -(-len(batch) // world) * world)[rank::world] for batch in batches]


def in_large_batches(batches: Sequence[NDArray[np.int64]], size: int | None) -> list[list[NDArray[np.int64]]]:
    """Put consecutive batches together to large ones of about `size` images; None: each batch is one."""
    total = sum(map(len, batches))
    count = len(batches) if size is None else min(len(batches), max(1, round(total / size)))
    bounds = np.linspace(0, len(batches), count + 1).round().astype(int)
    return [list(batches[start:stop]) for start, stop in itertools.pairwise(bounds)]


def in_order(count: int, batch_size: int) -> list[NDArray[np.int64]]:
    """Rows 0 … count − 1 in batches, in their order."""
    return [np.arange(start, min(start + batch_size, count)) for start in range(0, count, batch_size)]
