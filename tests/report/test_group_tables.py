"""Tables of groups and labels, the choice of gallery images, and numbers in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from facies.report import choose_images, contingency_table, group_table
from facies.report.formatting import (
    format_count,
    format_distance,
    format_duration,
    format_metric,
    format_share,
    format_value,
)


def make_partition() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": list("abcdefg"),
            "group": [2, -1, 0, 2, 2, 0, -1],
            "probability": np.float32([0.5, 0, 1, 0.75, 1, 0.5, 0]),
            "distance": np.float32([3, np.nan, 1, 2, 1, 2, np.nan]),
        }
    )


def test_groups_in_order_the_noise_last() -> None:
    table = group_table(make_partition())
    assert table["group"].tolist() == [0, 2, -1]
    assert table["size"].tolist() == [2, 3, 2]
    np.testing.assert_allclose(table["share"], [2 / 7, 3 / 7, 2 / 7])
    np.testing.assert_allclose(table["probability"], [0.75, 0.75, np.nan])
    np.testing.assert_allclose(table["distance"], [1.5, 2, np.nan])


def test_contingency() -> None:
    groups = np.array([1, -1, 0, 1, 1])
    labels = np.array([5, 0, 0, 0, 5])
    table = contingency_table(groups, labels)
    assert table.index.tolist() == [0, 1, -1]
    assert table.columns.tolist() == [0, 5]
    assert table.to_numpy().tolist() == [[1, 0], [1, 2], [1, 0]]
    names = contingency_table(groups, labels, ["oak", "elm"])
    assert names.columns.tolist() == ["oak", "5"]


def test_the_choice_of_images() -> None:
    partition = make_partition()
    gallery = choose_images(partition, 2, n_images=2)
    assert gallery.nearest == [4, 3]
    assert gallery.farthest == [0, 3]
    assert len(set(gallery.random)) == 2
    assert set(gallery.random) <= {0, 3, 4}
    assert choose_images(partition, 2, n_images=2) == gallery
    noise = choose_images(partition, -1)
    assert (noise.nearest, noise.random, noise.farthest) == ([], [1, 6], [])


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (format_count(1, "image"), "1 image"),
        (format_count(58302, "image"), "58,302 images"),
        (format_share(0, 100), "0.0 %"),
        (format_share(1, 10**6), "< 0.1 %"),
        (format_share(10**6 - 1, 10**6), "> 99.9 %"),
        (format_share(0, 0), "0.0 %"),
        (format_duration(8.24), "8.2 s"),
        (format_duration(192), "3 min 12 s"),
        (format_duration(7500), "2 h 05 min"),
        (format_metric(0.98765), "0.9877"),
        (format_metric(1.5), "1.500"),
        (format_metric(1234), "1,234"),
        (format_metric(1e9), "1e+09"),
        (format_distance(0.0), "0.00"),
        (format_distance(12.3456), "12.3"),
        (format_distance(123.456), "123"),
        (format_distance(1530.2), "1,530"),
        (format_distance(1e7), "1.00e+07"),
        (format_value(None), "none"),
        (format_value(True), "yes"),
        (format_value(0.1), "0.1"),
        (format_value(0.123456789), "0.123456789"),
        (format_value(1e-8), "1e-08"),
        (format_value([1, "a"]), '[1, "a"]'),
    ],
)
def test_numbers_in_words(said: str, expected: str) -> None:
    assert said == expected
