"""The forms of a response: binary arrays, JSON without NaN, and errors of one line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from numpy.typing import NDArray
from starlette.exceptions import HTTPException

from facies.atlas.binary_format import MEDIA_TYPE, pack_arrays
from facies.atlas.errors import ConflictError, MissingError
from facies.errors import InputError
from facies.io import jsonable

IMMUTABLE = {"Cache-Control": "private, max-age=31536000, immutable"}
"""Headers of content that never changes at its address."""

_KINDS = {400: "input", 401: "forbidden", 403: "forbidden", 404: "missing", 405: "input", 409: "conflict", 413: "limit"}


class Json(Response):
    """A JSON response; numbers that are not finite become null."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Encode the content."""
        return json.dumps(jsonable(content), separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode(
            "utf-8", "surrogatepass"
        )


def binary_response(
    arrays: Mapping[str, NDArray[Any]], header: Mapping[str, Any] | None = None, *, immutable: bool = False
) -> Response:
    """Return arrays in the format of `pack_arrays`; with ``immutable``, a browser may cache them without end."""
    headers = IMMUTABLE if immutable else None
    return Response(pack_arrays(arrays, **(header or {})), media_type=MEDIA_TYPE, headers=headers)


def as_rows(rows: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Return rows in the type in which they are sent."""
    return rows.astype(np.uint32)


def add_error_handlers(app: FastAPI) -> None:
    """Have every error answered with ``{"error": one line, "kind": word}``."""

    @app.exception_handler(InputError)
    async def input_error(_: Request, error: InputError) -> Response:
        status = 409 if isinstance(error, ConflictError) else 404 if isinstance(error, MissingError) else 400
        return _error(status, str(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
        return _error(400, f"the request is not understood: {where[:80] or 'its body'}: {first['msg'][:200]}")

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> Response:
        return _error(error.status_code, str(error.detail))

    @app.exception_handler(Exception)
    async def fault(_: Request, error: Exception) -> Response:
        text = " ".join(str(error).split())[:300]
        return _error(500, f"{type(error).__name__}: {text}: this is a fault of Facies")


def _error(status: int, text: str) -> Response:
    return Json({"error": " ".join(text.split()), "kind": _KINDS.get(status, "fault")}, status_code=status)
