from __future__ import annotations

from tests.methods.conftest import drawn, fitted, pixels

__all__ = ["drawn", "fitted", "pixels"]
