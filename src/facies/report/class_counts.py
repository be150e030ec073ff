"""The general section of classes: how many images of each, and ratios of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from facies.annotations import Annotations
from facies.annotations.class_tree import tree_order
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

    The columns of `counts` are ``class, path, n, n_counted, percent, low, high`` (Wilson, 95 %), and ``n_all, percent_all,
    low_all, high_all`` of the class together with all below it in the tree of classes; those of `ratios` ``ratio, over,
    under, value, low, high, definition``.
    """

    counts: pd.DataFrame
    ratios: pd.DataFrame
    remark: str

    def table_of_contents(self) -> Sequence[tuple[str, str]]:
        """Return the one entry of this section."""
        return [("classes", "Classes")]

    def html(self) -> Markup:
        """Return the tables of the counts and of the ratios."""
        has_tree = bool((self.counts["path"] != self.counts["class"]).any())
        counts = [
            (
                row["path"],
                int(row["n"]),
                format_interval(row["percent"], row["low"], row["high"], "%"),
                int(row["n_all"]),
                format_interval(row["percent_all"], row["low_all"], row["high_all"], "%"),
            )
            for row in self.counts.to_dict("records")
        ]
        ratios = [
            (
                row["ratio"] if row["definition"] == row["ratio"] else f"{row['ratio']} = {row['definition']}",
                f"{row['over']:,} / {row['under']:,}",
                format_interval(row["value"], row["low"], row["high"]),
            )
            for row in self.ratios.to_dict("records")
        ]
        context = {"counts": counts, "ratios": ratios, "remark": self.remark, "has_tree": has_tree}
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

    None if no class was named. A class in a ratio stands for itself and all below it in the tree of classes. The ratios that the
    expert defined in the atlas come last; those of which a class is gone are left out, and the remark says so.
    """
    if not len(annotations.classes):
        return None
    excluded = set(annotations.classes.loc[annotations.classes["excluded"].astype(bool), "name"])
    counted = annotations.counts()
    names = dict(zip(annotations.classes["id"].tolist(), annotations.classes["name"].tolist(), strict=True))
    order = tree_order(dict(zip(names, annotations.classes["parent"].tolist(), strict=True)))
    counted = counted[[names[number] for number in order if names[number] not in excluded]]
    total = int(counted.sum())
    n = counted.to_numpy(np.int64)
    low, high = wilson_interval(n, total)
    paths = dict(zip(annotations.classes["name"], annotations.classes["path"], strict=True))
    n_all = np.array([counted.reindex(annotations.subtrees[name]).sum() for name in counted.index], np.int64)
    low_all, high_all = wilson_interval(n_all, total)
    table = pd.DataFrame(
        {
            "class": counted.index,
            "path": [paths[name] for name in counted.index],
            "n": n,
            "n_counted": total,
            "percent": 100 * n / (total or np.nan),
            "low": 100 * low,
            "high": 100 * high,
            "n_all": n_all,
            "percent_all": 100 * n_all / (total or np.nan),
            "low_all": 100 * low_all,
            "high_all": 100 * high_all,
        }
    )
    state = pd.Series(annotations.state_names).value_counts()
    unnamed = int((annotations.names == "").sum())
    remark = (
        f"Of {format_count(len(annotations), 'image')}, {total:,} were counted; {int(state.get('excluded', 0)):,} excluded, "
        f"{int(state.get('dubious', 0)):,} dubious and {unnamed:,} not named were left out. Intervals of 95 % (Wilson)."
    )
    gone = [str(name) for name, of in zip(annotations.ratios["name"], annotations.ratios["gone"], strict=True) if of]
    if gone:
        remark += f" Left out, for a class of theirs is gone: the ratios {', '.join(gone)}."
    return ClassCounts(table, _ratio_table(annotations, counted, ratios), remark)


def _ratio_table(annotations: Annotations, counted: pd.Series, ratios: Sequence[str]) -> pd.DataFrame:
    rows = []

    def count(names: Iterable[str]) -> int:
        below = dict.fromkeys(each for name in names for each in annotations.subtrees[name])
        return int(counted.reindex(list(below)).sum())

    for text in ratios:
        ratio = parse_ratio(text)
        for name in (*ratio.numerator, *ratio.denominator):
            if name not in counted.index:
                raise InputError(unknown_class_message(name, [str(known) for known in counted.index]))
        over, under = count(ratio.numerator), count(ratio.denominator)
        rows.append((str(ratio), over, under, *ratio_interval(over, under), str(ratio)))
    for own in annotations.ratios.to_dict("records"):
        if not own["gone"]:
            over, under = count(own["numerator"]), count(own["denominator"])
            definition = f"{' + '.join(own['numerator'])} / {' + '.join(own['denominator'])}"
            rows.append((own["name"], over, under, *ratio_interval(over, under), definition))
    return pd.DataFrame(rows, columns=["ratio", "over", "under", "value", "low", "high", "definition"])
