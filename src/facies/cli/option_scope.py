"""Options that concern only one kind of input: with another kind they are refused, and not left aside in silence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from facies.errors import InputError

if TYPE_CHECKING:
    import typer


def refuse_given(context: typer.Context, names: Iterable[str], reason: str) -> None:
    """Raise an `InputError` if one of these parameters was given on the command line; `reason` says why it means nothing."""
    unused = set(names)
    given = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name in unused and _is_given(context, parameter.name)
    ]
    if given:
        raise InputError(f"{reason}, for which {' and '.join(given)} means nothing: leave it out")


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
