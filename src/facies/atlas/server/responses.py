"""The forms of an answer: binary frames, JSON without NaN, pictures, and errors in one line."""

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

__all__ = ["FOR_EVER", "Json", "add_error_answers", "as_rows", "frame"]

FOR_EVER = {"Cache-Control": "private, max-age=31536000, immutable"}
"""Headers of what never changes under its address."""

_KINDS = {400: "input", 401: "forbidden", 403: "forbidden", 404: "missing", 405: "input", 409: "conflict", 413: "limit"}


class Json(Response):
    """JSON; what is not a finite number is null."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Encode the content."""
        return json.dumps(jsonable(content), separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode(
            "utf-8", "surrogatepass"
        )


def frame(
    sections: Mapping[str, NDArray[Any]], header: Mapping[str, Any] | None = None, *, for_ever: bool = False
) -> Response:
    """Return a binary answer; see `pack_arrays`."""
    headers = FOR_EVER if for_ever else None
    return Response(pack_arrays(sections, **(header or {})), media_type=MEDIA_TYPE, headers=headers)


def as_rows(rows: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Return rows as they are sent."""
    return rows.astype(np.uint32)


def add_error_answers(app: FastAPI) -> None:
    """Answer every error with ``{"error": one line, "kind": word}``."""

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
    plain = {"error": " ".join(text.split()), "kind": _KINDS.get(status, "fault")}
    return Json(plain, status_code=status)
