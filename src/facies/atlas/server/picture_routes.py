"""Thumbnails, full images of every focal layer, and generated images."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from PIL import Image
from starlette.concurrency import run_in_threadpool

from facies.atlas.errors import MissingError
from facies.atlas.server.dependencies import TheRun, TheServices
from facies.atlas.server.responses import IMMUTABLE, Json
from facies.atlas.services.contact_sheet import MAX_THUMBNAILS, contact_sheet
from facies.atlas.services.image_details import image_details
from facies.atlas.services.pictures import MEDIA_TYPE, to_picture, webp
from facies.atlas.state.open_run import OpenRun
from facies.errors import InputError

router = APIRouter()

_PORTION = 16
"""Number of thumbnails between two looks at whether the browser still waits."""
_ONE_HOUR = {"Cache-Control": "private, max-age=3600"}

Layer = Annotated[int | None, Query(alias="layer", ge=0, le=10_000)]
Canonical = Annotated[bool, Query(alias="upright", description="The images in their canonical pose.")]


@router.get("/runs/{key}/thumbnails/{digest}/{row}.webp")
def thumbnail(
    services: TheServices, digest: str, row: int, layer: Layer = None, canonical: Canonical = False
) -> Response:
    """One thumbnail."""
    _check_digest(services.run, digest)
    encode = services.pictures.canonical_thumbnail if canonical else services.pictures.thumbnail
    return Response(encode(row, layer), media_type=MEDIA_TYPE, headers=IMMUTABLE)


@router.get("/runs/{key}/thumbnails/{digest}")
async def thumbnails(
    request: Request,
    services: TheServices,
    digest: str,
    rows: str,
    layer: Layer = None,
    canonical: Canonical = False,
) -> Response:
    """Several thumbnails in one picture, in the order of their numbers in ``rows``, which commas part.

    A page cancels what it has scrolled past; then no more of them are made.
    """
    _check_digest(services.run, digest)
    numbers = _numbers(rows)
    pictures: list[Image.Image | None] = []
    for start in range(0, len(numbers), _PORTION):
        if await request.is_disconnected():
            return Response(status_code=499)  # nobody reads it
        portion = numbers[start : start + _PORTION]
        pictures += await run_in_threadpool(services.pictures.thumbnails, portion, layer, canonical=canonical)
    tile = services.pictures.sheets(canonical=canonical).index["tile"]
    body = await run_in_threadpool(contact_sheet, pictures, tile)
    return Response(body, media_type=MEDIA_TYPE, headers=IMMUTABLE)


@router.get("/runs/{key}/images/{row}")
def image(services: TheServices, row: int, layer: Layer = None) -> Response:
    """One image in full resolution."""
    return Response(services.pictures.full(row, layer), media_type=MEDIA_TYPE, headers=_ONE_HOUR)


@router.get("/runs/{key}/images/{row}/info")
def info(services: TheServices, row: int) -> Json:
    """All details of one image."""
    return Json(image_details(services, row))


@router.get("/runs/{key}/samples/{group}")
def samples(run: TheRun, group: int) -> Json:
    """The number of generated images of a group."""
    return Json({"n": len(_samples_of(run, group))})


@router.get("/runs/{key}/samples/{group}/{number}.webp")
def sample(run: TheRun, group: int, number: int) -> Response:
    """One generated image."""
    generated = _samples_of(run, group)
    if not 0 <= number < len(generated):
        raise MissingError(f"there is no generated image {number} of group {group}: there are {len(generated)}")
    picture = to_picture(np.asarray(generated[number]), 0.0, 1.0)
    return Response(webp(picture), media_type=MEDIA_TYPE, headers=_ONE_HOUR)


def _numbers(text: str) -> list[int]:
    """Return the numbers that a request lists."""
    words = text.split(",", MAX_THUMBNAILS)
    if len(words) > MAX_THUMBNAILS or not all(word.isascii() and word.isdecimal() and len(word) < 16 for word in words):
        raise InputError(f"rows are 1 to {MAX_THUMBNAILS} numbers of images, with commas between: others were given")
    return [int(word) for word in words]


def _check_digest(run: OpenRun, digest: str) -> None:
    if digest != run.thumbnails_hash:
        raise MissingError("these thumbnails are of another run: load the page again")


def _samples_of(run: OpenRun, group: int) -> np.ndarray:
    generated = run.folder.samples
    if generated is None or not 0 <= group < len(generated):
        raise MissingError(f"the run holds no generated images of group {group}")
    return generated[group]
