"""Tables, figures, the HTML report, and the exporters: what a run gives to people and to other programs."""

from __future__ import annotations

from facies.report.exporters.registry import Exporter, export_run, exporters
from facies.report.galleries import Gallery, choose_images
from facies.report.group_tables import contingency_table, group_table
from facies.report.page import write_report
from facies.report.sections import ReportOptions, ReportSection, SectionContent, report_sections

__all__ = [
    "Exporter",
    "Gallery",
    "ReportOptions",
    "ReportSection",
    "SectionContent",
    "choose_images",
    "contingency_table",
    "export_run",
    "exporters",
    "group_table",
    "report_sections",
    "write_report",
]
