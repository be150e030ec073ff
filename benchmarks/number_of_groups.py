"""How well the number of groups is found: several rules on the same layouts, on labelled sets and on sets drawn from them.

    python benchmarks/number_of_groups.py                       # resumable, fit by fit
    python benchmarks/number_of_groups.py pollen rice --seeds 0 --draws 0
    python benchmarks/number_of_groups.py --again               # the rules anew, on the curves that are kept in benchmarks/work

Every fit is the encoder of `pretrained` (preset `quick`) on the images of the set or of the draw, its layouts, and Ward's tree
of the first. A draw takes some kinds of a set, every second one also an unequal share of each. Labels draw the images and
score the groups; no rule reads them. The constants of Facies were settled with a look at labels, of whole sets and of other draws.
"""

from __future__ import annotations

import argparse
import json
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import record
from numpy.typing import NDArray
from sets import input_of

from facies.cluster import UMAPLayout, principal_axes, ward_tree
from facies.cluster.finest_level import PLATEAU, SALIENCE, NumberCurves, levels_of, number_curves
from facies.images import ImageSet, open_images
from facies.io import write_json_atomically
from facies.methods import make_method
from facies.metrics import accuracy

SEEN_DRAWS = 4
"""Draws below this number, and the whole sets, were looked at when other rules were tried; the others were made to test these."""
WHOLE = (
    "pollen",
    "rice",
    "rice-64",
    "zooplankton",
    "microfossils",
    "sand-500",
    "fashion-64",
    "microfossils-single",
    "digits",
    "rendered-objects",
)
DRAWN = ("pollen", "rice", "zooplankton", "fashion-64", "digits", "rendered-objects")
FEWEST_KINDS, LEAST_SHARE = 3, 0.15
GIVEN = "K given"


def finest(salience: float, plateau: float) -> Callable[[NumberCurves], int]:
    """The rule of Facies with constants of one's own."""
    return lambda curves: levels_of(*curves, salience, plateau).number


FACIES = "Facies"
RULES: dict[str, Callable[[NumberCurves], int]] = {
    "greatest silhouette": lambda curves: curves.counts[int(curves.silhouettes.argmax())],
    "finest peak of the silhouette": finest(0.0, 0.0),
    "the same, low ones left out": finest(SALIENCE, 0.0),
    FACIES: finest(SALIENCE, PLATEAU),
    "Facies, SALIENCE .65": finest(0.65, PLATEAU),
    "Facies, SALIENCE .85": finest(0.85, PLATEAU),
    "Facies, PLATEAU .2": finest(SALIENCE, 0.2),
    "Facies, PLATEAU .4": finest(SALIENCE, 0.4),
}
"""That of Facies is the one before it, and then on to the end of its plateau (`facies.cluster.group_levels`)."""


