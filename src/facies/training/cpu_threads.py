"""How many threads a step of training is worth on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
from torch.utils.flop_counter import FlopCounterMode

FLOPS_PER_THREAD = 2e8


class Counted(Protocol):
    """Remembers the floating-point operations of a step; None before the first."""

    flops: float | None


def threads_for_flops(flops: float, available: int) -> int:
    """One thread for each 2·10⁸ floating-point operations of a step, at least one, at most those there are.

    To wake a thread and to wait for it costs as much as a small layer, and more where other processes keep the cores busy.
    The rule looks at the operations and not at a clock, so that equal fits add in equal order.
    """
    return max(1, min(available, int(flops / FLOPS_PER_THREAD)))


@contextmanager
def threads_of_a_step(place: Counted) -> Iterator[None]:
    """Compute a step on as many threads as it is worth; the first one, on which it is counted, on one."""
    if place.flops is not None:
        with limited_threads(threads_for_flops(place.flops, torch.get_num_threads())):
            yield
        return
    with limited_threads(1), FlopCounterMode(display=False) as counter:
        yield
    place.flops = float(counter.get_total_flops())


@contextmanager
def limited_threads(count: int) -> Iterator[None]:
    """Compute on `count` threads, and afterwards on as many as before."""
    before = torch.get_num_threads()
    if count == before:
        yield
        return
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
