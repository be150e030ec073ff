"""What ``--set name=value`` says, checked against the parameters of the method."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from facies.errors import InputError, suggest

if TYPE_CHECKING:
    from facies.methods import Method
    from facies.parameters import Parameter

READING = "reading."
_PYTHON_WORDS = {"None": None, "True": True, "False": False}


def read_settings(
    method: type[Method], settings: Sequence[str], report: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """Read ``name=value`` pairs: values by dotted name; of a name that was given twice the last one.

    A value is read as JSON where it is that, and as text otherwise; ``None``, ``True`` and ``False`` too. A name that the
    method does not have is left for `make_method` to refuse. `report` takes a line on each name of an earlier version.
    """
    from facies.parameters import parameters_of

    known = parameters_of(method)
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        name, text = name.strip(), text.strip()
        if not equals or not name:
            raise InputError(f"--set {setting}: write it as name=value, such as --set training.epochs=50")
        names = [name] if name in known else list(method.current_parameters({name: None}))
        if names != [name] and report is not None:
            now = f"is now called {' and '.join(names)}" if names else "did nothing, and is gone"
            report(f"--set {name}={text}: this parameter {now}")
        for each in names:
            values[each] = _value(setting, text, known[each]) if each in known else text
    return values


def read_reading(source: Path, settings: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Take what ``--set reading.name=value`` says of reading a file out of all that was set.

    Returns
    -------
    reading : dict
        Values by name, without ``reading.``.
    rest : list of str
        What was set of the method.
    """
    from facies.images.readers import find_reader
    from facies.parameters import parameters_of

    own = [each for each in settings if each.strip().startswith(READING)]
    rest = [each for each in settings if each not in own]
    if not own or not source.exists():
        return {}, rest
    reader = find_reader(source)
    if reader is None or reader.settings is None:
        what = "it" if reader is None else reader.description
        raise InputError(f"--set {own[0]}: of {source} there is nothing to set about reading ({what}): leave it out")
    known = {READING + name: parameter for name, parameter in parameters_of(reader.settings).items()}
    values: dict[str, Any] = {}
    for setting in own:
        name, equals, text = (part.strip() for part in setting.partition("="))
        if not equals or name not in known:
            raise InputError(f"--set {setting}: write name=value; {suggest(name, known)}")
        values[name.removeprefix(READING)] = _value(setting, text, replace(known[name], name=name))
    return values, rest


def merged(settings: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Put parameters that have an option of their own, None where it was not given, together with those that were ``--set``."""
    given = {name: value for name, value in options.items() if value is not None}
    for name, value in given.items():
        if settings.get(name, value) != value:
            raise InputError(f"{name} is given twice, as {value!r} and by --set as {settings[name]!r}: leave one out")
    return {**settings, **given}


def _value(setting: str, text: str, parameter: Parameter) -> Any:
    from facies.parameters import as_type, describe_type

    candidates: list[Any] = [_PYTHON_WORDS[text]] if text in _PYTHON_WORDS else []
    with contextlib.suppress(ValueError):
        candidates.append(json.loads(text, parse_constant=_refuse))
    for candidate in [*candidates, text]:
        with contextlib.suppress(ValueError):
            return as_type(parameter.type, candidate)
    raise InputError(f"--set {setting}: {parameter.name} takes {describe_type(parameter.type)}")


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number to compute with")
