"""Grains of sediment: photographed in focal stacks, cut out, grouped, counted and measured.

``extraction`` makes a folder of grains of photographs (``facies extract``), and reads it. ``morphometry`` measures size
and shape on outlines. ``indicators`` are ratios and percentages of kinds of grains. ``report`` has the section of the
report, the measures that the atlas shows, and what COCO and EcoTaxa are told of grains. ``synthetic`` renders photographs
whose truth is known, for tests and demonstrations; nothing else imports it. The general rooms know none of this: the
reader and the section come in by entry points.
"""

from __future__ import annotations

from facies.grains.extraction import ExtractionSettings, extract_grains
from facies.grains.extraction.focal_stacks import find_stacks

__all__ = ["ExtractionSettings", "extract_grains", "find_stacks"]
