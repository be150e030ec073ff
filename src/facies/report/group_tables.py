"""Tables of a partition: its groups, and how they meet the true labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def group_table(partition: pd.DataFrame) -> pd.DataFrame:
    """Return one row a group, the noise last.

    Parameters
    ----------
    partition : DataFrame
        Columns ``group``, ``probability``, ``distance``.

    Returns
    -------
    DataFrame
        Columns ``group`` (int, -1 for noise), ``size`` (images), ``share`` (of all images, in [0, 1]), ``probability``
        and ``distance`` (medians in the group; NaN for noise).
    """
    table = (
        partition.groupby("group")
        .agg(size=("group", "size"), probability=("probability", "median"), distance=("distance", "median"))
        .reset_index()
    )
    table.insert(2, "share", table["size"] / max(1, len(partition)))
    table.loc[table["group"] < 0, ["probability", "distance"]] = np.nan
    order = np.argsort(np.where(table["group"] < 0, np.iinfo(np.int64).max, table["group"]), kind="stable")
    return table.iloc[order].reset_index(drop=True)


def contingency_table(
    groups: NDArray[np.int64], labels: NDArray[np.int64], label_names: Sequence[str] | None = None
) -> pd.DataFrame:
    """Count the images of each true label in each group.

    Parameters
    ----------
    groups : ndarray of int, shape (N,)
        Groups, and -1 for noise.
    labels : ndarray of int, shape (N,)
        True labels.
    label_names : sequence of str, optional
        The name of label ``i`` at ``i``.

    Returns
    -------
    DataFrame
        Index ``group`` (the noise last), one column a label that occurs, in the order of the labels; counts.
    """
    counts = pd.crosstab(pd.Series(groups, name="group"), pd.Series(labels, name="label"))
    order = sorted(counts.index, key=lambda group: (group < 0, group))
    counts = counts.loc[order]
    if label_names is not None:
        codes = [int(label) for label in counts.columns.to_numpy(np.int64)]
        known = range(len(label_names))
        counts.columns = pd.Index([label_names[code] if code in known else str(code) for code in codes])
    return counts
