"""The command ``facies``: reads what the user wants, and lets the other rooms do it."""

from __future__ import annotations

from facies.cli.app import app, main

__all__ = ["app", "main"]
