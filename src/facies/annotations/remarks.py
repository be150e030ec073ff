"""Actions that change no image: notes of the expert, ratios of classes, and pairs that are no duplicates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.annotations.actions import MAX_NOTE_LENGTH, Action, check_text
from facies.annotations.state import State
from facies.errors import InputError

STATELESS = ("audit", "reject", "note", "ratio", "distinct")
"""Kinds of actions that the state does not hold: what they say is read from the actions themselves."""

NOTE_COLUMNS = ["id", "time", "user", "text", "rows"]
RATIO_COLUMNS = ["name", "numerator", "denominator", "gone"]


def check_remark(action: Action) -> None:
    """Raise ValueError if an action of these kinds does not say what it must: it was written by another program."""
    parameters = action.parameters
    try:
        if action.kind == "note":
            check_text(parameters["text"], "the note", MAX_NOTE_LENGTH)
        elif action.kind == "ratio":
            check_text(parameters["name"], "the name of a ratio")
            for side in ("numerator", "denominator"):
                if not all(isinstance(number, int) for number in list(parameters[side])):
                    raise ValueError(f"the {side} of a ratio")
        elif action.kind == "distinct" and len(action.rows) != 2:
            raise ValueError("a pair of images")
    except InputError as error:
        raise ValueError(str(error)) from error


def note_table(actions: Sequence[Action]) -> pd.DataFrame:
    """Return the notes among some actions, as `Annotations.notes` has them."""
    rows = [(a.id, a.time, a.user, a.parameters["text"], a.rows) for a in actions if a.kind == "note"]
    return pd.DataFrame(rows, columns=NOTE_COLUMNS)


def ratio_table(state: State, actions: Sequence[Action]) -> pd.DataFrame:
    """Return the ratios that some actions define, as `Annotations.ratios` has them; the last of a name is in force."""
    by_name: dict[str, tuple[str, list[str], list[str], list[str]]] = {}
    for action in actions:
        if action.kind != "ratio":
            continue
        name = str(action.parameters["name"])
        by_name.pop(name.casefold(), None)
        sides = [
            [number for number in action.parameters[side] if number in state.first_names]
            for side in ("numerator", "denominator")
        ]
        if not all(sides):  # it was removed
            continue
        names = [[state.class_name(number) for number in side] for side in sides]
        gone = [state.class_name(n) for side in sides for n in side if not state.classes.get(n, {}).get("exists")]
        by_name[name.casefold()] = (name, names[0], names[1], gone)
    return pd.DataFrame(list(by_name.values()), columns=RATIO_COLUMNS)


def distinct_pairs(actions: Sequence[Action]) -> NDArray[np.int64]:
    """Return the pairs of images of which somebody said that they are no duplicates, (P, 2), the smaller row first."""
    pairs: list[Any] = [action.rows for action in actions if action.kind == "distinct"]
    return np.unique(np.array(pairs, np.int64).reshape(-1, 2), axis=0)
