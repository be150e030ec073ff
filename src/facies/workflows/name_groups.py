"""The expert's names of groups, recorded in the journal of a run and read from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path

import pandas as pd

from facies.annotations import Action, Journal, group_summary, parse_class_list
from facies.errors import InputError
from facies.runs import RunFolder
from facies.workflows.group_naming import GroupNaming


@dataclass(frozen=True, eq=False)
class GroupNames:
    """What the groups of a partition are called now.

    Attributes
    ----------
    partition : str
        Name of the partition.
    revision : int
        Number of the latest action in the journal; 0 before the first.
    groups : DataFrame
        One row a group: ``group``, ``n_images``, ``class``, ``share`` of the images that have this class,
        ``n_validated``, ``n_excluded``, ``reason``.
    classes : DataFrame
        One row a class: ``name``, ``roles``, ``excluded``, ``reason`` and ``n_images``, the number that counts, and
        what else is recorded of it.
    """

    partition: str
    revision: int
    groups: pd.DataFrame
    classes: pd.DataFrame


def name_groups(
    run: RunFolder,
    naming: GroupNaming | Mapping[int, str | None],
    partition: str | None = None,
    *,
    user: str | None = None,
) -> None:
    """Name groups, in one action of the journal: all of it is done, or nothing.

    Parameters
    ----------
    run : RunFolder
    naming : GroupNaming or mapping of int to str
        Names by group; −1 is noise, and None takes a name away. A `GroupNaming` can also exclude groups and classes,
        and give classes a role.
    partition : str, optional
        Which partition; without it the newest.
    user : str, optional
        Who decided this; without it the login name.

    Raises
    ------
    InputError
        If there is no such group or role.
    """
    naming = naming if isinstance(naming, GroupNaming) else GroupNaming(dict(naming))
    with Journal(run, user=user) as journal:
        journal.name_groups(
            naming.names,
            partition,
            roles=naming.roles,
            excluded_groups=naming.excluded_groups,
            excluded_classes=naming.excluded_classes,
        )


def take_class_list(run: RunFolder, path: str | PathLike[str], *, user: str | None = None) -> Action:
    """Make or change the classes that a file lists, in one action of the journal; see `facies.annotations.parse_class_list`.

    Parameters
    ----------
    run : RunFolder
    path : path
        A table (CSV, TSV) of the column ``name`` and, if they are there, ``parent, key, colour, role, excluded, reason``; or
        plain text, a name a line.
    user : str, optional
        Who decided this; without it the login name.

    Raises
    ------
    InputError
        If the file cannot be read or used; names the line and the mend.
    """
    try:
        raw = Path(path).expanduser().read_bytes()
    except OSError as error:
        raise InputError(f"{fspath(path)}: cannot be read ({error.strerror}): give a list of classes") from error
    with Journal(run, user=user) as journal:
        return journal.set_classes(parse_class_list(raw, fspath(path)))


def undo(run: RunFolder, *, user: str | None = None) -> Action | None:
    """Undo the latest decision about a run that is not undone yet, and return it; None if there is nothing to undo."""
    with Journal(run, user=user) as journal:
        return _original(journal, journal.undo())


def redo(run: RunFolder, *, user: str | None = None) -> Action | None:
    """Repeat the decision that was undone last, and return it; None if there is nothing to repeat."""
    with Journal(run, user=user) as journal:
        return _original(journal, journal.redo())


def _original(journal: Journal, action: Action | None) -> Action | None:
    """Return the decision that an undoing or redoing action is about."""
    return None if action is None else next(journal.actions(after=int(action.parameters["of"]) - 1))


def group_names(run: RunFolder, partition: str | None = None) -> GroupNames:
    """Read what the groups of a partition, the newest unless one is named, are called now."""
    with Journal(run) as journal:
        annotations = journal.annotations()
        groups = group_summary(journal.groups(partition), annotations)
    counts = annotations.counts()
    classes = annotations.classes.assign(n_images=[int(counts[name]) for name in annotations.classes["name"]])
    return GroupNames(str(run.partition(partition)[1]["name"]), annotations.revision, groups, classes)
