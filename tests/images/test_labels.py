from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.images.labels import as_labels, labels_from_csv

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
        ("id,label\na.png,1\na.png,2\n", "names the image 'a.png' twice"),
        ("id,label\na.png,1\n", "no label for 2 of 3 images, the first is 'sub/b.png'"),
        ("id,label\na.png,\nsub/b.png,1\nNA,2\n", "label number 0 is missing"),
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
    (tmp_path / "labels.csv").write_bytes(b"\xff\xfe\x00\x81id,label")
    with pytest.raises(InputError, match="cannot be read as a CSV file"):
        labels_from_csv(tmp_path / "labels.csv", IDS)
