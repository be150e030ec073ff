"""Reading images: whatever holds them becomes an `ImageSet`."""

from __future__ import annotations

from facies.images.augment import RandomAffine, background
from facies.images.image_set import ImageSet
from facies.images.open import as_image_set, open_images, reopen
from facies.images.views import RandomViews

__all__ = ["ImageSet", "RandomAffine", "RandomViews", "as_image_set", "background", "open_images", "reopen"]
