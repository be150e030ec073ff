"""Readers of images, one format a file."""

from __future__ import annotations

from facies.images.readers.base import Reader
from facies.images.readers.registry import find_reader, readers

__all__ = ["Reader", "find_reader", "readers"]
