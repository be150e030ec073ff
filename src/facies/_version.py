"""The version of Facies, in a module that imports nothing, so that every room may read it."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.2.0"
