from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from facies.annotations.encoding import decode_rows, decode_values, encode_rows, encode_values


@given(st.integers(1, 3000), st.randoms(use_true_random=False), st.floats(0, 1))
def test_any_rows_come_back(n: int, random: object, share: float) -> None:
    rows = np.flatnonzero(np.random.default_rng(random.randrange(2**32)).random(n) < share)
    np.testing.assert_array_equal(decode_rows(encode_rows(rows, n), n), rows)


@given(arrays(np.float16, st.integers(0, 50)), arrays(np.uint16, st.integers(0, 50)))
def test_any_values_come_back(numbers: np.ndarray, classes: np.ndarray) -> None:
    n = min(len(numbers), len(classes))
    found = decode_values(encode_values({"a": numbers[:n], "b": classes[:n]}), n)
    np.testing.assert_array_equal(found["a"], numbers[:n])
    np.testing.assert_array_equal(found["b"], classes[:n])
    assert found["a"].dtype == np.float16


def test_few_rows_of_many_are_small_and_so_is_one_value() -> None:
    rows = np.arange(0, 1_000_000, 1000)
    assert len(encode_rows(rows, 1_000_000)) < 200
    assert len(encode_rows(np.arange(500_000), 1_000_000)) < 1000
    assert len(encode_values({"class": np.full(100_000, 3, np.uint16)})) < 60


def test_damaged_bytes_are_refused() -> None:
    packed = encode_rows(np.arange(7), 100)
    with pytest.raises((ValueError, zlib.error)):
        decode_rows(packed[:-1], 100)
    with pytest.raises(ValueError, match="neither"):
        decode_rows(b"?" + packed[1:], 100)
    with pytest.raises(ValueError, match="row 6 of 5"):
        decode_rows(packed, 5)
    with pytest.raises(ValueError, match="numbers for"):
        decode_values(encode_values({"a": np.arange(3)}), 4)
