"""The stream of events."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from facies.atlas.server.dependencies import TheAtlas

router = APIRouter()


@router.get("/events")
async def events(atlas: TheAtlas) -> StreamingResponse:
    """All that happens, as it happens."""
    stream = atlas.events.listen(atlas.hello)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)
