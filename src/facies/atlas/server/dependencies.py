"""What every endpoint begins with: the atlas, and the run that the address names."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from facies.atlas.state.open_run import OpenRun
from facies.atlas.state.open_runs import Atlas

__all__ = ["TheAtlas", "TheRun"]


async def _atlas(request: Request) -> Atlas:
    atlas: Atlas = request.app.state.atlas
    return atlas


async def _run(key: str, request: Request) -> OpenRun:
    return (await _atlas(request)).run(key)


TheAtlas = Annotated[Atlas, Depends(_atlas)]
TheRun = Annotated[OpenRun, Depends(_run)]
