"""Reading images: whatever holds them becomes an `ImageSet`."""

from __future__ import annotations

from facies.data.image_set import ImageSet
from facies.data.open import as_image_set, open_images, reopen
from facies.data.views import Augment, background

__all__ = ["Augment", "ImageSet", "as_image_set", "background", "open_images", "reopen"]
