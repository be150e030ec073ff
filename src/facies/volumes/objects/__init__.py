"""Objects in a label volume: connected components joined over the borders of blocks, measured in nm."""

from __future__ import annotations

from facies.volumes.objects.find import ObjectSet, find_objects, open_objects
from facies.volumes.objects.smoothing import smooth_labels

__all__ = ["ObjectSet", "find_objects", "open_objects", "smooth_labels"]
