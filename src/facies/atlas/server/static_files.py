"""The files of the page, which `make web` has built: read once, and served by name alone."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import Response

from facies.atlas.errors import MissingError
from facies.atlas.server.responses import IMMUTABLE

router = APIRouter()

_INDEX = "index.html"
_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".html": "text/html; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
    ".json": "application/json",
}
_FOLDER = Path(__file__).parents[1] / "static"
_STATIC = {path.relative_to(_FOLDER).as_posix(): path.read_bytes() for path in _FOLDER.rglob("[!.]*") if path.is_file()}
"""The contents of the built files by their address, such as ``assets/index-1a2b.js``."""


@router.get("/")
async def index() -> Response:
    """The page."""
    return _answer(_INDEX)


@router.get("/{name:path}")
async def asset(name: str) -> Response:
    """One of the page's files."""
    return _answer(name)


def _answer(name: str) -> Response:
    # A name is looked up among those that were read at the start; nothing that a browser sends is ever opened.
    body = _STATIC.get(name)
    if body is None:
        raise MissingError(
            "the page of the atlas was not built: run `make web`" if name == _INDEX else "there is no such page"
        )
    suffix = name[name.rfind(".") :] if "." in name else ""
    media = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    headers = IMMUTABLE if name.startswith("assets/") else {"Cache-Control": "no-cache"}
    return Response(body, media_type=media, headers=headers)
