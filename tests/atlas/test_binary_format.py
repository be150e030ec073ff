from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facies.atlas.binary_format import pack_arrays, unpack_arrays


def test_what_is_packed_is_read_in_place() -> None:
    x = np.array([1.5, np.nan, -2], np.float32)
    codes = np.array([1, 65_535], np.uint16)
    body = pack_arrays({"x": x, "codes": codes}, revision=17, text="µm")
    header, unpacked = unpack_arrays(body)
    assert header["revision"] == 17
    assert header["text"] == "µm"
    np.testing.assert_array_equal(unpacked["x"], x)
    np.testing.assert_array_equal(unpacked["codes"], codes)
    assert all(section["offset"] % 8 == 0 for section in header["sections"])


def test_the_header_is_as_the_page_reads_it() -> None:
    body = pack_arrays({"a": np.arange(3, dtype=np.uint8)}, n=1)
    length = int.from_bytes(body[:4], "little")
    assert (4 + length) % 8 == 0
    header = json.loads(body[4 : 4 + length])
    assert header["sections"] == [{"name": "a", "dtype": "uint8", "length": 3, "offset": 4 + length}]
    assert body[4 + length : 4 + length + 3] == b"\x00\x01\x02"
    assert len(body) % 8 == 0


@given(st.lists(st.integers(0, 3000), max_size=6), st.text(max_size=300))
def test_any_lengths_and_any_header(lengths: list[int], text: str) -> None:
    arrays = {str(i): np.arange(n, dtype=np.int32) for i, n in enumerate(lengths)}
    header, unpacked = unpack_arrays(pack_arrays(arrays, text=text))
    assert header["text"] == text
    assert {name: len(values) for name, values in unpacked.items()} == {name: len(a) for name, a in arrays.items()}
    for name, values in unpacked.items():
        np.testing.assert_array_equal(values, arrays[name])


def test_not_finite_numbers_of_the_header_are_null() -> None:
    assert unpack_arrays(pack_arrays({}, cut=float("nan")))[0]["cut"] is None


@pytest.mark.parametrize("array", [np.zeros(3), np.zeros((2, 2), np.float32), np.zeros(2, np.int64)])
def test_what_a_browser_cannot_read_is_refused(array: np.ndarray) -> None:
    with pytest.raises(ValueError, match="section"):
        pack_arrays({"a": array})
