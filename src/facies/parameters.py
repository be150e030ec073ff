"""Parameters as dataclass fields: each is written once, with its text under it and its range in its type.

.. code-block:: python

    @dataclass(kw_only=True, eq=False, repr=False)
    class MyMethod(Method):
        latent_size: Annotated[int, Ge(1)] = 10
        \"\"\"Numbers in a code; more keep finer differences and make groups harder to find.\"\"\"
        training: Training = settings(Training, epochs=50)
        \"\"\"How the network is trained.\"\"\"

What several classes share is a `Settings` class of its own, and a field that holds one has dotted names:
``training.epochs``. Command lines, model files and docs use these names; scikit-learn writes ``training__epochs``.
"""

from __future__ import annotations

import ast
import dataclasses
import difflib
import functools
import inspect
import itertools
import math
import textwrap
import typing
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import annotated_types as at
import numpy as np
from pydantic import ConfigDict, TypeAdapter
from sklearn.base import BaseEstimator

from facies.errors import InputError, suggest

__all__ = [
    "Count",
    "Fraction",
    "Parameter",
    "Positive",
    "Seed",
    "Settings",
    "Weight",
    "as_type",
    "check_parameters",
    "describe_type",
    "parameter_values",
    "parameters_of",
    "set_parameters",
    "settings",
    "translate_names",
]

FEW = 12
"""So many parameters an error lists; of more it names the nearest."""
Count = Annotated[int, at.Ge(1)]
"""A whole number of 1 or more."""
Positive = Annotated[float, at.Gt(0)]
"""A number above 0."""
Weight = Annotated[float, at.Ge(0)]
"""A number of 0 or more."""
Fraction = Annotated[float, at.Interval(ge=0, le=1)]
"""A number from 0 to 1."""
Seed = Annotated[int, at.Interval(ge=-(2**63), le=2**63 - 1)]
"""A whole number of 64 bits."""

S = TypeVar("S", bound="Settings")


@dataclass(kw_only=True)
class Settings(BaseEstimator):
    """Parameters that belong together; a subclass is a dataclass whose fields are documented as in this module."""

    main: ClassVar[str] = ""
    """The parameter that is meant where the field that holds the settings is itself given a value (``encoder=conv`` for
    ``encoder.name=conv``); empty where there is none."""


def settings(cls: type[S], **values: Any) -> S:
    """Declare a field that holds settings, with values that differ from the defaults of their class."""
    declared: S = field(default_factory=functools.partial(cls, **values))
    return declared


@dataclass(frozen=True)
class Parameter:
    """One parameter of a class.

    Attributes
    ----------
    name
        Dotted, such as ``training.epochs``.
    type
        Its type hint, with its range.
    default
        Its value where none is given.
    text
        What it does.
    """

    name: str
    type: Any
    default: Any
    text: str


def parameters_of(cls: type[Any], *, nested: bool = True) -> dict[str, Parameter]:
    """All parameters of a class by their dotted names, in the order of declaration; those of the subclass come first.

    Parameters
    ----------
    cls
        A dataclass whose fields have defaults; it may be abstract.
    nested
        Give the parameters of a field that holds settings, by dotted names; else the field itself.
    """
    defaults = {each.name: _default(each) for each in dataclasses.fields(cls)}
    return _parameters(cls, defaults, nested=nested)


def _parameters(
    cls: Any, defaults: Mapping[str, Any], prefix: str = "", *, nested: bool = True
) -> dict[str, Parameter]:
    found: dict[str, Parameter] = {}
    types, texts = _types(cls), _texts(cls)
    for name in _field_names(cls):
        value = defaults[name]
        if nested and isinstance(value, Settings):
            found |= _parameters(type(value), vars(value), f"{prefix}{name}.")
        else:
            found[prefix + name] = Parameter(prefix + name, types[name], value, texts.get(name, ""))
    return found


def _default(declared: dataclasses.Field[Any]) -> Any:
    return declared.default if declared.default_factory is dataclasses.MISSING else declared.default_factory()


def parameter_values(owner: Any) -> dict[str, Any]:
    """The value of every parameter of an object, by its dotted name."""
    values: dict[str, Any] = {}
    for field_name in _field_names(type(owner)):
        value = getattr(owner, field_name)
        if isinstance(value, Settings):
            values |= {f"{field_name}.{name}": inner for name, inner in parameter_values(value).items()}
        else:
            values[field_name] = value
    return values


