"""The one endpoint that changes anything."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Header

from facies.atlas.actions import AnyAction, perform
from facies.atlas.server.answers import Json
from facies.atlas.server.finding import TheRun

router = APIRouter()


@router.post("/runs/{key}/actions")
def act(
    run: TheRun,
    action: Annotated[AnyAction, Body()],
    client: Annotated[str, Header(alias="X-Facies-Client", max_length=64)] = "",
) -> Json:
    """Do something; it is on the disk when this answers."""
    return Json(perform(run, action, client))
