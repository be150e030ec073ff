"""Tables that say which photographs belong to which stack, or of which sample a stack is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from facies.errors import InputError
from facies.grains.extraction.placed_photograph import Placed
from facies.io import read_table


def read_stack_table(path: Path) -> pd.DataFrame:
    """Read a table with the columns ``photograph`` and ``stack``, or ``stack`` and ``sample``, as text."""
    table = read_table(path, "stacks", ("stack", "photograph", "layer", "sample"))
    if not ({"stack", "photograph"} <= set(table) or {"stack", "sample"} <= set(table)):
        raise InputError(
            f"{path}: has the columns {', '.join(table.columns)}: needed are photograph and stack (and, if you wish, "
            "layer and sample), or stack and sample"
        )
    return table


def by_table(table: pd.DataFrame, names: Sequence[str], path: Path) -> tuple[list[Placed], list[tuple[str, str]]]:
    """Place photographs by the rows of a table; what stands in one of both alone is returned with the reason."""
    known = set(names)
    twice = table["photograph"][table["photograph"].duplicated()]
    if len(twice):
        raise InputError(f"{path}: the photograph {twice.iloc[0]} stands in two rows: keep one")
    counts: Counter[str] = Counter()
    placed, missing = [], []
    for row in table.to_dict("records"):
        name, stack = str(row["photograph"]).strip().replace("\\", "/"), str(row["stack"]).strip()
        layer = str(row.get("layer", counts[stack])).strip()
        if name not in known:
            missing.append((name, f"it stands in {path.name} and is not there"))
        else:
            sample = str(row["sample"]).strip() if "sample" in row else None
            placed.append(Placed(name, stack, _layer(layer, name, path), sample))
        counts[stack] += 1
    listed = set(table["photograph"].str.strip().str.replace("\\", "/"))
    missing += [(name, f"it does not stand in {path.name}") for name in names if name not in listed]
    return placed, missing


def samples_of(table: pd.DataFrame, stacks: Sequence[str], path: Path) -> dict[str, str]:
    """Return the sample of each stack by a table."""
    rows = table[["stack", "sample"]].apply(lambda column: column.str.strip()).drop_duplicates()
    twice = rows["stack"][rows["stack"].duplicated()]
    if len(twice):
        raise InputError(f"{path}: the stack {twice.iloc[0]} is of two samples: keep one row of it")
    samples = dict(zip(rows["stack"], rows["sample"], strict=True))
    unknown = [name for name in stacks if name not in samples]
    if unknown:
        raise InputError(f"{path}: has no row for the stack {unknown[0]} (and {len(unknown) - 1} more): add it")
    return {name: samples[name] for name in stacks}


def _layer(text: str, name: str, path: Path) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError as error:
        raise InputError(f"{path}: the layer of {name} is {text!r}: give a number") from error
