"""The general section of classes: how many images of each, and ratios of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from facies.annotations import Annotations
from facies.errors import InputError
from facies.report.annotated_partition import unknown_class_message
from facies.report.exporters.tables import save_csv
from facies.report.formatting import format_count, format_interval
from facies.report.rendering import render_template
from facies.report.sections import SectionContent
from facies.statistics import parse_ratio, ratio_interval, wilson_interval

if TYPE_CHECKING:
    from markupsafe import Markup


@dataclass(frozen=True)
class ClassCounts(SectionContent):
    """Counts of the classes, ratios of them, and a remark on what was not counted.

    The columns of `counts` are ``class, n, n_counted, percent, low, high`` (Wilson, 95 %), those of `ratios` ``ratio, over,
    under, value, low, high``.
    """

    counts: pd.DataFrame
    ratios: pd.DataFrame
    remark: str

    def table_of_contents(self) -> Sequence[tuple[str, str]]:
        """Return the one entry of this section."""
        return [("classes", "Classes")]

    def html(self) -> Markup:
        """Return the tables of the counts and of the ratios."""
        counts = [
            (row["class"], int(row["n"]), format_interval(row["percent"], row["low"], row["high"], "%"))
            for row in self.counts.to_dict("records")
        ]
        ratios = [
            (
                row["ratio"],
                f"{row['over']:,} / {row['under']:,}",
                format_interval(row["value"], row["low"], row["high"]),
            )
            for row in self.ratios.to_dict("records")
        ]
        context = {"counts": counts, "ratios": ratios, "remark": self.remark}
        return render_template(Path(__file__).parent / "templates" / "classes.html.jinja", context)

    def write_tables(self, folder: Path) -> list[tuple[str, str]]:
        """Write ``counts.csv``, and ``ratios.csv`` if there are any."""
        save_csv(self.counts, folder / "counts.csv")
        files = [("counts.csv", "one row a class: counts, percentages and intervals")]
        if len(self.ratios):
            save_csv(self.ratios, folder / "ratios.csv")
            files.append(("ratios.csv", "one row a ratio, with its interval"))
        return files


def count_classes(annotations: Annotations, ratios: Sequence[str] = ()) -> ClassCounts | None:
    """Count the images of each class, without excluded and dubious ones; `ratios` are such as ``"quartz+dark/foraminifera"``.

    None if no class was named.
    """
    if not len(annotations.classes):
        return None
    excluded = set(annotations.classes.loc[annotations.classes["excluded"].astype(bool), "name"])
    counted = annotations.counts()
    counted = counted[[name not in excluded for name in counted.index]]
    total = int(counted.sum())
    n = counted.to_numpy(np.int64)
    low, high = wilson_interval(n, total)
    table = pd.DataFrame(
        {
            "class": counted.index,
            "n": n,
            "n_counted": total,
            "percent": 100 * n / (total or np.nan),
            "low": 100 * low,
            "high": 100 * high,
        }
    )
    state = pd.Series(annotations.state_names).value_counts()
    unnamed = int((annotations.names == "").sum())
    remark = (
        f"Of {format_count(len(annotations), 'image')}, {total:,} were counted; {int(state.get('excluded', 0)):,} excluded, "
        f"{int(state.get('dubious', 0)):,} dubious and {unnamed:,} not named were left out. Intervals of 95 % (Wilson)."
    )
    return ClassCounts(table, _ratio_table(counted, ratios), remark)


def _ratio_table(counted: pd.Series, ratios: Sequence[str]) -> pd.DataFrame:
    rows = []
    for text in ratios:
        ratio = parse_ratio(text)
        for name in (*ratio.numerator, *ratio.denominator):
            if name not in counted.index:
                raise InputError(unknown_class_message(name, [str(known) for known in counted.index]))
        over, under = int(counted[list(ratio.numerator)].sum()), int(counted[list(ratio.denominator)].sum())
        rows.append((str(ratio), over, under, *ratio_interval(over, under)))
    return pd.DataFrame(rows, columns=["ratio", "over", "under", "value", "low", "high"])
