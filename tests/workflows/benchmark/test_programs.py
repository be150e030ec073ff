"""Programs of others as methods: what they are given, what is counted, and what is said where they fail."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from facies.errors import InputError
from facies.workflows.benchmark.programs import absolute_command
from facies.workflows.benchmark.suite import SetEntry, read_suite
from facies.workflows.benchmark.worker import measure, outcome
from tests.workflows.benchmark.factories import make_suite

SETS = '[sets]\nsquares = { source = "squares.npz", n_groups = 3 }\n[methods]\n'
GOOD = """
import json, pathlib, sys
import numpy as np
folder = pathlib.Path(sys.argv[-1])
images, request = np.load(folder / "images.npy"), json.loads((folder / "request.json").read_text())
assert images.shape == (60, 1, 8, 8)
groups = np.repeat(np.arange(request["n_groups"]), 60 // request["n_groups"])
groups[: request["parameters"]["wrong"]] = -1
np.save(folder / "groups.npy", groups)
(folder / "answer.json").write_text(json.dumps({"seconds_by_stage": {"fit": 1.5}, "versions": {"peer": "1.0"}}))
print("said by the program")
"""


def job(folder: Path, text: str, **values) -> dict:
    make_suite(folder)
    (folder / "peer.py").write_text(text)
    parameters = {"wrong": 6, "random_state": 4, "n_clusters": 3}
    usual = {"program": [sys.executable, str(folder / "peer.py")], "parameters": parameters, "options": {}}
    return {"source": str(folder / "squares.npz"), "run": str(folder / "runs" / "peer" / "4"), **usual, **values}


def test_its_groups_are_counted_as_those_of_a_method(tmp_path, capfd):
    row = measure(job(tmp_path, GOOD))
    assert (row["n_groups"], row["n_groups_asked"], row["collapsed"]) == (3, 3, False)
    assert (row["accuracy"], row["accuracy_majority"]) == (pytest.approx(0.9), pytest.approx(0.9))
    assert (row["seconds"], row["seconds_by_stage"], row["program_versions"]) == (1.5, {"fit": 1.5}, {"peer": "1.0"})
    assert row["labels"] == "60 of 60 images"
    assert row["peak_bytes"] is None or row["peak_bytes"] > 2**20
    folder = tmp_path / "runs" / "peer" / "4"
    assert json.loads((folder / "request.json").read_text()) == {"n_groups": 3, "seed": 4, "parameters": {"wrong": 6}}
    assert {path.name for path in folder.iterdir()} == {"request.json", "groups.npy", "answer.json"}
    assert "said by the program" in capfd.readouterr().err
    json.dumps(row)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import sys; sys.exit(4)", "the program ended with code 4; what it printed is in the log"),
        ("pass", "the program wrote no groups.npy"),
        (GOOD.replace("-1\nnp", "-2\nnp"), "give 60 whole numbers from -1"),
        (GOOD.replace("groups)", "groups[:9])"), r"int64 \(9,\)"),
        (GOOD.replace("groups)", "groups.astype(object), allow_pickle=True)"), "cannot be read"),
        (GOOD.replace("1.5", "float('nan')"), "seconds_by_stage holds no seconds"),
        (GOOD.replace('{"fit": 1.5}', "3"), "answer.json cannot be read"),
    ],
)
def test_what_it_does_wrong_is_a_line(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        measure(job(tmp_path, text))
    assert not (tmp_path / "runs" / "peer" / "4" / "images.npy").exists()


def test_an_environment_that_is_missing_is_the_reason_of_the_row(tmp_path):
    missing = str(tmp_path / "envs" / "peer" / "bin" / "python")
    found = outcome(job(tmp_path, GOOD, program=[missing, str(tmp_path / "peer.py")]))
    assert found["error"].startswith(f"its environment is missing: there is no {missing}; make it")
    found = outcome(job(tmp_path, GOOD, program=[sys.executable, str(tmp_path / "pear.py")]))
    assert found["error"].startswith(f"there is no {tmp_path / 'pear.py'}; mend")


def test_a_suite_names_a_program(tmp_path):
    text = 'peer = { program = ["python3", "peer.py", "--fast"], parameters = { "a.b" = 1 } }\n'
    suite = read_suite(make_suite(tmp_path, SETS + text))
    (peer,) = suite.methods
    assert peer.parameters_for(SetEntry("a", "a", n_groups=7), 2) == {"a.b": 1, "random_state": 2, "n_clusters": 7}
    assert suite.definition()["method peer"] == "program, python3 peer.py --fast"
    (tmp_path / "peer.py").touch()
    assert absolute_command(peer.program, tmp_path) == ["python3", str(tmp_path / "peer.py"), "--fast"]
    assert absolute_command(["envs/x/python"], tmp_path) == [str(tmp_path / "envs/x/python")]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{ program = 'python' }", "program='python': give a list of words"),
        ("{ program = [] }", "give a list of words"),
        ("{ program = ['a'], preset = 'quick' }", "program and preset exclude each other"),
        ("{ program = ['a'], n_groups = 'some' }", "write 'given'"),
        ("{ program = ['a'], parameters = { n_clusters = 3 } }", "n_clusters is set by seeds and n_groups"),
    ],
)
def test_a_program_that_cannot_be_meant(tmp_path, line, words):
    with pytest.raises(InputError, match=words):
        read_suite(make_suite(tmp_path, f"{SETS}peer = {line}\n"))


def test_the_folder_is_that_of_one_run(tmp_path):
    """What an earlier try left is no answer of this one."""
    asked = job(tmp_path, GOOD)
    measure(asked)
    (tmp_path / "peer.py").write_text("pass")
    with pytest.raises(InputError, match=r"wrote no groups\.npy"):
        measure(asked)
    assert np.load(tmp_path / "squares.npz")["images"].shape == (60, 8, 8)
