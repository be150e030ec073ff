"""Endpoints that describe the session and the runs."""

from __future__ import annotations

import hashlib
from typing import Any

from fastapi import APIRouter

from facies._version import __version__
from facies.annotations import ROLES, STATES
from facies.atlas.server.dependencies import TheAtlas, TheServices, TheUser
from facies.atlas.server.responses import Json
from facies.atlas.services.export import export_descriptions, originals_to_json
from facies.atlas.services.physical_sizes import scale_to_json
from facies.atlas.services.row_query import MAX_ROWS
from facies.atlas.services.run_services import RunServices
from facies.atlas.state.open_run import OpenRun

router = APIRouter()

REASONS = ("cut", "touching", "blurred", "duplicate", "not a grain", "other")
"""Reasons of exclusion that the page offers; any other can be typed."""
MAX_NAME_LENGTH = 100


@router.get("/session")
def session(atlas: TheAtlas) -> Json:
    """What does not depend on the run: the user, the runs, limits, and words to choose from."""
    users = [run.journal.user for run in atlas.runs.values()]
    return Json(
        {
            "version": __version__,
            "user": users[0] if users else "",
            "shared": atlas.is_shared,
            "demo": atlas.is_demo,
            "runs": [_summary(run) for run in atlas.runs.values()],
            "limits": {"name": MAX_NAME_LENGTH, "rows": MAX_ROWS},
            "roles": ROLES,
            "states": list(STATES),
            "reasons": REASONS,
            "exports": export_descriptions(),
        }
    )


@router.get("/runs")
def runs(atlas: TheAtlas) -> Json:
    """A summary of each run."""
    return Json([_summary(run) for run in atlas.runs.values()])


@router.get("/runs/{key}")
def run(services: TheServices, user: TheUser = None) -> Json:
    """All that the page needs to know of a run before it asks for arrays."""
    run, pictures = services.run, services.pictures
    manifest = run.folder.manifest
    return Json(
        {
            **_summary(run),
            "revision": run.states.revision,
            "undo": run.journal.can_undo_of(user or run.journal.user),
            "redo": run.journal.can_redo_of(user or run.journal.user),
            "originals": originals_to_json(run),
            "read_only": run.read_only,
            "image_shape": manifest["input"]["image_shape"],
            "n_layers": pictures.n_layers,
            "scale": scale_to_json(services.sizes),
            "projections": _projections(run),
            "partition": run.partition,
            "partitions": run.folder.partitions()[::-1],
            "columns": [column.to_json() for column in run.columns.values()],
            "thumbnails": _thumbnails(services),
            "samples": run.folder.samples is not None,
            "best_layer": "best_layer" in run.folder.images,
            "probe": services.classifier.to_json(),
        }
    )


def _summary(run: OpenRun) -> dict[str, Any]:
    manifest = run.folder.manifest
    return {
        "key": run.key,
        "name": run.folder.path.name,
        "n_images": len(run),
        "n_groups": manifest["n_groups"],
        "method": manifest["method"],
        "created": manifest["created"],
    }


def _thumbnails(services: RunServices) -> dict[str, Any]:
    run, thumbnails = services.run, services.run.folder.thumbnails
    index = thumbnails.index
    return {
        "hash": run.thumbnails_hash,
        "tile": index["tile"],
        "columns": index["columns"],
        "per_sheet": index["per_sheet"],
        "width": index["thumbnail"]["width"],
        "height": index["thumbnail"]["height"],
        "mode": index["thumbnail"]["mode"],
        "n_sheets": len(index["sheets"]),
        "layers": thumbnails.n_layers,
        "upright": services.pictures.has_canonical,
    }


def _projections(run: OpenRun) -> list[dict[str, Any]]:
    entries = []
    for name, meta in run.projections():
        version = hashlib.sha256(f"{run.thumbnails_hash} {name} {meta.get('created')}".encode()).hexdigest()[:16]
        entries.append({"name": name, "method": meta.get("method", ""), "v": version})
    return entries
