"""How well, how fast and in how much memory `facies extract` finds grains.

    python benchmarks/extraction.py detection              rendered stacks, whose truth is known
    python benchmarks/extraction.py photographs            four real photographs, counted by eye
    python benchmarks/extraction.py speed                  photographs a second, beside SLIC of whole photographs
    python benchmarks/extraction.py memory                 peak of all processes for 10 and for 1,000 stacks
    python benchmarks/extraction.py touching               fits the weights of the flag for touching grains anew

The rendered plates are SYNTHETIC (`facies.grains.synthetic`). What was tuned was tuned on other seeds. Boxes are compared with the
boxes of the grains in focus; a cut grain counts with what the photograph shows of it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import record
from numpy.typing import NDArray
from PIL import Image

from facies.errors import InputError
from facies.grains.extraction import TOUCHING_THRESHOLD, ExtractionSettings, available_cores, extract_grains
from facies.grains.extraction.focal_stacks import find_stacks, read_photograph
from facies.grains.extraction.layer_matching import overlaps
from facies.grains.extraction.measurements import touching_signs
from facies.grains.synthetic import Grain, grains_from_crops, render_stack, write_plates
from facies.images import open_images

CROPS = record.SHARED / "microfossils" / "rcos_microfossil.npz"
PHOTOGRAPHS = record.SHARED / "microfossils" / "raw" / "multi_images"
COUNTED = {
    "multi_bones/DSC_0049.png": 25,
    "multi_bones/DSC_0050 (1).png": 24,
    "multi_rocks/DSC_0049.png": 25,
    "multi_rocks/DSC_0050 (1).PNG": 28,
}
"""Particles in each photograph, counted by eye at full size. The bright corners of the last and the first are no particles."""

BOX = ["x0", "y0", "x1", "y1"]
SEED = 20_261_124


def real_grains() -> list[Grain]:
    """Bones and gravel, cut out of real photographs."""
    stored = np.load(CROPS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return grains_from_crops(stored["particle_crops"], [["bone", "rock"][i] for i in stored["particle_labels"]])


def scenes(name: str) -> dict[str, Any]:
    """What the plates of a set are made of."""
    sets: dict[str, dict[str, Any]] = {
        "real crops on green": {"grains": real_grains()},
        "kinds drawn by rule on green": {},
        "quartz on green": {"grains": ["quartz"]},
        "real crops on dark": {"grains": real_grains(), "background": "dark"},
        "real crops on light": {"grains": real_grains(), "background": "light"},
    }
    return sets[name]


def write_scenes(folder: Path, n_stacks: int, **settings: Any) -> pd.DataFrame:
    """Write stacks of five grains, as JPEG: a pair touches on every other one, the border cuts a grain on two of three."""
    folder.mkdir()
    tables: list[pd.DataFrame] = []
    seed = 0
    while len(tables) < n_stacks:
        seed += 1
        number = len(tables)
        try:
            plate = render_stack([SEED, seed], n_grains=5, touching=number % 2, cut=int(number % 3 > 0), **settings)
        except InputError:  # these five found no place together
            continue
        for layer, picture in enumerate(plate.images):
            Image.fromarray(picture).save(folder / f"S{number:04d}_L{layer}.jpg", quality=92)
        tables.append(plate.grains.assign(stack=f"S{number:04d}"))
    return pd.concat(tables, ignore_index=True)


def compare(truth: pd.DataFrame, found: pd.DataFrame) -> dict[str, Any]:
    """Count what was found of the separated grains, the touching pairs and the cut grains."""
    counts = dict.fromkeys(
        ("separated", "hits", "false", "pairs", "flagged", "apart", "cut", "cut_flagged", "false_flags"), 0
    )
    for stack, grains in truth.groupby("stack"):
        mine = found[found["stack"] == stack]
        boxes = mine[BOX].to_numpy(np.int64).reshape(-1, 4)
        free = np.ones(len(mine), bool)
        for row in grains[~grains["touching"]].itertuples():
            best = hit(np.array([[row.x0, row.y0, row.x1, row.y1]]), boxes, free)
            counts["separated"] += 1
            counts["cut"] += row.cut
            if best is None:
                continue
            free[best] = False
            counts["hits"] += 1
            counts["cut_flagged"] += bool(row.cut and mine["touches_border"].iloc[best])
            counts["false_flags"] += bool(mine["touching"].iloc[best] >= TOUCHING_THRESHOLD)
        pair = grains[grains["touching"]]
        if len(pair):
            counts["pairs"] += 1
            whole = np.array([[*pair[["x0", "y0"]].min(), *pair[["x1", "y1"]].max()]])
            best = hit(whole, boxes, free)
            if best is not None:
                counts["flagged"] += bool(mine["touching"].iloc[best] >= TOUCHING_THRESHOLD)
                free[best] = False
            single = [hit(own[None], boxes, free) for own in pair[BOX].to_numpy(np.int64)]
            if None not in single:
                counts["apart"] += 1
                free[single] = False
        counts["false"] += int(free.sum())
    return counts


def hit(box: NDArray[np.int64], boxes: NDArray[np.int64], free: NDArray[np.bool_]) -> int | None:
    """The box, among those that are free, that overlaps most; None below an IoU of 0.5."""
    if not free.any():
        return None
    shared = np.where(free, overlaps(box, boxes)[0], 0.0)
    return int(shared.argmax()) if shared.max() >= 0.5 else None


def detection(arguments: argparse.Namespace, settings: ExtractionSettings | None = None) -> list[dict[str, Any]]:
    """Detection on rendered stacks."""
    rows = []
    for name in arguments.sets:
        with tempfile.TemporaryDirectory(dir=record.WORK) as folder:
            plates, grains = Path(folder, "plates"), Path(folder, "grains")
            truth = write_scenes(plates, arguments.stacks, **scenes(name))
            extract_grains(find_stacks(plates), grains, settings, jobs=available_cores())
            found = open_images(grains).table
        counts = compare(truth, found)
        counts |= {"set": name, "stacks": arguments.stacks}
        counts["recall"] = counts["hits"] / counts["separated"]
        counts["precision"] = counts["hits"] / (counts["hits"] + counts["false"])
        counts["area"] = area_ratio(truth, found)
        rows.append(counts)
        print(json.dumps(counts), flush=True)
    return rows


def paper(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """The same with the superpixels of Golikov et al. (2022)."""
    return detection(arguments, ExtractionSettings.of_segmentation("paper"))


def area_ratio(truth: pd.DataFrame, found: pd.DataFrame) -> list[float]:
    """5 %, 50 % and 95 % of found area / true area, of whole separated grains."""
    ratios = []
    for row in truth[~truth["touching"] & ~truth["cut"]].itertuples():
        mine = found[found["stack"] == row.stack]
        best = hit(np.array([[row.x0, row.y0, row.x1, row.y1]]), mine[BOX].to_numpy(np.int64), np.ones(len(mine), bool))
        if best is not None:
            ratios.append(mine["area_px"].iloc[best] / row.area_px)
    return [round(float(value), 4) for value in np.quantile(ratios, [0.05, 0.5, 0.95])]


def photographs(_: argparse.Namespace) -> list[dict[str, Any]]:
    """The four whole photographs of particles on black cloth."""
    with tempfile.TemporaryDirectory(dir=record.WORK) as folder:
        extract_grains(find_stacks(PHOTOGRAPHS, layers=1), Path(folder, "grains"))
        table = open_images(Path(folder, "grains")).table
    found = table["photograph"].value_counts()
    flagged = (table["touching"] >= TOUCHING_THRESHOLD).groupby(table["photograph"]).sum()
    rows = [
        {"photograph": name, "by_eye": count, "found": int(found.get(name, 0)), "flagged": int(flagged.get(name, 0))}
        for name, count in COUNTED.items()
    ]
    print(rows, flush=True)
    return rows


def speed(arguments: argparse.Namespace) -> dict[str, Any]:
    """Photographs a second, decoding and writing included; SLIC of whole photographs beside it in the same process."""
    from skimage.segmentation import slic

    with tempfile.TemporaryDirectory(dir=record.WORK) as folder:
        plates = Path(folder, "plates")
        write_plates(plates, arguments.stacks, seed=SEED + 1)
        stacks = find_stacks(plates)
        names = [name for stack in stacks.stacks for name in stack.photographs]
        rates = {}
        for jobs in sorted({1, available_cores()}):
            began = time.perf_counter()
            extract_grains(stacks, Path(folder, f"grains-{jobs}"), jobs=jobs)
            rates[jobs] = len(names) / (time.perf_counter() - began)
        n_grains = len(open_images(Path(folder, "grains-1")))
        seconds = []
        for name in names[:: max(1, len(names) // 5)][:5]:
            picture = read_photograph(plates / name)
            began = time.perf_counter()
            slic(picture, n_segments=300, compactness=10, sigma=1, start_label=0)
            seconds.append(time.perf_counter() - began)
    result = {
        "photographs": len(names),
        "grains": n_grains,
        "rates": {str(jobs): round(rate, 2) for jobs, rate in rates.items()},
        "slic_seconds": round(float(np.median(seconds)), 3),
        "ratio": round(float(np.median(seconds)) * rates[1], 2),
        "machine": record.machine(),
    }
    print(result, flush=True)
    return result


def memory(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Peak memory of the command and its processes; the same ten stacks under many names."""
    rows = []
    with tempfile.TemporaryDirectory(dir=record.WORK) as folder:
        plates = Path(folder, "plates")
        write_plates(plates, 10, seed=SEED + 2)
        for n_stacks in arguments.sizes:
            copies = Path(folder, f"copies-{n_stacks}")
            copies.mkdir()
            for number in range(n_stacks):
                for path in plates.glob(f"S{number % 10 + 1:04d}_L*.jpg"):
                    os.link(path, copies / path.name.replace(path.name[:5], f"N{number:05d}"))
            command = [
                sys.executable,
                "-m",
                "facies.cli",
                "extract",
                str(copies),
                "-o",
                str(Path(folder, f"grains-{n_stacks}")),
            ]
            began = time.perf_counter()
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            peak = Peak(process.pid)
            peak.start()
            assert process.wait() == 0
            rows.append(
                {
                    "stacks": n_stacks,
                    "peak_gib": round(peak.largest / 2**20, 3),
                    "seconds": round(time.perf_counter() - began, 1),
                }
            )
            print(rows[-1], flush=True)
    return rows


