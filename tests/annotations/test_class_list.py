from __future__ import annotations

import time

import pytest

from facies.annotations import Journal, class_list_csv, class_list_text, parse_class_list, read_annotations
from facies.errors import InputError
from facies.runs import RunFolder

TABLE = b"""Name;Parent;Key;Colour;Role;Excluded;Reason
foraminifera;;;#3f90da;biogenic;;
planktic;foraminifera;1;;biogenic;no;
benthic;foraminifera;2;;biogenic;;
"G. ruber; white";planktic;3;#aabbcc;whole, planktic;;
mixed;;x;;;yes;not a grain
"""
TEXT = b"""foraminifera
    planktic
\tG. ruber
    benthic
rock > quartz
rock > mica
"""


def taken(run: RunFolder, raw: bytes, name: str = "list.csv") -> dict[str, dict]:
    with Journal(run) as journal:
        journal.set_classes(parse_class_list(raw, name))
        return {row["name"]: row for row in journal.annotations().classes.to_dict("records")}


def test_a_table_gives_keys_parents_colours_and_roles_in_one_action(run: RunFolder) -> None:
    classes = taken(run, TABLE)
    assert classes["G. ruber; white"]["path"] == "foraminifera > planktic > G. ruber; white"
    assert classes["G. ruber; white"]["roles"] == ["whole", "planktic"]
    assert (classes["benthic"]["key"], classes["foraminifera"]["colour"]) == ("2", "#3f90da")
    assert (classes["mixed"]["excluded"], classes["mixed"]["reason"]) == (True, "not a grain")
    with Journal(run) as journal:
        assert journal.revision == 1
        journal.undo()
        assert journal.annotations().classes.empty


def test_plain_text_gives_names_and_what_lies_under_what(run: RunFolder) -> None:
    classes = taken(run, TEXT, "list.txt")
    assert [row["path"] for row in classes.values()] == [
        "foraminifera",
        "foraminifera > planktic",
        "foraminifera > G. ruber",
        "foraminifera > benthic",
        "rock",
        "rock > quartz",
        "rock > mica",
    ]


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_what_is_written_is_read_again_as_it_was(run: RunFolder, delimiter: str) -> None:
    classes = taken(run, TABLE.replace(b"mixed", b"=mixed"))
    written = class_list_csv(read_annotations(run).classes, delimiter)
    assert "'=mixed" in written
    with Journal(run) as journal:
        while journal.undo():
            pass
    again = taken(run, written.encode(), "again.csv")
    assert {name: row["path"] for name, row in again.items()} == {name: row["path"] for name, row in classes.items()}
    for name, row in classes.items():
        assert {k: again[name][k] for k in ("key", "colour", "roles", "excluded", "reason")} == {
            k: row[k] for k in ("key", "colour", "roles", "excluded", "reason")
        }
    text = class_list_text(read_annotations(run).classes)
    assert "    planktic\n        G. ruber; white\n" in text


def test_a_column_that_is_not_there_leaves_what_classes_have_and_an_empty_cell_takes_it(run: RunFolder) -> None:
    taken(run, TABLE)
    assert taken(run, b"name,colour\nbenthic,#010203\n")["benthic"]["key"] == "2"
    assert taken(run, b"name,key\nbenthic,\n")["benthic"]["key"] == ""


def test_a_key_leaves_the_class_that_had_it_and_classes_may_change_keys(run: RunFolder) -> None:
    taken(run, b"name,key\na,1\nb,2\nc,3\n")
    with Journal(run) as journal:
        action = journal.set_classes(parse_class_list(b"name,key\nb,1\na,2\nd,3\n", "x.csv"))
        keys = dict(journal.annotations().classes[["name", "key"]].to_numpy())
    assert keys == {"a": "2", "b": "1", "c": "", "d": "3"}
    assert action.parameters["moved_keys"] == ["3"]
    assert action.parameters["new"] == 1


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"name,key\na,1\nb,1\n", "list.csv, line 3: the key 1 is that of 'a' already .line 2.: give another"),
        (b"name\nquartz\nQuartz\n", "line 3: 'Quartz' stands already on line 2: leave one of them out"),
        (b"name,key\n,1\n", "line 2: the name is empty"),
        (b"name,key\na,12\n", "line 2: '12' is no key: give one letter or digit"),
        (b"name,colour\na,red\n", "line 2: 'red' is no colour: write it as #rrggbb"),
        (b"name,role\na,king\n", "line 2: there is no role 'king'"),
        (b"name,parent\na,b\n", "line 2: there is no class 'b'"),
        (b"name,parent\na,b\nb,a\n", "line 2: 'a' cannot lie under 'b', which lies under it"),
        (b"name,parent\na,a\n", "line 2: 'a' cannot lie under 'a'"),
        (
            b"name,parent\n" + b"".join(b"c%d,%s\n" % (i, b"c%d" % (i - 1) if i else b"") for i in range(21)),
            "line 22: a tree",
        ),
        (b"name,excluded\na,perhaps\n", "line 2: excluded is yes or no"),
        (b"name,wheight\na,2\n", "a column 'wheight'"),
        (b"quartz,1\n", "lacks the column name: its first line is name,parent,key"),
        (b"name\na\xe2\x80\x8fb\n", "line 2: .*invisible"),
        (b"name\n", "holds no class"),
        (b"PK\x03\x04", "it is a workbook"),
        (b"\x00\x01\x02\x03" * 9, "it is no text"),
        (b"name\n" + b"".join(b"c%d\n" % i for i in range(2001)), "at most 2,000"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_with_line_and_mend(run: RunFolder, raw: bytes, words: str) -> None:
    with Journal(run) as journal:
        with pytest.raises(InputError, match=words):
            journal.set_classes(parse_class_list(raw, "list.csv"))
        assert journal.revision == 0


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (
            b"planktic\n    fragment\nbenthic\n    fragment\n",
            "line 4: 'fragment' stands already under 'planktic' .line 2.",
        ),
        (b"a >  > b\n", "line 1: the name of a class is empty"),
        (b" \n\n", "holds no class"),
    ],
)
def test_plain_text_that_cannot_be_used_is_refused_with_its_line(raw: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_class_list(raw, "list.txt")


def test_a_long_list_takes_no_minute(run: RunFolder) -> None:
    raw = "name,parent\n" + "".join(f"class {i},{f'class {i // 2}' if i else ''}\n" for i in range(1000))
    start = time.process_time()
    assert len(taken(run, raw.encode())) == 1000
    assert time.process_time() - start < 3
