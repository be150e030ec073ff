"""Errors of the atlas, which the server answers with a status of their own."""

from __future__ import annotations

from facies.errors import InputError


class ConflictError(InputError):
    """The request conflicts with the current state of the run (status 409)."""


class MissingError(InputError):
    """What was asked for does not exist (status 404)."""
