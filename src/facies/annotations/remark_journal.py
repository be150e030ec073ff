"""Actions that change no image: notes, ratios of classes, and pairs of images that are no duplicates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from facies.annotations.action_log import ActionLog
from facies.annotations.actions import MAX_NOTE_LENGTH, Action, check_text
from facies.annotations.class_tree import with_all_below
from facies.annotations.validation import ActionBuilder
from facies.errors import InputError

MAX_RATIOS = 100


class RemarkJournal(ActionLog):
    """The part of the `Journal` in which remarks on images and on classes are recorded."""

    def note(self, text: str, rows: ArrayLike | None = None, *, user: str | None = None) -> Action:
        """Record a note of at most 500 characters in one line, about images or about the run."""
        with self._writing(user) as writer:
            rows = np.zeros(0, np.int64) if rows is None else writer.check_rows(rows)
            return writer.write("note", rows, {}, parameters={"text": check_text(text, "the note", MAX_NOTE_LENGTH)})

    def define_ratio(
        self, name: str, numerator: Sequence[str], denominator: Sequence[str], *, user: str | None = None
    ) -> Action:
        """Define a ratio of classes, or define one anew; it is counted in the atlas and in the report from then on.

        Parameters
        ----------
        name : str
            Its name; another ratio of that name is replaced, whatever its capitals.
        numerator, denominator : sequence of str
            The classes over and under the stroke. Each stands for itself and all classes below it.
        user : str, optional
            Whose action it is.

        Raises
        ------
        InputError
            If a side is empty, a class is unknown, or counts on both sides.
        """
        with self._writing(user) as writer:
            name = check_text(name, "the name of a ratio")
            sides = [
                list(dict.fromkeys(writer.existing_class(each) for each in side)) for side in (numerator, denominator)
            ]
            if not all(sides):
                raise InputError(f"the ratio {name!r} has a class over the stroke and one under it: give both")
            _check_sides(writer, name, sides)
            known = self._ratio_names()
            if name.casefold() not in known and len(known) >= MAX_RATIOS:
                raise InputError(f"there are {MAX_RATIOS} ratios already: remove one first")
            parameters = {"name": name, "numerator": sides[0], "denominator": sides[1]}
            return writer.write("ratio", np.zeros(0, np.int64), {}, parameters=parameters)

    def remove_ratio(self, name: str, *, user: str | None = None) -> Action:
        """Remove a ratio that was defined; `InputError` if there is none of that name."""
        with self._writing(user) as writer:
            known = self._ratio_names()
            if name.casefold() not in known:
                raise InputError(f"there is no ratio {name[:40]!r}: there are {', '.join(known.values()) or 'none'}")
            parameters = {"name": known[name.casefold()], "numerator": [], "denominator": []}
            return writer.write("ratio", np.zeros(0, np.int64), {}, parameters=parameters)

    def set_distinct(self, rows: ArrayLike, *, user: str | None = None) -> Action:
        """Record that two images are no duplicates of each other, however alike they are."""
        with self._writing(user) as writer:
            pair = writer.check_rows(rows)
            if len(pair) != 2:
                raise InputError(f"duplicates come in pairs: {len(pair)} images were given, give two")
            return writer.write("distinct", pair, {})

    def _ratio_names(self) -> dict[str, str]:
        names: dict[str, str] = {}
        for action in self._stateless:
            if action.kind == "ratio" and self._history.is_in_force(action.id):
                name = str(action.parameters["name"])
                names.pop(name.casefold(), None)
                if action.parameters["numerator"]:
                    names[name.casefold()] = name
        return names


def _check_sides(builder: ActionBuilder, name: str, sides: Sequence[Sequence[int]]) -> None:
    below = with_all_below(builder.parents())
    above, under = ({each for number in side for each in below[number]} for side in sides)
    if both := above & under:
        raise InputError(
            f"the ratio {name!r} counts {builder.name_of(min(both))!r} over and under the stroke: leave it out on one side"
        )
