"""Blocks: the memory of driver and scheduler over 200,000 empty ones, and the same result after kills of workers and driver.

python benchmarks/scale_out.py memory           # 200,000 blocks on a local Dask cluster, and by two processes here
python benchmarks/scale_out.py kills            # ten kills of a worker and ten of the driver, on either engine
python benchmarks/scale_out.py memory --blocks 2000 --engine dask
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import record

from facies.scale import BlockPlan, make_engine, run_blocks
from facies.volumes import find_grey_range, open_volume
from facies.volumes.dense import compute_dense
from facies.volumes.stored_results import ResultArray

NAME = "scale-out"
WORK = record.WORK / NAME
KILLS = 10
SHAPE, BLOCK = (160, 160, 160), (32, 32, 32)


def open_nothing(_settings: Mapping[str, Any]) -> Callable[[int], None]:
    """The task of empty blocks."""
    return lambda _block: None


class Smoothing:
    """A block function that takes a moment, so that a kill meets it at work."""

    halo = (4, 4, 4)

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.seconds = settings["seconds"]

    def __call__(self, values: np.ndarray) -> Mapping[str, np.ndarray]:
        from scipy import ndimage

        time.sleep(self.seconds)
        return {"smooth": ndimage.uniform_filter(values, 9)[4:-4, 4:-4, 4:-4]}


def memory(engine_name: str, n_blocks: int) -> dict[str, Any]:
    """Run empty blocks in a new folder, and note the memory of this process, in which Dask's scheduler is, too."""
    folder = WORK / f"memory-{engine_name}"
    shutil.rmtree(folder, ignore_errors=True)
    samples: list[tuple[int, float]] = []
    own = psutil.Process()

    def note(done: int, total: int) -> None:
        if done % max(total // 40, 1) == 0:
            samples.append((done, own.memory_info().rss / 2**20))

    plan = BlockPlan("scale_out:open_nothing", {}, n_blocks)
    start = time.perf_counter()
    with make_engine(engine_name, jobs=2) as engine:
        report = run_blocks(plan, folder, engine, progress=note)
    seconds = time.perf_counter() - start
    shutil.rmtree(folder)
    tenth, last = samples[len(samples) // 10][1], samples[-1][1]
    return {
        "engine": engine_name, "n_blocks": n_blocks, "missing": len(report.missing), "seconds": round(seconds, 1),
        "mb_after_a_tenth": round(tenth, 1), "mb_at_the_end": round(last, 1), "mb": [[n, round(mb, 1)] for n, mb in samples],
        "load": round(os.getloadavg()[0], 1), "machine": record.machine(),
    }  # fmt: skip


def dense(folder: Path, engine_name: str, seconds: float = 0.15) -> tuple[ResultArray, Any]:
    """Smooth the volume of the benchmark, going on with what is there."""
    result = ResultArray(str(folder / "smooth"), SHAPE, BLOCK, "float32")
    volume = open_volume(WORK / "volume.npy")
    with make_engine(engine_name, jobs=2) as engine:
        found = compute_dense(
            volume, "scale_out:Smoothing", {"seconds": seconds}, {"smooth": result}, halo=Smoothing.halo,
            grey_range=find_grey_range(volume), folder=folder / "blocks", engine=engine, resume=True,
        )  # fmt: skip
    return result, found


def kills(engine_name: str, victim: str, seed: int = 0) -> dict[str, Any]:
    """Kill ten times at random moments; count the blocks that a marker already had and that were done again."""
    chance = random.Random(seed)
    folder = WORK / f"kills-{engine_name}-{victim}"
    shutil.rmtree(folder, ignore_errors=True)
    times: dict[Path, int] = {}
    driver = start_driver(folder, engine_name)
    n_kills = again = 0
    while driver.poll() is None or n_kills < KILLS:
        if driver.poll() is not None:
            if victim == "driver" and n_kills < KILLS and driver.returncode == 0:
                break
            driver = start_driver(folder, engine_name)
        time.sleep(chance.uniform(0.5, 2.0))
        for path in folder.glob("blocks/done/*/*.json"):
            written = path.stat().st_mtime_ns
            again += times.get(path, written) != written
            times[path] = written
        if len(times) < 2 or n_kills >= KILLS or driver.poll() is not None:
            continue
        process = psutil.Process(driver.pid)
        workers = [each for each in process.children(recursive=True) if is_worker(each)]
        if victim == "driver":
            driver.kill()
            driver.wait()
        elif workers:
            chance.choice(workers).send_signal(signal.SIGKILL)
        else:
            continue
        n_kills += 1
    result, found = dense(folder, engine_name)
    undisturbed, _ = dense(WORK / "undisturbed", "processes", 0.0)
    return {
        "engine": engine_name, "victim": victim, "kills": n_kills, "n_blocks": found.report.n_blocks,
        "missing": len(found.report.missing), "done_twice": again,
        "equal": bool(np.array_equal(result.read(), undisturbed.read())), "load": round(os.getloadavg()[0], 1), "machine": record.machine(),
    }  # fmt: skip


def is_worker(process: psutil.Process) -> bool:
    """Whether a child is one that does blocks, and not Python's tracker of resources."""
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.Error:
        return False


def start_driver(folder: Path, engine_name: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, __file__, "drive", "--engine", engine_name, "--folder", str(folder)]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["memory", "kills", "drive"])
    parser.add_argument("--engine", choices=["processes", "dask"])
    parser.add_argument("--blocks", type=int, default=200_000)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    engines = [arguments.engine] if arguments.engine else ["dask", "processes"]
    if arguments.what == "drive":
        dense(arguments.folder, arguments.engine)
        return
    WORK.mkdir(parents=True, exist_ok=True)
    np.save(WORK / "volume.npy", np.random.default_rng(0).integers(0, 255, SHAPE, np.uint8))
    rows = record.load(NAME).get("rows", [])
    for name in engines:
        for case in ["memory"] if arguments.what == "memory" else ["worker", "driver"]:
            key = {"case": case, "engine": name}
            row = {**key, **(memory(name, arguments.blocks) if case == "memory" else kills(name, case))}
            print({each: value for each, value in row.items() if each != "mb"})
            rows = [each for each in rows if (each["case"], each["engine"]) != (case, name)] + [row]
            record.keep(NAME, {"rows": rows})


if __name__ == "__main__":
    main()
