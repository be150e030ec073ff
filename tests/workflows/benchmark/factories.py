"""A suite on images that take no time to make, and a process that answers at once instead of fitting."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

WORKER = r"""
import json, pathlib, sys, time, os, signal
job = json.loads(sys.stdin.readline())
here = pathlib.Path({folder!r})
with open(here / "started", "a") as file:
    file.write(f"{{job['set']}} {{job['entry']}} {{job['seed']}} {{os.getpid()}}\n")
mode = json.loads((here / "modes.json").read_text()).get(job["entry"], "good")
if mode == "wait":
    sys.stdin.read()  # as the real one: ends with the process that started it
    sys.exit(1)
if mode == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if mode == "crash":
    print("it broke here", file=sys.stderr)
    sys.exit(3)
if mode == "refuses":
    print(json.dumps({{"error": f"{{job['source']}}: cannot be used", "peak_bytes": 5}}))
    sys.exit(0)
unlabelled = mode == "unlabelled"
score = None if unlabelled else 0.5 + job["seed"] / 10
print(json.dumps({{"n_groups": 3, "accuracy": score, "accuracy_majority": score, "nmi": score, "ari": score, "seconds": 2.0,
    "seconds_by_stage": {{"fit": 2.0}}, "peak_bytes": 2**20, "collapsed": mode == "collapsed", "error": None, "labels": "none"
    if unlabelled else "60 of 60 images", "silhouette": 0.25, "davies_bouldin": 1.5, "n_groups_asked": 3, "notes": []}}))
"""

SUITE = """
seeds = [0, 1]

[sets]
squares = { source = "squares.npz", n_groups = 3 }

[methods]
dec = { preset = "quick", parameters = { "training.epochs" = 2 } }
idec = {}
"""


def make_suite(folder: Path, text: str = SUITE) -> Path:
    """A suite beside its set."""
    images = np.random.default_rng(0).integers(0, 255, (60, 8, 8), dtype=np.uint8)
    np.savez(folder / "squares.npz", images=images, labels=np.repeat([0, 1, 2], 20), weights=np.ones(3))
    path = folder / "suite.toml"
    path.write_text(text)
    return path


def make_worker(folder: Path, **modes: str) -> list[str]:
    """The command of a process that answers as the modes of its method say: good, refuses, crash, killed, wait …"""
    (folder / "modes.json").write_text(json.dumps(modes))
    (folder / "worker.py").write_text(WORKER.format(folder=str(folder)))
    return [sys.executable, "-S", str(folder / "worker.py")]


def started(folder: Path) -> list[str]:
    """What was started so far: ``SET METHOD SEED``."""
    path = folder / "started"
    return [" ".join(line.split()[:3]) for line in path.read_text().splitlines()] if path.exists() else []


def row(**values: Any) -> dict[str, Any]:
    """A row that lacks nothing."""
    machine = {"cpu": "a processor", "cores": 2, "gpu": None, "system": "Linux"}
    usual = {
        "set": "squares", "method": "dec", "seed": 0, "n_groups": 3, "accuracy": 0.5, "accuracy_majority": 0.6, "nmi": 0.4,
        "ari": 0.3, "seconds": 10.0, "peak_bytes": 2**20, "collapsed": False, "error": None, "published": None,
        "labels": "60 of 60 images", "machine": machine, "versions": {"facies": "0.3"}, "commit": "abc", "threads": "1",
        "date": "2026-11-01T00:00:00+00:00",
    }  # fmt: skip
    return {**usual, **values}
