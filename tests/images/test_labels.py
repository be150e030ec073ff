from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.images.labels import UNLABELLED, as_labels, labels_from_csv, partial_labels

IDS = pd.Series(["a.png", "sub/b.png", "NA"])


@pytest.mark.parametrize(
    ("given", "codes", "names"),
    [
        ([3, 1, 3], [3, 1, 3], None),
        (np.array([[3], [1], [3]]), [3, 1, 3], None),
        ([2.0, 0.0, 1.0], [2, 0, 1], None),
        ([True, False, True], [1, 0, 1], None),
        (["rock", "bone", "rock"], [1, 0, 1], ["bone", "rock"]),
        (np.array([b"rock", b"bone", b"rock"]), [1, 0, 1], ["bone", "rock"]),
        (pd.Series(["x", "y", "x"]), [0, 1, 0], ["x", "y"]),
        (np.array([5, 6, 5], dtype=object), [5, 6, 5], None),
    ],
)
def test_numbers_stay_and_words_are_numbered(given, codes: list[int], names: list[str] | None) -> None:
    labels = as_labels(given, 3, "labels")
    assert labels.codes.dtype == np.int64
    assert labels.codes.tolist() == codes
    assert labels.names == names


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ([1, 2], "2 labels for 3 images"),
        (np.eye(3), r"argmax"),
        ([0.5, 1, 2], "whole numbers or words"),
        ([np.nan, 1, 2], "whole numbers or words"),
        (["a", None, "b"], "label number 1 is missing"),
        (["a", " ", "b"], "label number 1 is missing"),
        (np.array([1j, 2, 3]), "whole numbers or words"),
    ],
)
def test_what_are_no_labels_is_refused(given, match: str) -> None:
    with pytest.raises(InputError, match=match):
        as_labels(given, 3, "labels")


def test_a_table_is_matched_by_id(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("label,id,more\n7,sub/b.png,x\n3,NA,x\n5,a.png,x\n9,other.png,x\n")
    labels = labels_from_csv(file, IDS)
    assert labels.codes.tolist() == [5, 7, 3]
    file.write_text("id,label\nsub/b.png,rock\nNA,bone\na.png,bone\n")
    labels = labels_from_csv(file, IDS)
    assert labels.codes.tolist() == [0, 1, 0]
    assert labels.names == ["bone", "rock"]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "cannot be read as a CSV file"),
        ("id,class\na.png,1\n", "needs the columns id and label, has id, class"),
        ("id,label\na.png,1\na.png,2\n", "names the image 'a.png' twice: keep one row an image"),
        ("id,label\na.png,1\na.png ,2\nNA,1\nNA,1\n", r"names the image 'a.png' twice \(and 1 more\)"),
        ("id,label\nb.png,1\n", "names none of the 3 images .it begins with 'b.png', and they with 'a.png'"),
        ("id,label\na.png,\n", "holds no label"),
        ('id,label\na.png,"1\n', "cannot be read as a CSV file"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path: Path, text: str, match: str) -> None:
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(InputError, match=match):
        labels_from_csv(tmp_path / "labels.csv", IDS)


def test_a_table_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file of labels"):
        labels_from_csv(tmp_path / "none.csv", IDS)
    (tmp_path / "labels.csv").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\x81")
    with pytest.raises(InputError, match="cannot be read as a CSV file"):
        labels_from_csv(tmp_path / "labels.csv", IDS)


def test_trailing_blanks_make_no_classes(tmp_path: Path) -> None:
    """The case `labels`: a table as a spreadsheet leaves it."""
    ids = pd.Series([f"im{i}.png" for i in range(6)])
    file = tmp_path / "labels.csv"
    file.write_text(
        "id,label\n" + "".join(f"{name}{' ' * (i % 3)},quartz{' ' * (i % 2)}\n" for i, name in enumerate(ids))
    )
    assert labels_from_csv(file, ids).names == ["quartz"]
    assert as_labels(["rock", "rock ", " rock"], 3, "labels").names == ["rock"]


def test_numbers_that_a_spreadsheet_made_decimal_are_whole(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("id;label\na.png;1.0\nsub/b.png;1\nNA;-3\n")
    labels = labels_from_csv(file, IDS)
    assert (labels.codes.tolist(), labels.names) == ([1, 1, -3], None)
    file.write_text("id;label\na.png;1,5\nsub/b.png;1\nNA;2\n")
    assert labels_from_csv(file, IDS).names == ["1", "1,5", "2"]


def test_labels_of_a_part_say_their_share(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("id,label\na.png,rock\nNA, \nother.png,bone\n")
    labels = labels_from_csv(file, IDS)
    assert labels.codes.tolist() == [0, UNLABELLED, UNLABELLED]
    assert labels.names == ["rock"]
    assert labels.note == (
        "1 of 3 images have a label (33.3 %): measures that need labels are of these; "
        "rows of labels.csv that name no image: 1, the first 'other.png'"
    )


@pytest.mark.parametrize("values", [["a", None, "b"], ["a", "  ", "b"], [2.0, np.nan, 3.0]])
def test_a_column_may_lack_labels(values: list) -> None:
    labels = partial_labels(values, "the column")
    assert (labels.codes != UNLABELLED).tolist() == [True, False, True]
