"""Options that belong together: fields of one dataclass, which a command takes as one argument."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable
from dataclasses import fields
from typing import Any


class OptionGroup:
    """Base of the dataclasses whose fields are options of the command line, each with a default."""


def flatten_options(function: Callable[..., None]) -> Callable[..., None]:
    """Return a command whose signature has each option of the groups that `function` takes, where the group stands.

    typer reads the options of a command from its signature, and knows no groups.
    """
    hints = typing.get_type_hints(function, include_extras=True)
    groups = {name: hint for name, hint in hints.items() if inspect.isclass(hint) and issubclass(hint, OptionGroup)}

    @functools.wraps(function)
    def command(**options: Any) -> None:
        made = {name: group(**{each: options.pop(each) for each in _names(group)}) for name, group in groups.items()}
        function(**options, **made)

    signature = inspect.signature(function)
    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        own = _parameters_of(groups[name]) if name in groups else [parameter.replace(annotation=hints[name])]
        parameters += [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # typer reads it
    command.__annotations__ = {each.name: each.annotation for each in parameters} | {"return": None}
    return command


def _names(group: Any) -> list[str]:
    return [each.name for each in fields(group)]


def _parameters_of(group: Any) -> list[inspect.Parameter]:
    hints = typing.get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=each.default, annotation=hints[each.name])
        for each in fields(group)
    ]
