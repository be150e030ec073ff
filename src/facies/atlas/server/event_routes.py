"""The endpoint of the server-sent events."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from facies.atlas.server.dependencies import TheAtlas

router = APIRouter()


@router.get("/events")
async def events(atlas: TheAtlas) -> StreamingResponse:
    """A stream of all changes, jobs and fits of the classifier."""
    stream = atlas.events.listen(atlas.revisions_to_json)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)
