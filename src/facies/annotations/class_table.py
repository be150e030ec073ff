"""Actions on the classes themselves: their names, roles, colours and keys, and the merging of several into one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from facies.annotations.action_log import ActionLog
from facies.annotations.actions import NONE, Action, check_text
from facies.annotations.validation import ActionBuilder, check_colour, check_key, check_roles
from facies.errors import InputError


class ClassJournal(ActionLog):
    """The part of the `Journal` in which classes are made, changed and merged."""

    def merge_classes(self, names: Iterable[str], into: str | None, *, user: str | None = None) -> Action:
        """Give the images of some classes to another one, and remove those classes.

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
            for number in merged:
                writer.change_class(number, exists=False, key="")
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
        user : str, optional
            Whose action it is.

        Raises
        ------
        InputError
            If a value cannot be used, or the new name is that of another class.
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
                _set_key(writer, number, check_key(key))
            return writer.write("class", np.zeros(0, np.int64), {}, parameters={"name": name})


def _set_key(builder: ActionBuilder, number: int, key: str) -> None:
    for other, fields in builder.state.classes.items():
        if key and other != number and fields.get("key") == key:
            builder.change_class(other, key="")
    builder.change_class(number, key=key)
