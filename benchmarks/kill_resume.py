"""Kill a fit with SIGKILL at ten random moments, resume each, and compare its labels with those of the unbroken fit.

The fit is that of the digits, every stage of it, with fewer epochs so that ten of them take minutes.

python benchmarks/kill_resume.py
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import record
from clustering import input_of

TIMES = 10
SETTINGS = (
    "autoencoder.epochs=15",
    "manager.epochs=6",
    "mixture.epochs=4",
    "experts.epochs=4",
    "density.n_layouts=3",
)


def start(run: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start a fit in a session of its own."""
    command = [
        sys.executable,
        "-m",
        "facies.cli",
        "cluster",
        str(input_of("digits")),
        "-o",
        str(run),
        "--seed",
        "0",
        *(word for setting in SETTINGS for word in ("--set", setting)),
        *options,
    ]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def labels_of(run: Path) -> np.ndarray:
    """Groups of a finished run."""
    return pd.read_parquet(run / "partitions" / "moe-vae.parquet")["group"].to_numpy()


def main() -> None:
    """Kill, resume, compare, keep."""
    record.WORK.mkdir(exist_ok=True)
    whole = record.WORK / "kill-whole"
    for path in record.WORK.glob("*kill-*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    began = time.monotonic()
    if start(whole).wait() != 0:
        sys.exit("the unbroken fit failed")
    seconds = time.monotonic() - began
    expected = labels_of(whole)
    moments, equal = [], []
    chance = random.Random(0)
    for number in range(TIMES):
        run = record.WORK / f"kill-{number}"
        fit = start(run)
        moment = chance.uniform(0.05, 0.95) * seconds
        time.sleep(moment)
        os.killpg(fit.pid, signal.SIGKILL)
        fit.wait()
        resumed = start(run, "--resume").wait()
        moments.append(moment)
        equal.append(bool(resumed == 0 and np.array_equal(labels_of(run), expected)))
        print(
            f"killed after {moment:.0f} s of about {seconds:.0f}: labels {'equal' if equal[-1] else 'DIFFER'}",
            flush=True,
        )
    result = {
        "equal": sum(equal),
        "of": TIMES,
        "settings": SETTINGS,
        "seconds_unbroken": seconds,
        "moments": moments,
        "machine": record.machine(),
    }
    record.keep("kill-resume", result)
    print(f"{sum(equal)} of {TIMES} equal")


if __name__ == "__main__":
    main()
