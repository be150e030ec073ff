"""Filters, histograms and the search of ids, against slow and obvious references."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from facies.atlas.services.field_summary import MAX_VALUES, summarise_field
from facies.atlas.services.filtering import Condition, filter_mask
from facies.atlas.services.id_search import find_ids
from facies.atlas.state.columns import read_columns
from facies.atlas.state.open_run import OpenRun
from facies.atlas.state.predictions import Predictions
from facies.atlas.state.texts import Texts
from facies.errors import InputError

NAN = np.nan


class Run(SimpleNamespace):
    """What filters read of an open run."""

    def __len__(self) -> int:
        return len(self.texts._images)


def make_run(images: pd.DataFrame, groups: Any = None, predictions: Predictions | None = None) -> OpenRun:
    n = len(images)
    partition = pd.DataFrame({"probability": np.linspace(0, 1, n, dtype=np.float32), "distance": np.ones(n)})
    columns = read_columns(images, partition)
    states = SimpleNamespace(
        groups=np.arange(n, dtype=np.int32) % 3 - 1 if groups is None else groups,
        classes=(np.arange(n) % 4).astype(np.uint16),
        states=(np.arange(n) % 5).astype(np.uint8),
        looked_at=np.arange(n) % 2 == 1,
        has_note=lambda text, how="contains": np.zeros(n, np.bool_),
    )
    texts = Texts(images, set(columns))
    return cast("OpenRun", Run(columns=columns, states=states, texts=texts, predictions=predictions))


@pytest.fixture(scope="module")
def run() -> OpenRun:
    images = pd.DataFrame(
        {
            "id": [f"S{i:02d}/Grain_{i}" for i in range(10)],
            "label": [f"secret{i}" for i in range(10)],
            "note": ["Quartz", None, "a quartz", "ÄGIRIN", "mica", "Mica 2", "feldspar", "x", "y", "z"],
            "sample": ["A", "A", "B", "B", None, "A", "A", "A", "B", "B"],
            "area": [1, 2, 3, NAN, 5, 6, np.inf, 8, 9, 10],
            "sharp": [True, False] * 5,
        }
    )
    return make_run(images)


def left(run: OpenRun, *conditions: dict[str, Any]) -> list[int]:
    return np.flatnonzero(filter_mask(run, [Condition.model_validate(one) for one in conditions])).tolist()


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ({"field": "column:area", "low": 3, "high": 6}, [2, 4, 5]),
        ({"field": "column:area", "low": 9}, [8, 9]),
        ({"field": "column:area", "high": 1e300}, [0, 1, 2, 4, 5, 7, 8, 9]),
        ({"field": "column:area", "missing": True}, [3, 6]),
        ({"field": "column:area", "high": 1, "missing": True}, [0, 3, 6]),
        ({"field": "column:sample", "values": ["A"]}, [0, 1, 5, 6, 7]),
        ({"field": "column:sample", "values": ["B", "Z"], "missing": True}, [2, 3, 4, 8, 9]),
        ({"field": "column:sample", "missing": True}, [4]),
        ({"field": "column:sample", "values": []}, []),
        ({"field": "column:sharp", "values": ["no"]}, [1, 3, 5, 7, 9]),
        ({"field": "group", "values": ["-1"]}, [0, 3, 6, 9]),
        ({"field": "group", "values": ["0", "99", "x", "9999999999"]}, [1, 4, 7]),
        ({"field": "group", "missing": True}, []),
        ({"field": "class", "values": ["2"]}, [2, 6]),
        ({"field": "class", "values": ["0"]}, []),  # class 0 is no value, and asked for as such
        ({"field": "class", "values": ["1"], "missing": True}, [0, 1, 4, 5, 8, 9]),
        ({"field": "state", "values": ["excluded", "dubious"]}, [3, 4, 8, 9]),
        ({"field": "looked_at", "values": ["yes"]}, [1, 3, 5, 7, 9]),
        ({"field": "id", "text": "grain_3"}, [3]),
        ({"field": "id", "text": "s0", "how": "begins"}, list(range(10))),
        ({"field": "id", "text": "S07/GRAIN_7", "how": "is"}, [7]),
        ({"field": "column:note", "text": "QUARTZ"}, [0, 2]),
        ({"field": "column:note", "text": "ägirin", "how": "is"}, [3]),
        ({"field": "column:note", "missing": True}, [1]),
        ({"field": "column:note", "text": "mica", "missing": True}, [1, 4, 5]),
        ({"field": "text", "text": "b", "how": "is"}, [2, 3, 8, 9]),
        ({"field": "text", "text": "secret"}, []),
        ({"field": "text", "text": "%.*_"}, []),
    ],
)
def test_one_condition(run: OpenRun, condition: dict[str, Any], rows: list[int]) -> None:
    assert left(run, condition) == rows


def test_all_conditions_have_to_hold(run: OpenRun) -> None:
    sample, area = {"field": "column:sample", "values": ["A"]}, {"field": "column:area", "low": 2}
    assert left(run, sample, area) == [1, 5, 7]
    assert left(run, sample, area, {"field": "looked_at", "values": ["yes"]}) == [1, 5, 7]
    assert left(run) == list(range(10))


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"field": "column:nothing", "low": 1}, "there is nothing called 'column:nothing'"),
        ({"field": "column:label", "text": "s"}, "there is nothing called"),
        ({"field": "label", "text": "s"}, "there is nothing called"),
        ({"field": "certainty", "low": 0.5}, "there is no classifier yet"),
        ({"field": "column:area", "values": ["1"]}, "is a number: a filter gives low or high"),
        ({"field": "column:sample", "text": "A"}, "is a category: a filter gives values"),
        ({"field": "column:note", "low": 1}, "is a text: a filter gives text"),
        ({"field": "column:note", "text": ""}, "is a text: a filter gives text"),
    ],
)
def test_what_cannot_be_compared_is_refused(run: OpenRun, condition: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        left(run, condition)


@pytest.mark.parametrize(
    "condition",
    [
        {"field": "group", "values": ["x" * 201]},
        {"field": "group", "values": ["1"] * 2001},
        {"field": "column:area", "low": float("nan")},
        {"field": "column:area", "high": float("inf")},
        {"field": "id", "text": "x" * 201},
        {"field": "id", "text": "x", "how": "regex"},
        {"field": "id", "surprise": 1},
    ],
)
def test_conditions_are_bounded(condition: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Condition.model_validate(condition)


def test_the_classifier_can_be_filtered_by() -> None:
    images = pd.DataFrame({"id": list("abcd")})
    fit = SimpleNamespace(classes=np.array([0, 1, 2, 1], np.uint16), certainty=np.array([0, 0.2, 0.9, 1], np.float32))
    run = make_run(images, predictions=cast("Predictions", fit))
    assert left(run, {"field": "certainty", "low": 0.2, "high": 0.9}) == [1, 2]  # also where 0.2 is no float32
    assert left(run, {"field": "prediction", "values": ["1"]}) == [1, 3]
    assert left(run, {"field": "prediction", "missing": True}) == [0]


def test_ids_that_are_no_text_are_still_found() -> None:
    run = make_run(pd.DataFrame({"id": pd.Series(["a\udce9b", "abc"], dtype=object)}))
    assert left(run, {"field": "id", "text": "b"}) == [0, 1]
    assert find_ids(run, "abc", [], 10)[0].tolist() == [1]


def test_a_histogram_counts_every_value_and_what_the_other_conditions_leave(run: OpenRun) -> None:
    conditions = [Condition(field="column:sample", values=["A"]), Condition(field="column:area", low=5)]
    summary = summarise_field(run, "column:area", conditions)
    assert summary["missing"] == [2, 1]
    assert (summary["all"].sum(), summary["left"].sum()) == (8, 4)  # its own condition does not narrow it
    assert len(summary["all"]) == 10
    assert summary["edges"][:2].tolist() == [0.5, 1.5]


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=30), st.booleans())
def test_every_value_is_in_one_bin(values: list[float], skewed: bool) -> None:
    numbers = np.exp(np.array(values) / 1e5) if skewed else np.array(values)
    run = make_run(pd.DataFrame({"id": [str(i) for i in range(len(values))], "x": numbers}))
    summary = summarise_field(run, "column:x", [])
    assert summary["all"].sum() == len(values)
    assert len(summary["edges"]) == len(summary["all"]) + 1 <= 50
    lowest = np.float32(numbers).min()
    assert summary["edges"][0] <= lowest + 1e-6 * abs(lowest)


def test_columns_of_one_value_or_none() -> None:
    images = pd.DataFrame({"id": list("abc"), "one": [2.5] * 3, "none": [NAN] * 3})
    run = make_run(images)
    assert summarise_field(run, "column:one", [])["all"].sum() == 3
    assert summarise_field(run, "column:none", [])["all"] == []
    assert left(run, {"field": "column:none", "missing": True}) == [0, 1, 2]


def test_categories_are_listed_by_frequency_and_found_by_name(run: OpenRun) -> None:
    summary = summarise_field(run, "column:sample", [Condition(field="looked_at", values=["yes"])])
    assert summary["values"] == [{"value": "A", "n": 5, "left": 3}, {"value": "B", "n": 4, "left": 2}]
    assert summary["missing"] == [1, 0]
    assert [line["value"] for line in summarise_field(run, "column:sample", [], "b")["values"]] == ["B"]
    assert summarise_field(run, "group", [])["values"][0] == {"value": "-1", "n": 4, "left": 4}
    assert summarise_field(run, "class", [])["missing"] == [3, 3]
    many = make_run(pd.DataFrame({"id": [str(i) for i in range(900)], "x": [f"v{i // 2}" for i in range(900)]}))
    summary = summarise_field(many, "column:x", [])
    assert (len(summary["values"]), summary["n_values"]) == (MAX_VALUES, 450)


def test_ids_are_found_exact_first_then_by_their_beginning() -> None:
    run = make_run(pd.DataFrame({"id": ["x10", "A1", "a1b", "10", "10b", "b10"], "s": list("aabbab")}))
    rows, total, hidden = find_ids(run, " 10 ", [], 10)
    assert (rows.tolist(), total, hidden) == ([3, 4, 0, 5], 4, 0)
    assert find_ids(run, "a1", [], 1)[0].tolist() == [1]
    rows, total, hidden = find_ids(run, "10", [Condition(field="column:s", values=["a"])], 10)
    assert (rows.tolist(), total, hidden) == ([4, 0], 2, 2)
    with pytest.raises(InputError, match="which id"):
        find_ids(run, "  ", [], 10)


def test_a_million_images_are_filtered_in_a_moment() -> None:
    n = 1_000_000
    rng = np.random.default_rng(0)
    images = pd.DataFrame({"id": np.char.add("grain_", np.arange(n).astype(str)), "x": rng.normal(size=n)})
    images["sample"] = pd.Categorical.from_codes(rng.integers(0, 40, n), [f"S{i}" for i in range(40)])
    partition = pd.DataFrame({"probability": np.ones(n, np.float32), "distance": np.ones(n, np.float32)})
    columns = read_columns(images.drop(columns="sample"), partition)
    groups = rng.integers(-1, 300, n).astype(np.int32)
    states = SimpleNamespace(groups=groups, classes=np.zeros(n, np.uint16), looked_at=np.zeros(n, np.bool_))
    run = cast(
        "OpenRun", Run(columns=columns, states=states, texts=Texts(images, {*columns, "sample"}), predictions=None)
    )
    conditions = [
        Condition(field="column:x", low=-1, high=1),
        Condition(field="group", values=[str(i) for i in range(100)]),
        Condition(field="id", text="99"),
    ]
    find_ids(run, "grain", [], 1)  # the ids are read once
    began = time.process_time()
    mask = filter_mask(run, conditions)
    summarise_field(run, "column:x", conditions)
    summarise_field(run, "group", conditions)
    assert find_ids(run, "777777", conditions, 100)[1] == int(mask[777_777])
    # Four requests, each in less than 0.3 s of one processor.
    assert time.process_time() - began < 1.2
    assert 0 < mask.sum() < n
