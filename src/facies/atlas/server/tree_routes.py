"""Endpoints of the tree of groups: what it can be cut into, and a cut as a preview; they write nothing."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query
from fastapi.responses import Response

from facies.atlas.server.dependencies import TheRun
from facies.atlas.server.responses import Json, binary_response
from facies.atlas.services.tree_cuts import MAX_GROUPS, cut_to_json, tree_to_json

router = APIRouter()

TreeName = Annotated[str | None, Query(max_length=200)]


@router.get("/runs/{key}/tree")
def tree(run: TheRun, name: TreeName = None) -> Json:
    """The numbers of groups that a tree can be cut into; by default of the newest tree."""
    return Json(tree_to_json(run, name))


@router.get("/runs/{key}/tree/cut")
def tree_cut(run: TheRun, groups: Annotated[int, Query(ge=1, le=MAX_GROUPS)], name: TreeName = None) -> Response:
    """The group of each image in a cut, uint16 with 65535 for noise, and what is said of it; nothing is written."""
    cut = run.trees.get(name)[1].cut(n_groups=groups)
    return binary_response({"part": cut.labels.astype(np.uint16)}, cut_to_json(cut))
