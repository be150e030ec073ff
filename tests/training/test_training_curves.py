"""Curves as a table and as TensorBoard logs."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from facies.training import history_table, write_tensorboard

ROWS = [
    {"stage": "autoencode", "epoch": 1, "seconds": 0.5, "loss": 0.9, "kl": 0.1},
    {"stage": "autoencode", "epoch": 2, "seconds": 0.4, "loss": 0.8, "kl": 0.2},
    {"stage": "latent size", "epoch": 1, "seconds": 0.3, "loss": 0.7, "agreement": 0.95},
]


def test_table():
    table = history_table(ROWS)
    assert list(table.columns) == ["stage", "epoch", "seconds", "loss", "kl", "agreement"]
    assert table["loss"].tolist() == [0.9, 0.8, 0.7]
    assert table["epoch"].tolist() == [1, 2, 1]
    assert table["kl"].isna().tolist() == [False, False, True]
    assert math.isnan(table["agreement"][0])


def test_table_survives_csv(tmp_path):
    history_table(ROWS).to_csv(tmp_path / "history.csv", index=False)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "history.csv"), history_table(ROWS))


def test_empty_table():
    table = history_table([])
    assert list(table.columns) == ["stage", "epoch", "seconds"]
    assert len(table) == 0


def test_tensorboard_is_read_back(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    write_tensorboard(ROWS, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["autoencode", "latent-size"]
    back = EventAccumulator(str(tmp_path / "autoencode")).Reload()
    assert sorted(back.Tags()["scalars"]) == ["kl", "loss"]
    assert [(event.step, event.value) for event in back.Scalars("loss")] == [
        (1, pytest.approx(0.9)),
        (2, pytest.approx(0.8)),
    ]
    other = EventAccumulator(str(tmp_path / "latent-size")).Reload()
    assert sorted(other.Tags()["scalars"]) == ["agreement", "loss"]
