"""``facies presets``: the presets of the methods, with all their parameters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facies.cli.console import print_json, print_table
from facies.cli.list_methods import importable_methods
from facies.cli.options import Json

if TYPE_CHECKING:
    from facies.methods import Method


def presets(
    method: Annotated[
        str | None, typer.Argument(metavar="METHOD", help="A method.", show_default="all methods")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the presets with all their parameters; of one method also what each parameter does."""
    from facies.methods import method_class
    from facies.parameters import parameters_of

    classes = importable_methods() if method is None else [method_class(method)]
    presets_of = {cls.name: preset_parameters(cls) for cls in classes}
    if as_json:
        print_json(presets_of)
        return
    for name, sets in presets_of.items():
        texts = {} if method is None else {key: each.text for key, each in parameters_of(method_class(method)).items()}
        parameters = dict.fromkeys(parameter for values in sets.values() for parameter in values)
        rows = [
            [name, *(_format(values[name]) for values in sets.values()), *([texts[name]] if texts else [])]
            for name in parameters
        ]
        print_table(rows, headings=["parameter", *sets, *(["what it does"] if texts else [])], title=name)


def preset_parameters(method: type[Method]) -> dict[str, dict[str, Any]]:
    """Return all parameters of each preset, those that it leaves at their default included."""
    from facies.parameters import parameters_of

    defaults = {name: parameter.default for name, parameter in parameters_of(method).items()}
    return {preset: {**defaults, **values} for preset, values in method.presets.items()}


def _format(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
