"""A suite: which sets, which methods, which seeds; read from TOML and checked before anything is computed."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from facies.errors import InputError, suggest
from facies.workflows.benchmark.hub import check_hub
from facies.workflows.benchmark.programs import PROGRAM, check_program

NAME = re.compile(r"[\w+][\w+-]{0,79}")
"""Names of sets and methods become names of folders."""
PUBLISHED = Path(__file__).with_name("published.toml")
N_CLUSTERS = ("n_clusters", "grouping.n_clusters")
"""What the parameter is called that takes the number of groups."""

SET_KEYS = ("source", "hub", "n_groups", "sample", "images", "labels", "shape", "channels", "size", "fit", "pages")
METHOD_KEYS = ("method", "program", "preset", "parameters", "n_groups")


@dataclass(frozen=True)
class SetEntry:
    """A set of images: a known name or a path, and how it is read.

    Attributes
    ----------
    name
        Its name in the table.
    source
        A known name, a path, or what names a set of a hub.
    n_groups
        How many groups methods are told to find; None leaves each method its own number.
    arrays
        Of a ``.npz``: ``images`` and ``labels`` name other arrays than these, ``sample`` takes so many images at random.
    options
        Arguments of `facies.images.open_images`.
    is_of_hub
        Whether it is fetched from openml.org; ``shape`` in `arrays` is then that of its images.
    """

    name: str
    source: str
    n_groups: int | None = None
    arrays: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    is_of_hub: bool = False


@dataclass(frozen=True)
class MethodEntry:
    """A method with its preset and parameters; `told` says whether it is given the number of groups of a set.

    Of a program of others `program` is the command, and `method` says that it is one.
    """

    name: str
    method: str
    preset: str
    parameters: Mapping[str, Any]
    told: bool
    program: tuple[str, ...] = ()

    def parameters_for(self, images: SetEntry, seed: int) -> dict[str, Any]:
        """Parameters for a set: those of the suite, the number of groups where it is told, and the seed."""
        values = {**self.parameters, "random_state": seed}
        if self.program:
            return {**values, "n_clusters": images.n_groups if self.told else None}
        from facies.methods import make_method

        known = make_method(self.method).parameters()
        takes = next((name for name in N_CLUSTERS if name in known), None)
        if self.told and takes is not None and images.n_groups is not None and takes not in values:
            values[takes] = images.n_groups
        return values


@dataclass(frozen=True)
class Suite:
    """All that is to be run."""

    path: Path
    sets: tuple[SetEntry, ...]
    methods: tuple[MethodEntry, ...]
    seeds: tuple[int, ...]
    published: Mapping[str, Mapping[str, float]]

    @property
    def runs(self) -> list[tuple[SetEntry, MethodEntry, int]]:
        """Every set with every method, seed by seed, so that a table of one seed is there first."""
        ordered = product(self.seeds, self.sets, self.methods)
        return [(images, method, seed) for seed, images, method in ordered]

    def definition(self) -> dict[str, Any]:
        """What is computed, as flat names with values: ``set usps.n_groups``, ``method dec.training.epochs``."""
        flat: dict[str, Any] = {}
        for each in self.sets:
            flat[f"set {each.name}"] = each.source
            given = {"n_groups": each.n_groups, **each.arrays, **each.options}
            flat |= {f"set {each.name}.{key}": value for key, value in given.items() if value is not None}
        for method in self.methods:
            program = " ".join(method.program)
            flat[f"method {method.name}"] = f"{method.method}, {program or f'preset {method.preset}'}"
            flat[f"method {method.name}.n_groups"] = "given" if method.told else "found"
            flat |= {f"method {method.name}.{key}": value for key, value in method.parameters.items()}
        return flat


def read_suite(path: str | Path) -> Suite:
    """Read and check a suite.

    Parameters
    ----------
    path
        A TOML file with the tables ``[sets]`` and ``[methods]``, the list ``seeds``, and perhaps ``[published]``.

    Raises
    ------
    InputError
        If it is no such file, or names an unknown method, preset or parameter (the nearest is named), or a name twice.
        Whether its sets exist is looked at by `facies.workflows.benchmark.set_files`.
    """
    path = Path(path).expanduser()
    whole = _read_toml(path)
    _refuse_unknown(whole, ("sets", "methods", "seeds", "published"), f"{path}: ")
    sets = tuple(_set(path, name, value) for name, value in _table(path, whole, "sets").items())
    methods = tuple(_method(path, name, value) for name, value in _table(path, whole, "methods").items())
    _refuse_doubles(path, "sets", (each.name for each in sets))
    _refuse_doubles(path, "methods", (each.name for each in methods))
    return Suite(path, sets, methods, _seeds(path, whole.get("seeds", [0])), _published(path, whole))


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such suite; give a TOML file with [sets], [methods] and seeds") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a suite ({error}); give a TOML file") from error
    except tomllib.TOMLDecodeError as error:
        twice = "Cannot overwrite" in str(error) or "Cannot declare" in str(error)
        reason = f"a name stands there twice: {error}" if twice else f"is no TOML: {error}"
        raise InputError(f"{path}: {reason}; mend that line") from error


def _table(path: Path, whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = whole.get(name)
    if not isinstance(table, dict) or not table:
        example = 'digits = "digits"' if name == "sets" else 'dec = { preset = "quick" }'
        raise InputError(f"{path}: has no [{name}]; write at least one line below it, such as {example}")
    for each in table:
        if not NAME.fullmatch(each):
            raise InputError(f"{path}: [{name}] {each!r}: a name has letters, digits, + - and _; it names folders, too")
    return table


def _set(path: Path, name: str, value: Any) -> SetEntry:
    where = f"{path}: [sets] {name}"
    table = {"source": value} if isinstance(value, str) else value
    if not isinstance(table, dict):
        raise InputError(f"{where}: give a known name, a path, or a table such as {{ source = 'usps', n_groups = 10 }}")
    _refuse_unknown(table, SET_KEYS, f"{where}: ")
    if "hub" in table:
        return _hub_set(name, table, where)
    if "shape" in table:
        raise InputError(f"{where}: shape is that of a set of a hub: give hub, too, or leave it out")
    source = table.get("source", name)
    if not isinstance(source, str) or not source:
        raise InputError(f"{where}: source={source!r}: give a known name or a path")
    for key, least in (("n_groups", 2), ("sample", 4)):
        _whole_number(table.get(key), least, f"{where}: {key}")
    in_arrays = [key for key in ("images", "labels", "sample") if key in table and not _is_label_file(key, table[key])]
    arrays = {key: table[key] for key in in_arrays}
    others = ("source", "n_groups", *in_arrays)
    return SetEntry(
        name, source, table.get("n_groups"), arrays, {key: table[key] for key in table if key not in others}
    )


def _hub_set(name: str, table: Mapping[str, Any], where: str) -> SetEntry:
    for key in ("source", "images", "labels"):
        if key in table:
            raise InputError(f"{where}: hub and {key} exclude each other: leave one of them out")
    for key, least in (("n_groups", 2), ("sample", 4)):
        _whole_number(table.get(key), least, f"{where}: {key}")
    shape = table.get("shape", [1, 1])
    if not isinstance(shape, list) or len(shape) not in (2, 3):
        raise InputError(f"{where}: shape={shape!r}: give [HEIGHT, WIDTH] or [CHANNELS, HEIGHT, WIDTH]")
    for side in shape:
        _whole_number(side, 1, f"{where}: shape")
    arrays = {key: table[key] for key in ("sample", "shape") if key in table}
    options = {key: table[key] for key in table if key not in ("hub", "n_groups", *arrays)}
    return SetEntry(name, check_hub(table["hub"], where), table.get("n_groups"), arrays, options, is_of_hub=True)


def _is_label_file(key: str, value: Any) -> bool:
    return key == "labels" and str(value).lower().endswith((".csv", ".tsv", ".txt"))


def _method(path: Path, name: str, value: Any) -> MethodEntry:
    from facies.methods import make_method, method_class
    from facies.parameters import check_parameters

    where = f"{path}: [methods] {name}"
    table = {"preset": value} if isinstance(value, str) else value
    if not isinstance(table, dict):
        raise InputError(f"{where}: give a table such as {{ preset = 'quick', parameters = {{}} }}")
    _refuse_unknown(table, METHOD_KEYS, f"{where}: ")
    parameters = _flat(table.get("parameters", {}))
    if "program" in table:
        return _program(table, name, parameters, where)
    try:
        cls = method_class(str(table.get("method", name)))
        check_parameters(made := make_method(cls.name, str(table.get("preset", "quick")), parameters))
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    finds = cls.estimates_n_clusters and made.asked_n_clusters is None
    told = table.get("n_groups", "found" if finds else "given")
    if told not in ("given", "found"):
        raise InputError(f"{where}: n_groups={told!r}: write 'given' (that of the set) or 'found' (by the method)")
    if told == "found" and not finds and cls.estimates_n_clusters:
        raise InputError(
            f"{where}: n_groups='found': its preset or parameters ask for {made.asked_n_clusters} groups; leave n_groups out"
        )
    if told == "found" and not finds:
        raise InputError(f"{where}: n_groups='found': {cls.name} cannot find the number of groups; leave it out")
    if "random_state" in parameters:
        raise InputError(f"{where}: random_state={made.random_state}: the seeds of a suite stand in its list seeds")
    return MethodEntry(name, cls.name, str(table.get("preset", "quick")), parameters, told == "given")


def _program(table: Mapping[str, Any], name: str, parameters: Mapping[str, Any], where: str) -> MethodEntry:
    for key in ("method", "preset"):
        if key in table:
            raise InputError(f"{where}: program and {key} exclude each other: leave one of them out")
    told = table.get("n_groups", "given")
    if told not in ("given", "found"):
        raise InputError(f"{where}: n_groups={told!r}: write 'given' (that of the set) or 'found' (by the program)")
    for key in ("random_state", "n_clusters"):
        if key in parameters:
            raise InputError(f"{where}: parameters: {key} is set by seeds and n_groups; leave it out")
    program = check_program(table["program"], where)
    return MethodEntry(name, PROGRAM, "none", parameters, told == "given", program)


def _flat(parameters: Any, prefix: str = "") -> dict[str, Any]:
    """Dotted names, whether they are written ``"training.epochs" = 5`` or ``training = { epochs = 5 }``."""
    if not isinstance(parameters, dict):
        raise InputError(f"parameters={parameters!r}: give a table, such as {{ 'training.epochs' = 50 }}")
    flat: dict[str, Any] = {}
    for name, value in parameters.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: _value(value)}
    return flat


def _value(value: Any) -> Any:
    """TOML has no null, so the word stands for it."""
    return None if value == "null" else value


def _seeds(path: Path, seeds: Any) -> tuple[int, ...]:
    if not isinstance(seeds, list) or not seeds:
        raise InputError(f"{path}: seeds={seeds!r}: give a list of whole numbers, such as seeds = [0, 1, 2]")
    for seed in seeds:
        _whole_number(seed, 0, f"{path}: seeds")
    _refuse_doubles(path, "seeds", map(str, seeds))
    return tuple(seeds)


def _published(path: Path, whole: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Published accuracies by method and set: those that Facies knows, and those of the suite before them."""
    found: dict[str, dict[str, float]] = tomllib.loads(PUBLISHED.read_text("utf-8"))
    given = whole.get("published", {})
    for method, figures in given.items() if isinstance(given, dict) else [("", given)]:
        good = isinstance(figures, dict) and all(isinstance(x, int | float) and 0 <= x <= 1 for x in figures.values())
        if not good:
            raise InputError(
                f"{path}: [published] {method}: give accuracies from 0 to 1 by set, such as {{ usps = 0.98 }}"
            )
        found[method] = {**found.get(method, {}), **figures}
    return found


def _whole_number(value: Any, least: int, where: str) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
        raise InputError(f"{where}={value!r}: give a whole number of {least} or more")


def _refuse_unknown(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for name in table:
        if name not in known:
            raise InputError(f"{where}there is no {name!r}; {suggest(name, known)}")


def _refuse_doubles(path: Path, what: str, names: Iterable[str]) -> None:
    twice = [name for name, count in Counter(each.casefold() for each in names).items() if count > 1]
    if twice:
        raise InputError(f"{path}: {what}: {twice[0]} stands there twice (capitals do not count); rename or drop one")
