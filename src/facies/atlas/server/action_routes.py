"""The only endpoint that changes a run."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Header

from facies.atlas.server.dependencies import TheRun, TheUser
from facies.atlas.server.responses import Json
from facies.atlas.services.action_requests import AnyAction, perform

router = APIRouter()


@router.post("/runs/{key}/actions")
def act(
    run: TheRun,
    action: Annotated[AnyAction, Body()],
    client: Annotated[str, Header(alias="X-Facies-Client", max_length=64)] = "",
    user: TheUser = None,
) -> Json:
    """Perform an action; it is on the disk when this answers."""
    return Json(perform(run, action, client, user))
