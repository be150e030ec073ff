"""Readers of images, one format a file."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facies.images.readers.base import Reader
    from facies.images.readers.registry import find_reader, readers

__all__ = ["Reader", "find_reader", "readers"]

_FILES = {"Reader": "base", "find_reader": "registry", "readers": "registry"}


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for; see `facies.images`."""
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_FILES[name]}"), name)