class Peak(threading.Thread):
    """Watches the memory of a process and of those it started: the sum of their proportional set sizes, in KiB."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.largest = 0

    def run(self) -> None:
        """Look four times a second until the process ends."""
        while Path(f"/proc/{self.pid}/smaps_rollup").exists():
            self.largest = max(self.largest, sum(map(proportional_set_size, self.family())))
            time.sleep(0.25)

    def family(self) -> list[int]:
        """The process and all below it."""
        found = [self.pid]
        for pid in found:
            try:
                children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            except OSError:
                continue
            found += map(int, children)
        return found


def proportional_set_size(pid: int) -> int:
    """Of one process, in KiB; 0 if it has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)


def touching(arguments: argparse.Namespace) -> dict[str, Any]:
    """Fit the weights of the touching flag to outlines of rendered plates; a missed pair counts as four false alarms."""
    from sklearn.linear_model import LogisticRegression

    signs, several, sets = [], [], []
    for name, grains in (("real crops", {"grains": real_grains()}), ("kinds drawn by rule", {})):
        for number in range(arguments.stacks):
            plate = render_stack([9000, number], n_grains=5, touching=1, cut=1, layers=1, **grains)
            count, labels = cv2.connectedComponents((plate.instances > 0).astype(np.uint8), connectivity=8)
            for label in range(1, count):
                mask = (labels == label).astype(np.uint8)
                x, y, width, height = cv2.boundingRect(mask)
                signs.append(touching_signs(mask[y : y + height, x : x + width]))
                several.append(len(np.unique(plate.instances[mask > 0])) > 1)
                sets.append(name)
    x, y, of = np.array(signs), np.array(several), np.array(sets)
    model = LogisticRegression(C=100, class_weight={False: 1, True: 4}).fit(x, y)
    flagged = model.predict(x)
    result = {
        "weights": model.coef_[0].round(1).tolist(),
        "offset": round(float(model.intercept_[0]), 1),
        "sets": {
            name: {
                "flagged": round(float(flagged[y & (of == name)].mean()), 3),
                "false": round(float(flagged[~y & (of == name)].mean()), 3),
            }
            for name in np.unique(of)
        },
        "outlines": len(y),
    }
    print(result, flush=True)
    return result


