"""From the command to the first groups: seconds by stage, and the most memory that all its processes hold together.

    python benchmarks/first_minute.py                    # a folder of 2,000 photographs of 64 to 256 pixels
    python benchmarks/first_minute.py memory             # 10,000, 30,000 and 100,000 images of 64 × 64 in one file

The command is `facies cluster INPUT -o RUN` as a user types it, in a process of its own, on all cores, without kept features.
It ends when it prints the groups. The photographs are those of `../shared/data/real-images` and the microfossils, each
brought to a size of its own, half of them PNG and half JPEG, in one folder and without labels. The images in one file are the
same ones at 64 × 64, turned, mirrored and lit at random so that no two are equal.

Memory is read of every process below the command ten times a second. *All* is all that is in memory, pages of mapped files
included, which the system takes back when it needs them; *own* is what it cannot take back. A killed benchmark goes on with
the row that it was at.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import record
from numpy.typing import NDArray
from sets import input_of

PHOTOGRAPHS = 2000
COUNTS = (10_000, 30_000, 100_000)
SIDE = 64
SOURCES = ("pollen", "zooplankton", "rice", "microfossils-single")
SECONDS_BETWEEN_READINGS = 0.1


def photographs(n: int) -> Path:
    """A folder of n files, made once."""
    from PIL import Image

    folder = record.WORK / f"first-minute-photographs-{n}"
    if folder.exists():
        return folder
    rng, whole = np.random.default_rng(0), folder.with_suffix(".partial")
    shutil.rmtree(whole, ignore_errors=True)
    whole.mkdir(parents=True)
    images = [image for name in SOURCES for image in in_colours(name)]
    for number, row in enumerate(rng.choice(len(images), n, replace=n > len(images))):
        longer, ratio = int(rng.integers(64, 257)), rng.uniform(0.8, 1.0)
        size = (longer, round(ratio * longer)) if rng.random() < 0.5 else (round(ratio * longer), longer)
        picture = Image.fromarray(images[row]).resize((max(64, size[0]), max(64, size[1])), Image.Resampling.BICUBIC)
        name = f"{number:05d}"
        if number % 2:
            picture.save(whole / f"{name}.jpg", quality=90)
        else:
            picture.save(whole / f"{name}.png")
    whole.rename(folder)
    return folder


def in_one_file(n: int) -> Path:
    """A file of n grey images, made once, block by block."""
    import cv2

    path = record.WORK / f"first-minute-{n}.npy"
    if path.exists():
        return path
    small = [
        cv2.resize(image.mean(axis=-1), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        for name in SOURCES
        for image in in_colours(name)
    ]
    pool, rng = np.stack(small), np.random.default_rng(1)
    partial = path.with_suffix(".partial")
    array = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=(n, SIDE, SIDE))
    for row in range(n):
        image = np.rot90(pool[rng.integers(len(pool))], rng.integers(4))
        image = image[:, ::-1] if rng.random() < 0.5 else image
        lit = image * rng.uniform(0.8, 1.1) + rng.normal(0, 2, image.shape)
        array[row] = np.clip(np.round(lit), 0, 255).astype(np.uint8)
    array.flush()
    partial.rename(path)
    return path


def in_colours(name: str) -> list[NDArray[np.uint8]]:
    """The images of a set, (H, W, 3)."""
    with np.load(input_of(name)) as held:
        images = held["images"]
    return [image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=-1) for image in images]


class Memory(threading.Thread):
    """Reads the memory of a process and of all below it until it is stopped; the most of it in GiB."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self.process, self.most, self.stopped = process, {"all": 0.0, "own": 0.0}, threading.Event()

    def run(self) -> None:
        """Read, keep the most, wait."""
        while not self.stopped.wait(SECONDS_BETWEEN_READINGS):
            found = [memory_of(each) for each in tree_of(self.process)]
            for name in self.most:
                self.most[name] = max(self.most[name], sum(each.get(name, 0.0) for each in found))


