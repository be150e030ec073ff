"""``facies methods``: the methods, and what each can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from facies.cli.console import print_json, print_line, print_table
from facies.cli.options import Json

if TYPE_CHECKING:
    from facies.methods import Method


def methods(as_json: Json = False) -> None:
    """List the methods and what each can do."""
    described = [describe(method) for method in importable_methods()]
    if as_json:
        print_json({"methods": described})
        return
    for method in described:
        print_line(f"{method['name']}: {method['title']}")
        print_table(
            [
                ("finds the number of groups", _yes_or_no(method["estimates_n_clusters"])),
                ("soft memberships", _yes_or_no(method["has_soft_assignments"])),
                ("generates images", _yes_or_no(method["is_generative"])),
                ("works on", ", ".join(method["supported_inputs"])),
                ("presets", ", ".join(method["presets"])),
                ("reference", method["reference"]),
            ]
        )


def importable_methods() -> list[type[Method]]:
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
        "estimates_n_clusters": method.estimates_n_clusters,
        "has_soft_assignments": method.has_soft_assignments,
        "is_generative": method.is_generative,
        "supported_inputs": list(method.supported_inputs),
        "presets": list(method.presets),
        "reference": method.reference,
    }


def _yes_or_no(value: bool) -> str:
    return "yes" if value else "no"
