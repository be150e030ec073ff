"""``facies methods`` and ``facies presets``: what there is, told by the methods themselves."""

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
    from facies.methods import METHODS, method_class

    described = [describe(method_class(name)) for name in METHODS]
    if as_json:
        print_json({"methods": described})
        return
    for method in described:
        print_line(f"{method['name']}: {method['title']}")
        print_table(
            [
                ("finds the number of groups", _yes(method["estimates_n_clusters"])),
                ("soft memberships", _yes(method["soft"])),
                ("generates images", _yes(method["samples"])),
                ("works on", ", ".join(method["supported_inputs"])),
                ("presets", ", ".join(method["presets"])),
                ("reference", method["reference"]),
            ]
        )


def presets(method: Name = None, as_json: Json = False) -> None:
    """List the presets of a method, with all their parameters."""
    from facies.methods import METHODS, method_class

    names = list(METHODS) if method is None else [method]
    found = {name: preset_parameters(method_class(name)) for name in names}
    if as_json:
        print_json(found)
        return
    for name, sets in found.items():
        parameters = dict.fromkeys(parameter for values in sets.values() for parameter in values)
        rows = [[parameter, *(_text(values[parameter]) for values in sets.values())] for parameter in parameters]
        print_table(rows, headings=["parameter", *sets], title=name)


def describe(method: type[Method]) -> dict[str, Any]:
    """Tell what a method is and can do."""
    return {
        "name": method.name,
        "title": method.title,
        "estimates_n_clusters": method.estimates_n_clusters,
        "soft": method.soft,
        "samples": method.samples,
        "supported_inputs": list(method.supported_inputs),
        "presets": list(method.presets),
        "reference": method.reference,
    }


def preset_parameters(method: type[Method]) -> dict[str, dict[str, Any]]:
    """All parameters of each preset, also those that it leaves as they are."""
    defaults = {name: parameter.default for name, parameter in inspect.signature(method).parameters.items()}
    return {preset: {**defaults, **values} for preset, values in method.presets.items()}


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
