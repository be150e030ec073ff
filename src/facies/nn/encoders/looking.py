"""How an encoder that learns no more looks at images: how many at once, and in which arithmetic.

On a GPU it looks at a thousand at once in bf16, whose 8 bits of mantissa are as many as a pixel has. On a CPU it computes in 32
bits, and looks at as many as stay in its cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

import torch

IMAGES_ON_GPU = 1024
PIXELS_ON_CPU = 2**20

_precision: ContextVar[str] = ContextVar("precision", default="auto")


@contextmanager
def looking_in(precision: str) -> Iterator[None]:
    """Within this context encoders compute as `Hardware.precision` says: ``auto``, ``32-true``, ``bf16-mixed`` or ``16-mixed``."""
    token = _precision.set(precision)
    try:
        yield
    finally:
        _precision.reset(token)


def arithmetic(device: torch.device) -> torch.dtype:
    """The numbers in which an encoder computes on a device: by default bf16 on GPUs that have it, and float32 elsewhere."""
    if device.type != "cuda" or _precision.get() == "32-true":
        return torch.float32
    if _precision.get() == "16-mixed":
        return torch.float16
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32


def autocast(device: torch.device) -> AbstractContextManager[None]:
    """A context in which nothing learns and an encoder computes in `arithmetic`; nothing is changed where it may learn."""
    dtype = arithmetic(device)
    if dtype == torch.float32 or torch.is_grad_enabled():
        return nullcontext()
    return torch.autocast(device.type, dtype)


def images_at_once(device: torch.device, pixels: int, passes: int = 1) -> int:
    """How many images of so many pixels, each looked at `passes` times, an encoder is given at once."""
    if device.type == "cuda":
        return max(1, IMAGES_ON_GPU // passes)
    return max(1, PIXELS_ON_CPU // (pixels * passes))
