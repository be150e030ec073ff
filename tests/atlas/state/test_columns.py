from __future__ import annotations

import numpy as np
import pandas as pd

from facies.atlas.state.columns import read_columns


def read(**columns: object) -> dict[str, object]:
    images = pd.DataFrame({"id": ["a", "b", "c", "d"], **columns})
    partition = pd.DataFrame({"probability": [0.1] * 4, "distance": [1.0, 2.0, np.nan, 4.0]})
    return read_columns(images, partition)


def test_numbers_words_and_truths() -> None:
    columns = read(
        area=[1, 2, 3, 4],
        sample=["x", None, "y", "x"],
        cut=[True, False, True, False],
        part=pd.array([1, None, 3, 4], "Int64"),
    )
    assert set(columns) == {"probability", "distance", "area", "sample", "cut", "part"}
    assert columns["area"].kind == "number"
    assert columns["sample"].categories == ["x", "y"]
    assert columns["sample"].entries.tolist() == [1, 0, 2, 1]
    assert columns["cut"].categories == ["no", "yes"]
    np.testing.assert_array_equal(columns["part"].entries, np.array([1, np.nan, 3, 4], np.float32))
    assert columns["distance"].to_json() == {"name": "distance", "kind": "number", "n_values": 3, "title": "distance"}


def test_true_labels_and_words_that_order_nothing_are_left_out() -> None:
    columns = read(label=[0, 1, 0, 1], file=["1", "2", "3", "4"], empty=[None] * 4, probability=[9, 9, 9, 9])
    assert set(columns) == {"probability", "distance"}
    assert columns["probability"].entries[0] == np.float32(0.1)


def test_very_long_words_are_cut() -> None:
    columns = read(sample=["x" * 10_000, "y", "y", "y"])
    assert max(map(len, columns["sample"].categories)) == 200
