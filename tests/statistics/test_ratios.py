"""Ratios as a user writes them, and their values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facies.errors import InputError
from facies.statistics import Ratio, count_ratio, parse_ratio


def test_ratios_as_written():
    assert parse_ratio("quartz+dark/foraminifera") == Ratio(("quartz", "dark"), ("foraminifera",))
    assert parse_ratio(" dark grains + quartz / forams whole ") == Ratio(("dark grains", "quartz"), ("forams whole",))
    assert parse_ratio('"P/B"/x+"a+b"') == Ratio(("P/B",), ("x", "a+b"))
    assert str(parse_ratio('"P/B" / x + y')) == '"P/B"/x+y'


names = st.lists(st.text("abc +/é-", min_size=1).map(str.strip).filter(bool), min_size=2, max_size=6, unique=True)


@given(names, st.data())
def test_a_ratio_read_from_its_own_text_is_itself(words, data):
    cut = data.draw(st.integers(1, len(words) - 1))
    ratio = Ratio(tuple(words[:cut]), tuple(words[cut:]))
    assert parse_ratio(str(ratio)) == ratio


def test_any_ratio():
    found = count_ratio("quartz/dark", 30, 10, "quartz / dark")
    assert found.value == 3
    assert found.unit == ""
    assert "quartz / dark" in found.definition


@pytest.mark.parametrize("text", ["", "quartz", "a/b/c", "a/", "/b", "a++b/c", "a+/b", 'a/"b', '"a"b/c', '""/a'])
def test_ratios_that_are_none(text):
    with pytest.raises(InputError, match="A/B"):
        parse_ratio(text)


def test_a_class_on_both_sides():
    with pytest.raises(InputError, match="both sides"):
        parse_ratio("a+b/b")
