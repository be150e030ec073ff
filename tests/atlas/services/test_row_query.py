from __future__ import annotations

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from facies.atlas.services.row_query import RowQuery, match_rows
from facies.atlas.state.columns import Column
from facies.errors import InputError
from tests.atlas.factories import mask_of

VALUES = {
    "group": np.array([-1, 0, 0, 1, 1, 2, 2, 2, 0, 1], np.int32),
    "class": np.array([0, 1, 1, 2, 2, 0, 0, 1, 2, 0], np.uint16),
    "state": np.array([0, 2, 4, 2, 3, 0, 1, 2, 1, 4], np.uint8),
    "prediction": np.array([1, 1, 1, 2, 2, 2, 2, 2, 2, 2], np.uint16),
}
COLUMNS = {
    "sample": Column("sample", "category", np.array([1, 1, 2, 2, 0, 1, 1, 1, 2, 2], np.uint16), ["A", "B"]),
    "area": Column("area", "number", np.array([1, 2, 3, np.nan, 5, 6, 7, 8, 9, 10], np.float32), []),
}


def chosen(**query: object) -> list[int]:
    return match_rows(RowQuery.model_validate(query), 10, VALUES, COLUMNS).tolist()


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ({"all": True}, list(range(10))),
        ({"rows": [7, 2, 2]}, [2, 7]),
        ({"mask": mask_of([0, 9], 10)}, [0, 9]),
        ({"group": 2}, [5, 6, 7]),
        ({"group": [-1, 1]}, [0, 3, 4, 9]),
        ({"class": 0}, [0, 5, 6, 9]),
        ({"state": [2, 3]}, [1, 3, 4, 7]),
        ({"prediction": 1}, [0, 1, 2]),
        ({"group": 0, "not_excluded": True}, [1, 8]),
        ({"all": True, "not_excluded": True}, [0, 1, 3, 4, 5, 6, 7, 8]),
        ({"rows": [1, 2, 3], "group": 0}, [1, 2]),
        ({"mask": mask_of(range(5), 10), "class": [1, 2], "state": 2}, [1, 3]),
        ({"column": "sample", "value": "B"}, [2, 3, 8, 9]),
        ({"column": "sample", "value": "Z"}, []),
        ({"column": "sample"}, [4]),
        ({"column": "area", "low": 3, "high": 6}, [2, 4, 5]),
        ({"column": "area", "low": 9}, [8, 9]),
        ({"group": 99}, []),
        ({"class": 70_000}, []),
    ],
)
def test_all_that_is_given_has_to_hold(query: dict[str, object], rows: list[int]) -> None:
    assert chosen(**query) == rows


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({}, "no images are meant"),
        ({"not_excluded": True}, "no images are meant"),
        ({"rows": [10]}, "no image 10"),
        ({"rows": [-1]}, "no image -1"),
        ({"mask": "%%%"}, "base64"),
        ({"mask": base64.b64encode(b"\xff").decode()}, "has 2 bytes: 1"),
        ({"mask": base64.b64encode(b"\x00\xff").decode()}, "no bits beyond"),
        ({"column": "id"}, "no column 'id'"),
    ],
)
def test_what_means_nothing_is_said(query: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        chosen(**query)


@pytest.mark.parametrize("query", [{"rows": list(range(20_001))}, {"polygon": []}, {"group": "x"}, {"rows": [1.5]}])
def test_other_forms_are_refused(query: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RowQuery.model_validate(query)


@given(st.integers(1, 70), st.data())
def test_a_mask_is_its_rows(count: int, data: st.DataObject) -> None:
    rows = sorted(data.draw(st.sets(st.integers(0, count - 1))))
    query = RowQuery(mask=mask_of(rows, count))
    assert match_rows(query, count, {}, {}).tolist() == rows
