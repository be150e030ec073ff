from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.annotations import Journal, read_annotations
from facies.runs import RunFolder
from tests.cli.factories import call


@pytest.fixture
def own(run_path: Path, tmp_path: Path) -> Path:
    """A run that a test may decide about: groups 0, 1, 2."""
    return shutil.copytree(run_path, tmp_path / "own")


def names(run: Path) -> dict[int, str]:
    table, decisions = RunFolder(run).partition()[0], read_annotations(RunFolder(run))
    return {int(group): decisions.names[rows][0] for group, rows in table.groupby("group").indices.items()}


def test_groups_are_named_and_shown(own: Path) -> None:
    result = call("name", own, "0=quartz", "1,2=whole foraminifera", "--role", "biogenic=whole foraminifera")
    assert result.exit_code == 0, result.stderr
    assert names(own) == {0: "quartz", 1: "whole foraminifera", 2: "whole foraminifera"}
    assert "quartz" in result.stdout
    assert "biogenic" in result.stdout
    answer = json.loads(call("name", own, "--json").stdout)
    assert [row["class"] for row in answer["groups"]] == ["quartz", "whole foraminifera", "whole foraminifera"]
    assert [(row["name"], row["roles"]) for row in answer["classes"]] == [
        ("quartz", []),
        ("whole foraminifera", ["biogenic"]),
    ]
    assert sum(row["n_images"] for row in answer["classes"]) == 60


def test_a_command_is_one_decision_that_can_be_undone_and_done_again(own: Path) -> None:
    call("name", own, "0=quartz", "1=chert", "--exclude", "2=cut", "--user", "Ada")
    assert read_annotations(RunFolder(own)).revision == 1
    result = call("name", own, "--undo")
    assert result.exit_code == 0
    assert "undone: Ada named groups (60 images" in result.stderr
    assert "No group is named yet" in result.stdout
    assert not read_annotations(RunFolder(own)).states.any()
    assert call("name", own, "--redo").exit_code == 0
    assert names(own)[1] == "chert"
    assert call("name", own, "--undo").exit_code == 0
    nothing = call("name", own, "--undo")
    assert nothing.exit_code == 2
    assert "nothing to undo" in nothing.stderr


def test_a_name_can_be_taken_away(own: Path) -> None:
    call("name", own, "0=quartz")
    call("name", own, "0=none")
    assert names(own)[0] == ""


def test_groups_and_classes_are_excluded_with_a_reason(own: Path) -> None:
    call("name", own, "0=quartz", "1=two grains", "--exclude", "2=cut", "--exclude", "two grains=touching")
    table, decisions = RunFolder(own).partition()[0], read_annotations(RunFolder(own))
    assert set(decisions.reasons[table["group"] == 2]) == {"cut"}
    assert set(decisions.reasons[table["group"] == 1]) == {"touching"}
    assert decisions.counts().to_dict() == {"quartz": int((table["group"] == 0).sum()), "two grains": 0}


@pytest.mark.parametrize(("mark", "separator"), [("", ","), ("\ufeff", ";")])
def test_a_file_names_groups(own: Path, tmp_path: Path, mark: str, separator: str) -> None:
    lines = [
        "group,name,role,excluded,reason,count",
        "0,quartz,terrigenous,,,5",
        "1,,,yes,cut,1",
        "",
        "2,shells,biogenic/whole,,,",
    ]
    text = "\n".join(lines).replace("/", ";" if separator == "," else ",").replace(",", separator)
    if separator == ";":
        text = text.replace("biogenic;whole", '"biogenic;whole"')
    (tmp_path / "names.csv").write_text(mark + text, "utf-8")
    result = call("name", own, "--file", tmp_path / "names.csv")
    assert result.exit_code == 0, result.stderr
    assert names(own) == {0: "quartz", 1: "", 2: "shells"}
    decisions = read_annotations(RunFolder(own))
    assert decisions.classes["roles"].tolist() == [["terrigenous"], ["biogenic", "whole"]]
    assert set(decisions.reasons) == {"", "cut"}


def test_a_file_excludes_a_class(own: Path, tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("group,name,excluded,reason\n0,clumps,true,\n1,clumps,true,touching\n")
    call("name", own, "--file", tmp_path / "names.csv", "2=quartz")
    decisions = read_annotations(RunFolder(own))
    assert decisions.classes["reason"].tolist() == ["touching", ""] or decisions.classes["reason"].tolist() == [
        "",
        "touching",
    ]
    assert decisions.counts()["clumps"] == 0
    assert decisions.counts()["quartz"] > 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["40=quartz", "0=chert"], "has no group 40 (nearest: 2)"),
        (["quartz=0"], "is no group"),
        (["0"], "write it as 12=quartz"),
        (["0=a", "0=b"], "named twice"),
        (["0=quartz", "--role", "biogenous=quartz"], "did you mean 'biogenic'"),
        (["0=quartz", "--role", "biogenic=quarts"], "did you mean 'quartz'"),
        (["0=quartz", "--role", "biogenic=quartz", "--role", "terrigenous=quartz"], "both biogenic and terrigenous"),
        (["0=quartz", "--exclude", "17=cut"], "has no group 17"),
        (["0=" + "x" * 10_000], "10,000 characters"),
        (["0=a\u202eb"], "invisible character"),
        (["0=quartz", "--partition", "other"], "holds no partition 'other'"),
        (["0=quartz", "--undo"], "stand alone"),
        (["--file", "nowhere.csv"], "nowhere.csv: no such file of groups and their names"),
    ],
)
def test_what_cannot_be_used_is_said_and_nothing_is_half_applied(own: Path, words: list[str], expected: str) -> None:
    result = call("name", own, *words)
    assert result.exit_code == 2, result.stdout
    assert expected in result.stderr
    assert result.stderr.count("\n") == 1
    assert read_annotations(RunFolder(own)).revision == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("number,name\n0,a\n", "lacks the column group"),
        ("a\n", "lacks the column group and name"),
        ("", "it is empty"),
        ("group,name\n", "names no group"),
        ("group,name\n0,a\nzwei,b\n", "line 3: 'zwei' is no group"),
        ("group,name\n0,a\n0,b\n", "line 3: group 0 is named twice"),
        ("group,name,excluded\n0,a,perhaps\n", "line 2: excluded is yes or no"),
        ("group,name\n0,a\n77,b\n", "no group 77 (nearest: 2)"),
    ],
)
def test_a_file_that_cannot_be_used_names_the_line(own: Path, tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "names.csv").write_text(text)
    result = call("name", own, "--file", tmp_path / "names.csv")
    assert result.exit_code == 2
    assert expected in result.stderr
    assert read_annotations(RunFolder(own)).revision == 0


