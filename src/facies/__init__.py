"""Facies finds the kinds of things in unlabelled scientific images."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from facies._version import __version__

if TYPE_CHECKING:
    from facies.cluster import DensityClusterer, latent_dimension
    from facies.images import ImageSet, open_images
    from facies.methods import load_method, make_method
    from facies.methods.moe_vae.method import MoEVAE
    from facies.runs import RunFolder

__all__ = [
    "DensityClusterer",
    "ImageSet",
    "MoEVAE",
    "RunFolder",
    "__version__",
    "latent_dimension",
    "load_method",
    "make_method",
    "open_images",
]

_ROOMS = {
    "DensityClusterer": "facies.cluster",
    "ImageSet": "facies.images",
    "MoEVAE": "facies.methods.moe_vae.method",
    "RunFolder": "facies.runs",
    "latent_dimension": "facies.cluster",
    "load_method": "facies.methods",
    "make_method": "facies.methods",
    "open_images": "facies.images",
}


_MODULES = ("pl", "tl")
"""Modules for AnnData objects, named as scanpy's."""


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for, so that ``import facies`` costs nothing (SPEC 1)."""
    if name in _MODULES:
        return importlib.import_module(f"facies.{name}")
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_ROOMS[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
