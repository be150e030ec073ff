"""The rows of a benchmark as tables: means and deviations over seeds, by set and method."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from facies.report.formatting import format_count

Row = dict[str, Any]
HEADINGS = (
    "method", "ACC", "published", "ACC by majority", "NMI", "ARI", "groups", "seconds", "peak memory", "runs", "collapsed", "failed",
)  # fmt: skip
EXPLANATION = (
    "Values are means over the seeds ± their standard deviation; collapsed runs count in them.",
    "ACC: share of images whose group agrees with their class, groups and classes paired one to one as well as can be (Hungarian "
    "method). ACC by majority: each group takes the commonest class of its images; it grows with the number of groups.",
    "published: the accuracy that the method's paper reports on this set, whole, with the paper's own settings.",
    "seconds: all stages of the fit; peak memory: of the process of the run alone.",
    "collapsed: fewer than half of the groups asked for hold an image, or one holds more than nine images of ten.",
)
NO_LABELS = "no labels"


@dataclass(frozen=True)
class MethodLine:
    """All seeds of a method on a set."""

    method: str
    rows: tuple[Row, ...]

    @property
    def good(self) -> list[Row]:
        """Runs that did not fail."""
        return [row for row in self.rows if row["error"] is None]

    @property
    def accuracy(self) -> float | None:
        """Mean accuracy; None without labels or where all failed."""
        return _mean(row["accuracy"] for row in self.good)

    def cells(self) -> list[str]:
        """One text a heading; none is empty."""
        good = self.good
        nothing = NO_LABELS if good else "failed"
        published = next((row["published"] for row in self.rows if row.get("published") is not None), None)
        agreement = [
            spread([row[name] for row in good], 3) or nothing
            for name in ("accuracy", "accuracy_majority", "nmi", "ari")
        ]
        return [
            self.method,
            agreement[0],
            "not known" if published is None else f"{published:.3f}",
            *agreement[1:],
            spread([row["n_groups"] for row in good], 1) or nothing,
            spread([row["seconds"] for row in good], 0) or nothing,
            _memory(good),
            str(len(self.rows)),
            str(sum(bool(row["collapsed"]) for row in good)),
            str(len(self.rows) - len(good)),
        ]


@dataclass(frozen=True)
class SetTable:
    """All methods on a set, the most accurate first; where there are no labels in the suite's order."""

    name: str
    lines: tuple[MethodLine, ...]

    @property
    def remarks(self) -> list[str]:
        """What a reader must know of this table: failures with their reasons, labels that are missing, and mixed commits."""
        rows = [row for line in self.lines for row in line.rows]
        labels = {row["labels"] for row in rows if row.get("labels") is not None}
        found = [f"labels: {each}" for each in sorted(labels)]
        found += [
            f"{row['method']}, seed {row['seed']}, failed: {row['error']}" for row in rows if row["error"] is not None
        ]
        by_commit: dict[str, dict[str, None]] = {}
        for row in rows:
            by_commit.setdefault(row["commit"] or "not known", {})[row["method"]] = None
        if len(by_commit) > 1:
            found += [f"of commit {commit}: {', '.join(methods)}" for commit, methods in by_commit.items()]
        return found

    def without_labels(self) -> list[list[str]]:
        """Method, silhouette and Davies–Bouldin index, where no run has an accuracy; else nothing."""
        if any(line.accuracy is not None for line in self.lines):
            return []
        names = ("silhouette", "davies_bouldin")
        return [
            [line.method, *(spread([row.get(name) for row in line.good], 3) or "not defined" for name in names)]
            for line in self.lines
        ]


def tables_of(rows: Sequence[Row]) -> list[SetTable]:
    """Group rows by set and method, in the order in which they come; within a set the most accurate method first."""
    sets = dict.fromkeys(row["set"] for row in rows)
    return [_table(name, [row for row in rows if row["set"] == name]) for name in sets]


def _table(name: str, rows: Sequence[Row]) -> SetTable:
    methods = dict.fromkeys(row["method"] for row in rows)
    lines = [MethodLine(method, tuple(row for row in rows if row["method"] == method)) for method in methods]
    return SetTable(name, tuple(sorted(lines, key=lambda line: -1.0 if line.accuracy is None else -2 - line.accuracy)))


def markdown(rows: Sequence[Row], title: str) -> str:
    """The tables as Markdown."""
    parts = [f"# {title}", "", *(f"- {line}" for line in EXPLANATION)]
    for table in tables_of(rows):
        parts += ["", f"## {table.name}", "", *_markdown_table(HEADINGS, [line.cells() for line in table.lines])]
        if inner := table.without_labels():
            parts += ["", *_markdown_table(("method", "silhouette", "Davies–Bouldin index"), inner)]
        if table.remarks:
            parts += ["", *(f"- {_plain(remark)}" for remark in table.remarks)]
    return "\n".join([*parts, "", measured_on(rows)]) + "\n"


def measured_on(rows: Sequence[Row]) -> str:
    """Machines, versions, commits and dates of rows, in one sentence each."""
    machines = dict.fromkeys(_machine(row) for row in rows)
    dates = sorted(row["date"][:10] for row in rows)
    commits = dict.fromkeys(
        f"Facies {row['versions']['facies']}, commit {row['commit'] or 'not known'}" for row in rows
    )
    span = dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
    hours = sum(row["seconds"] or 0 for row in rows) / 3600
    return f"{format_count(len(rows), 'run')}, {hours:.2f} hours of fits; {'; '.join(machines)}; {'; '.join(commits)}; {span}."


def _machine(row: Row) -> str:
    machine = row["machine"]
    gpu = f", {machine['gpu']}" if machine["gpu"] else ""
    jobs = row.get("jobs", 1)
    beside = f", {jobs} runs side by side" if jobs is not None and jobs > 1 else ""
    if row.get("engine") == "dask":
        beside += ", on a Dask cluster" if jobs is None else ", by Dask"
    return f"{machine['cores']} cores of {machine['cpu']}{gpu}, threads of a run: {row.get('threads') or 'all'}{beside}"


def spread(values: Iterable[float | None], digits: int) -> str:
    """``0.843 ± 0.012`` of the values that are there; a single one without a deviation, none is the empty text."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    mean = f"{statistics.fmean(known):,.{digits}f}"
    return mean if len(known) == 1 else f"{mean} ± {statistics.stdev(known):,.{digits}f}"


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def _memory(rows: Sequence[Row]) -> str:
    peaks = [row["peak_bytes"] for row in rows if row["peak_bytes"] is not None]
    return f"{max(peaks) / 2**20:,.0f} MiB" if peaks else "not measured"


def _markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [headings, ["---"] * len(headings), *rows]
    return [f"| {' | '.join(_plain(cell) for cell in line)} |" for line in lines]


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
