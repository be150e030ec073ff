"""``facies methods``: the methods, and what each can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from facies.cli.console import print_json, print_line, print_table
from facies.cli.options import Json

if TYPE_CHECKING:
    from facies.methods import Method

_ABILITIES = {
    "estimates_n_clusters": "finds the number of groups",
    "has_soft_assignments": "soft memberships",
    "is_generative": "generates images",
}
_FACTS = ("name", "title", *_ABILITIES, "supported_inputs", "reference")


def methods(as_json: Json = False) -> None:
    """List the methods and what each can do."""
    described = [describe(method) for method in importable_methods()]
    if as_json:
        print_json({"methods": described})
        return
    for method in described:
        print_line(f"{method['name']}: {method['title']}")
        rows = [(title, "yes" if method[name] else "no") for name, title in _ABILITIES.items()]
        rows.append(("works on", ", ".join(method["supported_inputs"])))
        rows.append(("presets", ", ".join(method["presets"])))
        rows.append(("reference", method["reference"]))
        print_table(rows)


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
    return {**{name: getattr(method, name) for name in _FACTS}, "presets": list(method.presets)}
