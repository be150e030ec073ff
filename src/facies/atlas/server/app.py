"""The web application: all endpoints behind the authentication."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.types import ASGIApp

from facies.atlas.server import (
    action_routes,
    array_routes,
    event_routes,
    export_routes,
    find_routes,
    picture_routes,
    query_routes,
    run_routes,
    static_files,
    table_routes,
)
from facies.atlas.server.addresses import allowed_hosts
from facies.atlas.server.responses import add_error_handlers
from facies.atlas.server.security import AuthMiddleware
from facies.atlas.services.open_atlas import Atlas

_ROUTES = (
    run_routes,
    array_routes,
    picture_routes,
    table_routes,
    query_routes,
    find_routes,
    action_routes,
    export_routes,
    event_routes,
)


def make_app(
    atlas: Atlas,
    *,
    token: str,
    host: str = "127.0.0.1",
    port: int = 80,
    scheme: str = "http",
    other_origin: str | None = None,
) -> ASGIApp:
    """Return the web application of an atlas.

    Parameters
    ----------
    atlas : Atlas
        The open runs.
    token : str
        The secret that every request must carry.
    host : str
        The address that the server listens on.
    port : int
        The port that the server listens on.
    scheme : {"http", "https"}
        Whether the server encrypts.
    other_origin : str, optional
        One more origin whose requests are accepted, such as ``http://localhost:5173`` of the development server.
    """
    app = FastAPI(title="Facies atlas", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.atlas = atlas
    add_error_handlers(app)
    for routes in _ROUTES:
        app.include_router(routes.router, prefix="/api")
    app.include_router(static_files.router)
    return AuthMiddleware(
        app,
        token=token,
        hosts=allowed_hosts(host, port),
        port=port,
        max_body_bytes=max_body_bytes(atlas.max_images),
        scheme=scheme,
        other_origin=other_origin,
    )


def max_body_bytes(n_images: int) -> int:
    """Return the size limit of a request: two bitmasks as base64, and half a megabyte for lists and names."""
    return 2**19 + 2 * (-(-n_images // 6) + 4)
