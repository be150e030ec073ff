"""What a report says of grains: tables, figures, plates and the paragraph for the methods section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from facies.annotations import Annotations, Journal
from facies.grains.report import html_tables as grain_html
from facies.grains.report.extraction_record import extraction_notes
from facies.grains.report.grain_figures import grain_figures, grain_plates
from facies.grains.report.methods_paragraph import grain_paragraph
from facies.grains.report.sample_tables import GrainTables, make_grain_tables
from facies.grains.report.table_settings import GrainSettings
from facies.report.class_styles import class_styles
from facies.report.svg import Drawing, svg_markup
from facies.runs import RunFolder

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["GrainSection", "grain_section", "journal_users"]


@dataclass(frozen=True)
class GrainSection:
    """All that a report shows of grains.

    Attributes
    ----------
    tables : GrainTables
    figures, plates : list of Drawing
    paragraph : str
        How it was done, in words.
    named : bool
        Whether a class was named at all.
    from_thumbnails : bool
        Whether the plates are of thumbnails, the images being gone.
    """

    tables: GrainTables
    figures: list[Drawing]
    plates: list[Drawing]
    paragraph: str
    named: bool
    from_thumbnails: bool

    def context(self) -> dict[str, Any]:
        """Return what the template needs."""
        tables = self.tables
        indicators, definitions = grain_html.indicator_pages(tables)
        return {
            "named": self.named,
            "paragraph": self.paragraph,
            "counts": grain_html.count_pages(tables) if self.named else [],
            "indicators": indicators,
            "definitions": definitions,
            "sizes": grain_html.size_pages(tables),
            "shape": grain_html.shape_page(tables),
            "audit": grain_html.audit_page(tables),
            "notes": {
                **dict.fromkeys(("samples", "counts", "indicators", "sizes", "shapes", "audit"), ()),
                **tables.notes,
            },
            "figures": [(drawing, _markup(drawing)) for drawing in self.figures],
            "plates": [(drawing, _markup(drawing)) for drawing in self.plates],
            "from_thumbnails": self.from_thumbnails,
        }


def grain_section(
    run: RunFolder,
    decisions: Annotations,
    *,
    facts: pd.DataFrame | None = None,
    settings: GrainSettings | None = None,
    partition: str | None = None,
) -> GrainSection:
    """Count, measure and draw the grains of a run.

    Parameters
    ----------
    run : RunFolder
        A run of grains.
    decisions : Annotations
        What the expert decided.
    facts : DataFrame, optional
        What is known of the samples.
    settings : GrainSettings, optional
        Choices behind the tables.
    partition : str, optional
        Without it the newest.

    Returns
    -------
    GrainSection

    Raises
    ------
    InputError
        If the facts or the settings do not fit the run.
    """
    tables = make_grain_tables(run, decisions, facts, settings or GrainSettings(), partition)
    looks = class_styles(decisions.classes[~decisions.classes["excluded"].astype(bool)])
    plates, from_thumbnails = grain_plates(run, tables, looks) if looks else ([], False)
    shape = run.manifest["input"]["image_shape"]
    return GrainSection(
        tables=tables,
        figures=grain_figures(run, tables, decisions.classes, looks),
        plates=plates,
        paragraph=grain_paragraph(
            tables, decisions, journal_users(run), extraction_notes(run), shape[0] if len(shape) == 4 else 1
        ),
        named=len(decisions.classes) > 0,
        from_thumbnails=from_thumbnails,
    )


def journal_users(run: RunFolder) -> Sequence[str]:
    """Return whose decisions the journal of a run holds, in the order of their first."""
    if not (run.path / "journal.sqlite").exists():
        return []
    with Journal(run) as journal:
        users: Mapping[str, None] = dict.fromkeys(action.user for action in journal.actions())
    return list(users)


def _markup(drawing: Drawing) -> Markup:
    from markupsafe import Markup

    markup = svg_markup(drawing.figure, drawing.title, photographic=drawing.photographic)
    return Markup(markup)  # noqa: S704 - our own drawing
