"""What the expert has decided, as tables and arrays, at one revision of the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.annotations.actions import DUBIOUS, EXCLUDED, NONE, STATES, VALIDATED, Action
from facies.annotations.state import State

__all__ = ["CLASS_COLUMNS", "Annotations", "decisions_of"]

CLASS_COLUMNS = ["id", "name", "roles", "excluded", "reason", "colour", "key"]
_AUDIT_COLUMNS = ["row", "assigned", "true", "time", "user"]


@dataclass(frozen=True, eq=False)
class Annotations:
    """The expert's decisions about N images. Nothing in it changes any more; the journal gives a new one.

    Attributes
    ----------
    classes : DataFrame
        One row a class, in the order in which they were made: ``id`` (int, stays with the class for ever), ``name``,
        ``roles`` (list of str, of `ROLES`), ``excluded`` (bool: its images count as excluded), ``reason`` (str, why),
        ``colour`` (str, ``""`` = none) and ``key`` (str, ``""`` = none).
    codes : ndarray of uint16, shape (N,)
        Class id of each image, 0 = none. Excluded images keep theirs.
    states : ndarray of uint8, shape (N,)
        0 none, 1 predicted, 2 validated, 3 dubious, 4 excluded: by itself, or by its class.
    confidence : ndarray of float16, shape (N,)
        Probability of a predicted class, 0 to 1; 0 where no class was predicted.
    audits : DataFrame
        One row an audited image and audit: ``row``, ``assigned`` (name at the time of the audit), ``true``, ``time``,
        ``user``.
    rejections : DataFrame
        One row an image and a class that it is *not* of: ``row``, ``class`` (name).
    notes : DataFrame
        ``time``, ``user``, ``text``, ``rows`` (ndarray of the images meant, possibly empty).
    groups : dict of ndarray of int32, shape (N,)
        Groups by partition, for those that merges, splits or re-clusterings changed or that were named.
    revision : int
        Number of the last action taken in.
    reason_codes : ndarray of uint16, shape (N,)
        Why each image is excluded by itself, as a number of `reason_texts`; 0 = it is not.
    reason_texts : dict of str
        Reasons by number.
    own_states : ndarray of uint8, shape (N,)
        As `states`, but what an excluded image was before, and will be if it is taken in again.
    """

    classes: pd.DataFrame
    codes: NDArray[np.uint16]
    states: NDArray[np.uint8]
    confidence: NDArray[np.float16]
    audits: pd.DataFrame
    rejections: pd.DataFrame
    notes: pd.DataFrame
    groups: Mapping[str, NDArray[np.int32]]
    revision: int
    reason_codes: NDArray[np.uint16]
    reason_texts: Mapping[int, str]
    own_states: NDArray[np.uint8]

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.codes)

    @cached_property
    def names(self) -> NDArray[np.object_]:
        """Class name of each image, shape (N,), ``""`` = none."""
        return _looked_up(dict(zip(self.classes["id"], self.classes["name"], strict=True)), self.codes)

    @cached_property
    def reasons(self) -> NDArray[np.object_]:
        """Why each image is excluded, shape (N,), ``""`` = it is not. Its own reason goes before that of its class."""
        reasons = _looked_up(self.reason_texts, self.reason_codes)
        gone = self.classes[self.classes["excluded"].astype(bool)]
        by_class = {
            number: reason or name
            for number, name, reason in zip(gone["id"], gone["name"], gone["reason"], strict=True)
        }
        of_class = _looked_up(by_class, self.codes)
        return np.where(self.reason_codes > 0, reasons, of_class).astype(object)

    @cached_property
    def state_names(self) -> NDArray[np.object_]:
        """The words for `states`."""
        return np.array(list(STATES), object)[self.states]

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Whether an image counts for its class: it has one, and is neither excluded nor dubious."""
        return (self.codes > 0) & (self.states != EXCLUDED) & (self.states != DUBIOUS) & (self.states != NONE)

    @property
    def named(self) -> NDArray[np.bool_]:
        """Whether a classifier may learn from an image: the expert gave its class, and did not exclude the image itself.

        Those of an excluded class are among them: what is to be kept out must be told too.
        """
        return (self.codes > 0) & (self.own_states == VALIDATED) & (self.reason_codes == 0)

    def counts(self) -> pd.Series:
        """Number of images that count, by class name, with 0 for classes that have none."""
        ids = self.classes["id"].to_numpy(np.int64)
        numbers = np.bincount(self.codes[self.counted], minlength=int(ids.max(initial=0)) + 1)
        return pd.Series(numbers[ids], index=self.classes["name"].tolist(), name="n")


def decisions_of(state: State, recorded: list[Action]) -> Annotations:
    """Take the state, and what was recorded beside it (audits, rejections, notes), as `Annotations`."""
    classes = class_table(state)
    excluded_classes = classes.loc[classes["excluded"].astype(bool), "id"].to_numpy(np.int64)
    codes, reasons = state.columns["class"].copy(), state.columns["reason"].copy()
    states = state.columns["state"].copy()
    gone = reasons > 0
    if len(excluded_classes):
        gone |= np.isin(codes, excluded_classes)
    states[gone] = EXCLUDED
    return Annotations(
        classes=classes,
        codes=codes,
        states=states,
        confidence=state.columns["confidence"].copy(),
        audits=_audits(state, recorded),
        rejections=_rejections(state, recorded),
        notes=pd.DataFrame(
            [(a.time, a.user, a.parameters["text"], a.rows) for a in recorded if a.kind == "note"],
            columns=["time", "user", "text", "rows"],
        ),
        groups={name: groups.copy() for name, groups in state.groups.items()},
        revision=state.revision,
        reason_codes=reasons,
        reason_texts=dict(state.reasons),
        own_states=state.columns["state"].copy(),
    )


def class_table(state: State) -> pd.DataFrame:
    """The classes there are now, as `Annotations.classes` has them."""
    rows: list[dict[str, Any]] = [
        {
            "id": number,
            "name": state.class_name(number),
            "roles": list(fields.get("roles", [])),
            "excluded": bool(fields.get("excluded", False)),
            "reason": fields.get("reason", ""),
            "colour": fields.get("colour", ""),
            "key": fields.get("key", ""),
        }
        for number, fields in sorted(state.classes.items())
        if fields.get("exists")
    ]
    table = pd.DataFrame(rows, columns=CLASS_COLUMNS)
    return table.astype({"id": np.int64, "excluded": bool})


def _audits(state: State, recorded: list[Action]) -> pd.DataFrame:
    names = {**{number: state.class_name(number) for number in state.born}, 0: ""}
    parts = [
        pd.DataFrame(
            {
                "row": action.rows,
                "assigned": [names[int(code)] for code in action.before["true"].tolist()],
                "true": [names[int(code)] for code in action.after["true"].tolist()],
                "time": action.time,
                "user": action.user,
            }
        )
        for action in recorded
        if action.kind == "audit"
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=_AUDIT_COLUMNS)


def _rejections(state: State, recorded: list[Action]) -> pd.DataFrame:
    parts = [
        pd.DataFrame({"row": action.rows, "class": state.class_name(int(action.parameters["class"]))})
        for action in recorded
        if action.kind == "reject"
    ]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["row", "class"])
    return table.drop_duplicates(ignore_index=True)


def _looked_up(texts: Mapping[int, str], codes: NDArray[np.uint16]) -> NDArray[np.object_]:
    table = np.full(max([int(codes.max(initial=0)), *texts]) + 1, "", object)
    for number, text in texts.items():
        table[number] = text
    return table[codes]
