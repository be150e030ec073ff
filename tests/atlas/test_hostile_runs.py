"""Three hundred run folders of strangers: none hangs, reads outside of its folder, or takes all memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.atlas.hostile_runs import HOSTILE, N_CASES, write_pristine

PARTS = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    write_pristine(folder)
    return folder


@pytest.mark.parametrize("part", range(PARTS))
def test_a_hostile_run_costs_one_line(folder: Path, part: int) -> None:
    first, last = part * N_CASES // PARTS, (part + 1) * N_CASES // PARTS
    assert len(HOSTILE) < N_CASES
    state = folder / "state"
    state.mkdir(exist_ok=True)
    (state / "confirmed-folders.json").write_text(json.dumps({"folders": [str((folder / "pictures").resolve())]}))
    environment = {**os.environ, "FACIES_STATE": str(state), "OMP_NUM_THREADS": "1"}
    for what in ("make", "open"):
        command = [sys.executable, "-m", "tests.atlas.hostile_runs", what, str(folder), str(first), str(last)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr[-3000:]
    outcome = json.loads(done.stdout.splitlines()[-1])
    assert not outcome["faults"], "\n".join(outcome["faults"])
    assert outcome["peak_bytes"] < 2**30
