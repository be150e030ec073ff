"""The annotations at one revision of the journal, as tables and arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.annotations.actions import EXCLUDED, PREDICTED, STATES, VALIDATED, Action
from facies.annotations.class_tree import class_parents, class_paths, with_all_below
from facies.annotations.remarks import distinct_pairs, note_table, ratio_table
from facies.annotations.state import State

CLASS_COLUMNS = ["id", "name", "roles", "excluded", "reason", "colour", "key", "parent", "path"]
_AUDIT_COLUMNS = ["row", "assigned", "true", "time", "user"]


@dataclass(frozen=True, eq=False)
class Annotations:
    """The expert's annotations of N images, at one revision of the journal; it never changes.

    Attributes
    ----------
    classes : DataFrame
        One row a class, in the order of their making: ``id`` (int, never that of another class), ``name``,
        ``roles`` (list of str, of `ROLES`), ``excluded`` (bool: its images count as excluded), ``reason`` (str, why),
        ``colour`` (str, ``""`` = none), ``key`` (str, ``""`` = none), ``parent`` (id of the class above it, 0 = none) and
        ``path`` (str, the names from the top down to it, such as ``foraminifera > planktic``).
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
        ``id`` (of the action), ``time``, ``user``, ``text``, ``rows`` (ndarray of the images meant, possibly empty).
    ratios : DataFrame
        One row a ratio that the expert defined: ``name``, ``numerator`` and ``denominator`` (lists of class names, each for
        the class and all below it), ``gone`` (those of them that do not exist any more).
    distinct : ndarray of int64, shape (P, 2)
        Pairs of images that are no duplicates of each other, the smaller row first.
    groups : dict of ndarray of int32, shape (N,)
        Groups by partition, for those that merges, splits or re-clusterings changed or that were named.
    revision : int
        Number of the last action.
    reason_codes : ndarray of uint16, shape (N,)
        Why each image is excluded by itself, as a number of `reason_texts`; 0 = it is not.
    reason_texts : dict of str
        Reasons by number.
    own_states : ndarray of uint8, shape (N,)
        As `states`, but what an excluded image was before, and will be once it is included again.
    looked_at : ndarray of bool, shape (N,)
        Whether an expert judged the image itself, and not only as one of its group: confirmed its class on a page or
        gave it one by itself, excluded, doubted or audited it.
    """

    classes: pd.DataFrame
    codes: NDArray[np.uint16]
    states: NDArray[np.uint8]
    confidence: NDArray[np.float16]
    audits: pd.DataFrame
    rejections: pd.DataFrame
    notes: pd.DataFrame
    ratios: pd.DataFrame
    distinct: NDArray[np.int64]
    groups: Mapping[str, NDArray[np.int32]]
    revision: int
    reason_codes: NDArray[np.uint16]
    reason_texts: Mapping[int, str]
    own_states: NDArray[np.uint8]
    looked_at: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.codes)

    @cached_property
    def names(self) -> NDArray[np.object_]:
        """Class name of each image, shape (N,), ``""`` = none."""
        return _look_up(dict(zip(self.classes["id"], self.classes["name"], strict=True)), self.codes)

    @cached_property
    def reasons(self) -> NDArray[np.object_]:
        """Why each image is excluded, shape (N,), ``""`` = it is not. A reason of its own precedes that of its class."""
        reasons = _look_up(self.reason_texts, self.reason_codes)
        excluded = self.classes[self.classes["excluded"]]
        class_reasons = excluded["reason"].where(excluded["reason"] != "", excluded["name"])
        reasons_of_class = _look_up(dict(zip(excluded["id"], class_reasons, strict=True)), self.codes)
        return np.where(self.reason_codes > 0, reasons, reasons_of_class).astype(object)

    @cached_property
    def state_names(self) -> NDArray[np.object_]:
        """The name of the state of each image, shape (N,)."""
        return np.array(list(STATES), object)[self.states]

    @cached_property
    def subtrees(self) -> dict[str, list[str]]:
        """Each class and all those below it in the tree of classes, by name."""
        names = dict(zip(self.classes["id"].tolist(), self.classes["name"].tolist(), strict=True))
        parents = dict(zip(self.classes["id"].tolist(), self.classes["parent"].tolist(), strict=True))
        return {names[number]: [names[each] for each in below] for number, below in with_all_below(parents).items()}

    @property
    def paths(self) -> NDArray[np.object_]:
        """Path of the class of each image in the tree of classes, shape (N,), ``""`` = no class."""
        return _look_up(dict(zip(self.classes["id"], self.classes["path"], strict=True)), self.codes)

    @property
    def note_texts(self) -> NDArray[np.object_]:
        """The notes on each image with their persons, shape (N,), the oldest first, ``""`` = none."""
        texts = np.full(len(self), "", object)
        for note in self.notes.to_dict("records"):
            for row in note["rows"].tolist():
                texts[row] += f"{' | ' if texts[row] else ''}{note['text']} ({note['user']}, {note['time'][:10]})"
        return texts

    @property
    def is_counted(self) -> NDArray[np.bool_]:
        """Whether an image counts for its class, shape (N,): it has one, and is neither excluded nor dubious."""
        return (self.codes > 0) & np.isin(self.states, (PREDICTED, VALIDATED))

    @property
    def is_labelled(self) -> NDArray[np.bool_]:
        """Whether a classifier may learn from an image, shape (N,).

        It may if the expert gave the class and did not exclude the image itself. Images of an excluded class are among
        them, since a classifier must learn to recognise these too.
        """
        return (self.codes > 0) & (self.own_states == VALIDATED) & (self.reason_codes == 0)

    def counts(self) -> pd.Series:
        """Return the number of images that count, by class name, with 0 for classes that have none."""
        ids = self.classes["id"].to_numpy(np.int64)
        numbers = np.bincount(self.codes[self.is_counted], minlength=int(ids.max(initial=0)) + 1)
        return pd.Series(numbers[ids], index=self.classes["name"].tolist(), name="n")

    @classmethod
    def from_state(cls, state: State, stateless: list[Action]) -> Annotations:
        """Copy the state, and the audits, rejections, notes, ratios and pairs, which change nothing in it."""
        classes = class_table(state)
        own_states, reasons = state.columns["state"].copy(), state.columns["reason"].copy()
        codes = state.columns["class"].copy()
        is_excluded = (reasons > 0) | np.isin(codes, classes.loc[classes["excluded"], "id"].to_numpy(np.int64))
        return cls(
            classes=classes,
            codes=codes,
            states=np.where(is_excluded, np.uint8(EXCLUDED), own_states),
            confidence=state.columns["confidence"].copy(),
            audits=_audits(state, stateless),
            rejections=_rejections(state, stateless),
            notes=note_table(stateless),
            ratios=ratio_table(state, stateless),
            distinct=distinct_pairs(stateless),
            groups={name: groups.copy() for name, groups in state.groups.items()},
            revision=state.revision,
            reason_codes=reasons,
            reason_texts=dict(state.reasons),
            own_states=own_states,
            looked_at=state.columns["looked"] > 0,
        )


def class_table(state: State) -> pd.DataFrame:
    """Return the classes that exist, as `Annotations.classes` has them."""
    parents = class_parents(state.classes)
    paths = class_paths(parents, {number: state.class_name(number) for number in parents})
    rows: list[dict[str, Any]] = [
        {
            "id": number,
            "name": state.class_name(number),
            "roles": list(fields.get("roles", [])),
            "excluded": bool(fields.get("excluded", False)),
            "reason": fields.get("reason", ""),
            "colour": fields.get("colour", ""),
            "key": fields.get("key", ""),
            "parent": parents[number],
            "path": paths[number],
        }
        for number, fields in sorted(state.classes.items())
        if fields.get("exists")
    ]
    table = pd.DataFrame(rows, columns=CLASS_COLUMNS)
    return table.astype({"id": np.int64, "excluded": bool, "parent": np.int64})


def _audits(state: State, stateless: list[Action]) -> pd.DataFrame:
    names = {**{number: state.class_name(number) for number in state.first_names}, 0: ""}
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
        for action in stateless
        if action.kind == "audit"
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=_AUDIT_COLUMNS)


def _rejections(state: State, stateless: list[Action]) -> pd.DataFrame:
    parts = [
        pd.DataFrame({"row": action.rows, "class": state.class_name(int(action.parameters["class"]))})
        for action in stateless
        if action.kind == "reject"
    ]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["row", "class"])
    return table.drop_duplicates(ignore_index=True)


def _look_up(texts: Mapping[int, str], codes: NDArray[np.uint16]) -> NDArray[np.object_]:
    table = np.full(max([int(codes.max(initial=0)), *texts]) + 1, "", object)
    table[list(texts)] = list(texts.values())
    return table[codes]
