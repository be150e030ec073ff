"""What can be chosen when a tissue is read; on the command line ``--set reading.NAME=VALUE``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge

from facies.genes.normalisation import Values
from facies.parameters import Count, Positive, Settings


@dataclass(kw_only=True)
class GeneReading(Settings):
    """How spots and genes become images."""

    layer: str | None = None
    """Layer of the AnnData object that holds the values; null takes ``X``."""
    section_key: str | None = None
    """Column of ``obs`` that names the section of each spot; null looks for one called section, sample, library_id, batch or
    slide."""
    min_spots: Count = 10
    """Genes that are seen in fewer spots are left out, and counted."""
    values: Values = "auto"
    """What the table holds: raw counts, or values to be used as they are; ``auto`` takes whole numbers for counts."""
    max_side: Annotated[int, Ge(8)] = 128
    """Longest side of a section in pixels; where there are more spots, neighbours share a pixel, which shows their mean."""


@dataclass(kw_only=True)
class IonReading(Settings):
    """How spectra become ion images."""

    mz: tuple[Positive, ...] | None = None
    """The m/z of the ions, such as ``[700.5,734.6]``; null picks the peaks of the mean spectrum."""
    ppm: Positive = 20.0
    """Half the width of the window of an ion, in parts per million."""
    tic: bool = True
    """Divide each spectrum by its total ion current, times the median current."""
    max_ions: Count = 2000
    """How many peaks are picked at most, the highest first."""
    min_spots: Count = 2
    """Ions that are seen in fewer pixels are left out, and counted."""
    max_side: Annotated[int, Ge(8)] = 128
    """Longest side in pixels; where there are more spectra, neighbours share a pixel, which shows their mean."""
