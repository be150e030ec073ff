"""Programs of others beside Facies: the same arrays, the same measures, and the time to the same accuracy.

    python benchmarks/side_by_side.py environments         # makes those of ClustPy and Hotspot in benchmarks/work/peers
    python benchmarks/side_by_side.py digits --seeds 0
    python benchmarks/side_by_side.py digits usps --only DEC dec IDEC idec
    python benchmarks/side_by_side.py genes --seeds 0 1 2  # Hotspot and darlc on planted patterns

Each program runs in a process of its own, one after another, with its authors' defaults; it gets the images and, where it takes
one, the number of groups, and no labels. Its groups are asked for before and after each epoch of the clustering, which takes none
of its seconds. A killed benchmark goes on where it was. A program that fails, or whose environment is missing, is a row that says
so; --retry runs it again, and what was measured while others used the machine: of such rows the page gives no seconds.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import record
from sets import SETS, input_of

from facies.errors import InputError

PEERS = record.HERE / "peers"
PLACE = record.WORK / "peers"
ENVIRONMENTS: dict[str, list[list[str]]] = {
    "clustpy": [
        ["torch", "scikit-learn", "scipy", "pandas", "matplotlib", "tqdm", "umap-learn"],
        ["--no-deps", "clustpy==0.0.3"],
    ],
    "hotspot": [["hotspotsc==1.1.3"]],
}
DEFAULT = "default command"
IDLE = 0.5
"""Below this mean number of other running threads nothing else uses the machine."""
COUNTERPARTS = {
    "DEC": "dec",
    "IDEC": "idec",
    "DCN": "dcn",
    "VaDE": "vade",
    "N2D": "n2d",
    "N2D recipe": "n2d",
    "DDC": "n2d",
}
"""Methods of ClustPy, and ours of the same paper; DDC is n2d with t-SNE and density peaks."""
ALONE = ("AEC", "DKM", "DEN", "DipEncoder", "ACeDeC", "ENRC", "DipDECK", "DeepECT", "SHADE")
OURS = (*dict.fromkeys(COUNTERPARTS.values()), DEFAULT)
PROGRAMS = {
    **dict.fromkeys((*COUNTERPARTS, *ALONE), "clustpy"),
    **dict.fromkeys(OURS, "facies"),
}


def python_of(program: str) -> str:
    """The Python of an environment; that of Facies is this one."""
    return sys.executable if program == "facies" else str(PLACE / program / "bin" / "python")


def make_environments() -> None:
    """Make those that are not there."""
    for name, steps in ENVIRONMENTS.items():
        if Path(python_of(name)).exists():
            continue
        subprocess.run([sys.executable, "-m", "venv", str(PLACE / name)], check=True)
        for packages in steps:
            constraints = record.HERE.parent / "constraints.txt"
            subprocess.run([python_of(name), "-m", "pip", "install", "-q", "-c", constraints, *packages], check=True)


def measure(name: str, algorithm: str, seed: int, preset: str) -> dict[str, Any]:
    """Let a program group a set; labels are read after it has ended."""
    from facies.workflows.benchmark.programs import measure_program

    program = PROGRAMS[algorithm]
    with np.load(input_of(name)) as held:
        labels = held["labels"]
    folder = PLACE / "runs" / f"{name}-{algorithm.replace(' ', '-')}-{seed}"
    found = measure_program(
        {
            "program": [python_of(program), str(PEERS / f"{program}_program.py")],
            "source": str(input_of(name)),
            "options": {},
            "run": str(folder),
            "parameters": {
                "algorithm": algorithm,
                "preset": preset,
                "n_clusters": len(np.unique(labels)),
                "random_state": seed,
            },
        }
    )
    scores = {each: found["scores"][each] for each in ("accuracy", "nmi", "ari", "n_groups")}
    peak = found["peak_bytes"]
    return {
        **scores,
        "seconds": found["seconds"],
        "peak_gib": None if peak is None else peak / 2**30,
        "curve": curve(folder / "trace.npz", labels),
        "versions": found["program_versions"],
        "error": None,
    }


def curve(path: Path, labels: np.ndarray) -> list[list[float]]:
    """Seconds and accuracy at each time that groups were asked for."""
    from facies.metrics import accuracy

    with np.load(path, allow_pickle=False) as trace:
        return [
            [round(float(seconds), 2), round(float(accuracy(labels, groups)), 4)]
            for seconds, groups in zip(trace["seconds"], trace["groups"], strict=True)
        ]


def images_of(asked: argparse.Namespace, name: str) -> None:
    """All programs on one set."""
    for seed in asked.seeds:
        for algorithm in asked.only or PROGRAMS:
            key = {"algorithm": algorithm, "program": PROGRAMS[algorithm], "seed": seed}
            about = {"preset": asked.preset if PROGRAMS[algorithm] == "facies" else None}
            keep_row(
                f"side-by-side-{name}", {"set": name}, key | about, asked, lambda key=key: measure(
                    name, key["algorithm"], key["seed"], asked.preset
                ),
            )  # fmt: skip


def genes(asked: argparse.Namespace) -> None:
    """Modules of Hotspot and groups of darlc, both among all genes of a planted tissue."""
    from facies.genes.planted import planted_tissue

    for seed in asked.seeds:
        made = planted_tissue(random_state=seed)
        for algorithm, find in (("Hotspot", modules), ("darlc", groups_of_darlc)):
            key = {"algorithm": algorithm, "program": "hotspot" if algorithm == "Hotspot" else "facies", "seed": seed}

            def one(find: Callable[..., Any] = find, made: Any = made, seed: int = seed) -> dict[str, Any]:
                groups, about = find(made.table, seed, asked.preset)
                return {**of_patterns(made.truth, groups), **about, "error": None}

            keep_row("side-by-side-genes", {"set": "planted"}, key, asked, one)


def of_patterns(truth: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
    """ARI among the genes that follow a pattern, those in no group together; and how many of both kinds are in none."""
    from facies.metrics import ari

    has = truth >= 0
    return {
        "ari": ari(truth[has], groups[has]),
        "n_groups": len(np.unique(groups[groups >= 0])),
        "unassigned_of_none": float((groups[~has] < 0).mean()),
        "unassigned_of_patterns": float((groups[has] < 0).mean()),
    }


def modules(table: Any, seed: int, _preset: str) -> tuple[np.ndarray, dict[str, Any]]:
    """By Hotspot, which draws nothing and has no preset."""
    import json

    folder = PLACE / "runs" / f"hotspot-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    if not Path(python_of("hotspot")).exists():
        raise InputError(
            f"its environment is missing: there is no {python_of('hotspot')}; make it, and run again with --retry"
        )
    np.savez_compressed(folder / "counts.npz", counts=table.values.toarray(), places=table.array)
    command = [python_of("hotspot"), str(PEERS / "hotspot_program.py"), str(folder)]
    done = subprocess.run(command, stdout=sys.stderr.fileno(), check=False)
    if done.returncode:
        raise InputError(f"the program ended with code {done.returncode}")
    answer = json.loads((folder / "answer.json").read_text())
    about = {"seconds": answer["seconds_by_stage"]["fit"], "versions": answer["versions"]}
    return np.load(folder / "groups.npy", allow_pickle=False), about


def groups_of_darlc(table: Any, seed: int, preset: str) -> tuple[np.ndarray, dict[str, Any]]:
    """By darlc, of the genes that have a pattern by Moran's I; it is told the number of groups, 8, which Hotspot finds."""
    from facies.genes import gene_images
    from facies.methods import make_method

    began = time.monotonic()
    images = gene_images(table)
    method = make_method("darlc", preset, {"n_clusters": 8, "random_state": seed}).fit(images)
    seconds = time.monotonic() - began
    groups = np.full(len(table.names), -1, np.int64)
    groups[[table.names.index(name) for name in images.table["gene"]]] = method.labels_
    return groups, {"seconds": seconds, "preset": preset, "versions": None}


