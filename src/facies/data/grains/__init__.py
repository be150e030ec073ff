"""Grains: found in focal stacks of photographs, cut out, measured, kept as an image set on the disk."""

from __future__ import annotations

from facies.data.grains.extract import available_cores, extract_grains, read_description
from facies.data.grains.measures import TOUCHING
from facies.data.grains.read import images_from_grains, read_outlines, scale_of
from facies.data.grains.settings import ExtractionSettings

__all__ = [
    "TOUCHING",
    "ExtractionSettings",
    "available_cores",
    "extract_grains",
    "images_from_grains",
    "read_description",
    "read_outlines",
    "scale_of",
]