def tree_of(process: int) -> list[int]:
    """A process and all that came from it."""
    below: list[int] = []
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            below += [int(each) for each in children.read_text().split()]
        except OSError:
            continue
    return [process, *(each for child in below for each in tree_of(child))]


def memory_of(process: int) -> dict[str, float]:
    """GiB that a process has in memory: all, and what is its own; nothing if it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return {}
    kib = {
        line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("VmRSS", "RssAnon", "RssShmem"))
    }
    own = kib.get("RssAnon", 0) + kib.get("RssShmem", 0)
    return {"all": kib.get("VmRSS", 0) / 2**20, "own": own / 2**20}


def measure(source: Path) -> dict[str, Any]:
    """Run the command once; read what it says and what it holds."""
    run, cache = record.WORK / "first-minute-run", record.WORK / "first-minute-cache"
    for folder in (run, cache):
        shutil.rmtree(folder, ignore_errors=True)
    arguments = ["cluster", str(source), "-o", str(run), "--overwrite", "--json"]
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "facies.cli", *arguments],
        env={**os.environ, "FACIES_CACHE": str(cache)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    memory = Memory(process.pid)
    memory.start()
    assert process.stderr is not None
    assert process.stdout is not None
    said = [(time.monotonic() - began, line.strip()) for line in process.stderr]
    found = json.loads(process.stdout.read())
    code, seconds = process.wait(), time.monotonic() - began
    memory.stopped.set()
    memory.join()
    if code:
        sys.exit(f"the command ended with {code}")
    manifest = json.loads((run / "run.json").read_text())
    shutil.rmtree(cache, ignore_errors=True)
    return {
        "seconds": seconds,
        "stages": seconds_by_stage(said, seconds),
        "peak_gib": memory.most["all"],
        "peak_own_gib": memory.most["own"],
        "method": found["method"],
        "n_images": found["n_images"],
        "n_groups": found["n_groups"],
        "notes": found["notes"],
        "encoder": (manifest.get("method_values") or {}).get("encoder"),
        "load_before": os.getloadavg()[2],
    }


def seconds_by_stage(said: list[tuple[float, str]], total: float) -> dict[str, float]:
    """Seconds of each stage, as the lines of the command tell them.

    *start* is all before the first stage, *between* what lies between two, and *writing* what comes after the last.
    """
    marks = [("start", 0.0)]
    for when, line in said:
        if line.endswith(" …"):
            marks.append((line.removesuffix(" …"), when))
        elif line.startswith(f"{marks[-1][0]}: done in "):
            marks.append(("between", when))
    marks[-1] = ("writing", marks[-1][1])
    stages: dict[str, float] = {}
    for (name, since), (_, until) in itertools.pairwise([*marks, ("end", total)]):
        stages[name] = stages.get(name, 0.0) + until - since
    return stages


def main() -> None:
    """Measure the rows that are not kept yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("photographs", "memory"), default="photographs")
    parser.add_argument("--counts", type=int, nargs="+", help="other numbers of images")
    parser.add_argument("--again", action="store_true", help="forget the rows of these numbers first")
    wanted = parser.parse_args()
    record.WORK.mkdir(exist_ok=True)
    what, make = wanted.what, photographs if wanted.what == "photographs" else in_one_file
    result = record.load("first-minute") or {"rows": []}
    for n in wanted.counts or ((PHOTOGRAPHS,) if what == "photographs" else COUNTS):
        rows = [row for row in result["rows"] if (row["what"], row["n"]) != (what, n)]
        if len(rows) < len(result["rows"]) and not wanted.again:
            continue
        row = {"what": what, "n": n, **measure(make(n)), "machine": record.machine()}
        result["rows"] = sorted([*rows, row], key=lambda row: (row["what"] != "photographs", row["n"]))
        record.keep("first-minute", result)
        print(json.dumps({name: row[name] for name in ("what", "n", "seconds", "stages", "peak_gib", "peak_own_gib")}))


if __name__ == "__main__":
    main()
