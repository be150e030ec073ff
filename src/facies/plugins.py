"""Plugins: what other packages add to Facies, by entry points.

A package registers a method, a reader, an exporter or a section of the report in its ``pyproject.toml``:

.. code-block:: toml

    [project.entry-points."facies.methods"]
    my-method = "my_package.my_method:MyMethod"

The groups are ``facies.methods``, ``facies.readers``, ``facies.exporters`` and ``facies.report_sections``. The domains of
Facies itself (grains) come in by the same door, so that no general room knows them.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from importlib import metadata
from typing import Any, TypeVar

from facies.errors import FaciesWarning

__all__ = ["FaultyPlugin", "load_plugin", "load_plugins", "plugin_names"]

T = TypeVar("T")


class FaultyPlugin(FaciesWarning):
    """A package that adds something to Facies cannot be imported; Facies goes on without it."""


def plugin_names(group: str) -> list[str]:
    """Names registered in an entry-point group, sorted; nothing is imported.

    Parameters
    ----------
    group
        Such as ``facies.methods``.
    """
    return sorted({entry.name for entry in _entry_points(group)})


def load_plugin(group: str, name: str) -> Any:
    """Import what is registered under a name.

    Returns
    -------
    object
        The object of the entry point; None if there is no such name, or if it cannot be imported. In the latter case a
        `FaultyPlugin` warning of one line says so.
    """
    for entry in _entry_points(group):
        if entry.name == name:
            return _load(entry)
    return None


def load_plugins(group: str, kind: type[T]) -> Iterator[tuple[str, T]]:
    """Import all that is registered in a group, in the order of the names.

    Parameters
    ----------
    group
        Such as ``facies.exporters``.
    kind
        The class whose instances the group holds.

    Yields
    ------
    name : str
        The name of the entry point.
    plugin : object
        An instance of `kind`. What cannot be imported, or is anything else, is named by a `FaultyPlugin` warning of one
        line and left out.
    """
    for name in plugin_names(group):
        loaded = load_plugin(group, name)
        if isinstance(loaded, kind):
            yield name, loaded
        elif loaded is not None:
            warnings.warn(
                f"{group}: {name!r} is left out, for it is no {kind.__name__} ({kind.__module__}); "
                "update or remove its package",
                FaultyPlugin,
                stacklevel=2,
            )


def _entry_points(group: str) -> tuple[metadata.EntryPoint, ...]:
    return tuple(metadata.entry_points(group=group))


@functools.cache
def _load(entry: metadata.EntryPoint) -> Any:
    try:
        return entry.load()
    except Exception as error:
        package = entry.dist.name if entry.dist is not None else entry.module.partition(".")[0]
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        warnings.warn(
            f"{entry.group}: {entry.name!r} of the package {package} is left out, for it cannot be imported ({reason}); "
            "update or remove that package",
            FaultyPlugin,
            stacklevel=4,
        )
        return None
