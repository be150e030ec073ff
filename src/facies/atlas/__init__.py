"""The atlas: a web application in which an expert looks at the groups of a run, names them, and gets the counts."""

from __future__ import annotations

from facies.atlas.services.open_atlas import Atlas

__all__ = ["Atlas"]
