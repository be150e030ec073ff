"""An action of the expert, its kinds, the states of an image and the roles of a class."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError

NONE, PREDICTED, VALIDATED, DUBIOUS, EXCLUDED = range(5)
STATES: dict[str, int] = {
    "none": NONE,
    "predicted": PREDICTED,
    "validated": VALIDATED,
    "dubious": DUBIOUS,
    "excluded": EXCLUDED,
}
"""The states of an image: number in `Annotations.states` by name."""

ROLES: tuple[str, ...] = ("biogenic", "terrigenous", "whole", "fragment", "planktic", "benthic", "lithic")
"""What a class counts as in the indicators."""

KINDS: dict[str, str] = {
    "name": "named groups",
    "assign": "gave images a class",
    "classify": "a classifier predicted classes",
    "exclude": "excluded images",
    "include": "took images in again",
    "dubious": "marked images as dubious",
    "validate": "confirmed the classes of images",
    "decide": "gave images looked at one by one their classes",
    "class": "changed a class",
    "merge": "merged groups",
    "split": "split a group off",
    "recluster": "grouped images anew",
    "vote": "let validated images vote for the class of their groups",
    "reject": "said that images are not of a class",
    "audit": "told the true classes of audited images",
    "note": "noted something",
    "ratio": "defined a ratio of classes",
    "distinct": "said that two images are no duplicates",
    "undo": "undid an action",
    "redo": "did an action again",
}
"""The kinds of actions, and what each one did."""

MAX_TEXT_LENGTH = 100
MAX_NOTE_LENGTH = 500
# Marks that change the direction of writing make a name look like another one, or hide its end.
_DIRECTION_MARKS = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C}


@dataclass(frozen=True, eq=False)
class Action:
    """One row of the journal.

    Attributes
    ----------
    id : int
        1, 2, 3, … without a gap; the journal's revision after it.
    time : str
        UTC, ISO 8601 with microseconds.
    user : str
        Who acted.
    kind : str
        One of `KINDS`.
    partition : str or None
        The partition whose groups are meant or changed.
    rows : ndarray of int64
        The images, rising.
    before, after : dict of ndarray, each of len(rows)
        Old and new values by column: ``class``, ``state``, ``confidence``, ``reason``, ``group``. An audit has the
        column ``true``, which changes nothing: the class assigned is its old value, the true one its new value. Of an
        undo or redo only the new values are stored.
    parameters : dict
        Further details: groups, names, method; ``classes`` and ``classes_before`` (changes of the table of classes),
        ``reasons`` (new reasons by number).
    undoes : int or None
        The action that this one reverses (kinds ``undo`` and ``redo``).
    """

    id: int
    time: str
    user: str
    kind: str
    partition: str | None
    rows: NDArray[np.int64]
    before: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)
    after: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    undoes: int | None = None


def check_text(text: object, what: str, longest: int = MAX_TEXT_LENGTH) -> str:
    """Return a name, a reason or a note as it is stored: one line of Unicode in composed form, without blanks around it.

    Raise `InputError`, which calls it ``what``, if it is no text, empty, has more than ``longest`` characters, or holds
    control characters or marks that change the direction of writing.
    """
    if not isinstance(text, str):
        raise InputError(f"{what} is a text: {text!r} was given")
    line = unicodedata.normalize("NFC", text).strip()
    if all(unicodedata.category(letter)[0] in "ZC" or unicodedata.category(letter) == "Mn" for letter in line):
        raise InputError(f"{what} is empty, or invisible: give at least one letter")
    if len(line) > longest:
        raise InputError(f"{what} has {len(line):,} characters ({line[:20]!r}…): give at most {longest}")
    for letter in line:
        if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") or ord(letter) in _DIRECTION_MARKS:
            raise InputError(f"{what} {line[:40]!a} holds the invisible character {letter!a}: leave it out")
    return line
