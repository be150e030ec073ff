"""What the actions of a browser have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, Field

from facies.annotations import Action, Journal
from facies.atlas.services.row_query import Number
from facies.atlas.state.open_run import OpenRun
from facies.errors import InputError

Write = Callable[[Journal], Action | None]
"""Writes one action; called under the lock of the run, in which nobody else changes anything."""


class ActionRequest(BaseModel, ABC):
    """A kind of action: a validated model that writes itself to the journal."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    @abstractmethod
    def _prepare(self, run: OpenRun) -> Write:
        """Select the images and check the request; return what is left to do under the lock of the run."""


class ClassRequest(ActionRequest):
    """An action on a class, which is given by its number or by its name."""

    class_: Number | None = Field(default=None, alias="class")
    name: str | None = None

    def class_name(self, run: OpenRun) -> str | None:
        """Return the name of the class that is given by name or number; None for the class 0."""
        if self.name is not None:
            return self.name
        if self.class_ is None:
            raise InputError("a class is given by its number (class) or by its name (name): neither was")
        return name_by_number(run, self.class_) if self.class_ else None


def name_by_number(run: OpenRun, number: int) -> str:
    """Return the name of a class; `InputError` if there is none of that number."""
    name = run.states.names.get(number)
    if name is None:
        raise InputError(f"there is no class {number}: somebody may have removed it; choose another one")
    return name
