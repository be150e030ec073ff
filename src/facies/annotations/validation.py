"""Checks and completes what an action is made of: rows, groups, classes, reasons, roles, colours and keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.annotations.actions import ROLES, check_text
from facies.annotations.class_tree import MAX_DEPTH, ancestors, children_by_parent, class_parents, depth_below
from facies.annotations.state import ClassChanges, State
from facies.errors import InputError, suggest

_MAX_NUMBER = 65_535
_OPPOSITES = (("biogenic", "terrigenous"), ("whole", "fragment"), ("planktic", "benthic"))


class ActionBuilder:
    """Collects what one action changes in the table of classes and among the reasons; the state is only read."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.classes: ClassChanges = {}
        self.reasons: dict[int, str] = {}
        self._numbers: dict[str, int] | None = None  # by name, until a name changes

    def find_class(self, name: str) -> int | None:
        """Return the number of the class of that name, whatever its capitals, or None."""
        if self._numbers is None:
            self._numbers = {known.casefold(): number for number, known in reversed(self._names().items())}
        return self._numbers.get(name.casefold())

    def existing_class(self, name: str) -> int:
        """Return the number of a class; the `InputError` if there is none of that name gives the nearest."""
        number = self.find_class(check_text(name, "the name of a class"))
        if number is None:
            raise InputError(f"there is no class {name!r}: {suggest(name, self._names().values(), 'there are {}')}")
        self.change_class(number, exists=True)
        return number

    def class_number(self, name: str | None) -> int:
        """Return the number of a class, which is made if there is none of that name; 0 for None."""
        if name is None:
            return 0
        name = check_text(name, "the name of a class")
        number = self.find_class(name)
        if number is None:
            number = self._new_class(name)
        # Stated by every action that uses a class: it then stays when the action that made it is undone.
        self.change_class(number, exists=True)
        return number

    def change_class(self, number: int, **fields: Any) -> None:
        """Change fields of a class; an empty value removes the field."""
        changes = {name: value or None for name, value in fields.items()}
        if "name" in fields or ("exists" in fields and self._fields(number).get("exists") != changes["exists"]):
            self._numbers = None
        self.classes.setdefault(str(number), {}).update(changes)

    def name_of(self, number: int) -> str:
        """Return the name of a class that exists."""
        return self._names()[number]

    def parents(self) -> dict[int, int]:
        """Return the class above each class, those of this action included; see `class_parents`."""
        return class_parents({number: self._fields(number) for number in self._names()})

    def set_parent(self, number: int, parent: int) -> None:
        """Put a class under another one, or with 0 at the top.

        `InputError` if it would lie under itself, or the tree would be too deep.
        """
        parents = self.parents()
        above = [parent, *ancestors(parent, parents)] if parent else []
        if number in above:
            raise self.circle(number, parent)
        if len(above) + 1 + depth_below(number, children_by_parent(parents)) > MAX_DEPTH:
            raise self.too_deep(number)
        self.change_class(number, parent=parent)

    def circle(self, number: int, parent: int) -> InputError:
        """Return the error of a class that would lie under itself."""
        name, above = self.name_of(number), self.name_of(parent)
        return InputError(f"{name!r} cannot lie under {above!r}, which lies under it: choose another class")

    def too_deep(self, number: int) -> InputError:
        """Return the error of a class that lies too deep."""
        return InputError(f"a tree of classes has at most {MAX_DEPTH} levels: put {self.name_of(number)!r} higher up")

    def take_key(self, number: int, key: str) -> None:
        """Give a class a key, ``""`` for none; another class that has it loses it."""
        for other in self._names():
            if key and other != number and self._fields(other).get("key") == key:
                self.change_class(other, key="")
        self.change_class(number, key=key)

    def reason_code(self, text: str) -> int:
        """Return the number of a reason, which is added if there is none of that text."""
        text = check_text(text, "the reason of an exclusion")
        known = {**self.state.reasons, **self.reasons}
        for number, other in known.items():
            if other.casefold() == text.casefold():
                return number
        number = max(known, default=0) + 1
        if number > _MAX_NUMBER:
            raise InputError(f"there are {_MAX_NUMBER:,} reasons already: use one of them")
        self.reasons[number] = text
        return number

    def _fields(self, number: int) -> dict[str, Any]:
        return {**self.state.classes.get(number, {}), **self.classes.get(str(number), {})}

    def _names(self) -> dict[int, str]:
        """Return the names of the classes that exist, those of this action included."""
        numbers = dict.fromkeys([*self.state.first_names, *map(int, self.classes)])
        return {
            number: str(fields.get("name") or self.state.first_names[number])
            for number in numbers
            if (fields := self._fields(number)).get("exists")
        }

    def _new_class(self, name: str) -> int:
        known = self.state.first_names
        # A class that was undone or merged away takes its number again if it comes back under its first name.
        returning = (
            number
            for number, first in known.items()
            if first.casefold() == name.casefold() and not self._fields(number).get("exists")
        )
        number = next(returning, None) or max([0, *known, *map(int, self.classes)]) + 1
        if number > _MAX_NUMBER:
            raise InputError(f"there are {_MAX_NUMBER:,} classes already: use one of them")
        self.classes[str(number)] = {"exists": True, "name": name}
        if self._numbers is not None:
            self._numbers[name.casefold()] = number
        return number

    def check_rows(self, rows: ArrayLike) -> NDArray[np.int64]:
        """Return rows as they are stored, rising, each once, from numbers in any order or from a mask of shape (N,).

        `InputError` if there are none, or some are not among the images.
        """
        return self.check_columns(rows)[0]

    def check_columns(self, rows: ArrayLike, *columns: ArrayLike) -> tuple[NDArray[Any], ...]:
        """Return rows as they are stored, and columns of one value a row in the same order.

        `InputError` as `check_rows`; or if a column has another length, or a row is given twice.
        """
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
        given = given.astype(np.int64)
        positions: NDArray[np.int64] | slice = slice(None)
        unique = given
        if (given[1:] <= given[:-1]).any():  # a million rows that rise already need no sorting
            unique, positions = np.unique(given, return_index=True)
        if unique[0] < 0 or unique[-1] >= n_images:
            wrong = unique[0] if unique[0] < 0 else unique[-1]
            raise InputError(f"there is no image {wrong}: the run has the rows 0 to {n_images - 1}")
        arrays = [np.asarray(column) for column in columns]
        for array in arrays:
            if array.shape != given.shape:
                raise InputError(f"{len(given)} images have {len(given)} values: {array.shape} were given")
        if arrays and len(unique) < len(given):
            raise InputError("an image was given twice, with a value each time: give each image once")
        return (unique, *(array[positions] for array in arrays))

    def members(self, groups: Iterable[int], partition: str) -> NDArray[np.int64]:
        """Return the images of groups, rising; the `InputError` if there is no such group gives the nearest."""
        group_of_image = self.state.groups_of(partition)
        chosen = np.array(sorted(set(groups)), np.int64)
        # Counting is a hundred times as quick as sorting or hashing a million rows.
        existing = np.flatnonzero(np.bincount(group_of_image + 1)) - 1
        unknown = np.setdiff1d(chosen, existing)
        if len(unknown):
            nearest = existing[np.abs(existing - unknown[:, None]).argmin(1)]
            words = ", ".join(f"{group} (nearest: {other})" for group, other in zip(unknown, nearest, strict=True))
            raise InputError(
                f"the partition {partition} has no group {words}: it has {len(existing)} groups "
                f"from {existing[0]} to {existing[-1]}"
            )
        return np.flatnonzero(np.isin(group_of_image, chosen))


def check_roles(roles: str | Sequence[str], name: str) -> list[str]:
    """Return the roles of the class ``name``, each once, in the order of `ROLES`.

    `InputError` if one is unknown, or two contradict each other.
    """
    given = [roles] if isinstance(roles, str) else list(roles)
    for role in given:
        if role not in ROLES:
            hint = suggest(str(role), ROLES, "roles are {}")
            raise InputError(f"there is no role {role!r} (given to {name!r}): {hint}")
    for pair in _OPPOSITES:
        if set(pair) <= set(given):
            raise InputError(f"{name!r} cannot be both {pair[0]} and {pair[1]}: choose one of them")
    return [role for role in ROLES if role in given]


def check_colour(colour: str) -> str:
    """Return a colour as ``#rrggbb``; an empty text stays empty."""
    if colour and not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise InputError(f"{colour!r} is no colour: write it as #rrggbb, such as #1f77b4")
    return colour.lower()


def check_key(key: str) -> str:
    """Return a key of the keyboard, one letter or digit; an empty text stays empty."""
    if key and not (len(key) == 1 and key.isalnum()):
        raise InputError(f"{key!r} is no key: give one letter or digit")
    return key
