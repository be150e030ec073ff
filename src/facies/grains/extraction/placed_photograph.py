"""Where a photograph belongs: to which stack, and at which place in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

ALL = "all"
"""The sample of photographs of which nothing else is known."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A photograph, and its place.

    Parameters
    ----------
    name
        The file, relative to the folder of the photographs, with forward slashes.
    stack
        The stack that it belongs to.
    layer
        Its place in the stack: a number of the layer or a height; the order counts alone.
    sample
        What was sampled, where that is known.
    channel
        Of several channels, whose stacks are apart.
    """

    name: str
    stack: str
    layer: float
    sample: str | None = None
    channel: str | None = None


def top_folder(path: PurePosixPath) -> str:
    """Return the sample that the first folder of a path names."""
    return path.parts[0] if len(path.parts) > 1 else ALL
