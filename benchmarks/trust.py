"""How far one can trust a choice without labels: the scores of `facies select` over all runs of a benchmark.

    facies benchmark benchmarks/suites/four-sets.toml -o benchmarks/work/four-sets --data ../shared/data
    python benchmarks/trust.py benchmarks/work/four-sets    # resumable; rows go to results/trust.json

Each run is judged as `facies select` judges a candidate: by its own embedding, and by those of the other families of methods of
the same set and seed. Labels were read for the accuracy of the rows alone; no score sees them.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import record
from scipy.stats import spearmanr

from facies.errors import InputError
from facies.metrics.without_labels import SCORED, EmbeddingView, judge, look_at
from facies.runs import RunFolder
from facies.workflows.benchmark.programs import PROGRAM
from facies.workflows.benchmark.rows import RowFile

JUDGED = 1000
"""So many images of a set, drawn at random, are looked at."""
FEWEST = 4
"""So many runs a rank correlation takes."""
SCORES = ("score", *SCORED, "density_validity")
FAMILIES = {
    "pixels": ("k-means", "pca-k-means", "gaussian-mixture", "umap-hdbscan", "tsne-gmm", "spectral"),
    "pretrained features": ("pretrained",),
    "contrastive": ("contrastive", "self-label", "cc", "moco-k-means", "spice", "ibot-c", "cvcl", "dcp"),
    "pairs and merging": ("dac", "st-dac", "jule"),
    "autoencoders": (
        "dec", "idec", "dcn", "n2d", "aspc-da", "convdec-da", "depict", "dynae", "edesc", "idcec",
    ),
    "mixtures": ("dagmm", "damic", "mixae", "moe-sim-vae", "vade", "moe-vae"),
}  # fmt: skip


def family_of(method: str) -> str:
    """The family of a method; a method that none has is its own."""
    return next((family for family, methods in FAMILIES.items() if method in methods), method)


def folder_of(results: Path, row: dict[str, Any]) -> Path:
    """Where the run of a row lies."""
    return results / "runs" / row["set"] / row["method"] / str(row["seed"])


def judge_runs(results: Path, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Scores of the runs of one set and seed."""
    begun = time.monotonic()
    runs = [RunFolder(folder_of(results, row)) for row in rows]
    count = len(runs[0].images)
    some = np.sort(np.random.default_rng(0).permutation(count)[:JUDGED])
    views: list[EmbeddingView] = []
    for row, run in zip(rows, runs, strict=True):
        print(f"  {row['set']} {row['method']} {row['seed']}", flush=True)
        views.append(look_at(np.asarray(run.embedding)[some]))
    families = [family_of(row["of_method"]) for row in rows]
    judged = []
    for row, run, view, family in zip(rows, runs, views, families, strict=True):
        others = [other for other, theirs in zip(views, families, strict=True) if theirs != family]
        scores = judge(run.partition()[0]["group"].to_numpy()[some], view, others)
        kept = {name: row[name] for name in ("set", "method", "seed", "n_groups", "accuracy", "nmi", "collapsed")}
        judged.append({**kept, "family": family, **scores})
    print(f"  {time.monotonic() - begun:.0f} s", flush=True)
    return judged


def correlation(rows: Sequence[dict[str, Any]], score: str) -> float | None:
    """Spearman's rank correlation of a score with the accuracy; None of fewer than four runs, or where one of both is constant."""
    pairs = [(row[score], row["accuracy"]) for row in rows if score in row]
    if len(pairs) < FEWEST or min(len(set(values)) for values in zip(*pairs, strict=True)) == 1:
        return None
    return float(spearmanr(*zip(*pairs, strict=True))[0])


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Correlations by set; by family as the mean over the sets, for sets differ in difficulty; and what a choice would have lost."""
    by_set, by_family = defaultdict(list), defaultdict(lambda: defaultdict(list))
    for row in rows:
        by_set[row["set"]].append(row)
        by_family[row["family"]][row["set"]].append(row)
    return {
        "by_set": {name: _correlations([own]) | _choice(own) for name, own in by_set.items()},
        "by_family": {
            name: _correlations(list(sets.values())) | {"runs": sum(map(len, sets.values()))}
            for name, sets in by_family.items()
        },
        "over_sets": _correlations(list(by_set.values())),
    }


def _correlations(groups: Sequence[Sequence[dict[str, Any]]]) -> dict[str, float | None]:
    found = {}
    for score in SCORES:
        values = [value for rows in groups if (value := correlation(rows, score)) is not None]
        found[score] = float(np.mean(values)) if values else None
    return found


def _choice(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The run that the score takes, seed by seed, against the best and the mean one."""
    taken, best, mean = [], [], []
    for seed in sorted({row["seed"] for row in rows}):
        own = [row for row in rows if row["seed"] == seed]
        taken.append(max(own, key=lambda row: float(row["score"]))["accuracy"])
        best.append(max(row["accuracy"] for row in own))
        mean.append(float(np.mean([row["accuracy"] for row in own])))
    return {
        "runs": len(rows),
        "taken": float(np.mean(taken)),
        "best": float(np.mean(best)),
        "mean": float(np.mean(mean)),
    }


def main() -> None:
    """Judge the sets and seeds that are not in the results yet, or whose runs have grown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="the results folder of a benchmark")
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        every = list(RowFile(arguments.results / "rows.jsonl").latest().values())
    except InputError as error:
        parser.error(str(error))
    if not every:
        parser.error(f"{arguments.results} holds no rows of a benchmark")
    usable = [
        row for row in every if row["error"] is None and row["accuracy"] is not None and row["of_method"] != PROGRAM
    ]
    if len(usable) < len(every):
        print(
            f"{len(every) - len(usable)} runs are left out, for they failed, have no labels, or are programs of others"
        )
    there = [row for row in usable if folder_of(arguments.results, row).is_dir()]
    gone = len(usable) - len(there)
    if gone:
        print(f"not judged, for their folders are not on this machine: {gone} of {len(usable)} runs")
    kept = record.load("trust") or {"rows": []}
    for images, seed in sorted({(row["set"], row["seed"]) for row in there}, key=lambda each: each[::-1]):
        own = [row for row in there if (row["set"], row["seed"]) == (images, seed)]
        had = [row for row in kept["rows"] if (row["set"], row["seed"]) == (images, seed)]
        if {(row["method"], row["accuracy"]) for row in had} == {(row["method"], row["accuracy"]) for row in own}:
            continue
        if len(own) < len(had):
            print(
                f"{images}, seed {seed}: {len(own)} runs are here, fewer than the {len(had)} that were judged; left as it is"
            )
            continue
        rows = [row for row in kept["rows"] if row not in had] + judge_runs(arguments.results, own)
        left_out = len(every) - len(usable)
        kept = {"rows": rows, "summary": summary(rows), "left_out": left_out, "gone": gone, "machine": record.machine()}
        record.keep("trust", kept)
    print(kept.get("summary", "nothing to judge"))


if __name__ == "__main__":
    main()
