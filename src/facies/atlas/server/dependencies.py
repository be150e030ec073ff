"""Arguments of the endpoints: the atlas, and the run or the services that the address names."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import unquote

from fastapi import Depends, Header, Request

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


async def _user(header: Annotated[str, Header(alias="X-Facies-User", max_length=1200)] = "") -> str | None:
    """Return the name of the person who asks, which is sent as percent-encoded UTF-8; None if the page sends none."""
    return unquote(header) or None


TheUser = Annotated[str | None, Depends(_user)]
TheAtlas = Annotated[Atlas, Depends(_atlas)]
TheServices = Annotated[RunServices, Depends(_services)]
TheRun = Annotated[OpenRun, Depends(_run)]
