"""What an action is written with: it finds and makes classes and reasons, and checks rows and groups."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.annotations.actions import ROLES, check_text
from facies.annotations.state import ClassChanges, State
from facies.errors import InputError, suggest

__all__ = ["ActionBuilder", "check_colour", "check_key", "check_roles"]

_MOST_CLASSES = 65_535
_OPPOSITES = (("biogenic", "terrigenous"), ("whole", "fragment"), ("planktic", "benthic"))


class ActionBuilder:
    """Gathers what one action changes in the table of classes and among the reasons, against the state as it is now.

    Parameters
    ----------
    state : State
        Read only.

    Attributes
    ----------
    classes : dict
        Changes of the table of classes.
    reasons : dict
        New reasons by number.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self.classes: ClassChanges = {}
        self.reasons: dict[int, str] = {}

    def find_class(self, name: str) -> int | None:
        """The number of the class of that name, whatever its capitals, or None."""
        wanted = name.casefold()
        return next((number for number, known in self._names().items() if known.casefold() == wanted), None)

    def _names(self) -> dict[int, str]:
        """Names of the classes there are, those of this action included."""
        found = {}
        for number in {**self.state.born, **dict.fromkeys(map(int, self.classes), "")}:
            fields = {**self.state.classes.get(number, {}), **self.classes.get(str(number), {})}
            if fields.get("exists"):
                found[number] = str(fields.get("name") or self.state.born[number])
        return found

    def known_class(self, name: str) -> int:
        """The number of a class that there is.

        Raises
        ------
        InputError
            If there is none; names the nearest.
        """
        number = self.find_class(check_text(name, "the name of a class"))
        if number is None:
            known = self._names().values()
            raise InputError(f"there is no class {name!r}: {suggest(name, known, 'there are {}')}")
        self.classes.setdefault(str(number), {})["exists"] = True
        return number

    def class_id(self, name: str | None) -> int:
        """The number of a class, which is made if there is none of that name; 0 for None."""
        if name is None:
            return 0
        name = check_text(name, "the name of a class")
        number = self.find_class(name)
        if number is None:
            number = self._new_class(name)
        # Said with every use: the class then stays when the action that made it is undone under others.
        self.classes.setdefault(str(number), {})["exists"] = True
        return number

    def _new_class(self, name: str) -> int:
        known = self.state.born
        gone = (k for k, first in known.items() if first.casefold() == name.casefold() and not self._exists(k))
        number = next(gone, None) or max([0, *known, *map(int, self.classes)]) + 1
        if number > _MOST_CLASSES:
            raise InputError(f"there are {_MOST_CLASSES:,} classes already: use one of them")
        self.classes[str(number)] = {"exists": True, "name": name}
        return number

    def _exists(self, number: int) -> bool:
        return bool({**self.state.classes.get(number, {}), **self.classes.get(str(number), {})}.get("exists"))

    def change_class(self, number: int, **fields: Any) -> None:
        """Change fields of a class; a value that is empty takes the field away."""
        kept = {name: value or None for name, value in fields.items()}
        self.classes.setdefault(str(number), {}).update(kept)

    def reason_code(self, text: str) -> int:
        """The number of a reason, new or known."""
        text = check_text(text, "the reason of an exclusion")
        known = {**self.state.reasons, **self.reasons}
        for number, other in known.items():
            if other.casefold() == text.casefold():
                return number
        number = max(known, default=0) + 1
        if number > _MOST_CLASSES:
            raise InputError(f"there are {_MOST_CLASSES:,} reasons already: use one of them")
        self.reasons[number] = text
        return number

    def rows(self, rows: ArrayLike) -> NDArray[np.int64]:
        """Rows as they are kept: rising, none twice.

        Raises
        ------
        InputError
            If there are none, or some are not among the images.
        """
        return self.rows_and(rows)[0]

    def rows_and(self, rows: ArrayLike, *columns: ArrayLike) -> tuple[NDArray[Any], ...]:
        """Rows as they are kept, and columns of one value a row in the same order."""
        given = np.atleast_1d(np.asarray(rows))
        n_images = self.state.n_images
        if given.dtype == np.bool_:
            if given.shape != (n_images,):
                raise InputError(f"a selection of {n_images} images has {n_images} entries: {given.shape} was given")
            given = np.flatnonzero(given)
        if given.ndim != 1 or not len(given):
            raise InputError("no images were given: choose at least one")
        if not np.issubdtype(given.dtype, np.integer):
            raise InputError(f"rows are whole numbers: {given.dtype} was given")
        kept, places = np.unique(given.astype(np.int64), return_index=True)
        if kept[0] < 0 or kept[-1] >= n_images:
            wrong = kept[0] if kept[0] < 0 else kept[-1]
            raise InputError(f"there is no image {wrong}: the run has the rows 0 to {n_images - 1}")
        ordered = [np.asarray(column) for column in columns]
        for column in ordered:
            if column.shape != given.shape:
                raise InputError(f"{len(given)} images have {len(given)} values: {column.shape} were given")
        if ordered and len(kept) < len(given):
            raise InputError("an image was given twice, with a value each time: give each image once")
        return (kept, *(column[places] for column in ordered))

    def members(self, groups: Iterable[int], partition: str) -> NDArray[np.int64]:
        """The images of groups.

        Raises
        ------
        InputError
            If there is no such group; names the nearest.
        """
        of_images = self.state.groups_now(partition)
        wanted = np.array(sorted(set(groups)), np.int64)
        # Counting is a hundred times as quick as sorting or hashing a million rows.
        there = np.flatnonzero(np.bincount(of_images + 1)) - 1
        unknown = np.setdiff1d(wanted, there)
        if len(unknown):
            near = [int(there[np.abs(there - group).argmin()]) for group in unknown.tolist()]
            words = ", ".join(
                f"{group} (nearest: {other})" for group, other in zip(unknown.tolist(), near, strict=True)
            )
            raise InputError(
                f"the partition {partition} has no group {words}: it has {len(there)} groups "
                f"from {there[0]} to {there[-1]}"
            )
        return np.flatnonzero(np.isin(of_images, wanted))


def check_roles(roles: str | Sequence[str], name: str) -> list[str]:
    """Roles of a class, each once, in the order of `ROLES`.

    Raises
    ------
    InputError
        If one is unknown, or two contradict each other.
    """
    given = [roles] if isinstance(roles, str) else list(roles)
    for role in given:
        if role not in ROLES:
            listing = suggest(str(role), ROLES, "roles are {}")
            raise InputError(f"there is no role {role!r} (given to {name!r}): {listing}")
    for pair in _OPPOSITES:
        if set(pair) <= set(given):
            raise InputError(f"{name!r} cannot be both {pair[0]} and {pair[1]}: choose one of them")
    return [role for role in ROLES if role in given]


def check_colour(colour: str) -> str:
    """A colour as ``#rrggbb``, or ``""``.

    Raises
    ------
    InputError
        If it is neither.
    """
    if colour and not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise InputError(f"{colour!r} is no colour: write it as #rrggbb, such as #1f77b4")
    return colour.lower()


def check_key(key: str) -> str:
    """A key of the keyboard, one letter or digit, or ``""``.

    Raises
    ------
    InputError
        If it is neither.
    """
    if key and not (len(key) == 1 and key.isalnum()):
        raise InputError(f"{key!r} is no key: give one letter or digit")
    return key
