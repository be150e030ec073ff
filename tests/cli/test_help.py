from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

import facies
from facies.cli import app
from facies.cli.app import _has_huge_pages
from facies.report import exporters
from facies.volumes.exports import FORMATS
from facies.workflows.export import model_exporters
from tests.cli.factories import call

COMMANDS = (
    "cluster",
    "predict",
    "sample",
    "evaluate",
    "report",
    "export",
    "methods",
    "presets",
    "doctor",
    "demo",
    "atlas",
    "extract",
    "consensus",
    "select",
    "cut",
    "recluster",
    "refine",
    "name",
    "audit",
    "classify",
    "benchmark",
    "segment",
)

_HELP = """
import io, json, sys
from contextlib import redirect_stdout
import facies
from facies.cli import app
from facies.cli.app import _has_huge_pages
for words in (["--help"], *([name, "--help"] for name in sys.argv[1:])):
    try:
        with redirect_stdout(io.StringIO()):
            app(words)
    except SystemExit as end:
        assert not end.code, (words, end.code)
print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
"""


def run(code: str, *arguments: str) -> str:
    return subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True).stdout


def test_help_imports_nothing_heavy() -> None:
    loaded = set(json.loads(run(_HELP, *COMMANDS)))
    assert "typer" in loaded
    heavy = {
        "torch",
        "numpy",
        "sklearn",
        "pandas",
        "scipy",
        "numba",
        "umap",
        "hdbscan",
        "lightning",
        "PIL",
        "matplotlib",
    }
    assert loaded & heavy == set()


def test_these_are_all_commands() -> None:
    assert set(get_command(app).commands) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_an_example_that_parses(name: str) -> None:
    result = call(name, "--help")
    assert result.exit_code == 0
    text = " ".join(result.stdout.split())
    assert f"Example: facies {name}" in text
    assert "--debug" in text
    command = get_command(app).commands[name]
    words = command.epilog.removeprefix(f"Example: facies {name}").split()
    command.make_context(name, words)


def test_no_command_shows_the_help() -> None:
    result = call()
    assert result.exit_code == 0
    assert "Commands" in result.stdout


def test_version() -> None:
    assert call("--version").stdout == f"facies {facies.__version__}\n"


def test_unknown_command_names_the_nearest() -> None:
    result = call("clutser")
    assert result.exit_code == 2
    assert "Did you mean 'cluster'" in result.stderr


def test_export_help_names_every_exporter() -> None:
    option = next(p for p in get_command(app).commands["export"].params if p.name == "to")
    of_volumes = [name for name in FORMATS if name not in exporters()]
    assert option.metavar.split("|") == [*exporters(), *model_exporters(), *of_volumes]


def test_import_of_the_library_costs_nothing() -> None:
    loaded = set(json.loads(run("import facies, json, sys; print(json.dumps([*sys.modules]))")))
    assert loaded & {"torch", "numpy", "facies.images"} == set()


@pytest.mark.parametrize("room", ["facies.workflows", "facies.report", "facies.atlas.server"])
def test_what_reads_runs_starts_without_networks_and_without_estimators(room: str) -> None:
    loaded = set(json.loads(run(f"import {room}, json, sys; print(json.dumps([*sys.modules]))")))
    assert room in loaded
    assert loaded & {"torch", "sklearn", "scipy.stats", "matplotlib"} == set()


@pytest.mark.parametrize("room", ["facies.images", "facies.images.readers", "facies.cluster"])
def test_a_room_gives_its_names_when_asked(room: str) -> None:
    module = importlib.import_module(room)
    for name in module.__all__:
        given = getattr(module, name)
        assert getattr(given, "__name__", name) == name
        assert not inspect.ismodule(given)
    with pytest.raises(AttributeError, match=f"module '{room}' has no attribute 'nothing'"):
        module.nothing  # noqa: B018 - to name it is the test


def test_the_library_gives_its_names_when_asked() -> None:
    from facies.images import open_images
    from facies.methods.moe_vae.method import MoEVAE

    assert facies.open_images is open_images
    assert facies.MoEVAE is MoEVAE
    for name in facies.__all__:
        assert getattr(facies, name) is not None
        assert name in dir(facies)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        facies.nothing  # noqa: B018 - to name it is the test


@pytest.mark.parametrize(
    ("setting", "there"), [("always [madvise] never", True), ("always madvise [never]", False), (None, False)]
)
def test_huge_pages_are_asked_for_where_there_are_some(tmp_path: Path, setting: str | None, there: bool) -> None:
    file = tmp_path / "enabled"
    if setting is not None:
        file.write_text(setting)
    assert _has_huge_pages(file) is there
