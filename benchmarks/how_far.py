"""Seconds and memory by image and by voxel at several sizes, each command in processes of its own, for the page *How far it goes*.

python benchmarks/how_far.py                      # what is missing of all rows; on a machine that does nothing else
python benchmarks/how_far.py --only "label 250"   # rows whose name begins so
python benchmarks/how_far.py --list

Volumes: em-fly (10 nm isotropic), a corner of it and it mirrored to 8 times its voxels, labelled by `facies segment --apply` with
reading and writing. Images: handwritten digits (MNIST) and photographs of pollen, repeated.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import record

NAME = "how-far"
WORK = record.WORK / NAME
FLY = ("--voxel-size", "10,10,10")
ROWS: dict[str, dict[str, Any]] = {
    "learn 250": {"kind": "voxels learnt from", "count": 250**3},
    "label 125": {"kind": "voxels labelled", "count": 125**3},
    "label 250": {"kind": "voxels labelled", "count": 250**3},
    "label 500": {"kind": "voxels labelled", "count": 500**3},
    "cluster 1000": {"kind": "digits clustered", "count": 1_000},
    "cluster 4000": {"kind": "digits clustered", "count": 4_000},
    "cluster 16000": {"kind": "digits clustered", "count": 16_000},
    "predict 10000": {"kind": "digits predicted", "count": 10_000},
    "predict 80000": {"kind": "digits predicted", "count": 80_000},
    "photographs 720": {"kind": "photographs predicted", "count": 720},
    "photographs 5760": {"kind": "photographs predicted", "count": 5_760},
}
JOBS = 2


def watched(*words: object) -> dict[str, Any]:
    """Run a command of Facies; its seconds by the clock, and the most memory all its processes hold together."""
    command = [sys.executable, "-m", "facies.cli", *map(str, words)]
    start = time.perf_counter()
    process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    peak = largest = 0
    while process.poll() is None:
        sizes = [resident(each) for each in [process, *children(process)]]
        peak, largest = max(peak, sum(sizes)), max(largest, *sizes)
        time.sleep(0.1)
    seconds = time.perf_counter() - start
    if process.returncode:
        sys.exit(f"facies {words[0]} ended with {process.returncode}: {process.stderr.read().decode()[-2000:]}")
    return {"seconds": round(seconds, 2), "peak_mb": round(peak / 2**20), "peak_mb_of_one": round(largest / 2**20)}


def children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def fly(side: int) -> Path:
    """em-fly with so many voxels a side: cut, or mirrored."""
    path = WORK / f"fly-{side}.npy"
    if not path.exists():
        with np.load(record.SHARED / "em-fly" / "em_fly_medulla.npz") as file:
            whole = file["volume"]
        more = max(0, side - len(whole))
        np.save(path, np.pad(whole, [(0, more)] * 3, mode="symmetric")[:side, :side, :side])
    return path


def digits(count: int) -> Path:
    """The first images of MNIST, repeated where there are more."""
    path = WORK / f"digits-{count}.npy"
    if not path.exists():
        with np.load(record.SHARED / "mnist" / "mnist.npz") as file:
            images = file["images"]
        np.save(path, np.resize(images, (count, *images.shape[1:])))
    return path


def pollen(count: int) -> Path:
    """Photographs of pollen, repeated where there are more."""
    path = WORK / f"pollen-{count}.npy"
    if not path.exists():
        with np.load(record.SHARED / "real-images" / "pollen96.npz") as file:
            images = file["images"]
        np.save(path, np.resize(images, (count, *images.shape[1:])))
    return path


def measure(name: str) -> dict[str, Any]:
    """Run the command of a row; what it needs and does not measure is made first, once."""
    what, number = name.split()
    result = WORK / "result"
    shutil.rmtree(result, ignore_errors=True)
    table = WORK / "result.csv"
    if what in {"learn", "label"}:
        model = WORK / "fly-run"
        if what == "learn" or not model.is_dir():
            learnt = watched("segment", fly(250), "-o", model, *FLY, "--jobs", JOBS, "--overwrite")
            if what == "learn":
                return learnt
        found = watched("segment", model, "--apply", fly(int(number)), "-o", result, *FLY, "--jobs", JOBS)
        size = sum(each.stat().st_size for each in result.rglob("*") if each.is_file())
        return {**found, "written_mb": round(size / 2**20)}
    if what == "cluster":
        return watched("cluster", digits(int(number)), "-o", result, "--method", "moe-vae", "--preset", "quick")
    run = WORK / f"{what}-run"
    make, few, method = (digits, 4_000, "moe-vae") if what == "predict" else (pollen, 720, "pretrained")
    if not run.is_dir():
        watched("cluster", make(few), "-o", run, "--method", method)
    return watched("predict", run, make(int(number)), "-o", table, "--jobs", JOBS, "--overwrite")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="rows whose name begins so")
    parser.add_argument("--again", action="store_true", help="measure rows that are kept, too")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    for name, row in ROWS.items():
        kept = record.load(NAME).get("rows", {})
        if arguments.list:
            print(f"{name}: {'kept' if name in kept else 'missing'}")
            continue
        if not name.startswith(arguments.only) or (name in kept and not arguments.again):
            continue
        load = round(os.getloadavg()[0], 1)
        kept[name] = {**row, **measure(name), "jobs": JOBS, "load": load, "machine": record.machine()}
        print(name, kept[name], flush=True)
        record.keep(NAME, {"rows": {each: kept[each] for each in ROWS if each in kept}})


if __name__ == "__main__":
    main()
