"""The state that the actions add up to, in compact arrays: about 11 bytes an image."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.annotations.actions import Action
from facies.annotations.encoding import decode_values, encode_values

COLUMNS: dict[str, type[np.generic]] = {
    "class": np.uint16,
    "state": np.uint8,
    "confidence": np.float16,
    "reason": np.uint16,
    "looked": np.uint8,
}
"""What is stored of each image: 0 is no class, no state, no reason; with a reason it is excluded, whatever its state.

``looked`` is 1 once an expert has judged the image itself, and not as one of its group.
"""

ClassChanges = dict[str, dict[str, Any]]
"""Changes of the table of classes: number of a class (as text) → field → value; None removes the field."""


class State:
    """What all actions up to `revision` add up to; ``initial_groups`` returns the run's own groups of a partition."""

    def __init__(self, n_images: int, initial_groups: Callable[[str], NDArray[np.int64]]) -> None:
        self.n_images = n_images
        self.revision = 0
        self._initial_groups = initial_groups
        self.columns: dict[str, NDArray[Any]] = {name: np.zeros(n_images, kind) for name, kind in COLUMNS.items()}
        self.groups: dict[str, NDArray[np.int32]] = {}  # by partition, read from the run when `groups_of` is called
        # The next free number by partition; one that was given is never given again, not even after an undo.
        self.next_group: dict[str, int] = {}
        # By number: exists, name, parent (a number), roles, excluded, reason, colour, key.
        self.classes: dict[int, dict[str, Any]] = {}
        self.first_names: dict[int, str] = {}  # a number stays with its class for ever
        self.reasons: dict[int, str] = {}

    def groups_of(self, partition: str) -> NDArray[np.int32]:
        """Return the groups of a partition now, int32 (N,): those of the run, changed by merges, splits and the like."""
        if partition not in self.groups:
            groups = self._initial_groups(partition).astype(np.int32)
            self.groups[partition] = groups
            self.next_group[partition] = max(self.next_group.get(partition, 0), int(groups.max(initial=-1)) + 1)
        return self.groups[partition]

    def column(self, name: str, partition: str | None) -> NDArray[Any]:
        """Return the array of a column, not a copy; ``group`` is that of a partition."""
        if name == "group":
            assert partition is not None
            return self.groups_of(partition)
        return self.columns[name]

    def initial_values(self, name: str, partition: str | None, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return what a column held before any action."""
        if name == "group":
            assert partition is not None
            return self._initial_groups(partition)[rows].astype(np.int32)
        return np.zeros(len(rows), COLUMNS[name])

    def apply(self, action: Action) -> None:
        """Apply the next action."""
        assert action.id == self.revision + 1
        for name in state_columns(action):
            values = action.after[name]
            self.column(name, action.partition)[action.rows] = values
            if name == "group" and len(values):
                partition = str(action.partition)
                self.next_group[partition] = max(self.next_group[partition], int(values.max()) + 1)
        self._change_classes(action.parameters.get("classes", {}))
        self.reasons.update({int(number): text for number, text in action.parameters.get("reasons", {}).items()})
        self.revision = action.id

    def _change_classes(self, changes: Mapping[str, Mapping[str, Any]]) -> None:
        for number, fields in changes.items():
            changed = {**self.classes.get(int(number), {}), **fields}
            self.classes[int(number)] = {name: value for name, value in changed.items() if value is not None}
            if fields.get("name"):
                self.first_names.setdefault(int(number), fields["name"])

    def class_values(self, changes: Mapping[str, Mapping[str, Any]]) -> ClassChanges:
        """Return what the fields that ``changes`` names hold now."""
        return {
            number: {name: self.classes.get(int(number), {}).get(name) for name in fields}
            for number, fields in changes.items()
        }

    def class_name(self, number: int) -> str:
        """Return the name of a class, also of one whose making was undone."""
        name: str = self.classes.get(number, {}).get("name") or self.first_names[number]
        return name

    def to_bytes(self) -> tuple[bytes, str]:
        """Return the whole state, for a snapshot: encoded arrays, and JSON."""
        arrays = {**self.columns, **{f"group {name}": groups for name, groups in self.groups.items()}}
        tables = {
            "revision": self.revision,
            "next_group": self.next_group,
            "classes": self.classes,
            "born": self.first_names,
            "reasons": self.reasons,
        }
        return encode_values(arrays), json.dumps(tables)

    def load_bytes(self, arrays: bytes, tables: str) -> None:
        """Become the state that `to_bytes` returned; ValueError, KeyError, TypeError or zlib.error if it is damaged."""
        values = decode_values(arrays, self.n_images)
        empty = np.zeros(self.n_images, np.uint8)  # snapshots of before version 0.3 do not say what was looked at
        self.columns = {name: np.array(values.pop(name, empty), kind) for name, kind in COLUMNS.items()}
        self.groups = {name.removeprefix("group "): np.array(groups, np.int32) for name, groups in values.items()}
        known = json.loads(tables)
        self.revision = int(known["revision"])
        self.next_group = dict(known["next_group"])
        self.classes, self.first_names, self.reasons = (
            {int(number): value for number, value in known[name].items()} for name in ("classes", "born", "reasons")
        )


def state_columns(action: Action) -> list[str]:
    """Return the columns of the state that an action changes; the true classes of an audit are none of them."""
    return [name for name in action.after if name == "group" or name in COLUMNS]
