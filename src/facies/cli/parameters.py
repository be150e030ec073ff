"""What ``--set name=value`` says, checked against the parameters of the method."""

from __future__ import annotations

import contextlib
import inspect
import json
import re
import typing
from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from facies.errors import InputError

if TYPE_CHECKING:
    from facies.methods import Method

_PYTHON_WORDS = {"None": None, "True": True, "False": False}


def read_settings(method: type[Method], settings: Sequence[str]) -> dict[str, Any]:
    """Read ``name=value`` pairs.

    Parameters
    ----------
    method : type
        Whose parameters they are; a name that it has not is left for `make_method` to refuse.
    settings : sequence of str
        A value is read as JSON where it is that, and as text otherwise; ``None``, ``True`` and ``False`` too.

    Returns
    -------
    dict
        Values by name; of a name that was given twice the last one.

    Raises
    ------
    InputError
        If a pair has no ``=``, or a value is not of the parameter's type.
    """
    hints = typing.get_type_hints(method.__init__)
    known = inspect.signature(method).parameters
    read = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        name = name.strip()
        if not equals or not name:
            raise InputError(f"--set {setting}: write it as name=value, such as --set epochs=50")
        read[name] = _value(name, text.strip(), hints[name]) if name in known else text
    return read


def merged(settings: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Put parameters that have an option of their own together with those that were ``--set``.

    Parameters
    ----------
    settings : mapping
        From `read_settings`.
    options : mapping
        By the name of the parameter; None where the option was not given.

    Returns
    -------
    dict
        All that were given.

    Raises
    ------
    InputError
        If one was given in both ways and differently.
    """
    given = {name: value for name, value in options.items() if value is not None}
    for name, value in given.items():
        if settings.get(name, value) != value:
            raise InputError(f"{name} is given twice, as {value!r} and by --set as {settings[name]!r}: leave one out")
    return {**settings, **given}


def _value(name: str, text: str, hint: Any) -> Any:
    from pydantic import TypeAdapter, ValidationError

    check = TypeAdapter(hint)
    for candidate in _readings(text):
        try:
            # Through JSON, a strict check takes a list for a tuple, and still no text for a number.
            return check.validate_json(json.dumps(candidate), strict=True)
        except ValidationError:
            continue
    raise InputError(f"--set {name}={text}: {name} takes {in_words(hint)}")


def _readings(text: str) -> list[Any]:
    readings: list[Any] = []
    if text in _PYTHON_WORDS:
        readings.append(_PYTHON_WORDS[text])
    with contextlib.suppress(ValueError):
        readings.append(json.loads(text, parse_constant=_refuse))
    return [*readings, text]


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number to compute with")


def in_words(hint: Any) -> str:
    """Say what values a parameter takes: ``a whole number or 'auto'``."""
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text", NoneType: "null"}
    if hint in words:
        return words[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return " or ".join(repr(choice) for choice in arguments)
    if origin in (typing.Union, UnionType):
        return " or ".join(in_words(argument) for argument in arguments)
    return re.sub(r"\b(typing|collections\.abc)\.", "", inspect.formatannotation(hint))
