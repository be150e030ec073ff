"""Programs of others as methods of a benchmark: they get the same images in an environment of their own, and are counted alike."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.workflows.benchmark.surroundings import peak_bytes

PROGRAM = "program"
"""Stands for the name of a method in the rows of programs."""
LOOK_S = 0.1
"""So often is looked whether a program has ended, and how much memory it holds."""


def check_program(program: Any, where: str) -> tuple[str, ...]:
    """Return the command of a program, a list of words."""
    if not isinstance(program, list) or not program or not all(isinstance(each, str) and each for each in program):
        raise InputError(
            f"{where}: program={program!r}: give a list of words, such as ['envs/clustpy/bin/python', 'clustpy_dec.py']"
        )
    return tuple(program)


def absolute_command(program: Sequence[str], folder: Path) -> list[str]:
    """The same with paths from the suite's folder made absolute; words that are no files there stay."""
    return [str(folder / word) if (folder / word).exists() or _is_path(word) else word for word in program]


def measure_program(job: dict[str, Any]) -> dict[str, Any]:
    """Let a program group the images, and measure its groups; labels are read after it has ended.

    The program is called with a folder, and finds there ``images.npy`` (N, C, H, W) in native units and ``request.json`` with
    ``n_groups``, ``seed`` and ``parameters``. It writes ``groups.npy``, (N,), whole numbers, −1 for noise; and perhaps
    ``answer.json``, which may hold ``seconds_by_stage`` and ``versions``.

    Raises
    ------
    InputError
        If its environment or the program is missing, or it fails or gives no such groups.
    """
    from facies.images import open_images
    from facies.images.labels import UNLABELLED
    from facies.metrics import evaluate_partition

    command = _found(job["program"])
    images = open_images(job["source"], **job["options"])
    folder = Path(job["run"])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    parameters = {
        name: value for name, value in job["parameters"].items() if name not in ("random_state", "n_clusters")
    }
    request = {
        "n_groups": job["parameters"].get("n_clusters"),
        "seed": job["parameters"]["random_state"],
        "parameters": parameters,
    }
    (folder / "request.json").write_text(json.dumps(request, indent=1), "utf-8")
    try:
        np.save(
            folder / "images.npy", np.concatenate([block.numpy() for block in images.batches()]), allow_pickle=False
        )
        seconds, peak = _run([*command, str(folder)])
        groups = _groups(folder / "groups.npy", len(images))
    finally:
        (folder / "images.npy").unlink(missing_ok=True)
    labels = images.labels
    known = None if labels is None else labels != UNLABELLED
    answer = _answer(folder / "answer.json")
    stages = answer.get("seconds_by_stage") or {"program": seconds}
    return {
        "scores": evaluate_partition(groups, labels=labels, labelled=known),
        "has_labels": labels is not None,
        "groups": groups,
        "seconds": sum(stages.values()),
        "seconds_by_stage": stages,
        "peak_bytes": peak,
        "program_versions": answer.get("versions"),
    }


def _is_path(word: str) -> bool:
    return "/" in word and not word.startswith("-")


def _found(program: Sequence[str]) -> list[str]:
    environment = shutil.which(program[0])
    if environment is None:
        raise InputError(f"its environment is missing: there is no {program[0]}; make it, and run again with --retry")
    for word in program[1:]:
        if _is_path(word) and not Path(word).exists():
            raise InputError(f"there is no {word}; mend the program in the suite, and run again with --retry")
    return [environment, *program[1:]]


def _run(command: Sequence[str]) -> tuple[float, int | None]:
    """Seconds and the most memory that its process has held; what it prints goes to the log of the run."""
    begun, peak, pause = time.monotonic(), None, LOOK_S / 50
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr.fileno())  # noqa: S603 - the suite's own
    try:
        while process.poll() is None:
            peak = peak_bytes(process.pid) or peak
            time.sleep(pause)
            pause = min(2 * pause, LOOK_S)  # one that ends at once is looked at, too
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        raise InputError(f"the program ended with code {process.returncode}; what it printed is in the log of the run")
    return time.monotonic() - begun, peak


def _groups(path: Path, count: int) -> NDArray[np.int64]:
    try:
        groups = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise InputError("the program wrote no groups.npy") from None
    except (OSError, ValueError) as error:
        raise InputError(f"the program's groups.npy cannot be read ({error})") from error
    if groups.shape != (count,) or groups.dtype.kind not in "iu" or groups.min() < -1:
        raise InputError(
            f"the program's groups.npy is {groups.dtype} {groups.shape}: give {count} whole numbers from -1, one an image"
        )
    return groups.astype(np.int64)


def _answer(path: Path) -> dict[str, Any]:
    """What a program says of itself."""
    if not path.exists():
        return {}
    try:
        answer = json.loads(path.read_text("utf-8"))
        stages = {name: float(seconds) for name, seconds in answer.get("seconds_by_stage", {}).items()}
        about = {name: str(version) for name, version in answer.get("versions", {}).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"the program's answer.json cannot be read ({error})") from error
    if not all(math.isfinite(seconds) and seconds >= 0 for seconds in stages.values()):
        raise InputError("the program's answer.json: seconds_by_stage holds no seconds")
    return {"seconds_by_stage": stages, "versions": about}
