"""Which runs there are, and what each one has."""

from __future__ import annotations

import hashlib
from typing import Any

from fastapi import APIRouter

from facies._version import __version__
from facies.annotations import ROLES, STATES
from facies.atlas.server.dependencies import TheAtlas, TheRun
from facies.atlas.server.responses import Json
from facies.atlas.services.export import exports_told
from facies.atlas.services.row_query import MOST_ROWS
from facies.atlas.state.open_run import OpenRun

router = APIRouter()

REASONS = ("cut", "touching", "blurred", "duplicate", "not a grain", "other")
"""Reasons of exclusion that are offered; any other can be typed."""
LONGEST_NAME = 100


@router.get("/session")
def session(atlas: TheAtlas) -> Json:
    """What holds for the whole atlas."""
    users = [run.journal.user for run in atlas.runs.values()]
    return Json(
        {
            "version": __version__,
            "user": users[0] if users else "",
            "demo": atlas.is_demo,
            "runs": [_line(run) for run in atlas.runs.values()],
            "limits": {"name": LONGEST_NAME, "rows": MOST_ROWS},
            "roles": ROLES,
            "states": list(STATES),
            "reasons": REASONS,
            "exports": exports_told(),
        }
    )


@router.get("/runs")
def runs(atlas: TheAtlas) -> Json:
    """A line for each run."""
    return Json([_line(run) for run in atlas.runs.values()])


@router.get("/runs/{key}")
def run(run: TheRun) -> Json:
    """All that a page has to know of a run before it asks for arrays."""
    manifest = run.run.manifest
    index = run.run.thumbnails.index
    return Json(
        {
            **_line(run),
            "revision": run.standing.revision,
            "undo": run.journal.can_undo,
            "redo": run.journal.can_redo,
            "image_shape": manifest["input"]["image_shape"],
            "n_layers": run.pictures.n_layers,
            "um_per_px": manifest["input"].get("um_per_px"),
            "projections": _projections(run),
            "partition": run.partition,
            "partitions": run.run.partitions()[::-1],
            "columns": [column.told() for column in run.columns.values()],
            "thumbnails": {
                "hash": run.thumbnails_hash,
                "tile": index["tile"],
                "columns": index["columns"],
                "per_sheet": index["per_sheet"],
                "width": index["thumbnail"]["width"],
                "height": index["thumbnail"]["height"],
                "mode": index["thumbnail"]["mode"],
                "n_sheets": len(index["sheets"]),
                "layers": run.run.thumbnails.n_layers,
                "upright": run.pictures.has_upright,
            },
            "samples": run.run.samples is not None,
            "best_layer": "best_layer" in run.run.images,
            "probe": run.probing.told(),
        }
    )


def _line(run: OpenRun) -> dict[str, Any]:
    manifest = run.run.manifest
    return {
        "key": run.key,
        "name": run.run.path.name,
        "n_images": len(run),
        "n_groups": manifest["n_groups"],
        "method": manifest["method"],
        "created": manifest["created"],
    }


def _projections(run: OpenRun) -> list[dict[str, Any]]:
    told = []
    for name, meta in run.projections():
        version = hashlib.sha256(f"{run.thumbnails_hash} {name} {meta.get('created')}".encode()).hexdigest()[:16]
        told.append({"name": name, "method": meta.get("method", ""), "v": version})
    return told
