"""What every endpoint begins with: the atlas, and the run that the address names."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from facies.atlas.atlas import Atlas
from facies.atlas.open_run import OpenRun

__all__ = ["TheAtlas", "TheRun"]


async def _atlas(request: Request) -> Atlas:
    atlas: Atlas = request.app.state.atlas
    return atlas


async def _run(key: str, request: Request) -> OpenRun:
    return (await _atlas(request)).run(key)


TheAtlas = Annotated[Atlas, Depends(_atlas)]
TheRun = Annotated[OpenRun, Depends(_run)]
