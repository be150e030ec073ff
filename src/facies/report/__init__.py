"""Tables, figures, the HTML report, and the ways out: what a run shows to people and to other programs."""

from __future__ import annotations

from facies.report.exporters.registry import EXPORTERS, Exporter, export_run
from facies.report.galleries import Gallery, choose_images
from facies.report.group_tables import contingency_table, group_table
from facies.report.page import write_report

__all__ = [
    "EXPORTERS",
    "Exporter",
    "Gallery",
    "choose_images",
    "contingency_table",
    "export_run",
    "group_table",
    "write_report",
]
