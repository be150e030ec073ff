"""The application: its endpoints behind its gate."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.types import ASGIApp

from facies.atlas.server import (
    action_routes as actions,
)
from facies.atlas.server import (
    array_routes as arrays,
)
from facies.atlas.server import (
    event_stream as news,
)
from facies.atlas.server import (
    export_routes as exports,
)
from facies.atlas.server import (
    picture_routes as pictures,
)
from facies.atlas.server import (
    query_routes as choices,
)
from facies.atlas.server import (
    run_routes as runs,
)
from facies.atlas.server import (
    static_files as pages,
)
from facies.atlas.server import (
    table_routes as tables,
)
from facies.atlas.server.responses import add_error_answers
from facies.atlas.server.security import AuthMiddleware, allowed_hosts
from facies.atlas.state.open_runs import Atlas

__all__ = ["make_app", "most_bytes"]


def make_app(
    atlas: Atlas, *, token: str, host: str = "127.0.0.1", port: int = 80, other_origin: str | None = None
) -> ASGIApp:
    """Put the endpoints together.

    Parameters
    ----------
    atlas : Atlas
        The runs.
    token : str
        The secret that a browser has to know.
    host : str
        The address listened on.
    port : int
        Its port.
    other_origin : str, optional
        One more origin that may ask, such as ``http://localhost:5173`` of the development server.
    """
    app = FastAPI(title="Facies atlas", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.atlas = atlas
    add_error_answers(app)
    for room in (runs, arrays, pictures, tables, choices, actions, exports, news):
        app.include_router(room.router, prefix="/api")
    app.include_router(pages.router)
    return AuthMiddleware(
        app,
        token=token,
        hosts=allowed_hosts(host, port),
        port=port,
        most_bytes=most_bytes(atlas.most_images),
        other_origin=other_origin,
    )


def most_bytes(n_images: int) -> int:
    """Return the longest body of a request: two bitmasks as base64, and half a megabyte for lists and names."""
    return 2**19 + 2 * (-(-n_images // 6) + 4)
