"""The tables of grains as a page shows them: few columns, each value with its interval."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from facies.grains.report.downcore_figures import sample_order, sample_titles
from facies.grains.report.sample_tables import GrainTables
from facies.grains.report.size_statistics import FEW_GRAINS
from facies.report.formatting import format_interval, format_number

MAX_COLUMNS = 4
"""Classes, or indicators, side by side; more go into a table below."""
MAX_ROWS = 80
"""Longer tables of sizes show all classes together only; the CSV has everything."""


@dataclass(frozen=True)
class Cell:
    """A cell: its text, and lines in small type below it."""

    text: str
    small: tuple[str, ...] = ()


@dataclass(frozen=True)
class PageTable:
    """A table of the page: titles of the columns, that of the rows first, and of each row the title and the cells."""

    head: list[str]
    rows: list[tuple[Cell, list[Cell]]]

    @classmethod
    def from_rows(cls, head: Sequence[str], rows: Sequence[tuple[str | Cell, list[Cell]]]) -> PageTable:
        """Make a table in which a title is not repeated from row to row."""
        titled: list[tuple[Cell, list[Cell]]] = []
        above = ""
        for title, cells in rows:
            cell = title if isinstance(title, Cell) else Cell(title)
            titled.append((Cell("") if cell.text == above else cell, cells))
            above = cell.text
        return cls(list(head), titled)


def _parts(names: Sequence[str]) -> Iterable[Sequence[str]]:
    n_parts = max(1, -(-len(names) // MAX_COLUMNS))
    step = -(-len(names) // n_parts) or 1
    return (names[start : start + step] for start in range(0, len(names), step))


def _sample_titles(tables: GrainTables) -> dict[str, str]:
    ordered, column = sample_order(tables.samples)
    return dict(zip(ordered["sample"].astype(str), sample_titles(ordered, column), strict=True))


def count_pages(tables: GrainTables) -> list[PageTable]:
    """Return the tables of what was counted: all grains by what became of them, then the classes, few at a time."""
    titles = _sample_titles(tables)
    samples = {str(row["sample"]): row for row in tables.samples.to_dict("records")}
    columns = {
        "n_grains": "Found", "n_counted": "Counted", "n_unnamed": "Not named", "n_dubious": "Dubious",
        "n_excluded": "Excluded",
    }  # fmt: skip
    columns = {key: title for key, title in columns.items() if key in tables.samples}
    reasons = [str(name) for name in tables.samples if str(name).startswith("excluded: ")]
    rows = []
    for sample, title in titles.items():
        row = samples[sample]
        why = tuple(f"{int(row[name]):,} {name.removeprefix('excluded: ')}" for name in reasons if row[name] > 0)
        cells = [Cell(f"{int(row[key]):,}", why if key == "n_excluded" else ()) for key in columns]
        rows.append((title, [*cells, Cell(str(row["flag"] or ""))]))
    fate = PageTable.from_rows(["Sample", *columns.values(), "Remark"], rows)
    counted = {(str(row["sample"]), str(row["class"])): row for row in tables.counts.to_dict("records")}
    pages = [fate]
    for names in _parts(list(dict.fromkeys(tables.counts["class"]))):
        rows = [
            (title, [_count_cell(counted.get((sample, name))) for name in names]) for sample, title in titles.items()
        ]
        pages.append(PageTable.from_rows(["Sample", *names], rows))
    return pages


def _count_cell(row: Mapping[Hashable, Any] | None) -> Cell:
    if row is None:
        return Cell("–")
    small = [f"n = {int(row['n']):,}"]
    if not pd.isna(row["corrected"]):
        small.append("audited " + format_interval(row["corrected"], row["corrected_low"], row["corrected_high"], "%"))
    if not pd.isna(row.get("per_gram")):
        small.append(format_interval(row["per_gram"], row["per_gram_low"], row["per_gram_high"]) + " per gram")
    return Cell(format_interval(row["percent"], row["low"], row["high"], "%"), tuple(small))


def indicator_pages(tables: GrainTables) -> tuple[list[PageTable], list[tuple[str, str]]]:
    """Return the tables of the indicators, few at a time, and the definition of each."""
    titles = _sample_titles(tables)
    rows_of = dict(iter(tables.indicators.groupby(["sample", "indicator"], sort=False)))
    known = tables.indicators[tables.indicators["value"].notna()]
    names = list(dict.fromkeys(known["indicator"]))
    pages = [
        PageTable.from_rows(
            ["Sample", *part],
            [_indicator_row(title, [rows_of.get((sample, name)) for name in part]) for sample, title in titles.items()],
        )
        for part in (_parts(names) if names else ())
    ]
    definitions = known.drop_duplicates("indicator").set_index("indicator")["definition"]
    return pages, [(str(name), str(definitions[name])) for name in names]


def _indicator_row(title: str, parts: Sequence[pd.DataFrame | None]) -> tuple[Cell, list[Cell]]:
    """Return a row; what holds for all of its cells is said below its title."""
    flags = [set() if rows is None else {str(flag) for flag in rows["flag"] if flag} for rows in parts]
    common = set.intersection(*flags) if flags else set()
    cells = [_indicator_cell(rows, sorted(own - common)) for rows, own in zip(parts, flags, strict=True)]
    return Cell(title, tuple(sorted(common))), cells


def _indicator_cell(rows: pd.DataFrame | None, flags: Sequence[str]) -> Cell:
    if rows is None:
        return Cell("–")
    by_basis = {
        str(row["basis"]): format_interval(row["value"], row["low"], row["high"], str(row["unit"] or ""))
        for row in rows.to_dict("records")
        if not pd.isna(row["value"])
    }
    first = by_basis.pop("number", None) or (by_basis.pop(next(iter(by_basis))) if by_basis else "–")
    short = {"number, audited": "audited", "area": "by area"}
    return Cell(first, (*(f"{short.get(basis, basis)} {text}" for basis, text in by_basis.items()), *flags))


def size_pages(tables: GrainTables) -> list[PageTable]:
    """Return the tables of sizes: percentiles and statistics, and with a scale the Wentworth classes."""
    sizes = tables.sizes
    if sizes.empty:
        return []
    if len(sizes) > MAX_ROWS:
        sizes = sizes[sizes["class"] == "all"]
    titles = _sample_titles(tables)
    sizes = sizes.sort_values("sample", key=lambda names: names.map(list(titles).index), kind="stable")
    named = [(titles.get(str(row["sample"]), str(row["sample"])), row) for row in sizes.to_dict("records")]
    unit, key = ("µm", "um") if tables.um_per_px else ("px", "px")
    head = ["Sample", "Class", "n", f"D10 · D50 · D90 ({unit})", *(_SIZE_COLUMNS if tables.um_per_px else ())]
    pages = [PageTable.from_rows(head, [(title, _size_cells(row, key)) for title, row in named])]
    wentworth = [str(name) for name in sizes if str(name).startswith("% ") and (sizes[name].fillna(0) > 0).any()]
    if wentworth:
        head = ["Sample", "Class", *(f"{name.removeprefix('% ')} (%)" for name in wentworth)]
        whole = [(title, row) for title, row in named if row["class"] == "all"]
        cells = [
            (title, [_weighted(row), *(Cell(format_number(row[name], "%")) for name in wentworth)])
            for title, row in whole
        ]
        pages.append(PageTable.from_rows(head, cells))
    return pages


_SIZE_COLUMNS = {
    "Mean (φ)": ("mean_phi", "mean_word"),
    "Sorting (φ)": ("sorting_phi", "sorting_word"),
    "Skewness": ("skewness_phi", "skewness_word"),
    "Kurtosis": ("kurtosis", "kurtosis_word"),
}


def _size_cells(row: Mapping[Hashable, Any], key: str) -> list[Cell]:
    percentiles = " · ".join(format_number(row[f"D{p}_{key}"]) for p in (10, 50, 90))
    # That grains are few is said once, below the table.
    flag = "; ".join(part for part in str(row.get("flag") or "").split("; ") if part != FEW_GRAINS)
    remarks = tuple(filter(None, (str(row.get("scope") or ""), flag)))
    cells = [_weighted(row), Cell(f"{int(row['n']):,}"), Cell(percentiles, remarks)]
    if key == "um":
        for value, word in _SIZE_COLUMNS.values():
            cells.append(
                Cell(_two_decimals(row[value]), () if pd.isna(row[word]) or not row[word] else (str(row[word]),))
            )
    return cells


def _weighted(row: Mapping[Hashable, Any]) -> Cell:
    return Cell(str(row["class"]), ({"number": "by number", "d3": "by d³"}[str(row["weighting"])],))


def _two_decimals(x: float) -> str:
    return "–" if pd.isna(x) else f"{x:.2f}".replace("-", "−")


def shape_page(tables: GrainTables) -> PageTable | None:
    """Return the table of shapes: medians and quartiles, one column a class."""
    shapes = tables.shapes
    if shapes.empty:
        return None
    names = list(dict.fromkeys(shapes["class"]))
    by = {(str(row["measure"]), str(row["class"])): row for row in shapes.to_dict("records")}
    units = dict(zip(shapes["measure"], shapes["unit"], strict=True))
    rows = []
    for measure, unit in units.items():
        cells = []
        for name in names:
            row = by.get((str(measure), str(name)))
            if row is None:
                cells.append(Cell("–"))
            else:
                quartiles = f"{format_number(row['lower_quartile'])}–{format_number(row['upper_quartile'])}"
                cells.append(Cell(format_number(row["median"]), (quartiles,)))
        rows.append((str(measure).replace("_", " ") + (f" ({unit})" if unit else ""), cells))
    return PageTable.from_rows(["Measure", *map(str, names)], rows)


def audit_page(tables: GrainTables) -> PageTable | None:
    """Return the table of the audit: how right the classes are, and what that makes of their shares."""
    if tables.audit.empty:
        return None
    rows = [
        (
            str(row["class"]),
            [
                Cell(f"{int(row['n_assigned']):,}"),
                Cell(f"{int(row['n_audited']):,}"),
                Cell(f"{int(row['n_right']):,}"),
                Cell(format_interval(row["precision"], row["precision_low"], row["precision_high"], "%")),
                Cell(format_interval(row["percent"], float("nan"), float("nan"), "%")),
                Cell(format_interval(row["corrected"], row["corrected_low"], row["corrected_high"], "%")),
            ],
        )
        for row in tables.audit.to_dict("records")
    ]
    return PageTable.from_rows(
        ["Class", "Assigned", "Audited", "Right", "Precision", "Share as counted", "Share corrected"], rows
    )
