"""Thirty fits in two processes on the CPU, as a user starts them; each must end as it should.

Every fifth is moe-vae (several trainings a fit), the others are st-dac, of 300 digits, an epoch each. A fit counts if its command
exits with 0, its run opens, and neither a process nor a file in the temporary folder is left. Three run at a time, for on a busy
machine threads are late, which is the harder test; the load is in the result. The command goes on from the fits that it has kept.

python benchmarks/two_processes.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np
import record

from facies.runs import RunFolder

NAME = "two-processes"
TIMES = 30
AT_A_TIME = 3
N_IMAGES = 300
EPOCHS = {
    "moe-vae": (
        "autoencoder.epochs=1",
        "manager.epochs=1",
        "mixture.epochs=1",
        "experts.epochs=1",
        "density.n_layouts=1",
    ),
    "st-dac": ("training.epochs=1",),
}
LEFTOVERS = ("facies-*", "pymp-*", "pytorch-*")


def digits(folder: Path) -> Path:
    """The first digits of scikit-learn as a file."""
    from sklearn.datasets import load_digits

    path = folder / "digits.npz"
    np.savez(path, images=load_digits().images[:N_IMAGES].astype(np.float32))
    return path


def fit(method: str, seed: int) -> dict[str, Any]:
    """Fit once in a temporary folder that must be empty afterwards, and say how it ended."""
    with tempfile.TemporaryDirectory(prefix="two-processes-") as name:
        folder, temporary = Path(name), Path(name) / "temporary"
        temporary.mkdir()
        settings = [word for setting in EPOCHS[method] for word in ("--set", setting)]
        command = [sys.executable, "-m", "facies.cli", "cluster", str(digits(folder)), "-o", str(folder / "run")]
        command += ["--method", method, "--seed", str(seed), "--accelerator", "cpu", "--devices", "2", *settings]
        load = os.getloadavg()[0]
        environment = {**os.environ, "TMPDIR": str(temporary)}
        ended = subprocess.run(
            command, capture_output=True, text=True, env=environment, check=False, start_new_session=True
        )
        row = {"method": method, "seed": seed, "exit_code": ended.returncode, "load": round(load, 1)}
        if ended.returncode != 0:
            return {**row, "passed": False, "said": ended.stderr.strip().splitlines()[-3:]}
        n_grouped = len(RunFolder(folder / "run").partition()[0])
        left = sorted(path.name for pattern in LEFTOVERS for path in temporary.glob(pattern))
        orphans = processes_in(temporary)
        passed = n_grouped == N_IMAGES and not left and not orphans
        return {**row, "passed": passed, "files_left": left, "processes_left": orphans}


def processes_in(temporary: Path) -> int:
    """How many processes have this temporary folder in their environment: those of the fit."""
    mark = f"TMPDIR={temporary}".encode()
    found = 0
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            found += mark in path.read_bytes().split(b"\0")
        except OSError:  # another user's, or gone
            continue
    return found


def main() -> None:
    """Go on to thirty fits; keep each as soon as it has ended."""
    rows = record.load(NAME).get("fits", [])
    missing = sorted(set(range(TIMES)) - {row["seed"] for row in rows})
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for done in as_completed([pool.submit(fit, "st-dac" if seed % 5 else "moe-vae", seed) for seed in missing]):
            rows.append(done.result())
            passed = sum(row["passed"] for row in rows)
            result = {"passed": passed, "of": len(rows), "n_images": N_IMAGES, "settings": EPOCHS}
            record.keep(NAME, {**result, "fits": rows, "machine": record.machine()})
            print(f"{len(rows)} of {TIMES}: {rows[-1]}", flush=True)
    print(f"{sum(row['passed'] for row in rows)} of {len(rows)}")


if __name__ == "__main__":
    main()
