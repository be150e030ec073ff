"""Tables and figures of grains as files: CSV, PNG, SVG, and the numbers behind each figure."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from facies.grains.report.section import GrainSection
from facies.report.exporters.tables import save_csv
from facies.report.svg import Drawing, figure_bytes

__all__ = ["write_grain_files"]

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


def write_grain_files(section: GrainSection, folder: Path) -> None:
    """Write every table as CSV, every figure as PNG (300 dpi), SVG and CSV, the notes, and ``index.csv``.

    Parameters
    ----------
    section : GrainSection
        What a report shows.
    folder : Path
        An empty folder.
    """
    index: list[tuple[str, str]] = []
    for name, says in _TABLES.items():
        table: pd.DataFrame = getattr(section.tables, name)
        if table.empty:
            continue
        if name == "confusion":
            table = table.rename_axis("assigned").reset_index()
        save_csv(table, folder / f"{name}.csv")
        index.append((f"{name}.csv", says))
    (folder / "figures").mkdir()
    for drawing in [*section.figures, *section.plates]:
        index += [(f"figures/{name}", drawing.title) for name in _write_drawing(drawing, folder / "figures")]
    (folder / "methods.txt").write_text(_methods(section), "utf-8")
    index.append(("methods.txt", "the paragraph for the methods section, and what must be said with each table"))
    save_csv(pd.DataFrame(index, columns=["file", "says"]), folder / "index.csv")


def _write_drawing(drawing: Drawing, folder: Path) -> list[str]:
    drawing.figure.patch.set(facecolor="white", alpha=1)
    for kind in ("png", "svg"):
        (folder / f"{drawing.name}.{kind}").write_bytes(figure_bytes(drawing.figure, kind, dpi=300))
    save_csv(drawing.data, folder / f"{drawing.name}.csv")
    return [f"{drawing.name}.{suffix}" for suffix in ("png", "svg", "csv")]


def _methods(section: GrainSection) -> str:
    lines = [section.paragraph, ""]
    for name, notes in section.tables.notes.items():
        if notes:
            lines += [f"{name}.csv", *(f"- {note}" for note in notes), ""]
    return "\n".join(lines)
