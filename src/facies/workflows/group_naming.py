"""Names that an expert gives to groups, read from words such as ``12=quartz`` or from a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from facies.errors import InputError
from facies.io import read_table

_COLUMNS = ("group", "name", "role", "excluded", "reason")
_YES, _NO = {"1", "yes", "true", "x", "y"}, {"", "0", "no", "false", "n"}
_NO_REASON = "excluded"


@dataclass
class GroupNaming:
    """Names, roles and exclusions to be given at once.

    Attributes
    ----------
    names : dict of int to str or None
        Class by group; None takes the name of the group away.
    roles : dict of str to list of str
        Roles by class, such as ``biogenic``; they replace those that the class had.
    excluded_groups : dict of int to str
        Reason by group whose images are kept out of all counts.
    excluded_classes : dict of str to str
        Reason by class whose images are kept out of all counts.
    """

    names: dict[int, str | None] = field(default_factory=dict)
    roles: dict[str, list[str]] = field(default_factory=dict)
    excluded_groups: dict[int, str] = field(default_factory=dict)
    excluded_classes: dict[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.names or self.roles or self.excluded_groups or self.excluded_classes)

    def name(self, group: int, name: str | None) -> None:
        """Give a group a class; raise `InputError` if it was given another one."""
        if self.names.setdefault(group, name) != name:
            raise InputError(f"group {group} is named twice, {self.names[group]!r} and {name!r}: give one name")

    def update(self, other: GroupNaming) -> None:
        """Add what another one says."""
        for group, name in other.names.items():
            self.name(group, name)
        for name, roles in other.roles.items():
            self.roles[name] = [*self.roles.get(name, []), *roles]
        self.excluded_groups |= other.excluded_groups
        self.excluded_classes |= other.excluded_classes

    @classmethod
    def from_words(cls, names: Sequence[str], roles: Sequence[str], excluded: Sequence[str]) -> Self:
        """Read words as the command ``facies name`` takes them.

        Parameters
        ----------
        names : sequence of str
            ``GROUPS=NAME``, such as ``12=quartz``, ``3,17=quartz`` or ``noise=dust``; ``none`` takes the name away.
        roles : sequence of str
            ``ROLE=NAMES``, such as ``biogenic=foraminifera,fragments``; the role ``none`` takes the roles away.
        excluded : sequence of str
            ``GROUPS=REASON``, such as ``17=cut``, or ``NAME=REASON`` for a class.

        Raises
        ------
        InputError
            If one of them is not of this form.
        """
        naming = cls()
        for word in names:
            left, name = _halves(word, "12=quartz")
            groups = _groups(left)
            if groups is None:
                raise InputError(f"{word!r}: {left!r} is no group: give its number, such as 12={name}, or noise={name}")
            for group in groups:
                naming.name(group, None if name == "none" else name)
        for word in roles:
            role, classes = _halves(word, "biogenic=foraminifera,fragments")
            for name in _parts(classes):
                naming.roles.setdefault(name, [])
                if role != "none":
                    naming.roles[name].append(role)
        for word in excluded:
            left, reason = _halves(word, "17=cut")
            groups = _groups(left)
            if groups is None:
                naming.excluded_classes[left] = reason
            else:
                naming.excluded_groups |= dict.fromkeys(groups, reason)
        return naming

    @classmethod
    def from_table(cls, path: Path) -> Self:
        """Read a table of the columns ``group, name`` and, if they are there, ``role, excluded, reason``.

        A row with a name and ``excluded`` excludes the class; one without a name excludes the group. Rows with neither are
        passed over. Several groups may bear one name, and a cell ``role`` may hold several roles, with ``;`` between them.

        Raises
        ------
        InputError
            If the file cannot be read, lacks a column, or a cell cannot be used; names the line.
        """
        naming = cls()
        for line, row in _rows(path):
            where = f"{path}, line {line}"
            groups = _groups(row["group"])
            if groups is None or len(groups) != 1:
                raise InputError(f"{where}: {row['group']!r} is no group: give one number, or noise")
            name, excluded = row["name"], _yes(row["excluded"], where)
            try:
                if name:
                    naming.name(groups[0], name)
                    if excluded:
                        naming.excluded_classes[name] = row["reason"] or _NO_REASON
                    if row["role"]:
                        known = naming.roles.setdefault(name, [])
                        known += [role for role in _parts(row["role"].replace(";", ",")) if role not in known]
                elif excluded:
                    naming.excluded_groups[groups[0]] = row["reason"] or _NO_REASON
            except InputError as error:
                raise InputError(f"{where}: {error}") from error
        return naming


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    table = read_table(path, "groups and their names", _COLUMNS)
    lacking = [column for column in ("group", "name") if column not in table]
    if lacking:
        raise InputError(
            f"{path} lacks the column {' and '.join(lacking)}: its first line is group,name[,role,excluded,reason]"
        )
    rows = [
        (int(line), {column: row.get(column, "") for column in _COLUMNS})
        for line, row in zip(table.index, table.to_dict("records"), strict=True)
    ]
    rows = [(line, row) for line, row in rows if any(row.values())]
    if not rows:
        raise InputError(f"{path} names no group: give a line a group, such as 12,quartz")
    return rows


def _halves(word: str, example: str) -> tuple[str, str]:
    left, sign, right = (part.strip() for part in word.partition("="))
    if not (left and sign and right):
        raise InputError(f"{word!r} is not understood: write it as {example}")
    return left, right


def _groups(text: str) -> list[int] | None:
    try:
        return [-1 if part.lower() == "noise" else int(part) for part in _parts(text)] or None
    except ValueError:
        return None


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _yes(text: str, where: str) -> bool:
    if text.lower() in _YES | _NO:
        return text.lower() in _YES
    raise InputError(f"{where}: excluded is yes or no, and {text!r} was given")
