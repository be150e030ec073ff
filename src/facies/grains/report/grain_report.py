"""The section of the report on grains: tables, figures, plates and the paragraph for the methods section."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from facies.annotations import Annotations, Journal
from facies.grains.report import html_tables
from facies.grains.report.extraction_record import extraction_notes
from facies.grains.report.grain_figures import grain_figures, grain_plates
from facies.grains.report.methods_paragraph import grain_paragraph
from facies.grains.report.report_files import write_grain_files
from facies.grains.report.sample_tables import GrainTables, make_grain_tables
from facies.grains.report.table_settings import GrainSettings
from facies.report.class_styles import class_styles
from facies.report.rendering import render_template
from facies.report.sections import SectionContent
from facies.report.svg import ReportFigure
from facies.runs import RunFolder

_TABLES_WITH_NOTES = ("samples", "counts", "indicators", "sizes", "shapes", "audit")


@dataclass(frozen=True)
class GrainReport(SectionContent):
    """All that a report says of the grains of the run folder `path`.

    `paragraph` says how it was done, for the methods section of a paper; `named` whether a class was named at all;
    `from_thumbnails` whether the plates are of thumbnails, the images being gone.
    """

    path: Path
    tables: GrainTables
    figures: list[ReportFigure]
    plates: list[ReportFigure]
    paragraph: str
    named: bool
    from_thumbnails: bool

    def table_of_contents(self) -> Sequence[tuple[str, str]]:
        """Return the parts of the section that have something to show."""
        tables = self.tables
        parts = [
            ("counts", "Counts", True),
            ("indicators", "Indicators", tables.indicators["value"].notna().any()),
            ("sizes", "Grain size", len(tables.sizes)),
            ("shape", "Shape", len(tables.shapes)),
            ("audit", "Audit", len(tables.audit)),
            ("figures", "Figures", self.figures),
            ("plates", "Plates", self.plates),
        ]
        return [(anchor, title) for anchor, title, there in parts if there]

    def methods_paragraph(self) -> str:
        """Return how the grains were cut out, counted and measured."""
        return self.paragraph

    def html(self) -> Markup:
        """Return the sections from the counts to the plates."""
        tables = self.tables
        indicators, definitions = html_tables.indicator_pages(tables)
        context = {
            "path": str(self.path),
            "named": self.named,
            "counts": html_tables.count_pages(tables) if self.named else [],
            "indicators": indicators,
            "definitions": definitions,
            "sizes": html_tables.size_pages(tables),
            "shape": html_tables.shape_page(tables),
            "audit": html_tables.audit_page(tables),
            "notes": {**dict.fromkeys(_TABLES_WITH_NOTES, ()), **tables.notes},
            "figures": [(drawing, drawing.markup()) for drawing in self.figures],
            "plates": [(drawing, drawing.markup()) for drawing in self.plates],
            "from_thumbnails": self.from_thumbnails,
        }
        return render_template(Path(__file__).parent / "templates" / "grains.html.jinja", context)

    def write_tables(self, folder: Path) -> list[tuple[str, str]]:
        """Write every table as CSV, every figure as PNG, SVG and CSV, and the notes."""
        return write_grain_files(self.tables, [*self.figures, *self.plates], self.paragraph, folder)


def make_grain_report(
    run: RunFolder,
    annotations: Annotations,
    *,
    samples: pd.DataFrame | None = None,
    settings: GrainSettings | None = None,
    partition: str | None = None,
) -> GrainReport:
    """Count, measure and draw the grains of a run.

    The arguments are those of `make_grain_tables`; an InputError says that samples or settings do not fit the run.
    """
    tables = make_grain_tables(run, annotations, samples, settings or GrainSettings(), partition)
    styles = class_styles(annotations.classes[~annotations.classes["excluded"].astype(bool)])
    plates, from_thumbnails = grain_plates(run, tables, styles) if styles else ([], False)
    shape = run.manifest["input"]["image_shape"]
    return GrainReport(
        path=run.path,
        tables=tables,
        figures=grain_figures(run, tables, annotations.classes, styles),
        plates=plates,
        paragraph=grain_paragraph(
            tables, annotations, _journal_users(run), extraction_notes(run), shape[0] if len(shape) == 4 else 1
        ),
        named=len(annotations.classes) > 0,
        from_thumbnails=from_thumbnails,
    )


def _journal_users(run: RunFolder) -> list[str]:
    """Return whose decisions the journal of a run holds, in the order of their first."""
    if not (run.path / "journal.sqlite").exists():
        return []
    with Journal(run) as journal:
        return list(dict.fromkeys(action.user for action in journal.actions()))
