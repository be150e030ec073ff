"""Methods that other packages bring, and packages that cannot be imported."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from facies.plugins import _load
from facies.runs import RunFolder
from tests.cli.factories import call, error_line
from tests.workflows.factories import Brightness

GROUP = "facies.methods"


class PluginMethod(Brightness):
    """A method of another package."""

    name = "plugin"


@pytest.fixture(autouse=True)
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a package with a method, and one that fails when it is imported."""
    _load.cache_clear()
    entries = (
        EntryPoint("plugin", f"{__name__}:PluginMethod", GROUP),
        EntryPoint("broken", "no_such_package.method:Method", GROUP),
    )
    monkeypatch.setattr("facies.plugins._entry_points", lambda group: entries if group == GROUP else ())


@pytest.mark.parametrize("command", ["methods", "presets"])
def test_a_method_is_listed_and_a_package_that_fails_is_named_once(command: str) -> None:
    result = call(command, "--json")
    assert result.exit_code == 0, result.stderr
    answer = json.loads(result.stdout)
    names = {method["name"] for method in answer["methods"]} if command == "methods" else set(answer)
    assert "plugin" in names
    assert "broken" not in names
    [line] = [line for line in result.stderr.splitlines() if "no_such_package" in line]
    assert line.startswith("facies: note: no_such_package.method of the package no_such_package is left out")


def test_a_method_of_another_package_clusters(source: Path, tmp_path: Path) -> None:
    assert call("cluster", source, "-o", tmp_path / "run", "--method", "plugin").exit_code == 0
    assert RunFolder(tmp_path / "run").manifest["method"] == "plugin"
    table = tmp_path / "groups.csv"
    assert call("predict", tmp_path / "run", source, "-o", table).exit_code == 0


def test_a_method_that_cannot_be_imported_is_refused(source: Path, tmp_path: Path) -> None:
    result = call("cluster", source, "-o", tmp_path / "run", "--method", "broken")
    assert result.exit_code == 2
    assert (
        error_line(result) == "the method 'broken' cannot be imported from the package that has it: update that package"
    )
    assert "did you mean 'plugin'?" in error_line(call("cluster", source, "-o", tmp_path / "run", "--method", "plugn"))
