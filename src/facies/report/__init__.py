"""Tables, figures, the HTML report, and the ways out: what a run shows to people and to other programs."""

from __future__ import annotations

from facies.report.export import EXPORTERS, Exporter, export_run
from facies.report.galleries import Gallery, choose_images
from facies.report.grain_settings import GrainSettings
from facies.report.grain_tables import GrainTables, make_grain_tables
from facies.report.html import write_report
from facies.report.sample_facts import read_sample_facts
from facies.report.tables import contingency_table, group_table

__all__ = [
    "EXPORTERS",
    "Exporter",
    "Gallery",
    "GrainSettings",
    "GrainTables",
    "choose_images",
    "contingency_table",
    "export_run",
    "group_table",
    "make_grain_tables",
    "read_sample_facts",
    "write_report",
]
