"""The training curves: one row an epoch, as a table, as CSV and as TensorBoard logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd


def history_table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows of all epochs as a table.

    Returns
    -------
    pandas.DataFrame
        Columns ``stage``, ``epoch`` (from 1), ``seconds``, then one a loss term (NaN where a stage has no such term).
    """
    return pd.DataFrame(list(rows), columns=_columns(rows))


def write_tensorboard(rows: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """Write the curves as TensorBoard event files, one run a stage.

    Raises
    ------
    ModuleNotFoundError
        When TensorBoard is not installed (``pip install facies[logs]``).
    """
    from torch.utils.tensorboard import SummaryWriter

    for stage in dict.fromkeys(row["stage"] for row in rows):
        with SummaryWriter(str(folder / str(stage).replace(" ", "-"))) as writer:
            for row in rows:
                if row["stage"] == stage:
                    for term in set(row) - {"stage", "epoch", "seconds"}:
                        writer.add_scalar(term, row[term], row["epoch"])


def _columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    terms = dict.fromkeys(key for row in rows for key in row)
    return list(dict.fromkeys(["stage", "epoch", "seconds", *terms]))
