"""What the grains of this example truly are: known only because they are synthetic.

In real work an expert looks at the groups and names them. Here her eye is replaced by the list of what was rendered:
each group gets the kind of most of its grains. No step of Facies reads it before.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

SEVERAL = "several grains"
NOTHING = "no grain"


def read_truth(photographs: Path) -> pd.DataFrame:
    """Return what was rendered, a row a grain, with the names of stacks that ``facies extract`` gives."""
    tables = []
    for file in sorted(photographs.glob("*/truth.csv")):
        table = pd.read_csv(file)
        table["sample"] = file.parent.name
        table["stack"] = file.parent.name + "/" + table["stack"]
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def kinds_of(grains: pd.DataFrame, truth: pd.DataFrame) -> pd.Series:
    """Return the true kind of each grain that was cut out, by the overlap of boxes.

    Parameters
    ----------
    grains : DataFrame
        What was cut out: ``stack, x0, y0, x1, y1``.
    truth : DataFrame
        What was rendered: the same and ``kind``.

    Returns
    -------
    Series of str
        A kind, `SEVERAL` where the box holds most of two or more, `NOTHING` where of none.
    """
    pairs = grains.reset_index(names="row").merge(truth, on="stack", suffixes=("", "_true"))
    width = np.minimum(pairs.x1, pairs.x1_true) - np.maximum(pairs.x0, pairs.x0_true)
    height = np.minimum(pairs.y1, pairs.y1_true) - np.maximum(pairs.y0, pairs.y0_true)
    shared = width.clip(lower=0) * height.clip(lower=0)
    whole = (pairs.x1_true - pairs.x0_true) * (pairs.y1_true - pairs.y0_true)
    box = (pairs.x1 - pairs.x0) * (pairs.y1 - pairs.y0)
    held = pairs[(shared > 0.7 * whole) & (whole > 0.1 * box)].groupby("row")["kind"]
    kinds = held.first().where(held.size() == 1, SEVERAL)
    return kinds.reindex(grains.index, fill_value=NOTHING)


def names_of_groups(groups: pd.Series, kinds: pd.Series) -> pd.DataFrame:
    """Return a name a group: the kind of most of its grains, and how many of them are of it (``share``)."""
    told = pd.DataFrame({"group": groups.to_numpy(), "kind": kinds.to_numpy()})
    counts = told.value_counts(["group", "kind"]).reset_index(name="n")
    most = counts.drop_duplicates("group").set_index("group")
    most["share"] = most["n"] / told.groupby("group").size()
    return most.sort_index().reset_index().rename(columns={"kind": "name"})
