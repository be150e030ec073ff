"""Parameters and presets of methods, read from the classes themselves, so that the docs cannot go out of date.

Two directives make tables of a method's parameters, and the pages of classes get a section of them.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import inspect
import itertools
import re
import sys
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any, ClassVar

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from facies.methods import method_class
from facies.parameters import Parameter, Settings, describe_type, parameters_of


def _value(value: Any) -> str:
    return f"`{value if isinstance(value, str) else repr(value)}`"


def _cell(values: Iterable[str]) -> str:
    return "<br>".join(values).replace("|", "\\|")


class _OfMethod(SphinxDirective):
    """A directive with the name of a method, and lines ``key: text``."""

    required_arguments: ClassVar[int] = 1
    has_content: ClassVar[bool] = True

    def run(self) -> list[nodes.Node]:
        """Make Markdown of it, and parse that."""
        method = method_class(self.arguments[0])
        self.parameters = parameters_of(method)
        defaults = {name: parameter.default for name, parameter in self.parameters.items()}
        self.presets = {name: {**defaults, **values} for name, values in method.presets.items()}
        pairs = [line.split(":", 1) for line in self.content if line.strip()]
        tables: list[nodes.Node] = self.parse_text_to_nodes("\n".join(self.lines([(k.strip(), v) for k, v in pairs])))
        return tables

    def lines(self, content: list[tuple[str, str]]) -> list[str]:
        """Markdown."""
        raise NotImplementedError

    def expand(self, lines: list[str], names: Collection[str]) -> list[list[str]]:
        """The parameters that each line names, in full or by such words as ``training.*`` and ``*.epochs``.

        A word with a star stands for those that no line names in full; each of `names` must be named once.
        """
        in_full = {word for line in lines for word in line.split() if "*" not in word}
        others = [name for name in names if name not in in_full]
        expanded = [[name for word in line.split() for name in self.matching(word, others)] for line in lines]
        times = Counter(name for line in expanded for name in line)
        if wrong := {name: times[name] for name in {*times, *names} if times[name] != 1 or name not in names}:
            raise self.error(f"unknown, or not named once: {wrong}")
        return expanded

    def matching(self, word: str, names: list[str]) -> list[str]:
        """The names that a word stands for."""
        matching = fnmatch.filter(names, word) if "*" in word else [word]
        if not matching:
            raise self.error(f"{word} stands for no parameter that no line names in full")
        return matching


class FaciesParameters(_OfMethod):
    """One table a line ``stage: parameter training.* *.epochs …``; every parameter of the method must be named once.

    Neighbours that have the same text, such as the epochs of several trainings, share a row.
    """

    def lines(self, content: list[tuple[str, str]]) -> list[str]:
        """One table a stage."""
        lines = []
        expanded = self.expand([words for _, words in content], self.parameters)
        for (stage, _), names in zip(content, expanded, strict=True):
            heads = ["parameter", *(f"`{preset}`" for preset in self.presets), "meaning"]
            lines += ["", f"**{stage}**", "", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
            for text, group in itertools.groupby(names, key=lambda name: self.parameters[name].text):
                lines.append(self.row(list(group), " ".join(text.split())))
        return lines

    def row(self, names: list[str], text: str) -> str:
        """One row, for parameters of the same text."""
        cells = [[f"`{name}`" for name in names]]
        for values in self.presets.values():
            each = [_value(values[name]) for name in names]
            cells.append(each if len(set(each)) > 1 else each[:1])
        takes = dict.fromkeys(f"*{describe_type(self.parameters[name].type)}*" for name in names)
        return "| " + " | ".join(_cell(cell) for cell in [*cells, [text, *takes]]) + " |"


class FaciesDepartures(_OfMethod):
    """Why a preset (``:preset:``) differs from another (``:from:``): a line ``parameter group.*: reason`` each."""

    option_spec: ClassVar[dict[str, Any]] = {"preset": str, "from": str}

    def lines(self, content: list[tuple[str, str]]) -> list[str]:
        """One table."""
        new, old = self.presets[self.options["preset"]], self.presets[self.options["from"]]
        differing = [name for name in new if new[name] != old[name]]
        lines = [f"| parameter | `{self.options['from']}` | `{self.options['preset']}` | why |", "|---|---|---|---|"]
        for (_, reason), names in zip(content, self.expand([words for words, _ in content], differing), strict=True):
            columns = [
                [f"`{name}`" for name in names],
                *([_value(each[name]) for name in names] for each in (old, new)),
            ]
            lines.append("| " + " | ".join(_cell(column) for column in [*columns, [reason.strip()]]) + " |")
        return lines


def _fields(obj: Any) -> list[Parameter]:
    """Fields of a class that are its parameters: a dataclass with a default and a text for each."""
    if not (inspect.isclass(obj) and dataclasses.is_dataclass(obj)):
        return []
    if any(each.default is each.default_factory is dataclasses.MISSING for each in dataclasses.fields(obj)):
        return []
    parameters = list(parameters_of(obj, nested=False).values())
    return parameters if all(each.text for each in parameters) else []


def _default(value: Any) -> str:
    """A default as one would write it; settings without what their class has anyhow."""
    if not isinstance(value, Settings):
        return repr(value)
    plain = vars(type(value)())
    given = [f"{name}={each!r}" for name, each in vars(value).items() if each != plain[name]]
    return f"{type(value).__name__}({', '.join(given)})"


def _add_parameters(_app: Any, _what: str, _name: str, obj: Any, _options: Any, lines: list[str]) -> None:
    """Put a numpydoc section of the parameters into the docstring of a class, after its description."""
    fields = _fields(obj)
    if not fields:
        return
    section = ["", "Parameters", "----------"]
    for each in fields:
        cls = type(each.default)
        takes = f":py:class:`.{cls.__name__}`" if issubclass(cls, Settings) else describe_type(each.type)
        section += [f"{each.name} : {takes}, default={_default(each.default)}"]
        section += [f"    {line}" for line in each.text.splitlines()]
    underlines = [number for number, line in enumerate(lines) if re.fullmatch("-{3,}", line.strip())]
    begin = underlines[0] - 1 if underlines else len(lines)
    lines[begin:begin] = [*section, ""]


def _sign(_app: Any, _what: str, _name: str, obj: Any, _options: Any, _sig: Any, _returns: Any) -> Any:
    """The signature of such a class without types, which the section has in words."""
    fields = _fields(obj)
    names = [f"{each.name}={'...' if isinstance(each.default, Settings) else repr(each.default)}" for each in fields]
    return (f"(*, {', '.join(names)})", "") if fields else None


def _leave_out(app: Any, what: str, name: str, _member: Any, _skip: bool, _options: Any) -> bool | None:
    """Leave out of the members of a class what the section has."""
    document = app.env.current_document
    owner = getattr(sys.modules.get(document.autodoc_module), document.autodoc_class, None) if what == "class" else None
    return True if name in {each.name for each in _fields(owner)} else None


def setup(app: Any) -> dict[str, bool]:
    """Register the directives, and what is done to the pages of classes before numpydoc reads them."""
    app.add_directive("facies-parameters", FaciesParameters)
    app.add_directive("facies-departures", FaciesDepartures)
    app.connect("autodoc-process-docstring", _add_parameters, priority=300)
    app.connect("autodoc-process-signature", _sign)
    app.connect("autodoc-skip-member", _leave_out, priority=300)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
