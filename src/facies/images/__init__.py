"""Reading images: whatever holds them becomes an `ImageSet`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facies.images.augment import RandomAffine, background
    from facies.images.image_set import ImageSet
    from facies.images.open import as_image_set, open_images, reopen
    from facies.images.views import RandomViews

__all__ = ["ImageSet", "RandomAffine", "RandomViews", "as_image_set", "background", "open_images", "reopen"]

_FILES = {
    "ImageSet": "image_set",
    "RandomAffine": "augment",
    "RandomViews": "views",
    "as_image_set": "open",
    "background": "augment",
    "open_images": "open",
    "reopen": "open",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for: names of files are sorted, and suffixes known, without torch."""
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_FILES[name]}"), name)