def set_parameters(owner: Any, values: Mapping[str, Any]) -> None:
    """Set parameters of an object by their dotted names, or by that of settings that have a `Settings.main` parameter.

    Raises
    ------
    InputError
        If there is no parameter of such a name; names the nearest.
    """
    known = parameter_values(owner)
    for given, value in values.items():
        held = getattr(owner, given, None) if given.isidentifier() else None
        name = f"{given}.{held.main}" if isinstance(held, Settings) and held.main else given
        if name not in known:
            raise InputError(
                f"{_name_of(owner)} has no parameter {name!r}; {_suggest_parameter(owner, name, list(known))}"
            )
        *path, last = name.split(".")
        setattr(functools.reduce(getattr, path, owner), last, value)


def translate_names(
    values: Mapping[str, Any], former: Mapping[str, str | tuple[str, ...]]
) -> tuple[dict[str, Any], list[str]]:
    """Give parameters that bear names of earlier versions their names of today.

    Parameters
    ----------
    values
        By name.
    former
        Names of earlier versions; what was one parameter may be several today.

    Returns
    -------
    values : dict
        By the names of today.
    translated : list of str
        The former names that were met.
    """
    translated = [name for name in values if name in former]
    today: dict[str, Any] = {}
    for name, value in values.items():
        now = former.get(name, name)
        today |= dict.fromkeys([now] if isinstance(now, str) else now, value)
    return today, translated


def check_parameters(owner: Any, prefix: str = "") -> None:
    """Check the value of every parameter of an object against its type and range.

    Raises
    ------
    InputError
        If a value is not allowed; names the parameter, what it takes, and the nearest value that is allowed.
    """
    cls: Any = type(owner)
    types = _types(cls)
    for each in dataclasses.fields(owner):
        value = getattr(owner, each.name)
        if isinstance(value, Settings):
            check_parameters(value, f"{prefix}{each.name}.")
        elif not _allowed(types[each.name], value):
            raise InputError(_refusal(prefix + each.name, types[each.name], value))


