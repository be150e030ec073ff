"""Why the atlas says no, beside input that cannot be used."""

from __future__ import annotations

from facies.errors import InputError

__all__ = ["ConflictError", "MissingError"]


class ConflictError(InputError):
    """What was asked for does not fit how things stand now."""


class MissingError(InputError):
    """What was asked for is not there."""