def keep_row(
    name: str, about: dict[str, Any], key: dict[str, Any], asked: argparse.Namespace, find: Callable[[], dict[str, Any]]
) -> None:
    """Measure a row that is not kept yet, and keep it; of one that fails the reason."""
    result = record.load(name) or {**about, "rows": []}
    same = [row for row in result["rows"] if all(row[each] == value for each, value in key.items())]
    if any(not asked.retry or (row["error"] is None and is_idle(row)) for row in same):
        return
    load = others_running()
    try:
        found = find()
    except InputError as error:
        found = {"error": " ".join(str(error).split())}
    row = {**key, **found, "load": load, "threads": os.environ.get("OMP_NUM_THREADS"), "machine": record.machine()}
    result["rows"] = [each for each in result["rows"] if each not in same] + [row]
    record.keep(name, result)
    print({each: value for each, value in row.items() if each not in ("curve", "machine", "versions")}, flush=True)


def others_running() -> float | None:
    """How many other threads of this machine run, the mean of two seconds; None where the system does not tell."""
    place, found = Path("/proc/loadavg"), []
    if not place.exists():
        return None
    for _ in range(20):
        time.sleep(0.1)
        found.append(int(place.read_text().split()[3].partition("/")[0]) - 1)
    return float(np.mean(found))


def is_idle(row: dict[str, Any]) -> bool:
    """Whether nothing else ran when a row began to be measured, so that its seconds say something."""
    return row.get("load") is not None and row["load"] < IDLE


def main() -> None:
    """Measure what is asked for and not kept yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="+", choices=("environments", "genes", *SETS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only", nargs="+", choices=PROGRAMS)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--retry", action="store_true", help="run again what failed, or was measured on a busy machine")
    asked = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for name in asked.what:
        if name == "environments":
            make_environments()
        elif name == "genes":
            genes(asked)
        else:
            images_of(asked, name)


if __name__ == "__main__":
    main()
