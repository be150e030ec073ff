"""``facies methods`` and ``facies presets``: the methods, what each can do, and its parameters."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facies.cli.console import print_json, print_line, print_table
from facies.cli.options import Json

if TYPE_CHECKING:
    from facies.methods import Method

Name = Annotated[str | None, typer.Argument(metavar="METHOD", help="A method.", show_default="all methods")]


def methods(as_json: Json = False) -> None:
    """List the methods and what each can do."""
    described = [describe(method) for method in _importable_methods()]
    if as_json:
        print_json({"methods": described})
        return
    for method in described:
        print_line(f"{method['name']}: {method['title']}")
        print_table(
            [
                ("finds the number of groups", _yes(method["finds_n_clusters"])),
                ("soft memberships", _yes(method["soft"])),
                ("generates images", _yes(method["samples"])),
                ("works on", ", ".join(method["data_kinds"])),
                ("presets", ", ".join(method["presets"])),
                ("reference", method["reference"]),
            ]
        )


def presets(method: Name = None, as_json: Json = False) -> None:
    """List the presets of a method, with all their parameters."""
    from facies.methods import method_class

    classes = _importable_methods() if method is None else [method_class(method)]
    presets_of = {cls.name: preset_parameters(cls) for cls in classes}
    if as_json:
        print_json(presets_of)
        return
    for name, sets in presets_of.items():
        parameters = dict.fromkeys(parameter for values in sets.values() for parameter in values)
        rows = [[parameter, *(_text(values[parameter]) for values in sets.values())] for parameter in parameters]
        print_table(rows, headings=["parameter", *sets], title=name)


def _importable_methods() -> list[type[Method]]:
    """Import all methods; one of another package that cannot be imported is left out, with a warning."""
    from facies.errors import InputError
    from facies.methods import METHODS, method_class, method_names

    classes = []
    for name in method_names():
        try:
            classes.append(method_class(name))
        except InputError:
            if name in METHODS:
                raise
    return classes


def describe(method: type[Method]) -> dict[str, Any]:
    """Return what a method is called, what it can do, and where it was published; fit for JSON."""
    return {
        "name": method.name,
        "title": method.title,
        "finds_n_clusters": method.finds_n_clusters,
        "soft": method.soft,
        "samples": method.samples,
        "data_kinds": list(method.data_kinds),
        "presets": list(method.presets),
        "reference": method.reference,
    }


def preset_parameters(method: type[Method]) -> dict[str, dict[str, Any]]:
    """Return all parameters of each preset, those that it leaves at their default included."""
    defaults = {name: parameter.default for name, parameter in inspect.signature(method).parameters.items()}
    return {preset: {**defaults, **values} for preset, values in method.presets.items()}


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
