"""The page *Trust in scores without labels*: rank correlations with the accuracy by set and by family, and every run drawn."""

from __future__ import annotations

from typing import Any

import record
from record import where

PLOT = "trust.svg"
NAMES = {
    "score": "score",
    "silhouette": "silhouette",
    "stability": "stability",
    "agreement": "agreement",
    "information": "information",
    "density_validity": "DBCV",
}


def trust(results: dict[str, Any]) -> str:
    """Two tables and the plot."""
    (result,) = results.values()
    summary, rows = result["summary"], result["rows"]
    names = " | ".join(NAMES.values())
    seeds = len({row["seed"] for row in rows})
    left_out = (
        f" {result['left_out']} runs failed, have no labels or are programs of others, and are left out."
        if result["left_out"]
        else ""
    )
    if result.get("gone"):
        left_out += (
            f" The folders of {result['gone']} more were not on the machine of this page, and they are not judged."
        )
    lines = [
        "# Trust in scores without labels", "",
        f"How well the scores of `facies select`, which see no label, follow the accuracy that labels gave afterwards: {len(rows):,} runs of {len({row['method'] for row in rows})} methods on "
        f"{len(summary['by_set'])} sets, {seeds} seed{'s' if seeds > 1 else ''}; collapsed runs are among them.{left_out} Values are Spearman's rank correlations, from −1 to 1; – where fewer than four runs are there. *Taken*: the mean accuracy of the "
        "runs with the greatest score of their seed, beside that of the best and of all.", "",
        "## By set", "",
        f"| set | runs | {names} | taken | best | mean |", "|---|---|" + "---|" * (len(NAMES) + 3),
        *(
            f"| {name} | {own['runs']} | {cells(own)} | {own['taken']:.3f} | {own['best']:.3f} | {own['mean']:.3f} |"
            for name, own in summary["by_set"].items()
        ),
        f"| mean over the sets | {len(rows)} | {cells(summary['over_sets'])} | | | |", "",
        "## By family of methods", "", "Within a family and a set; the mean over the sets.", "",
        f"| family | runs | {names} |", "|---|---|" + "---|" * len(NAMES),
        *(f"| {name} | {own['runs']} | {cells(own)} |" for name, own in summary["by_family"].items()),
        "", "## Every run", "", "Hollow points are collapsed runs.", "", f"![Score without labels and accuracy of every run](../images/{PLOT})", "",
        where([result]),
    ]  # fmt: skip
    plot(rows)
    return "\n".join(lines) + "\n"


def cells(values: dict[str, float | None]) -> str:
    """One cell a score."""
    return " | ".join("–" if values[name] is None else f"{values[name]:.2f}" for name in NAMES)


def plot(rows: list[dict[str, Any]]) -> None:
    """Draw the score and the accuracy of every run, a panel a set, a colour a family; hollow points are collapsed runs."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    sets, families = (list(dict.fromkeys(row[name] for row in rows)) for name in ("set", "family"))
    across = min(2, len(sets))
    down = -(-len(sets) // across)
    with mpl.rc_context({"svg.hashsalt": "facies", "svg.fonttype": "none", "font.size": 8}):
        figure = Figure(figsize=(7.4, 2.7 * down + 0.5), layout="constrained")
        panels = figure.subplots(down, across, squeeze=False).ravel()
        for panel, name in zip(panels, sets, strict=False):
            for number, family in enumerate(families):
                for is_collapsed in (False, True):
                    own = [
                        row
                        for row in rows
                        if (row["set"], row["family"], row["collapsed"]) == (name, family, is_collapsed)
                    ]
                    colour = f"C{number}"
                    panel.scatter(
                        [row["score"] for row in own], [row["accuracy"] for row in own], s=14,
                        facecolors="none" if is_collapsed else colour, edgecolors=colour, linewidths=0.9,
                    )  # fmt: skip
            panel.set(title=name, xlabel="score without labels", ylabel="accuracy (ACC)")
            panel.spines[["top", "right"]].set_visible(False)
        for panel in panels[len(sets) :]:
            panel.set_visible(False)
        handles = [
            mpl.lines.Line2D([], [], marker="o", linestyle="", color=f"C{number}", label=family)
            for number, family in enumerate(families)
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
        figure.savefig(record.HERE.parent / "docs" / "images" / PLOT, metadata={"Date": None})
