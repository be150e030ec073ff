"""Endpoints that find images: filters, the distribution of what can be filtered by, ids, and saved views."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from facies.atlas.server.dependencies import TheAtlas, TheRun, TheServices, TheUser
from facies.atlas.server.responses import Json, as_rows, binary_response
from facies.atlas.services.field_summary import summarise_field
from facies.atlas.services.fields import fields_to_json
from facies.atlas.services.filtering import Conditions, matches_condition
from facies.atlas.services.id_search import find_ids
from facies.atlas.services.row_query import MAX_ROWS
from facies.atlas.services.saved_views import ViewQuery
from facies.atlas.state.columns import MAX_VALUE_LENGTH

router = APIRouter()

_N_SHOWN = 8


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FilterRequest(_Request):
    """The conditions of a filter."""

    where: Conditions


class SummaryRequest(FilterRequest):
    """A field, the conditions of a filter, and what the names of categories shall contain."""

    field: Annotated[str, Field(max_length=1000)]
    find: Annotated[str, Field(max_length=200)] = ""


class FindRequest(FilterRequest):
    """An id or a part of it, and the filter that is on."""

    text: Annotated[str, Field(max_length=200)]
    limit: Annotated[int, Field(ge=1, le=MAX_ROWS)] = 2000


class ViewRequest(_Request):
    """A view, and the name to save it by."""

    name: str
    query: ViewQuery


@router.get("/runs/{key}/fields")
def fields(run: TheRun) -> Json:
    """What images can be filtered by."""
    return Json(fields_to_json(run))


@router.post("/runs/{key}/fields")
def summary(run: TheRun, request: SummaryRequest) -> Json:
    """How the values of a field are distributed, and what the conditions on other fields leave of them."""
    return Json(summarise_field(run, request.field, request.where, request.find))


@router.post("/runs/{key}/filter")
def filter_(run: TheRun, request: FilterRequest) -> Response:
    """Which images a filter leaves, as packed bits, and how many each of its conditions leaves by itself."""
    revision = run.states.revision
    mask, alone = np.ones(len(run), np.bool_), []
    for condition in request.where:
        matching = matches_condition(run, condition)
        alone.append(int(np.count_nonzero(matching)))
        mask &= matching
    header = {"n": int(np.count_nonzero(mask)), "alone": alone, "revision": revision}
    return binary_response({"mask": np.packbits(mask, bitorder="little")}, header)


@router.post("/runs/{key}/find")
def find(run: TheRun, request: FindRequest) -> Response:
    """The images with a text in their id: of that id first, then those that begin with it."""
    rows, total, hidden = find_ids(run, request.text, request.where, request.limit)
    ids = [str(name)[:MAX_VALUE_LENGTH] for name in run.folder.images["id"].iloc[rows[:_N_SHOWN]]]
    return binary_response({"rows": as_rows(rows)}, {"total": total, "hidden": hidden, "ids": ids})


@router.get("/runs/{key}/views")
def views(services: TheServices) -> Json:
    """The saved views, sorted by name."""
    return Json([view.model_dump() for view in services.views.read()])


@router.post("/runs/{key}/views")
def save_view(atlas: TheAtlas, services: TheServices, request: ViewRequest, user: TheUser = None) -> Json:
    """Save a view, in place of one of the same name; it is on the disk when this answers."""
    view = services.views.save(request.name, request.query, user or services.run.journal.user)
    atlas.events.publish("views", {"run": services.run.key})
    return Json(view.model_dump())


@router.delete("/runs/{key}/views")
def remove_view(atlas: TheAtlas, services: TheServices, name: Annotated[str, Query(max_length=200)]) -> Json:
    """Remove a saved view."""
    services.views.remove(name)
    atlas.events.publish("views", {"run": services.run.key})
    return Json({})
