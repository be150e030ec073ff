from __future__ import annotations

import json
from pathlib import Path

import pytest

from facies.methods import METHODS
from facies.runs import RunFolder
from tests.cli.factories import call, entries


@pytest.fixture(autouse=True)
def _a_quick_method(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demonstration itself takes a minute; here the way is tested, not the method."""
    monkeypatch.setitem(METHODS, "moe-vae", "tests.workflows.factories:Brightness")


def test_demo_twice(tmp_path: Path) -> None:
    result = call("demo", "-o", tmp_path / "demo")
    assert result.exit_code == 0, result.stderr
    assert "groups found" in result.stdout
    assert "Accuracy (ACC)" in result.stdout
    assert f"run: {tmp_path / 'demo' / 'run'}" in result.stdout
    assert f"report: {tmp_path / 'demo' / 'report.html'}" in result.stdout
    first = (tmp_path / "demo" / "run" / "run.json").read_bytes()
    again = json.loads(call("demo", "-o", tmp_path / "demo", "--seed", 2, "--json").stdout)
    assert again["n_images"] == 1797
    assert again["seed"] == 2
    assert Path(again["report"]).is_file()
    assert (tmp_path / "demo" / "run" / "run.json").read_bytes() != first
    assert {name.split("/")[1] for name in entries(tmp_path) if "/" in name} == {"digits.npz", "run", "report.html"}


def test_the_run_can_be_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    call("demo")
    assert len(RunFolder("demo/run").image_set()) == 1797
