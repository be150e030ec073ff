"""A partition with the expert's annotations: the classes of the images, and the groups as they were merged and split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.annotations import Annotations, read_annotations
from facies.errors import InputError, suggest
from facies.runs import RunFolder, partition_table


def annotated_partition(
    run: RunFolder, name: str | None = None, annotations: Annotations | None = None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return a partition with what the expert decided about its images.

    Groups that the expert merged or split are as they are now, with distances to their new centres. Where classes were
    given, or images were excluded, the columns ``class`` (``""`` for none) and ``state`` say so; where classes lie in a tree,
    ``class_path`` has the names from the top down to the class; where the expert wrote notes, ``note`` has them.
    """
    annotations = read_annotations(run) if annotations is None else annotations
    table, meta = run.partition(name)
    now = annotations.groups.get(meta["name"])
    if now is not None and not np.array_equal(now, table["group"]):
        changed = np.asarray(now) != table["group"].to_numpy()
        probability = np.where(changed & (now >= 0), 1.0, table["probability"])
        recomputed = partition_table(run.images["id"], now, run.embedding, probability)
        table = table.assign(**{column: recomputed[column] for column in ("group", "probability", "distance")})
    states = np.asarray(annotations.state_names)
    if len(annotations.classes) or (states != "none").any():
        table = table.assign(**{"class": annotations.names, "state": states})
    if annotations.classes["parent"].any():
        table = table.assign(class_path=annotations.paths)
    if len(annotations.notes):
        table = table.assign(note=annotations.note_texts)
    return table, meta


def class_names_of_groups(table: pd.DataFrame) -> dict[int, str]:
    """Return what each group is called: its members' class, with the share that bears it where it is not all."""
    if "class" not in table:
        return {}
    names: dict[int, str] = {}
    for group, members in table.groupby("group")["class"]:
        counts = members[members != ""].value_counts()
        if len(counts):
            share = counts.iloc[0] / len(members)
            names[int(str(group))] = str(counts.index[0]) + ("" if share == 1 else f" {100 * share:.0f} %")
    return names


def select_rows(
    run: RunFolder, table: pd.DataFrame, classes: Sequence[str] | None, groups: Sequence[int] | None
) -> NDArray[np.int64]:
    """Return the rows of the images of some classes and groups; all where neither is given."""
    chosen = np.ones(len(table), bool)
    if classes is not None:
        if "class" not in table or not (table["class"] != "").any():
            raise InputError(
                f"no class of {run.path.name} has been named yet: name some with `facies name`, or take --groups"
            )
        known = sorted(set(table["class"]) - {""})
        for name in classes:
            if name not in known:
                raise InputError(unknown_class_message(name, known))
        chosen &= (table["class"].isin(list(classes)) & (table["state"] != "excluded")).to_numpy()
    if groups is not None:
        present = np.unique(table["group"])
        for group in groups:
            if group not in present:
                nearest = present[np.abs(present - group).argmin()]
                raise InputError(
                    f"there is no group {group}: they run from {present.min()} to {present.max()}; the nearest is {nearest}"
                )
        chosen &= table["group"].isin(list(groups)).to_numpy()
    rows = np.flatnonzero(chosen)
    if not len(rows):
        raise InputError("no image is left by --classes and --groups together: choose others")
    return rows


def unknown_class_message(name: str, known: Sequence[str]) -> str:
    """Return a line that says that a class is unknown, and which is nearest."""
    return f"there is no class {name!r}: {suggest(name, known, 'the classes are {}')}"
