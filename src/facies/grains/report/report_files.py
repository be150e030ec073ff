"""Tables and figures of grains as files: CSV, PNG, SVG, and the numbers behind each figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from facies.grains.report.sample_tables import GrainTables
from facies.report.exporters.tables import save_csv
from facies.report.svg import ReportFigure, figure_bytes

_TABLES = {
    "samples": "one row a sample: its facts, and what became of its grains",
    "counts": "one row a sample and class: counts, percentages and intervals, as counted and audited",
    "indicators": "one row a sample, indicator and basis, with its definition and interval",
    "sizes": "one row a sample, class and weighting: percentiles and statistics of size",
    "shapes": "one row a class and measure: quartiles",
    "audit": "one row a class: how right it was, and its share corrected",
    "confusion": "assigned classes (rows) and true classes (columns) of the audited grains",
    "grains": "one row a grain: class, state, measures, and all that is known of it",
}


def write_grain_files(
    tables: GrainTables, drawings: Sequence[ReportFigure], paragraph: str, folder: Path
) -> list[tuple[str, str]]:
    """Write tables with rows as CSV, figures as PNG (300 dpi), SVG and CSV, and the notes into an empty folder.

    The paragraph for the methods section goes into ``methods.txt``, with the notes of the tables. Returns each file,
    and one line about it.
    """
    index: list[tuple[str, str]] = []
    for name, description in _TABLES.items():
        table: pd.DataFrame = getattr(tables, name)
        if table.empty:
            continue
        if name == "confusion":
            table = table.rename_axis("assigned").reset_index()
        save_csv(table, folder / f"{name}.csv")
        index.append((f"{name}.csv", description))
    (folder / "figures").mkdir()
    for drawing in drawings:
        index += [(f"figures/{name}", drawing.title) for name in _write_drawing(drawing, folder / "figures")]
    (folder / "methods.txt").write_text(_methods(paragraph, tables), "utf-8")
    index.append(("methods.txt", "the paragraph for the methods section, and what must be said with each table"))
    return index


def _write_drawing(drawing: ReportFigure, folder: Path) -> list[str]:
    drawing.figure.patch.set(facecolor="white", alpha=1)
    for kind in ("png", "svg"):
        (folder / f"{drawing.name}.{kind}").write_bytes(figure_bytes(drawing.figure, kind, dpi=300))
    save_csv(drawing.data, folder / f"{drawing.name}.csv")
    return [f"{drawing.name}.{suffix}" for suffix in ("png", "svg", "csv")]


def _methods(paragraph: str, tables: GrainTables) -> str:
    lines = [paragraph, ""]
    for name, notes in tables.notes.items():
        if notes:
            lines += [f"{name}.csv", *(f"- {note}" for note in notes), ""]
    return "\n".join(lines)