def describe_type(hint: Any) -> str:
    """Say what values a parameter takes, such as ``a whole number of 1 or more, or 'auto'``."""
    plain = {int: "a whole number", float: "a number", bool: "true or false", str: "text", type(None): "null"}
    if hint in plain:
        return plain[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        low, high = _bounds(hint)
        return describe_type(arguments[0]) + (" of 64 bits" if hint == Seed else _range(low, high))
    if origin is Literal:
        return " or ".join(repr(choice) for choice in arguments)
    if origin is tuple:
        return f"a list whose entries are each {describe_type(arguments[0])}"
    if arguments:
        return ", or ".join(describe_type(argument) for argument in arguments)
    return str(getattr(hint, "__name__", hint))


def as_type(hint: Any, value: Any) -> Any:
    """Give a value the type of a parameter: a whole number for a float becomes one, a list for a tuple too; text never does.

    Raises
    ------
    ValueError
        If the parameter does not take it.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list):
        value = tuple(value)
    return _adapter(hint).validate_python(value, strict=True)


def _suggest_parameter(owner: Any, name: str, known: Sequence[str]) -> str:
    """The nearest names, at most three, and where all are listed; a few are listed here."""
    by_last_part: dict[str, list[str]] = {}
    for each in known:
        by_last_part.setdefault(each.rpartition(".")[2], []).append(each)
    near = difflib.get_close_matches(name.casefold(), dict.fromkeys([*known, *by_last_part]), n=3, cutoff=0.5)
    meant = list(dict.fromkeys(full for each in near for full in by_last_part.get(each, [each])))[:3]
    hint = f"did you mean {' or '.join(map(repr, meant))}? " if meant else ""
    if len(known) <= FEW or not hasattr(owner, "name"):
        return f"{hint}choose from {', '.join(known)}"
    return f"{hint}`facies presets {owner.name}` lists all {len(known)}"


def _allowed(hint: Any, value: Any) -> bool:
    try:
        as_type(hint, value)
    except ValueError:
        return False
    return True


def _refusal(name: str, hint: Any, value: Any) -> str:
    words = f"{name}={value!r}: give {describe_type(hint)}"
    if isinstance(value, str):
        choices = [choice for choice in _choices(hint) if isinstance(choice, str)]
        return f"{name}={value!r} is not known; {suggest(value, choices)}" if choices else words
    nearest = _nearest(hint, value)
    return words if nearest is None else f"{words}; the nearest is {nearest:g}"


def _nearest(hint: Any, value: Any) -> float | None:
    """The allowed number that is nearest to a number out of range; None where there is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not math.isfinite(value):
        return None
    number = float(value)
    inside: list[float] = []
    for each in _members(hint):
        if typing.get_origin(each) is Annotated:
            (low, low_open), (high, high_open) = _bounds(each)
            kind = typing.get_args(each)[0]
            if kind is int:
                low, high, number = low + low_open, high - high_open, float(round(number))
            nearest = kind(min(max(number, low), high))
            if _allowed(each, nearest):
                inside.append(nearest)
    return min(inside, key=lambda each: abs(each - float(value)), default=None)


Bound = tuple[float, bool]


def _bounds(hint: Any) -> tuple[Bound, Bound]:
    """The range of an annotated number: each end, and whether it is left out."""
    low, high = (-math.inf, False), (math.inf, False)
    for mark in typing.get_args(hint)[1:]:
        for each in mark if isinstance(mark, at.GroupedMetadata) else (mark,):
            match each:
                case at.Ge(ge=end) | at.Gt(gt=end):
                    low = (float(typing.cast(Any, end)), isinstance(each, at.Gt))
                case at.Le(le=end) | at.Lt(lt=end):
                    high = (float(typing.cast(Any, end)), isinstance(each, at.Lt))
    return low, high


def _range(low: Bound, high: Bound) -> str:
    least = "" if low[0] == -math.inf else f"more than {low[0]:g}" if low[1] else f"{low[0]:g} or more"
    most = "" if high[0] == math.inf else f"less than {high[0]:g}" if high[1] else f"{high[0]:g} or less"
    if least and most and not (low[1] or high[1]):
        return f" from {low[0]:g} to {high[0]:g}"
    words = " and ".join(filter(None, (least, most)))
    return f" of {words}" if words else ""


def _members(hint: Any) -> list[Any]:
    """The alternatives of a union; of anything else itself."""
    if typing.get_origin(hint) in (typing.Union, _UnionType):
        return [member for each in typing.get_args(hint) for member in _members(each)]
    return [hint]


def _choices(hint: Any) -> list[Any]:
    return [choice for each in _members(hint) if typing.get_origin(each) is Literal for choice in typing.get_args(each)]


_UnionType = type(int | str)


@functools.cache
def _adapter(hint: Any) -> TypeAdapter[Any]:
    return TypeAdapter(hint, config=ConfigDict(allow_inf_nan=False))


def _field_names(cls: Any) -> list[str]:
    """Names of the fields of a dataclass: those of the class itself, then those of the classes it inherits from."""
    names = {each.name for each in dataclasses.fields(cls)}
    return list(dict.fromkeys(name for each in cls.__mro__ for name in inspect.get_annotations(each) if name in names))


@functools.cache
def _types(cls: Hashable) -> dict[str, Any]:
    return typing.get_type_hints(cls, include_extras=True)


@functools.cache
def _texts(cls: Hashable) -> dict[str, str]:
    """The string under each field, of the class and those it inherits from."""
    texts: dict[str, str] = {}
    for each in reversed(inspect.getmro(typing.cast(type[Any], cls))):
        if dataclasses.is_dataclass(each):
            texts |= _own_texts(each)
    return texts


def _own_texts(cls: type[Any]) -> dict[str, str]:
    body = _class_body(cls)
    texts = {}
    for statement, following in itertools.pairwise(body):
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
            and isinstance(following.value.value, str)
        ):
            texts[statement.target.id] = inspect.cleandoc(following.value.value)
    return texts


def _class_body(cls: type[Any]) -> list[ast.stmt]:
    try:
        source = textwrap.dedent(inspect.getsource(cls))
    except (OSError, TypeError):
        return []  # typed into a console: there is no source to read
    (statement,) = ast.parse(source).body
    assert isinstance(statement, ast.ClassDef)
    return statement.body


def _name_of(owner: Any) -> str:
    return str(getattr(owner, "name", type(owner).__name__))