SETS = (
    "real crops on green",
    "kinds drawn by rule on green",
    "quartz on green",
    "real crops on dark",
    "real crops on light",
)
PARTS = {
    "detection": detection,
    "paper": paper,
    "photographs": photographs,
    "speed": speed,
    "memory": memory,
    "touching": touching,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure one part, and keep it beside the others."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--stacks", type=int, help="detection 60, paper 60, speed 40, touching 150")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--sizes", nargs="+", type=int, default=[10, 1000], help="memory: numbers of stacks")
    parser.add_argument("--dry", action="store_true", help="print, and keep nothing")
    asked = parser.parse_args(arguments)
    asked.stacks = asked.stacks or {"detection": 60, "paper": 60, "speed": 40, "touching": 150}.get(asked.part, 0)
    record.WORK.mkdir(exist_ok=True)
    measured = PARTS[asked.part](asked)
    if not asked.dry:
        kept = record.load("extraction")
        if asked.part in ("detection", "paper"):
            named = {row["set"]: row for row in kept.get(asked.part, [])}
            measured = list((named | {row["set"]: row for row in measured}).values())
        now = {asked.part: measured, "settings": ExtractionSettings().to_dict(), "machine": record.machine()}
        record.keep("extraction", kept | now)


if __name__ == "__main__":
    main()
