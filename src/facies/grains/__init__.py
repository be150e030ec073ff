"""Grains of sediment: photographed in focal stacks, cut out, grouped, counted and measured.

The rooms of the domain:

``extraction``
    from photographs to a folder of grains (``facies extract``), and the reader that opens it;
``morphometry``
    size and shape from outlines, and grain-size statistics;
``indicators``
    ratios and percentages of kinds of grains, with their definitions;
``report``
    the section of the report, the measures that the atlas shows, and the exporters to COCO and EcoTaxa;
``synthetic``
    rendered photographs whose truth is known, for tests and demonstrations; nothing else in Facies imports them.

The general rooms know none of this: the reader, the section and the exporters come in by entry points.
"""

from __future__ import annotations

from facies.grains.extraction import ExtractionSettings, extract_grains
from facies.grains.extraction.focal_stacks import find_stacks

__all__ = ["ExtractionSettings", "extract_grains", "find_stacks"]
