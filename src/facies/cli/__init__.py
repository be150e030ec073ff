"""The command ``facies``: reads the arguments, calls a workflow, and prints the result."""

from __future__ import annotations

from facies.cli.app import app, main

__all__ = ["app", "main"]
