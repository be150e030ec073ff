"""Packages outside Facies, really installed: one that adds to it, and one that is faulty in every way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facies.runs import RunFolder
from tests.atlas.atlas_process import running_atlas

HERE = Path(__file__).parent
N, SIDE = 60, 8
CLASSES = np.arange(N) % 3

RUN_COMMANDS = """
import json, sys
from typer.testing import CliRunner
from facies.cli import app
from tests.workflows.factories import register
register()
results = [CliRunner().invoke(app, command) for command in json.load(sys.stdin)]
print(json.dumps([[result.exit_code, result.stdout, result.stderr] for result in results]))
"""
PREDICT = """
import json, sys
from facies.methods import load_method
print(json.dumps(load_method(sys.argv[1]).predict(sys.argv[2]).tolist()))
"""


@dataclass
class Result:
    """What a command did."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def notes(self) -> list[str]:
        return [line.removeprefix("facies: note: ") for line in self.stderr.splitlines() if " note: " in line]


def python_path(*folders: Path) -> str:
    """What this process imports, and what is installed in folders."""
    return os.pathsep.join([*map(str, folders), *sys.path])


def python(code: str, *arguments: Path, installed: Path, given: str = "") -> Any:
    """What a program prints as JSON, in a process that has a package installed."""
    environment = {**os.environ, "PYTHONPATH": python_path(installed), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], env=environment, input=given, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def facies(*commands: list[Any], installed: Path) -> list[Result]:
    """Run commands one after another in one process, since its start takes longest.

    Among the methods of Facies there is ``brightness`` then, which takes no time.
    """
    given = json.dumps([[str(word) for word in command] for command in commands])
    results = [Result(*values) for values in python(RUN_COMMANDS, installed=installed, given=given)]
    for result in results:
        assert result.exit_code == 0, result.stderr
        assert "Traceback" not in result.stderr
    return results


def install(package: Path, folder: Path) -> Path:
    """Install a package into a folder of its own, so that this environment stays as it is."""
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", folder, package], check=True)
    return folder


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(HERE, tmp_path_factory.mktemp("plugin"))


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(HERE / "faulty", tmp_path_factory.mktemp("faulty"))


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 20, (N, SIDE, SIDE))
    return (40 + 70 * CLASSES[:, None, None] + noise).astype(np.uint8)


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory, pixels: np.ndarray) -> Path:
    path = tmp_path_factory.mktemp("data") / "data.tiles"
    path.write_bytes(f"tiles {N} {SIDE} {SIDE}\n".encode() + pixels.tobytes())
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, plugin: Path, tiles: Path) -> RunFolder:
    """A run of the plugin's method on a file that its reader reads."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    command = ["cluster", tiles, "-o", folder, "--method", "pca-kmeans", "--preset", "paper", "--set", "n_components=3"]
    (result,) = facies(command, installed=plugin)
    assert result.notes == []
    return RunFolder(folder)


def test_its_method_groups_what_its_reader_reads(run: RunFolder):
    assert run.manifest["method"] == "pca-kmeans"
    assert run.manifest["parameters"]["n_components"] == 3
    assert run.manifest["input"]["origin"]["kind"] == "tiles"
    assert run.embedding.shape == (N, 3)
    table, _ = run.partition()
    assert len({*zip(table["group"], CLASSES, strict=True)}) == 3


def test_commands_know_what_it_adds(run: RunFolder, plugin: Path, tiles: Path, tmp_path: Path):
    predicted, page, ids = tmp_path / "predicted.csv", tmp_path / "report.html", tmp_path / "ids.txt"
    methods, presets, *_ = facies(
        ["methods", "--json"],
        ["presets", "pca-kmeans", "--json"],
        ["predict", run.path, tiles, "-o", predicted],
        ["report", run.path, "-o", page, "--tables", tmp_path / "tables"],
        ["export", run.path, "--to", "ids", "-o", ids],
        installed=plugin,
    )
    assert "pca-kmeans" in [method["name"] for method in json.loads(methods.stdout)["methods"]]
    assert json.loads(presets.stdout)["pca-kmeans"]["quick"]["n_init"] == 2
    groups = run.partition()[0]["group"].tolist()
    assert pd.read_csv(predicted)["group"].tolist() == groups
    assert "<h2>Brightness</h2><p>The mean is 119" in page.read_text()
    assert "brightness.csv" in pd.read_csv(tmp_path / "tables" / "index.csv")["file"].tolist()
    assert ids.read_text().splitlines() == [f"{row} {group}" for row, group in enumerate(groups)]


def test_its_models_are_loaded(run: RunFolder, plugin: Path, tiles: Path):
    assert python(PREDICT, run.model_folder, tiles, installed=plugin) == run.partition()[0]["group"].tolist()


def test_the_atlas_opens_its_runs_also_beside_a_faulty_package(
    run: RunFolder, plugin: Path, faulty: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PYTHONPATH", python_path(plugin, faulty))
    with running_atlas(run.path) as atlas:
        assert atlas.act(kind="name", group=0, name="dark").status_code == 200
        (counted,) = atlas.client.get("/api/runs/run/counts").json()["classes"]
        assert (counted["name"], counted["n"]) == ("dark", N // 3)
        measures = atlas.client.get("/api/runs/run/images/4/info").json()["measures"]
        assert 110 <= measures["brightness"]["value"] < 130


def test_a_faulty_package_is_named_in_one_line_each_and_the_rest_works(
    faulty: Path, pixels: np.ndarray, tmp_path: Path
):
    (tmp_path / "images").mkdir()
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / "images" / f"{number}.png")
    run = tmp_path / "run"
    methods, cluster, report, export = facies(
        ["methods"],
        ["cluster", tmp_path / "images", "-o", run, "--method", "brightness"],
        ["report", run, "-o", tmp_path / "report.html"],
        ["export", run, "--to", "csv", "-o", tmp_path / "groups.csv"],
        installed=faulty,
    )
    assert len(pd.read_csv(tmp_path / "groups.csv")) == N
    assert faults(methods) == {"methods: 'odd'", "methods: 'moe-vae'"}
    assert faults(cluster) == {"methods: 'moe-vae'", "readers: 'odd'", "readers: 'folder'"}
    assert {"report_sections: 'odd'", "report_sections: 'grains'"} <= faults(report)
    assert faults(export) == {"exporters: 'odd'", "exporters: 'csv'"}


def faults(result: Result) -> set[str]:
    """The entry points that are named as odd, or as having a name that is taken; modules that fail are named, too."""
    notes = [note for note in result.notes if "of the package facies-faulty-plugin is left out" in note]
    assert len(set(notes)) == len(notes)
    modules = [note for note in notes if "cannot be imported" in note]
    assert [note.split()[0] for note in modules] == ["facies_faulty_plugin.absent", "facies_faulty_plugin.exits"]
    assert "No module named 'no_such_package'" in modules[0]
    assert "needs a licence" in modules[1]
    return {note.split(" of the package")[0].removeprefix("facies.") for note in notes if note not in modules}
