"""Programs of others beside Facies: what counts as the time to the same accuracy, and what is said of a program that fails."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facies.errors import InputError

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
MACHINE = {"cpu": "a processor", "cores": 2, "gpu": None, "torch": "2", "commit": "abc", "date": "2026-11-29"}


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import side_by_side_page

    return side_by_side_page


def row(algorithm: str, program: str, curve: list[list[float]], seed: int = 0, **values: Any) -> dict[str, Any]:
    seconds, accuracy = curve[-1]
    usual = {"nmi": 0.5, "ari": 0.5, "n_groups": 10, "peak_gib": 0.5, "error": None, "load": 0.0, "machine": MACHINE}
    about = {"algorithm": algorithm, "program": program, "seed": seed, "seconds": seconds, "accuracy": accuracy}
    return {**about, "curve": curve, **usual, **values}


def test_the_time_to_the_same_is_that_of_the_first_moment_at_the_accuracy_of_the_peers_end(page):
    theirs = row("DEC", "clustpy", [[40, 0.7], [60, 0.85], [80, 0.8]])
    ours = row("dec", "facies", [[10, 0.75], [20, 0.8], [50, 0.9]])
    assert page.compared([(theirs, ours)]) == ["0.800", "0.900", "80", "50", "60", "20", "3.0 ×"]
    worse = row("dec", "facies", [[10, 0.75], [20, 0.79]])
    assert page.compared([(theirs, worse)])[-3:] == ["60", "never", "–"]
    assert page.compared([({**theirs, "load": 1.2}, ours)]) == ["0.800", "0.900", *"–––––"]


def test_the_page_has_pairs_of_a_seed_all_programs_and_those_that_failed(page):
    rows = [
        row("DEC", "clustpy", [[40, 0.7], [80, 0.8]]),
        row("dec", "facies", [[20, 0.9]]),
        row("dec", "facies", [[20, 0.9]], seed=1),
        {
            "algorithm": "SHADE",
            "program": "clustpy",
            "seed": 0,
            "error": "its environment is missing",
            "machine": MACHINE,
        },
    ]
    genes = [
        {"algorithm": "Hotspot", "program": "hotspot", "seed": 0, "error": "it is not there", "machine": MACHINE},
        {"algorithm": "darlc", "program": "facies", "seed": 0, "error": None, "ari": 0.5, "n_groups": 8, "seconds": 60.0,
         "unassigned_of_none": 0.9, "unassigned_of_patterns": 0.1, "load": 0.1, "machine": MACHINE},
    ]  # fmt: skip
    text = page.side_by_side({
        "side-by-side-digits": {"set": "digits", "rows": rows}, "side-by-side-genes": {"set": "planted", "rows": genes},
    })  # fmt: skip
    assert "| DEC | `dec` | 1 | 0.800 | 0.900 | 80 | 20 | 80 | 20 | 4.0 × |" in text
    assert "| facies | `dec` | 2 | 10, 10 | 0.900 ± 0.000 |" in text
    assert "| clustpy | SHADE | 0 | failed: its environment is missing |" in text
    assert "| Hotspot | 0 | failed: it is not there |" in text
    assert "| darlc | 1 | 8 | 0.500 | 0.900 | 0.100 | 60 |" in text


def test_a_row_is_measured_once_and_one_that_failed_again_on_request(page, tmp_path, monkeypatch):
    import side_by_side

    monkeypatch.setattr(side_by_side.record, "RESULTS", tmp_path)
    monkeypatch.setattr(side_by_side, "others_running", lambda: loads.pop(0))
    loads = [0.0, 2.0, 0.1]
    asked, calls = argparse.Namespace(retry=False), []

    def find() -> dict[str, Any]:
        calls.append(1)
        if len(calls) == 1:
            raise InputError("its environment is missing")
        return {"accuracy": 0.5, "error": None}

    for retry in (False, False, True, False, True, True):
        asked.retry = retry
        side_by_side.keep_row("figures", {"set": "digits"}, {"algorithm": "DEC", "seed": 0}, asked, find)
        (kept,) = json.loads((tmp_path / "figures.json").read_text())["rows"]
        assert kept["error"] == ("its environment is missing" if len(calls) == 1 else None)
    assert len(calls) == 3  # the second was measured on a busy machine
    assert (kept["load"], loads) == (0.1, [])


def test_to_ask_for_the_groups_takes_none_of_the_seconds(tmp_path, monkeypatch):
    np.save(tmp_path / "images.npy", np.zeros((3, 1, 4, 4), np.float32))
    (tmp_path / "request.json").write_text('{"seed": 0}')
    program = (
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "import numpy as np\nfrom fit_trace import Trace\n"
        "trace = Trace()\ntrace.start()\n"
        "trace.record(lambda: time.sleep(1) or np.zeros(3))\n"
        "trace.end(np.arange(len(trace.images())), 'numpy')\n"
    )
    command = [sys.executable, "-S", "-c", program, str(BENCHMARKS / "peers"), str(tmp_path)]
    environment = {"PYTHONPATH": str(Path(np.__file__).parents[1])}
    subprocess.run(command, check=True, env=environment)
    with np.load(tmp_path / "trace.npz") as trace:
        assert trace["groups"].tolist() == [[0, 0, 0], [0, 1, 2]]
        assert trace["seconds"][1] < 1
    answer = json.loads((tmp_path / "answer.json").read_text())
    assert answer["versions"] == {"numpy": np.__version__}
