"""Tables of a method's parameters and presets, read from the method itself, so that they cannot go out of date."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

from docutils import nodes
from numpydoc.docscrape import NumpyDocString
from sphinx.util.docutils import SphinxDirective

from facies.methods import method_class


def _value(value: Any) -> str:
    return f"`{value if isinstance(value, str) else repr(value)}`"


class _OfMethod(SphinxDirective):
    """A directive with the name of a method, and lines ``key: text``."""

    required_arguments: ClassVar[int] = 1
    has_content: ClassVar[bool] = True

    def run(self) -> list[nodes.Node]:
        """Make Markdown of it, and parse that."""
        self.method = method_class(self.arguments[0])
        pairs = [line.split(":", 1) for line in " \n".join(self.content).split("\n") if line.strip()]
        found: list[nodes.Node] = self.parse_text_to_nodes("\n".join(self.lines({k.strip(): v for k, v in pairs})))
        return found

    def lines(self, content: dict[str, str]) -> list[str]:
        """Markdown."""
        raise NotImplementedError

    def defaults(self) -> dict[str, Any]:
        """Value of each parameter in the class."""
        return {name: p.default for name, p in inspect.signature(self.method).parameters.items()}

    def presets(self) -> dict[str, dict[str, Any]]:
        """All parameters of each preset."""
        return {name: {**self.defaults(), **values} for name, values in self.method.presets.items()}


class FaciesParameters(_OfMethod):
    """One table a line ``stage: parameter parameter …``; every parameter of the method must be named once."""

    def lines(self, content: dict[str, str]) -> list[str]:
        """One table a stage."""
        wanted = [name for names in content.values() for name in names.split()]
        if sorted(wanted) != sorted(self.defaults()):
            raise self.error(f"named twice or not at all: {set(wanted) ^ set(self.defaults())}")
        meaning = {
            name: " ".join(entry.desc)
            for entry in NumpyDocString(inspect.getdoc(self.method))["Parameters"]
            for name in entry.name.split(", ")
        }
        presets = self.presets()
        lines = []
        for stage, names in content.items():
            lines += ["", f"**{stage}**", "", f"| parameter | {' | '.join(f'`{p}`' for p in presets)} | meaning |"]
            lines.append("|---" * (len(presets) + 2) + "|")
            for name in names.split():
                values = " | ".join(_value(values[name]) for values in presets.values())
                lines.append(f"| `{name}` | {values} | {meaning[name]} |")
        return lines


class FaciesDepartures(_OfMethod):
    """Why a preset (``:preset:``) differs from another (``:from:``): a line ``parameter parameter: reason`` each."""

    option_spec: ClassVar[dict[str, Any]] = {"preset": str, "from": str}

    def lines(self, content: dict[str, str]) -> list[str]:
        """One table."""
        presets = self.presets()
        new, old = presets[self.options["preset"]], presets[self.options["from"]]
        differing = {name for name in new if new[name] != old[name]}
        told = {name for names in content for name in names.split()}
        if told != differing:
            raise self.error(f"differ or are told of, but not both: {sorted(told ^ differing)}")
        lines = [f"| parameter | `{self.options['from']}` | `{self.options['preset']}` | why |", "|---|---|---|---|"]
        for names, reason in content.items():
            cells = ["<br>".join(parts) for parts in zip(*_triples(names.split(), old, new), strict=True)]
            lines.append(f"| {' | '.join(cells)} | {reason.strip()} |")
        return lines


def _triples(names: list[str], old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(f"`{name}`", _value(old[name]), _value(new[name])) for name in names]


def setup(app: Any) -> dict[str, bool]:
    """Register the directives."""
    app.add_directive("facies-parameters", FaciesParameters)
    app.add_directive("facies-departures", FaciesDepartures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
