"""A list of classes as a file: a table with keys, parents, colours and roles, or names alone, one a line."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from facies.annotations.actions import check_text
from facies.annotations.class_tree import ancestors, tree_order
from facies.annotations.validation import check_colour, check_key, check_roles
from facies.errors import InputError
from facies.io import decode_text, guard_formula, parse_table

COLUMNS = ("name", "parent", "key", "colour", "role", "excluded", "reason")
"""The columns of the table; ``name`` alone must be there."""

MAX_CLASSES = 2000
_WHAT = "classes"
_YES, _NO = {"1", "yes", "true", "x", "y"}, {"", "0", "no", "false", "n"}


@dataclass(frozen=True)
class ClassEntry:
    """One class of a list; what is None is left as it is.

    Attributes
    ----------
    name : str
        Its name.
    place : str
        Where it stands, for messages: file and line.
    parent : str, optional
        The class above it; ``""`` for none.
    key : str, optional
        Letter or digit; ``""`` for none.
    colour : str, optional
        ``#rrggbb``; ``""`` for that of the palette.
    roles : tuple of str, optional
        Its roles.
    excluded : bool, optional
        Whether its images count as excluded.
    reason : str
        Why they are.
    """

    name: str
    place: str
    parent: str | None = None
    key: str | None = None
    colour: str | None = None
    roles: tuple[str, ...] | None = None
    excluded: bool | None = None
    reason: str = ""


def parse_class_list(raw: bytes, where: str) -> list[ClassEntry]:
    """Read a list of classes.

    A table, with commas, semicolons or tabs, whose first line names the columns (`COLUMNS`, of which ``name`` must be there;
    several roles with ``;`` between them). A column that is not there leaves what classes have as it is; an empty cell takes
    it away. Or plain text, a name a line: what stands further right lies under the line before, and a line may be a path,
    ``foraminifera > planktic > G. ruber``, whose classes are made.

    Parameters
    ----------
    raw : bytes
        The file.
    where : str
        Its name, for messages.

    Raises
    ------
    InputError
        If it is no text or empty, a class stands in it twice, two have one key, or a cell cannot be used; the message names
        the line and the mend.
    """
    text = decode_text(raw, where, _WHAT)
    first = next((line for line in text.splitlines() if line.strip()), "")
    is_table = any("name" in {cell.strip().strip('"').casefold() for cell in first.split(mark)} for mark in ",;\t")
    if not is_table and where.lower().endswith((".csv", ".tsv")):
        raise InputError(f"{where} lacks the column name: its first line is {','.join(COLUMNS)}, or some of these")
    entries = _from_table(raw, where) if is_table else _from_lines(text, where)
    if not entries:
        raise InputError(f"{where} holds no class: give a name a line")
    if len(entries) > MAX_CLASSES:
        raise InputError(f"{where} holds {len(entries):,} classes: give at most {MAX_CLASSES:,}")
    _check_twice(entries)
    return entries


def class_list_table(classes: pd.DataFrame) -> pd.DataFrame:
    """Return `Annotations.classes` as the table that `parse_class_list` reads, in the order of the tree."""
    known = classes.set_index("id")
    order = tree_order(dict(zip(classes["id"].tolist(), classes["parent"].tolist(), strict=True)))
    known = known.loc[order]
    parents = [known["name"][parent] if parent else "" for parent in known["parent"].tolist()]
    return pd.DataFrame(
        {
            "name": known["name"].to_numpy(object),
            "parent": parents,
            "key": known["key"].to_numpy(object),
            "colour": known["colour"].to_numpy(object),
            "role": [";".join(roles) for roles in known["roles"]],
            "excluded": ["yes" if excluded else "" for excluded in known["excluded"]],
            "reason": known["reason"].to_numpy(object),
        },
        columns=list(COLUMNS),
    )


def class_list_text(classes: pd.DataFrame) -> str:
    """Return the names of `Annotations.classes` as plain text, what lies under a class further right."""
    parents = dict(zip(classes["id"].tolist(), classes["parent"].tolist(), strict=True))
    names = dict(zip(classes["id"].tolist(), classes["name"].tolist(), strict=True))
    return "".join(f"{'    ' * len(ancestors(number, parents))}{names[number]}\n" for number in tree_order(parents))


def class_list_csv(classes: pd.DataFrame, delimiter: str = ",") -> str:
    """Return `class_list_table` as text, its cells guarded against being run by a spreadsheet."""
    table = class_list_table(classes)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows([guard_formula(str(cell)) for cell in row] for row in table.itertuples(index=False))
    return text.getvalue()


def _from_table(raw: bytes, where: str) -> list[ClassEntry]:
    table = parse_table(raw, where, _WHAT, COLUMNS)
    if "name" not in table:
        raise InputError(f"{where} lacks the column name: its first line is {','.join(COLUMNS)}, or some of these")
    unknown = [str(column) for column in table.columns if column not in COLUMNS]
    if unknown:
        raise InputError(
            f"{where} has a column {unknown[0]!r}: a list of classes has {', '.join(COLUMNS)}; leave it out"
        )
    entries = []
    for line, row in zip(table.index, table.to_dict("records"), strict=True):
        place = f"{where}, line {line}"
        cells = {str(name): str(cell) for name, cell in row.items()}
        if not cells["name"]:
            raise InputError(f"{place}: the name is empty: give one, or leave the line out")
        try:
            entries.append(_entry(cells, place))
        except InputError as error:
            raise InputError(f"{place}: {error}") from error
    return entries


def _entry(cells: dict[str, str], place: str) -> ClassEntry:
    name = check_text(cells["name"], "the name of a class")
    roles = cells.get("role")
    given = None if roles is None else [role.strip() for role in roles.replace(",", ";").split(";") if role.strip()]
    excluded, reason = cells.get("excluded"), cells.get("reason", "")
    if excluded is not None and excluded.lower() not in _YES | _NO:
        raise InputError(f"excluded is yes or no, and {excluded!r} was given")
    return ClassEntry(
        name,
        place,
        parent=None if (parent := cells.get("parent")) is None else parent and check_text(parent, "the parent"),
        key=None if (key := cells.get("key")) is None else check_key(key),
        colour=None if (colour := cells.get("colour")) is None else check_colour(colour),
        roles=None if given is None else tuple(check_roles(given, name)),
        excluded=None if excluded is None else excluded.lower() in _YES,
        reason=reason and check_text(reason, "the reason of an exclusion"),
    )


def _from_lines(text: str, where: str) -> list[ClassEntry]:
    entries: dict[str, ClassEntry] = {}
    above: list[tuple[int, str]] = []  # indentation and name of the lines under which the next one may lie
    for line, written in enumerate(text.lstrip("\ufeff").splitlines(), 1):
        bare = written.expandtabs(4)
        if not bare.strip():
            continue
        indentation = len(bare) - len(bare.lstrip())
        above = [(width, name) for width, name in above if width < indentation]
        place = f"{where}, line {line}"
        try:
            names = [check_text(name, "the name of a class") for name in bare.strip().split(" > ")]
        except InputError as error:
            raise InputError(f"{place}: {error}") from error
        parent = above[-1][1] if above else ""
        for step, name in enumerate(names):
            _add_line(entries, ClassEntry(name, place, parent=parent), is_end=step == len(names) - 1)
            parent = name
        above.append((indentation, names[-1]))
    return list(entries.values())


def _add_line(entries: dict[str, ClassEntry], entry: ClassEntry, *, is_end: bool) -> None:
    known = entries.get(entry.name.casefold())
    if known is None:
        entries[entry.name.casefold()] = entry
        return
    if (known.parent or "").casefold() == (entry.parent or "").casefold() and not is_end:
        return  # a path names again what lies above
    there = f"under {known.parent!r}" if known.parent else "at the top"
    raise InputError(
        f"{entry.place}: {entry.name!r} stands already {there} ({_line(known)}): a name stands for one class, so give the "
        "other one another name"
    )


def _check_twice(entries: Sequence[ClassEntry]) -> None:
    names: dict[str, ClassEntry] = {}
    keys: dict[str, ClassEntry] = {}
    for entry in entries:
        if (other := names.setdefault(entry.name.casefold(), entry)) is not entry:
            raise InputError(f"{entry.place}: {entry.name!r} stands already on {_line(other)}: leave one of them out")
        if entry.key and (other := keys.setdefault(entry.key, entry)) is not entry:
            raise InputError(
                f"{entry.place}: the key {entry.key} is that of {other.name!r} already ({_line(other)}): give another one"
            )


def _line(entry: ClassEntry) -> str:
    return entry.place.rpartition(", ")[2]
