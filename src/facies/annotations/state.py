"""The state that the journal's actions add up to, in compact arrays: about 11 bytes an image."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.annotations.actions import Action
from facies.annotations.encoding import decode_values, encode_values

__all__ = ["COLUMNS", "State"]

COLUMNS: dict[str, type[np.generic]] = {
    "class": np.uint16,
    "state": np.uint8,
    "confidence": np.float16,
    "reason": np.uint16,
}
"""What is kept of each image. 0 is no class, no state, no reason (so not excluded)."""

ClassChanges = dict[str, dict[str, Any]]
"""Changes of the table of classes: number of a class (as text) → field → value; None takes the field away."""


class State:
    """What all actions up to `revision` add up to.

    Parameters
    ----------
    n_images : int
        N.
    groups_of : callable
        Gives the groups of a partition as the run has them, int (N,).

    Attributes
    ----------
    columns : dict of ndarray, each of shape (N,)
        See `COLUMNS`. ``state`` is that without exclusion; an image is excluded where ``reason`` is not 0.
    groups : dict of ndarray of int32, shape (N,)
        The groups now, by partition; read from the run when first asked for (`groups_now`).
    next_group : dict of int
        The next free number by partition; a number once given is never given again, not even after an undo.
    classes : dict of dict
        Fields of each class by number: ``exists``, ``name``, ``roles``, ``excluded``, ``reason``, ``colour``, ``key``.
    born : dict of str
        The first name of each class; a number stays with its class for ever.
    reasons : dict of str
        Reasons of exclusion by number.
    """

    def __init__(self, n_images: int, groups_of: Callable[[str], NDArray[np.int64]]) -> None:
        self.n_images = n_images
        self.revision = 0
        self._groups_of = groups_of
        self.columns: dict[str, NDArray[Any]] = {name: np.zeros(n_images, kind) for name, kind in COLUMNS.items()}
        self.groups: dict[str, NDArray[np.int32]] = {}
        self.next_group: dict[str, int] = {}
        self.classes: dict[int, dict[str, Any]] = {}
        self.born: dict[int, str] = {}
        self.reasons: dict[int, str] = {}

    def groups_now(self, partition: str) -> NDArray[np.int32]:
        """The groups of a partition, int32 (N,): those of the run, changed by merges, splits and re-clusterings."""
        if partition not in self.groups:
            groups = self._groups_of(partition).astype(np.int32)
            self.groups[partition] = groups
            largest = int(groups.max(initial=-1))
            self.next_group[partition] = max(self.next_group.get(partition, 0), largest + 1)
        return self.groups[partition]

    def column(self, name: str, partition: str | None) -> NDArray[Any]:
        """The live array of a column; ``group`` is that of a partition."""
        if name == "group":
            assert partition is not None
            return self.groups_now(partition)
        return self.columns[name]

    def initial(self, name: str, partition: str | None, rows: NDArray[np.int64]) -> NDArray[Any]:
        """What a column held before any action."""
        if name == "group":
            assert partition is not None
            return self._groups_of(partition)[rows].astype(np.int32)
        return np.zeros(len(rows), COLUMNS[name])

    def apply(self, action: Action) -> None:
        """Take the next action in."""
        assert action.id == self.revision + 1
        for name in state_columns(action):
            values = action.after[name]
            self.column(name, action.partition)[action.rows] = values
            if name == "group" and len(values):
                partition = str(action.partition)
                self.next_group[partition] = max(self.next_group[partition], int(values.max()) + 1)
        self.change_classes(action.parameters.get("classes", {}))
        self.reasons.update({int(number): text for number, text in action.parameters.get("reasons", {}).items()})
        self.revision = action.id

    def change_classes(self, cells: Mapping[str, Mapping[str, Any]]) -> None:
        """Change fields of the table of classes."""
        for number, fields in cells.items():
            known = self.classes.setdefault(int(number), {})
            for name, value in fields.items():
                if value is None:
                    known.pop(name, None)
                else:
                    known[name] = value
            if fields.get("name"):
                self.born.setdefault(int(number), fields["name"])

    def cells_now(self, cells: Mapping[str, Mapping[str, Any]]) -> ClassChanges:
        """What the fields that ``cells`` change hold now."""
        return {
            number: {name: self.classes.get(int(number), {}).get(name) for name in fields}
            for number, fields in cells.items()
        }

    def class_name(self, number: int) -> str:
        """The name of a class, also of one whose making was undone."""
        name: str = self.classes.get(number, {}).get("name") or self.born[number]
        return name

    def to_bytes(self) -> tuple[bytes, str]:
        """Return the whole state, for a snapshot: packed arrays, and JSON."""
        arrays = {**self.columns, **{f"group {name}": groups for name, groups in self.groups.items()}}
        plain = {name: getattr(self, name) for name in ("revision", "next_group", "classes", "born", "reasons")}
        return encode_values(arrays), json.dumps(plain)

    def restore(self, packed: bytes, plain: str) -> None:
        """Become the state that `to_bytes` returned."""
        arrays = decode_values(packed, self.n_images)
        self.columns = {name: np.array(arrays[name], kind) for name, kind in COLUMNS.items()}
        self.groups = {
            name.removeprefix("group "): np.array(values, np.int32)
            for name, values in arrays.items()
            if name not in COLUMNS
        }
        known = json.loads(plain)
        self.revision = int(known["revision"])
        self.next_group = dict(known["next_group"])
        for name in ("classes", "born", "reasons"):
            setattr(self, name, {int(number): value for number, value in known[name].items()})


def state_columns(action: Action) -> list[str]:
    """The columns of the state that an action changes; the true classes of an audit are none."""
    return [name for name in action.after if name == "group" or name in COLUMNS]
