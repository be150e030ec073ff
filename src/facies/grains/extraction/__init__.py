"""Grains: found in focal stacks of photographs, cut out, measured, kept as an image set on the disk."""

from __future__ import annotations

from facies.grains.extraction.extract import available_cores, extract_grains
from facies.grains.extraction.extraction_request import read_description
from facies.grains.extraction.extraction_settings import ExtractionSettings
from facies.grains.extraction.grain_reader import images_from_grains, read_outlines
from facies.grains.extraction.measurements import TOUCHING_THRESHOLD

__all__ = [
    "TOUCHING_THRESHOLD",
    "ExtractionSettings",
    "available_cores",
    "extract_grains",
    "images_from_grains",
    "read_description",
    "read_outlines",
]
