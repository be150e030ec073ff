"""The example of volumes: it runs from a volume to a corrected segmentation, and its commands exist."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.main import get_command
from typer.testing import CliRunner

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "volumes"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch):
    """The example, whose commands run in this process."""
    from facies.cli.app import app

    monkeypatch.syspath_prepend(str(EXAMPLE))
    monkeypatch.delitem(sys.modules, "run", raising=False)
    import run

    def facies(*words: object) -> str:
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert result.exit_code == 0, result.output
        return result.stdout

    monkeypatch.setattr(run, "facies", facies)
    yield run
    sys.modules.pop("run", None)


def test_a_small_phantom_goes_through_all_of_it(example, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(
        sys, "argv", ["run.py", "-o", str(tmp_path / "demo"), "--side", "32", "--method", "filter-bank"]
    )
    example.main()
    told = capsys.readouterr().out
    before, after = map(float, re.findall(r"(0\.\d+) without a label, (0\.\d+) after", told)[0])
    assert after > before
    assert {"report.html", "objects.csv", "corrected.zarr", "run", "corrected"} <= {
        each.name for each in (tmp_path / "demo").iterdir()
    }
    page = (tmp_path / "demo" / "report.html").read_text("utf-8")
    assert "Clusters against classes" in page
    assert "times as far from its voxel" in page


def test_clicks_lie_on_their_class(example, tmp_path: Path) -> None:
    classes = example.write_phantom(tmp_path / "phantom.npz", 24, 0)
    example.write_clicks(tmp_path / "points.csv", classes, 0)
    clicks = pd.read_csv(tmp_path / "points.csv")
    numbers = clicks["class"].map(example.CLASS_NAMES.index)
    assert np.array_equal(classes[clicks["z"], clicks["y"], clicks["x"]], numbers)
    assert (clicks["class"].value_counts() == example.CLICKS).all()


def options_of(command: str) -> set[str]:
    from facies.cli.app import app

    found = get_command(app).commands[command]
    return {name for parameter in found.params for name in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.parametrize(
    "text", ["docs/segmenting.md", "docs/volumes.md", "docs/how-far.md", "examples/volumes/run.py"]
)
def test_commands_and_options_that_are_told_exist(text: str) -> None:
    source = (ROOT / text).read_text("utf-8")
    told = re.findall(r"^facies (\w+) ([^\n#]*)", source, re.M) + re.findall(r'facies\("(\w+)", ([^\n]*)', source)
    assert len(told) >= 2
    for command, rest in told:
        options = set(re.findall(r"(?<![\w-])--?[a-z][a-z0-9-]*", rest))
        assert options <= options_of(command), f"facies {command} {rest}"
