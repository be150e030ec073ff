from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from facies.errors import InputError
from facies.io import guard_formula, match_ids, read_table, unguard_formula
from facies.report.exporters.tables import save_csv

TEXT = "id,Label,größe\na.png, quartz ,3\nb.png,Glimmer\u00e4,4\n"
NAMES = ("id", "label")

odd_starts = st.sampled_from(
    ["", "=", "+", "-", "@", "\t", "\r", "'", "'=", "''=", " ", "  =", ";", ",", '"', "\ufeff"]
)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)
ids = st.builds(lambda start, rest: start + rest, odd_starts, texts)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_table_is_read_whatever_a_spreadsheet_made_of_it(
    tmp_path: Path, delimiter: str, encoding: str, newline: str
) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(TEXT.replace(",", delimiter).replace("\n", newline).encode(encoding))
    table = read_table(file, "labels", NAMES)
    assert table.columns.tolist() == ["id", "label", "größe"]
    assert table["label"].tolist() == ["quartz", "Glimmerä"]
    assert table["größe"].tolist() == ["3", "4"]
    assert table.index.tolist() == [2, 3]


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("sep=;\nid;label\na;1,5\n", [["a", "1,5"]]),
        ('id,label,note\na,"1,5",x\n', [["a", "1,5", "x"]]),
        ("id,label;a;b;c\nx,y\n", [["x", "y"]]),  # the names tell what parts the columns, not their number
        ("id;label;;\na;x;;\n;;;\nb\n", [["a", "x"], ["b", ""]]),
        ('id,label\n"a\nb",x\n', [["a\nb", "x"]]),
        ("id,label\n'=a,'-1\n", [["=a", "-1"]]),
    ],
)
def test_cells_are_what_was_meant(tmp_path: Path, text: str, cells: list[list[str]]) -> None:
    (tmp_path / "t.csv").write_text(text)
    assert read_table(tmp_path / "t.csv", "labels", NAMES).to_numpy().tolist() == cells


@pytest.mark.parametrize(
    ("raw", "match"),
    [
        (b"id,label\na,1,5\n", r"line 2: has 3 cells and the first line 2: put cells that hold a comma, such as .* decimal"),
        (b"id,label,ID\na,1,2\n", "two columns 'id': keep one"),
        (b'id,label\na,"x\n', r"cannot be read as a CSV file of labels \(unexpected end of data\): save it as CSV UTF-8"),
        (b"", "cannot be read as a CSV file of labels .it is empty"),
        (b"PK\x03\x04rest", "it is a workbook.*save it as CSV UTF-8"),
        (b"id,label\na,\x81\n", "neither UTF-8, UTF-16 nor Latin-1"),
        (b"id,label\na,\x00\n", "it is no text"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused_with_the_mend(tmp_path: Path, raw: bytes, match: str) -> None:
    (tmp_path / "t.csv").write_bytes(raw)
    with pytest.raises(InputError, match=match):
        read_table(tmp_path / "t.csv", "labels", NAMES)


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.csv: no such file of labels"):
        read_table(tmp_path / "no.csv", "labels", NAMES)
    with pytest.raises(InputError, match="Is a directory"):
        read_table(tmp_path, "labels", NAMES)


@settings(max_examples=60, deadline=None)
@given(st.lists(ids, min_size=1, max_size=5, unique=True))
@example(["=1+1", "'=1+1", "''=1+1", "-a", "@", "\ta", "\r", " a", "a ", "a"])
def test_a_table_that_facies_wrote_is_read_back_whatever_its_ids(names: list[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "t.csv")
        save_csv(pd.DataFrame({"id": names, "label": "x"}), file)
        table = read_table(file, "labels", NAMES, exact=("id",))
    assert table["id"].tolist() == names
    assert match_ids(table["id"].tolist(), names).tolist() == list(range(len(names)))


@given(st.text("'=+a-@\t", max_size=6))
def test_the_guard_is_undone(text: str) -> None:
    assert unguard_formula(guard_formula(text)) == text
    assert not guard_formula(text).startswith(("=", "+", "-", "@", "\t"))


def test_ids_are_found_as_they_are_or_nearly(tmp_path: Path) -> None:
    known = ["a.png", "sub/b.png", "cafe\u0301.png", "x ", "x", " lone"]
    given_ids = ["a.png ", "sub\\b.png", "caf\u00e9.png", "x", "x ", " x", "lone", "none"]
    np.testing.assert_array_equal(match_ids(given_ids, known), [0, 1, 2, 4, 3, -1, 5, -1])
