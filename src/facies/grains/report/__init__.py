"""What the report, the atlas and the exports give of grains."""

from __future__ import annotations

from facies.grains.report.sample_metadata import read_sample_metadata
from facies.grains.report.sample_tables import GrainTables, make_grain_tables
from facies.grains.report.section import GrainOptions
from facies.grains.report.table_settings import GrainSettings

__all__ = ["GrainOptions", "GrainSettings", "GrainTables", "make_grain_tables", "read_sample_metadata"]
