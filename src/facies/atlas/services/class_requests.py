"""The actions of a browser on classes, their list, ratios of them, and notes on images."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal

from pydantic import Field

from facies.annotations import parse_class_list
from facies.annotations.actions import check_text
from facies.atlas.services.action_model import ActionRequest, ClassRequest, Write, name_by_number
from facies.atlas.services.row_query import Number, RowQuery, select_rows
from facies.atlas.state.open_run import OpenRun
from facies.errors import InputError

MAX_NOTED = 10_000
"""Images that one note may be about."""


class ChangeClass(ClassRequest):
    """Make a class, or change those properties of one that are given."""

    kind: Literal["class"]
    roles: Annotated[list[str], Field(max_length=20)] | None = None
    excluded: bool | None = None
    reason: str | None = None
    key: str | None = None
    colour: str | None = None
    parent: Number | None = None

    def class_name(self, run: OpenRun) -> str:
        """Return the name that the class has afterwards."""
        return self.name if self.name is not None else name_by_number(run, self.class_ or 0)

    def _prepare(self, run: OpenRun) -> Write:
        if not self.class_ and self.name is None:
            raise InputError("a new class needs a name: give one")
        name = name_by_number(run, self.class_) if self.class_ else str(self.name)
        parent = name_by_number(run, self.parent) if self.parent else None if self.parent is None else ""
        return lambda journal: journal.set_class(
            name,
            rename=self.name if self.class_ else None,
            role=self.roles,
            excluded=self.excluded,
            reason=self.reason,
            key=self.key,
            colour=self.colour,
            parent=parent,
        )


class MergeClasses(ActionRequest):
    """Give the images of classes to another one, or to none (0), and remove those classes."""

    kind: Literal["merge_classes"]
    classes: Annotated[list[Number], Field(min_length=1, max_length=1000)]
    into: Number

    def _prepare(self, run: OpenRun) -> Write:
        names = [name_by_number(run, number) for number in self.classes]
        into = name_by_number(run, self.into) if self.into else None
        return lambda journal: journal.merge_classes(names, into)


class TakeClassList(ActionRequest):
    """Make or change the classes of a file."""

    kind: Literal["class_list"]
    file: Annotated[str, Field(max_length=255)]
    content: Annotated[str, Field(max_length=2**20)]

    def _prepare(self, run: OpenRun) -> Write:
        del run
        try:
            raw = base64.b64decode(self.content, validate=True)
        except (binascii.Error, ValueError) as error:
            raise InputError("the content of a file is sent as base64: other text was given") from error
        entries = parse_class_list(raw, check_text(self.file, "the name of the file", 255))
        return lambda journal: journal.set_classes(entries)


class DefineRatio(ActionRequest):
    """Define a ratio of classes, or, with empty sides, remove it."""

    kind: Literal["ratio"]
    name: str
    numerator: Annotated[list[Number], Field(max_length=1000)]
    denominator: Annotated[list[Number], Field(max_length=1000)]

    def _prepare(self, run: OpenRun) -> Write:
        if not self.numerator and not self.denominator:
            return lambda journal: journal.remove_ratio(self.name)
        sides = [[name_by_number(run, number) for number in side] for side in (self.numerator, self.denominator)]
        return lambda journal: journal.define_ratio(self.name, *sides)


class Note(ActionRequest):
    """Write a note about images."""

    kind: Literal["note"]
    of: RowQuery
    text: str

    def _prepare(self, run: OpenRun) -> Write:
        rows = select_rows(run, self.of)
        if len(rows) > MAX_NOTED:
            raise InputError(f"a note is about at most {MAX_NOTED:,} images: {len(rows):,} are chosen")
        return lambda journal: journal.note(self.text, rows)


class Distinct(ActionRequest):
    """Record that two images are no duplicates of each other."""

    kind: Literal["distinct"]
    rows: Annotated[list[Number], Field(min_length=2, max_length=2)]

    def _prepare(self, run: OpenRun) -> Write:
        del run
        return lambda journal: journal.set_distinct(self.rows)
