"""Actions on the classes themselves: their names, roles, colours and keys, and the merging of several into one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np

from facies.annotations.action_log import ActionLog
from facies.annotations.actions import NONE, Action, check_text
from facies.annotations.class_list import ClassEntry
from facies.annotations.class_tree import children_by_parent
from facies.annotations.validation import ActionBuilder, check_colour, check_key, check_roles
from facies.errors import InputError

_Result = TypeVar("_Result")


class ClassJournal(ActionLog):
    """The part of the `Journal` in which classes are made, changed and merged."""

    def merge_classes(self, names: Iterable[str], into: str | None, *, user: str | None = None) -> Action:
        """Give the images of some classes to another one, and remove those classes.

        What lies under them comes to lie under that other one, or where it cannot, one level higher.

        Parameters
        ----------
        names : iterable of str
            The classes that are removed.
        into : str or None
            The class that takes their images; with None the images have no class any more.
        user : str, optional
            Whose action it is.

        Raises
        ------
        InputError
            If a class is unknown, or would be merged into itself.
        """
        with self._writing(user) as writer:
            target = 0 if into is None else writer.existing_class(into)
            merged = [writer.existing_class(name) for name in dict.fromkeys(names)]
            if not merged or target in merged:
                raise InputError("classes are merged into another one: choose at least one, and another to merge into")
            rows = np.flatnonzero(np.isin(self._state.columns["class"], merged))
            state = self._state.columns["state"][rows] if target else NONE
            _raise_children(writer, merged, target)
            for number in merged:
                writer.change_class(number, exists=False, key="", parent=0)
            after = {"class": target, "state": state, "confidence": self._state.columns["confidence"][rows]}
            return writer.write("class", rows, after, parameters={"merged": merged, "into": into})

    def set_class(
        self,
        name: str,
        *,
        rename: str | None = None,
        role: str | Sequence[str] | None = None,
        excluded: bool | None = None,
        reason: str | None = None,
        key: str | None = None,
        colour: str | None = None,
        parent: str | None = None,
        user: str | None = None,
    ) -> Action:
        """Make a class, or change one; what is None stays as it is.

        Parameters
        ----------
        name : str
            The class; it is made if there is none of that name.
        rename : str, optional
            A new name; the images keep the class.
        role : str or sequence of str, optional
            One or more of `ROLES`; they replace those it had. An empty sequence removes them.
        excluded : bool, optional
            Whether its images count as excluded.
        reason : str, optional
            Why they are excluded; without it the name of the class is the reason.
        key : str, optional
            One letter or digit of the keyboard; another class that has it loses it. ``""`` removes it.
        colour : str, optional
            ``#rrggbb``; ``""`` removes it.
        parent : str, optional
            The class above it in the tree of classes; ``""`` puts it at the top.
        user : str, optional
            Whose action it is.

        Raises
        ------
        InputError
            If a value cannot be used, the new name is that of another class, there is no such parent, or the class would lie
            under itself.
        """
        with self._writing(user) as writer:
            number = writer.class_number(name)
            if rename is not None:
                rename = check_text(rename, "the name of a class")
                if writer.find_class(rename) not in (None, number):
                    raise InputError(
                        f"there is a class {rename!r} already: assign the images of {name!r} to it instead"
                    )
                writer.change_class(number, name=rename)
            if role is not None:
                writer.change_class(number, roles=check_roles(role, name))
            if excluded is not None:
                writer.change_class(number, excluded=excluded)
            if reason is not None:
                writer.change_class(number, reason=reason and check_text(reason, "the reason of an exclusion"))
            if colour is not None:
                writer.change_class(number, colour=check_colour(colour))
            if key is not None:
                writer.take_key(number, check_key(key))
            if parent is not None:
                writer.set_parent(number, writer.existing_class(parent) if parent else 0)
            return writer.write("class", np.zeros(0, np.int64), {}, parameters={"name": name})

    def set_classes(self, entries: Sequence[ClassEntry], *, user: str | None = None) -> Action:
        """Make or change the classes of a list, in one action; what an entry leaves open stays as it is.

        Parameters
        ----------
        entries : sequence of ClassEntry
            As `parse_class_list` returns them. A class that another one lies under is in the list, or exists.
        user : str, optional
            Whose action it is.

        Raises
        ------
        InputError
            If a value cannot be used, or a parent is unknown; the message begins with the place of the entry.
        """
        with self._writing(user) as writer:
            before = {number for number, fields in self._state.classes.items() if fields.get("exists")}
            numbers = [_at(entry, writer.class_number, entry.name) for entry in entries]
            if not numbers:
                raise InputError("the list of classes is empty: give a name a line")
            for number, entry in zip(numbers, entries, strict=True):
                _at(entry, _set_fields, writer, number, entry)
            _set_parents(writer, numbers, entries)
            moved = sorted(
                str(self._state.classes[number]["key"])
                for number in before - set(numbers)
                if self._state.classes[number].get("key") and "key" in writer.classes.get(str(number), {})
            )
            parameters = {"list": len(entries), "new": len(set(numbers) - before), "moved_keys": moved}
            return writer.write("class", np.zeros(0, np.int64), {}, parameters=parameters)


def _at(entry: ClassEntry, function: Callable[..., _Result], *arguments: Any) -> _Result:
    """Call a function; an error of it begins with the place of the entry."""
    try:
        return function(*arguments)
    except InputError as error:
        raise InputError(f"{entry.place}: {error}") from error


def _set_fields(writer: ActionBuilder, number: int, entry: ClassEntry) -> None:
    if entry.roles is not None:
        writer.change_class(number, roles=check_roles(entry.roles, entry.name))
    if entry.colour is not None:
        writer.change_class(number, colour=check_colour(entry.colour))
    if entry.excluded is not None:
        reason = entry.reason and check_text(entry.reason, "the reason of an exclusion")
        writer.change_class(number, excluded=entry.excluded, reason=reason if entry.excluded else "")
    if entry.key is not None:
        writer.take_key(number, check_key(entry.key))


def _set_parents(writer: ActionBuilder, numbers: Sequence[int], entries: Sequence[ClassEntry]) -> None:
    """Put the classes of a list under their parents, all at once: in between the tree may well hold a circle."""
    before = writer.parents()
    wanted: dict[int, int] = {}
    for number, entry in zip(numbers, entries, strict=True):
        if entry.parent is not None:
            wanted[number] = _at(entry, writer.existing_class, entry.parent) if entry.parent else 0
            writer.change_class(number, parent=wanted[number])
    after = writer.parents()
    wanted = {**before, **wanted}
    wrong = next((number for number in after if after[number] != wanted.get(number, 0)), None)
    if wrong is None:
        return
    entry = next((each for number, each in zip(numbers, entries, strict=True) if number == wrong), entries[0])
    number, seen = wanted[wrong], {wrong}
    while number and number not in seen:
        seen.add(number)
        number = wanted.get(number, 0)
    error = writer.circle(wrong, wanted[wrong]) if number == wrong else writer.too_deep(wrong)
    raise InputError(f"{entry.place}: {error}") from error


def _raise_children(builder: ActionBuilder, merged: Sequence[int], target: int) -> None:
    """Put the classes under those that are merged away under the one that takes their images, or higher up."""
    parents = builder.parents()
    below = children_by_parent(parents)
    for number in merged:
        above = parents[number]
        while above in merged:
            above = parents[above]
        for child in below.get(number, ()):
            if child in merged:
                continue
            builder.change_class(child, parent=above)
            if target and child != target:
                with contextlib.suppress(InputError):
                    builder.set_parent(child, target)
