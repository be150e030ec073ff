"""The example of grains: what it compares with is right, and its commands exist."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pandas as pd
import pytest
from typer.main import get_command

EXAMPLE = Path(__file__).parents[1] / "examples" / "grains"


@pytest.fixture(autouse=True)
def in_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE))
    for name in ("sediment", "truth", "run"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def boxes(*rows: tuple[str, int, int, int, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["stack", "x0", "y0", "x1", "y1"])


def test_grains_get_the_kind_that_lies_in_their_box() -> None:
    from truth import NOTHING, SEVERAL, kinds_of

    rendered = boxes(("a", 0, 0, 10, 10), ("a", 20, 0, 30, 10), ("b", 0, 0, 10, 10))
    rendered = rendered.assign(kind=["quartz", "rock fragment", "dark mineral"])
    found = boxes(
        ("a", 1, 0, 11, 10), ("a", 0, 0, 30, 10), ("b", 0, 1, 10, 9), ("b", 50, 50, 60, 60), ("c", 0, 0, 9, 9)
    )
    assert kinds_of(found, rendered).tolist() == ["quartz", SEVERAL, "dark mineral", NOTHING, NOTHING]


def test_groups_get_the_kind_of_most_of_their_grains() -> None:
    from truth import names_of_groups

    names = names_of_groups(pd.Series([4, 4, 4, 7]), pd.Series(["quartz", "quartz", "rock fragment", "rock fragment"]))
    assert names["group"].tolist() == [4, 7]
    assert names["name"].tolist() == ["quartz", "rock fragment"]
    assert names["share"].tolist() == pytest.approx([2 / 3, 1])


def test_photographs_and_facts_fit_together(tmp_path: Path) -> None:
    from sediment import KINDS, ROLES, write_facts, write_photographs
    from truth import read_truth

    from facies.annotations import ROLES as KNOWN_ROLES
    from facies.grains.extraction.focal_stacks import find_stacks
    from facies.grains.report.sample_metadata import read_sample_metadata
    from facies.grains.synthetic import KINDS as DRAWN

    write_photographs(tmp_path / "photos", 1, seed=0)
    write_facts(tmp_path / "samples.csv")
    stacks = find_stacks(tmp_path / "photos", layers=6).stacks
    samples = read_sample_metadata(tmp_path / "samples.csv")["sample"].tolist()
    assert [stack.sample for stack in stacks] == samples
    assert set(read_truth(tmp_path / "photos")["stack"]) == {stack.name for stack in stacks}
    assert set(KINDS) == set(ROLES) == set(DRAWN)
    assert {role for roles in ROLES.values() for role in roles.split(";")} <= set(KNOWN_ROLES)


def options_of(command: str) -> set[str]:
    from facies.cli.app import app

    found = get_command(app).commands[command]
    return {name for parameter in found.params for name in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.parametrize("text", ["docs/grains.md", "examples/grains/run.py"])
def test_commands_and_options_that_are_told_exist(text: str) -> None:
    source = (EXAMPLE.parents[1] / text).read_text()
    told = re.findall(r"^facies (\w+) ([^\n#]*)", source, re.M) + re.findall(r'facies\("(\w+)", ([^\n]*)', source)
    assert len(told) >= 6
    for command, rest in told:
        options = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", rest))
        assert options <= options_of(command), f"facies {command} {rest}"
