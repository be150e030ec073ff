"""The methods there are, by name; a method is imported when it is asked for."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facies.errors import InputError, suggest
from facies.methods.base import Method, read_description

METHODS: dict[str, str] = {
    "moe-vae": "facies.methods.moe_vae.method:MoEVAE",
    "focal-vae": "facies.methods.focal_vae.method:FocalVAE",
    "st-dac": "facies.methods.dac.st_dac:STDAC",
    "dac": "facies.methods.dac.dac:DAC",
}


def method_class(name: str) -> type[Method]:
    """Class of a method.

    Raises
    ------
    InputError
        If there is no such method; names the nearest.
    """
    if name not in METHODS:
        raise InputError(f"there is no method {name!r}; {suggest(name, METHODS)}")
    module, attribute = METHODS[name].split(":")
    found: type[Method] = getattr(importlib.import_module(module), attribute)
    return found


def make_method(name: str, preset: str = "quick", parameters: Mapping[str, Any] | None = None) -> Method:
    """Make a method from a preset and parameters that override it.

    Raises
    ------
    InputError
        If the method, the preset or a parameter is unknown; names the nearest.
    """
    cls = method_class(name)
    if preset not in cls.presets:
        raise InputError(f"{name} has no preset {preset!r}; {suggest(preset, cls.presets)}")
    known = inspect.signature(cls).parameters
    for parameter in parameters or {}:
        if parameter not in known:
            raise InputError(f"{name} has no parameter {parameter!r}; {suggest(parameter, known)}")
    return cls(**{**cls.presets[preset], **(parameters or {})})


def load_method(folder: str | Path) -> Method:
    """Open a saved model of any method."""
    return method_class(read_description(Path(folder))["method"]).load(folder)
