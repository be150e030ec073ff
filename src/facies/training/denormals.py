"""Numbers so near to 0 that a processor takes many times as long for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

DENORMAL = 1e-40
"""Below the least float32 of full precision, 1.2e-38."""


@contextmanager
def denormals_as_zero() -> Iterator[None]:
    """Within this context numbers below 1.2e-38 in float32 (2.2e-308 in float64) count as 0 on this thread, and on torch's.

    A softmax that is sure, a mixture's responsibilities and the moments of an optimiser end there, and processors take many
    times as long for one of them as for another number. Where the processor cannot, nothing is changed.
    """
    before = _are_zero()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def _are_zero() -> bool:
    return float(torch.tensor(DENORMAL) * 1.0) == 0.0
