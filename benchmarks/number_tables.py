"""The tables of how well the number of groups is found."""

from __future__ import annotations

from typing import Any

import numpy as np
from number_of_groups import DRAWN, FACIES, GIVEN, RULES, SEEN_DRAWS
from record import where

NEAR = 1 / 3
"""A number counts as near if it is off by so much of the true one at most."""


def number_of_groups(results: dict[str, Any]) -> str:
    """All rules over all fits, and then the numbers that were found in each set."""
    (result,) = results.values()
    rows = result["rows"]
    draws = [row for row in rows if row["draw"] is not None]
    parts = {
        "whole sets": [row for row in rows if row["draw"] is None],
        "draws": [row for row in draws if row["draw"] < SEEN_DRAWS],
        "later draws": [row for row in draws if row["draw"] >= SEEN_DRAWS],
    }
    lines = [
        "# The number of groups\n\nRules that find it, on the same layouts of the features of `pretrained` (preset `quick`), grouped by Ward's tree. Each fit is a set, or some of its kinds, of every second draw with an unequal share of each; "
        f"draws are of {', '.join(DRAWN)}, {len({(row['set'], row['draw']) for row in draws})} in all. The constants of the rule were settled earlier, with a look at the labels of whole sets and of other draws; the first draws of each set were looked at when another rule was tried, and the later ones were made to test that. "
        "*Near*: the share of fits whose number is off by a third of the true one at most.\n\n"
        f"| rule | {' | '.join(f'ACC, {name} ({len(held)} fits) | near' for name, held in parts.items())} |\n|---|{'---|---|' * len(parts)}"
    ]
    for rule in (*RULES, GIVEN):
        cells = [f"{mean_accuracy(held, rule)} | {share_near(held, rule)}" for held in parts.values()]
        lines.append(f"| {rule} | {' | '.join(cells)} |")
    lines.append(
        "\n## Each set\n\nOf every fit the true number → the number that Facies found. ACC is the mean over the fits, with that number and with the true one.\n\n"
        "| set | drawn | fits | true → found | ACC | ACC, K given |\n|---|---|---|---|---|---|"
    )
    lines += [
        line_of(name, drawn, rows) for name in dict.fromkeys(row["set"] for row in rows) for drawn in (False, True)
    ]
    return "\n".join([*(line for line in lines if line), "", where(rows)]) + "\n"


def line_of(name: str, drawn: bool, rows: list[dict[str, Any]]) -> str:
    """One line of the second table; empty where there is no such fit."""
    held = [row for row in rows if row["set"] == name and (row["draw"] is not None) == drawn]
    numbers = ", ".join(f"{row['kinds']} → {row['found'][FACIES]['n_groups']}" for row in held)
    accuracies = " | ".join(mean_accuracy(held, rule) for rule in (FACIES, GIVEN))
    return f"| {name} | {'yes' if drawn else 'whole'} | {len(held)} | {numbers} | {accuracies} |" if held else ""


def mean_accuracy(rows: list[dict[str, Any]], rule: str) -> str:
    """Mean accuracy of a rule."""
    return f"{np.mean([row['found'][rule]['accuracy'] for row in rows]):.3f}" if rows else "–"


def share_near(rows: list[dict[str, Any]], rule: str) -> str:
    """Share of fits whose number is near the true one."""
    near = [abs(row["found"][rule]["n_groups"] - row["kinds"]) <= NEAR * row["kinds"] for row in rows]
    return f"{np.mean(near):.2f}" if rows else "–"
