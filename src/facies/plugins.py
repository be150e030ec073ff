"""Plugins: what other packages add to Facies, by entry points.

A package registers a method, a reader, an exporter or a section of the report in its ``pyproject.toml``:

.. code-block:: toml

    [project.entry-points."facies.methods"]
    my-method = "my_package.my_method:MyMethod"

The groups are ``facies.methods``, ``facies.readers``, ``facies.exporters`` and ``facies.report_sections``. The domains of
Facies itself (grains) come in by the same door, so that no general room knows them. What is faulty is left out, and a
`FaultyPlugin` warning of one line names it.
"""

from __future__ import annotations

import functools
import inspect
import sys
import warnings
from collections.abc import Callable, Collection, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from facies.errors import FaciesWarning, InputError

__all__ = ["FaultyPlugin", "ask_plugin", "load_plugin", "load_plugins", "plugin_names"]

T = TypeVar("T")


class FaultyPlugin(FaciesWarning):
    """Something that a package adds cannot be imported or used, or its name is taken; Facies goes on without it."""


def plugin_names(group: str, reserved: Collection[str] = ()) -> list[str]:
    """Names registered in an entry-point group, sorted; nothing is imported.

    Parameters
    ----------
    group
        Such as ``facies.methods``.
    reserved
        Names that Facies itself has; no package can take them.
    """
    return sorted(_entry_by_name(group, reserved))


def load_plugin(group: str, name: str, kind: type[Any], *, as_class: bool = False) -> Any:
    """Import what is registered under a name.

    Parameters
    ----------
    group
        Such as ``facies.methods``.
    name
        The name of the entry point; it is also the ``name`` of what it names, where `kind` has one.
    kind
        The class of what the group holds.
    as_class
        Whether the group holds subclasses of `kind`, not instances.

    Returns
    -------
    object
        The object of the entry point; None if there is no such name, or what it names is faulty.
    """
    entry = _entry_by_name(group).get(name)
    if entry is None:
        return None
    plugin, fault = _load(entry)
    if fault is None:
        reason = _mismatch(plugin, name, kind, as_class=as_class)
        fault = reason and f"{group}: {name!r} of the package {_package(entry)} is left out, for {reason}"
    if fault is not None:
        _warn(f"{fault}; update or remove that package")
        return None
    return plugin


def load_plugins(group: str, kind: type[T], reserved: Collection[str] = ()) -> Iterator[tuple[str, T]]:
    """Import all that is registered in a group, in the order of the names.

    Parameters
    ----------
    group
        Such as ``facies.exporters``.
    kind
        The class whose instances the group holds.
    reserved
        Names that Facies itself has; no package can take them.

    Yields
    ------
    name : str
        The name of the entry point.
    plugin : object
        An instance of `kind`.
    """
    for name in plugin_names(group, reserved):
        plugin = load_plugin(group, name, kind)
        if plugin is not None:
            yield name, plugin


def ask_plugin(group: str, name: str, question: Callable[[], T], otherwise: T) -> T:
    """Ask something of a plugin; where it raises, it is named in a warning of one line, and left out.

    Parameters
    ----------
    group
        Such as ``facies.readers``.
    name
        The name of the entry point.
    question
        What is asked: a function without arguments. An `InputError` is an answer, for the user, and is raised.
    otherwise
        The answer where it fails.
    """
    try:
        return question()
    except InputError:
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        entry = _entry_by_name(group).get(name)
        package = name if entry is None else _package(entry)
        _warn(
            f"{group}: {name!r} of the package {package} is left out, for it fails ({reason}); update or remove that package"
        )
        return otherwise


def _entry_points(group: str) -> tuple[metadata.EntryPoint, ...]:
    return _read_entry_points(group, tuple((folder, _changed(folder)) for folder in sys.path))


@functools.lru_cache(maxsize=32)
def _read_entry_points(group: str, _installed: tuple[tuple[str, int], ...]) -> tuple[metadata.EntryPoint, ...]:
    """Those of all packages. A file of each is read for them, so they are kept until a package comes or goes."""
    return tuple(metadata.entry_points(group=group))


def _changed(folder: str) -> int:
    """When something came into a folder or went; 0 where there is none."""
    try:
        return Path(folder or ".").stat().st_mtime_ns
    except OSError:
        return 0


def _entry_by_name(group: str, reserved: Collection[str] = ()) -> dict[str, metadata.EntryPoint]:
    """One entry point a name: where several packages use a name, Facies comes first, and then the alphabet."""
    entries: dict[str, metadata.EntryPoint] = {}
    for entry in sorted(_entry_points(group), key=lambda entry: (_package(entry) != "facies", _package(entry))):
        if entry.name not in reserved and entry.name not in entries:
            entries[entry.name] = entry
            continue
        if entry.name in reserved and _package(entry) == "facies":
            continue  # the metadata of an installation that is older than its source
        owner = "facies" if entry.name in reserved else _package(entries[entry.name])
        _warn(
            f"{group}: {entry.name!r} of the package {_package(entry)} is left out, for {owner} has that name; "
            "update or remove that package"
        )
    return entries


@functools.cache
def _load(entry: metadata.EntryPoint) -> tuple[Any, str | None]:
    """What an entry point names, or why there is nothing."""
    try:
        return entry.load(), None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a package may even call sys.exit
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        module = entry.value.partition(":")[0]
        # Without the names of group and entry point, so that a package is named once, whatever it adds.
        return None, f"{module} of the package {_package(entry)} is left out, for it cannot be imported ({reason})"


def _mismatch(plugin: Any, name: str, kind: type[Any], *, as_class: bool) -> str | None:
    """Why an object is not what its group holds; None if it is."""
    what = f"{kind.__name__} ({kind.__module__})"
    if not as_class and not isinstance(plugin, kind):
        return f"it is no {what}"
    if as_class and not (isinstance(plugin, type) and issubclass(plugin, kind)):
        return f"it is no subclass of {what}"
    if as_class and inspect.isabstract(plugin):
        return f"it does not define {', '.join(sorted(plugin.__abstractmethods__))} of {what}"
    if "name" in inspect.get_annotations(kind) and getattr(plugin, "name", None) != name:
        return f"it calls itself {getattr(plugin, 'name', None)!r}, not by the name of its entry point"
    return None


def _package(entry: metadata.EntryPoint) -> str:
    return str(entry.dist.name) if entry.dist is not None else entry.value.partition(":")[0].partition(".")[0]


def _warn(text: str) -> None:
    warnings.warn(text, FaultyPlugin, stacklevel=3)
