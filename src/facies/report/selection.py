"""What `facies select` tried, side by side: scores, and pictures of the largest groups of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from facies.report.galleries import choose_images, data_uri
from facies.runs import RunFolder

GROUPS_SHOWN = 8
PICTURES_A_GROUP = 6


@dataclass(frozen=True)
class ShownCandidate:
    """A row of the table, and pictures of the largest groups: (size, pictures as texts of data URIs)."""

    row: dict[str, Any]
    is_chosen: bool
    groups: list[tuple[int, list[str]]]


@dataclass(frozen=True)
class Selection:
    """Why a candidate was chosen, all of them, the best first, and those that were left out, with the reason."""

    why: str
    candidates: list[ShownCandidate]
    left_out: dict[str, str]


def selection_of(run: RunFolder) -> Selection | None:
    """What was tried for a run; None if `facies select` did not make it."""
    found = run.manifest.get("selection")
    if not found:
        return None
    shown = [
        ShownCandidate(row, row["name"] == found["chosen"], _groups(run, row["name"], str(found["chosen"])))
        for row in found["candidates"]
    ]
    return Selection(str(found["why"]), shown, dict(found["left_out"]))


def _groups(run: RunFolder, name: str, chosen: str) -> list[tuple[int, list[str]]]:
    table, _ = run.partition(run.manifest["partition"] if name == chosen else name)
    sizes = table.loc[table["group"] >= 0, "group"].value_counts()
    order = sizes.index.to_numpy(np.int64)[np.lexsort((sizes.index.to_numpy(), -sizes.to_numpy()))]
    return [
        (
            int(sizes[group]),
            [
                data_uri(run.thumbnails.image(row))
                for row in choose_images(table, int(group), n_images=PICTURES_A_GROUP).random
            ],
        )
        for group in order[:GROUPS_SHOWN]
    ]
