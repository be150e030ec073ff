"""Sheets of thumbnails, thumbnails, full images of every focal layer, and generated images."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query
from fastapi.responses import Response

from facies.atlas.errors import MissingError
from facies.atlas.server.dependencies import TheRun
from facies.atlas.server.responses import FOR_EVER, Json
from facies.atlas.services.image_details import image_facts
from facies.atlas.services.pictures import MEDIA_TYPE, to_picture, webp
from facies.atlas.state.open_run import OpenRun

router = APIRouter()

Layer = Annotated[int | None, Query(alias="layer", ge=0, le=10_000)]
Upright = Annotated[bool, Query(description="As the method set the images upright.")]


@router.get("/runs/{key}/sheets/{digest}/{number}.webp")
def sheet(run: TheRun, digest: str, number: int, layer: Layer = None, upright: Upright = False) -> Response:
    """A whole sheet of thumbnails, as it lies in the run."""
    _check_digest(run, digest)
    thumbnails = run.pictures.sheets(upright=upright)
    try:
        if number < 0:
            raise IndexError(number)
        path = thumbnails.sheet_path(number, layer)
    except IndexError as error:
        raise MissingError(f"there is no sheet {number} of thumbnails, or it has no such focal layer") from error
    try:
        body = path.read_bytes()
    except OSError as error:
        raise MissingError(f"the thumbnails {path.name} are gone: restore them, or make the run again") from error
    return Response(body, media_type=MEDIA_TYPE, headers=FOR_EVER)


@router.get("/runs/{key}/thumbnails/{digest}/{row}.webp")
def thumbnail(run: TheRun, digest: str, row: int, layer: Layer = None, upright: Upright = False) -> Response:
    """One thumbnail."""
    _check_digest(run, digest)
    give = run.pictures.upright_thumbnail if upright else run.pictures.thumbnail
    return Response(give(row, layer), media_type=MEDIA_TYPE, headers=FOR_EVER)


@router.get("/runs/{key}/images/{row}")
def image(run: TheRun, row: int, layer: Layer = None) -> Response:
    """One image in all its pixels."""
    headers = {"Cache-Control": "private, max-age=3600"}
    return Response(run.pictures.full(row, layer), media_type=MEDIA_TYPE, headers=headers)


@router.get("/runs/{key}/images/{row}/info")
def info(run: TheRun, row: int) -> Json:
    """All that is known of one image."""
    return Json(image_facts(run, row))


@router.get("/runs/{key}/samples/{group}")
def samples(run: TheRun, group: int) -> Json:
    """How many generated images of a group there are."""
    return Json({"n": len(_samples_of(run, group))})


@router.get("/runs/{key}/samples/{group}/{number}.webp")
def sample(run: TheRun, group: int, number: int) -> Response:
    """One generated image."""
    generated = _samples_of(run, group)
    if not 0 <= number < len(generated):
        raise MissingError(f"there is no generated image {number} of group {group}: there are {len(generated)}")
    picture = to_picture(np.asarray(generated[number]), 0.0, 1.0)
    return Response(webp(picture), media_type=MEDIA_TYPE, headers={"Cache-Control": "private, max-age=3600"})


def _check_digest(run: OpenRun, digest: str) -> None:
    if digest != run.thumbnails_hash:
        raise MissingError("these thumbnails are of another run: load the page again")


def _samples_of(run: OpenRun, group: int) -> np.ndarray:
    generated = run.run.samples
    if generated is None or not 0 <= group < len(generated):
        raise MissingError(f"the run holds no generated images of group {group}")
    return generated[group]