def main() -> None:
    """Measure the fits that are not kept yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(WHOLE)}; all by default")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--draws", type=int, default=8, help="draws from each of the sets of many kinds")
    parser.add_argument("--again", action="store_true", help="apply the rules anew to all curves in benchmarks/work")
    wanted = parser.parse_args()
    if unknown := set(wanted.sets) - set(WHOLE):
        parser.error(f"no such set: {', '.join(sorted(unknown))}; there are {', '.join(WHOLE)}")
    result = record.load("number-of-groups") or {"rows": []}
    if wanted.again:
        result["rows"] = [{**row, **found_by(curves_of(row))} for row in result["rows"]]
        record.keep("number-of-groups", result)
        return
    for name in wanted.sets or WHOLE:
        for draw, images in cases(name, wanted.draws):
            for seed in wanted.seeds:
                if any((row["set"], row["draw"], row["seed"]) == (name, draw, seed) for row in result["rows"]):
                    continue
                row = {"set": name, "draw": draw, "seed": seed, **measure(images, seed, f"{name}-{draw}-{seed}")}
                result["rows"].append({**row, "machine": record.machine()})
                record.keep("number-of-groups", result)
                print(name, draw, seed, f"{row['kinds']} kinds:", row["found"], flush=True)


def cases(name: str, draws: int) -> Iterator[tuple[int | None, ImageSet]]:
    """The whole set, and what is drawn from it; a draw that is the same as one before is left out."""
    images = open_images(input_of(name))
    yield None, images
    seen: list[NDArray[np.int64]] = []
    for draw in range(draws if name in DRAWN else 0):
        rows = drawn_rows(np.asarray(images.labels), zlib.crc32(name.encode()), draw)
        if any(np.array_equal(rows, each) for each in seen):
            print(f"{name}: draw {draw} is the same as one before, and left out", flush=True)
            continue
        seen.append(rows)
        yield draw, images.subset(rows)


def drawn_rows(labels: NDArray[Any], stream: int, draw: int) -> NDArray[np.int64]:
    """Rows of three kinds or more, not all; in an odd draw perhaps of all, and each keeps a share of its images, 0.15 to 1."""
    rng = np.random.default_rng([stream, draw])
    kinds = np.unique(labels)
    chosen = rng.choice(kinds, rng.integers(FEWEST_KINDS, len(kinds) + draw % 2), replace=False)
    parts = []
    for kind in chosen:
        rows = rng.permutation(np.flatnonzero(labels == kind))
        share = rng.uniform(LEAST_SHARE, 1.0) if draw % 2 else 1.0
        parts.append(rows[: max(1, round(share * len(rows)))])
    return np.sort(np.concatenate(parts))


def measure(images: ImageSet, seed: int, kept: str) -> dict[str, Any]:
    """What every rule finds in the layouts of one fit; the curves are kept under a name in benchmarks/work."""
    begun = time.monotonic()
    labels = np.asarray(images.labels)
    kinds = len(np.unique(labels))
    method = make_method("pretrained", "quick", {"grouping.n_clusters": kinds, "random_state": seed})
    embedding, grouping = method.fit(images).embedding_, method.grouping
    reduced = np.asarray(principal_axes(embedding, grouping.n_components).transform(embedding), np.float32)
    manifold = UMAPLayout(reduced, grouping.n_neighbors, grouping.metric, seed)
    layouts = [
        manifold.layout(grouping.layout_dimensions, seed=100 * seed + each) for each in range(grouping.n_layouts)
    ]
    curves, tree = number_curves(layouts, seed), ward_tree(layouts[0], smallest=1, random_state=seed)
    most = 1 + int((tree.strength > 0).sum())
    scored = {count: accuracy(labels, tree.cut(n_groups=min(count, most)).labels) for count in {*curves.counts, kinds}}
    values = {"counts": curves.counts, "silhouettes": curves.silhouettes.tolist(), "kinds": kinds}
    values |= {"agreements": curves.agreements.tolist(), "accuracies": {str(key): each for key, each in scored.items()}}
    write_json_atomically(curves_file(kept), values)
    return {"n_images": len(labels), **found_by(values), "seconds": time.monotonic() - begun}


def found_by(values: dict[str, Any]) -> dict[str, Any]:
    """Number of groups and accuracy of every rule."""
    curves = NumberCurves(values["counts"], np.array(values["silhouettes"]), np.array(values["agreements"]))
    numbers = {rule: find(curves) for rule, find in RULES.items()} | {GIVEN: values["kinds"]}
    found = {
        rule: {"n_groups": number, "accuracy": values["accuracies"][str(number)]} for rule, number in numbers.items()
    }
    return {"kinds": values["kinds"], "found": found}


def curves_of(row: dict[str, Any]) -> Any:
    """The curves of a row that is kept."""
    path = curves_file(f"{row['set']}-{row['draw']}-{row['seed']}")
    if not path.exists():
        raise SystemExit(f"{path.name}: its curves are not on this machine; run the fit again")
    return json.loads(path.read_text("utf-8"))


def curves_file(name: str) -> Path:
    """Where the curves of a fit are kept."""
    folder = record.WORK / "number-of-groups"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.json"


if __name__ == "__main__":
    main()
