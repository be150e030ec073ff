"""Arguments of the endpoints: the atlas, and the run or the services that the address names."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from facies.atlas.services.open_atlas import Atlas
from facies.atlas.services.run_services import RunServices
from facies.atlas.state.open_run import OpenRun


async def _atlas(request: Request) -> Atlas:
    atlas: Atlas = request.app.state.atlas
    return atlas


async def _services(key: str, request: Request) -> RunServices:
    return (await _atlas(request)).run_services(key)


async def _run(key: str, request: Request) -> OpenRun:
    return (await _atlas(request)).run(key)


TheAtlas = Annotated[Atlas, Depends(_atlas)]
TheServices = Annotated[RunServices, Depends(_services)]
TheRun = Annotated[OpenRun, Depends(_run)]
