"""Encoders learnt from the images themselves: `contrastive` and `self-label`, with the number of groups given and found.

    python benchmarks/in_domain.py digits microfossils pollen --seeds 0
    python benchmarks/in_domain.py digits --set views.rotation=10 --set views.flip=false --name=-upright

All fits are in one process, one after the other, so that just-in-time compilation counts once; the map is left out. A row is
one seed of one method, kept as it is measured; a killed benchmark goes on in the fit where it was. The true number of groups is
given to the rows "…, K given" alone. Labels are read after the fit, to score it.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import time
from typing import Any

import numpy as np
import record
from sets import SETS, input_of

from facies.images import ImageSet, open_images
from facies.methods import make_method
from facies.methods.fit_context import FitContext
from facies.metrics import accuracy, nmi
from facies.parameters import as_type, parameters_of
from facies.training import LineProgress

ROWS = {
    "contrastive, K given": ("contrastive", "grouping.n_clusters"),
    "contrastive": ("contrastive", None),
    "self-label, K given": ("self-label", "n_clusters"),
    "self-label": ("self-label", None),
}


def measure(images: ImageSet, row: str, seed: int, settings: dict[str, Any], work: Any) -> dict[str, Any]:
    """Fit one row, and score it."""
    name, number = ROWS[row]
    assert images.labels is not None
    given = {} if number is None else {number: len(np.unique(images.labels))}
    method = make_method(name, "quick", {"random_state": seed, **given, **settings})
    began, processor = time.monotonic(), time.process_time()
    method.fit(images, work_folder=work, progress=LineProgress())
    shutil.rmtree(work)
    return {
        "row": row,
        "seed": seed,
        "accuracy": accuracy(images.labels, method.labels_),
        "nmi": nmi(images.labels, method.labels_),
        "n_groups": method.n_clusters_,
        "seconds": time.monotonic() - began,
        "processor_seconds": time.process_time() - processor,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "timings": method.timings_,
        "notes": method.notes_,
        "machine": record.machine(),
    }


def without_map(_fit: FitContext, outputs: dict[str, Any], _projection: Any) -> dict[str, Any]:
    """Two numbers of the embedding in place of the map, which nothing here looks at."""
    return {"projection_": outputs["embedding_"][:, :2]}


def parameters(assignments: list[str]) -> dict[str, Any]:
    """``name=value`` as parameters, each of the type that it has."""
    known = parameters_of(type(make_method("contrastive")))
    pairs = [text.split("=", 1) for text in assignments]
    return {name: as_type(known[name].type, json.loads(value)) for name, value in pairs}


def main() -> None:
    """Measure the rows and seeds that are not kept yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", choices=SETS)
    parser.add_argument("--rows", nargs="+", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--name", default="", help="suffix of the result's name, for a changed setting")
    wanted = parser.parse_args()
    FitContext.project = without_map  # type: ignore[method-assign]  # what is measured needs no map
    for name in wanted.sets:
        images, key = open_images(input_of(name)), f"in-domain-{name}{wanted.name}"
        result = record.load(key) or {"set": name, "settings": wanted.settings, "rows": []}
        for row in wanted.rows:
            for seed in wanted.seeds:
                if any((each["row"], each["seed"]) == (row, seed) for each in result["rows"]):
                    continue
                work = record.WORK / f"{key}-{row.replace(', ', '-').replace(' ', '-')}-{seed}"
                found = measure(images, row, seed, parameters(wanted.settings), work)
                result["rows"].append(found)
                record.keep(key, result)
                print(
                    name,
                    row,
                    seed,
                    {part: found[part] for part in ("accuracy", "nmi", "n_groups", "processor_seconds")},
                    flush=True,
                )


if __name__ == "__main__":
    main()