def test_a_file_that_is_no_text_is_refused(own: Path, tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_bytes(b"group,name\n0,\x81\n")
    result = call("name", own, "--file", tmp_path / "names.csv")
    assert result.exit_code == 2
    assert "neither UTF-8, UTF-16 nor Latin-1): save it as CSV UTF-8" in result.stderr


def test_a_damaged_journal_is_told_of_in_one_line(own: Path) -> None:
    call("name", own, "0=quartz")
    (own / "journal.sqlite").write_bytes(b"")
    result = call("name", own, "1=chert")
    assert result.exit_code == 2
    assert "is damaged (it is empty)" in result.stderr
    assert (own / "journal.sqlite").read_bytes() == b""


def test_exports_carry_the_names(own: Path, tmp_path: Path) -> None:
    call("name", own, "0==1+1", "--exclude", "1=cut")
    call("export", own, "--to", "csv", "-o", tmp_path / "groups.csv")
    call("export", own, "--to", "parquet", "-o", tmp_path / "groups.parquet")
    table = pd.read_parquet(tmp_path / "groups.parquet")
    assert set(table.loc[table["group"] == 0, "class"]) == {"=1+1"}
    assert set(table.loc[table["group"] == 1, "state"]) == {"excluded"}
    guarded = pd.read_csv(tmp_path / "groups.csv")
    assert set(guarded.loc[guarded["group"] == 0, "class"]) == {"'=1+1"}


def test_noise_can_be_named(own: Path) -> None:
    with Journal(own) as journal:
        journal.recluster(np.arange(5), np.full(5, -1))
    result = call("name", own, "noise=dust")
    assert result.exit_code == 0, result.stderr
    assert read_annotations(RunFolder(own)).names[:6].tolist() == ["dust"] * 5 + [""]
    assert "noise" in result.stdout


def test_a_run_is_not_overwritten_once_it_is_named(own: Path, run_path: Path) -> None:
    call("name", own, "0=quartz")
    result = call("cluster", run_path.parent / "images.npz", "-o", own, "--method", "brightness", "--overwrite")
    assert result.exit_code == 2
    assert "decisions of an expert" in result.stderr
    assert names(own)[0] == "quartz"


def test_a_list_of_classes_is_taken_and_exported_again_in_the_same_form(own: Path, tmp_path: Path) -> None:
    given = tmp_path / "list.csv"
    given.write_text(
        "name,parent,key,colour,role,excluded,reason\nforams,,,,biogenic,,\nG. ruber,forams,1,#010203,planktic,,\n"
    )
    result = call("name", own, "0=G. ruber", "--class-list", given)
    assert result.exit_code == 0, result.stderr
    assert "forams > G. ruber" in result.stdout
    assert read_annotations(RunFolder(own)).revision == 2
    assert call("export", own, "--to", "classes", "-o", tmp_path / "again.csv").exit_code == 0
    assert (tmp_path / "again.csv").read_text() == given.read_text()
    result = call("export", own, "--to", "classes", "-o", tmp_path / "names.txt")
    assert "keys, colours and roles need a .csv" in result.stderr
    assert (tmp_path / "names.txt").read_text() == "forams\n    G. ruber\n"
    table = pd.read_csv(_exported(own, tmp_path / "all.csv"), keep_default_na=False)
    assert set(table.loc[table["class"] == "G. ruber", "class_path"]) == {"forams > G. ruber"}


def _exported(run: Path, path: Path) -> Path:
    assert call("export", run, "--to", "csv", "-o", path).exit_code == 0
    return path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,key\na,1\nb,1\n", "line 3: the key 1 is that of 'a' already"),
        ("name,parent\na,b\n", "line 2: there is no class 'b'"),
        (None, "No such file"),
    ],
)
def test_a_list_of_classes_that_cannot_be_used_changes_nothing(
    own: Path, tmp_path: Path, text: str | None, words: str
) -> None:
    if text is not None:
        (tmp_path / "list.csv").write_text(text)
    result = call("name", own, "0=quartz", "--class-list", tmp_path / "list.csv")
    assert result.exit_code == 2
    assert f"{tmp_path / 'list.csv'}" in result.stderr
    assert words in result.stderr
    assert read_annotations(RunFolder(own)).revision == 0
