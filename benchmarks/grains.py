"""From rendered plates to named groups: purity of `focal-vae`'s groups, beside `pretrained`, pixels and an untrained encoder.

    python benchmarks/grains.py crops --seeds 0 1 2          (bone and gravel: grains cut from real photographs)
    python benchmarks/grains.py kinds --seeds 0 1 2          (those, and six kinds drawn by rule)
    python benchmarks/grains.py crops --plate even           (the same plates; grains shown on one colour in even light)
    python benchmarks/grains.py crops --variants layer k     (ablations; see --help)

The plates are SYNTHETIC: `facies.grains.synthetic` composes them, and knows what it put where; `facies extract` finds the grains;
`facies cluster` groups them, in a process of its own. Truth is read afterwards, to measure. It is matched to the grains by
their boxes (IoU ≥ 0.5), and grains that match none are counted and left out.

Two things flatter such figures, and are measured beside them. One particle is rendered several times, turned, scaled and lit
anew, so a group can be of one kind for being of one particle: `unseen` trains and names groups on half of the particles, and
counts the other half. And the real crops come from a few photographs, one kind each, so a kind is a photograph, too: no
benchmark made of them can tell one from the other.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import record
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

SETS = ("crops", "kinds")
VARIANTS = ("main", "pretrained", "baselines", "unseen", "layer", "lying", "k")
STACKS = 400
EACH_DRAWN = 30
GROUPS = 100


def particles(name: str) -> list[Any]:
    """Grains to render; the kind of each is ``kind/number``, so that the truth tells the particle, too."""
    from facies.grains.synthetic import KINDS, grains_from_crops
    from facies.grains.synthetic.shapes import draw_grain

    file = np.load(record.SHARED / "microfossils" / "rcos_microfossil.npz", allow_pickle=False)
    names = [str(kind) for kind in file["class_names"]]
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of crops in which no grain stands out: they are left out
        for crops, labels in (("particle_crops", "particle_labels"), ("single_images", "single_labels")):
            kinds = [f"{names[label]}/{crops[0]}{row}" for row, label in enumerate(file[labels])]
            found += grains_from_crops(file[crops], kinds)
    if name == "kinds":
        rng = np.random.default_rng(0)
        found += [
            dataclasses.replace(draw_grain(kind, rng), kind=f"{kind}/{row}")
            for kind in KINDS
            for row in range(EACH_DRAWN)
        ]
    return found


def grains_of(name: str, n_stacks: int, plate: str) -> Path:
    """Photographs and grains of a set, made once; the plate is kept as it is, or even."""
    from facies.grains.synthetic import write_plates

    photographs = record.WORK / f"plates-{name}-{n_stacks}"
    grains = record.WORK / f"grains-{name}-{n_stacks}{suffix_of(plate)}"
    if not photographs.exists():
        record.WORK.mkdir(exist_ok=True)
        write_plates(photographs, n_stacks, seed=2022, grains=particles(name), touching=0.0, cut=0.0)
    if not grains.exists():
        facies("extract", str(photographs), "-o", str(grains), "--plate", plate, "--resume")
    return grains


def suffix_of(plate: str) -> str:
    """What sets the names of files apart where the plate is not kept as it is."""
    return "" if plate == "keep" else f"-{plate}"


def facies(*arguments: str) -> Any:
    """Run a command of facies and return what its --json printed."""
    command = [sys.executable, "-m", "facies.cli", *arguments, "--json"]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def truth_of(table: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Kind and particle of each grain, by the box of greatest overlap in its stack; missing where none has IoU ≥ 0.5."""
    found = pd.DataFrame(None, index=table.index, columns=["kind", "particle"], dtype=object)
    by_stack = dict(list(truth.groupby("stack")))
    for stack, rows in table.groupby("stack"):
        known = by_stack.get(stack)
        if known is None:
            continue
        a, b = (frame[["x0", "y0", "x1", "y1"]].to_numpy(float) for frame in (rows, known))
        sides = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
        shared = np.prod(np.clip(sides, 0, None), axis=2)
        areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (a, b)]
        overlap = shared / (areas[0][:, None] + areas[1][None] - shared)
        best = overlap.argmax(axis=1)
        particle = known["kind"].to_numpy()[best]
        matched = overlap.max(axis=1) >= 0.5
        found.loc[rows.index[matched], "particle"] = particle[matched]
        found.loc[rows.index[matched], "kind"] = [name.split("/")[0] for name in particle[matched]]
    return found


def scores(groups: NDArray[np.int64], kinds: NDArray[Any]) -> dict[str, float]:
    """Purity (the mean of the groups'), ACC after each group got the name of its majority, and the number of groups."""
    counts = pd.crosstab(groups, kinds)
    return {
        "purity": float((counts.max(axis=1) / counts.sum(axis=1)).mean()),
        "accuracy": float(counts.max(axis=1).sum() / len(groups)),
        "n_groups": len(counts),
    }


@dataclasses.dataclass
class Grains:
    """The grains of a set, and what is known of them."""

    path: Path
    images: Any
    kinds: NDArray[Any]
    particles: NDArray[Any]
    known: NDArray[np.int64]
    n_truth: int

    @classmethod
    def of(cls, name: str, n_stacks: int, plate: str) -> Grains:
        """Make or read them."""
        from facies.images import open_images

        path = grains_of(name, n_stacks, plate)
        truth = pd.read_csv(record.WORK / f"plates-{name}-{n_stacks}" / "truth.csv")
        images = open_images(path)
        found = truth_of(images.table, truth)
        known = np.flatnonzero(found["kind"].notna())
        return cls(path, images, found["kind"].to_numpy(), found["particle"].to_numpy(), known, len(truth))

    def code(self, variant: str, seed: int) -> Path:
        """File in which the code and the groups of a fit are kept."""
        return record.WORK / f"{self.path.name}-{variant}-{seed}.npz"

    def scores(self, groups: NDArray[np.int64]) -> dict[str, float]:
        """Of groups of all grains, on those whose truth is known."""
        return scores(groups[self.known], self.kinds[self.known])


def main_row(grains: Grains, seed: int, settings: list[str]) -> dict[str, Any]:
    """The command as a user gives it: groups, and what refining makes of them."""
    run = record.WORK / f"{grains.path.name}-run-{seed}"
    options = [part for setting in settings for part in ("--set", setting)]
    began = time.monotonic()
    made = facies(
        "cluster", str(grains.path), "-o", str(run), "--method", "focal-vae", "--seed", str(seed), "--resume", *options
    )
    seconds = time.monotonic() - began
    from facies.runs import RunFolder

    folder = RunFolder(run)
    if "refine-1" not in folder.partitions():
        facies("refine", str(run))
    codes = np.asarray(folder.embedding)
    groups = folder.partition("focal-vae")[0]["group"].to_numpy()
    refined = folder.partition("refine-1")[0]["group"].to_numpy()
    history = folder.training_curves
    return {
        **grains.scores(groups),
        "refined_accuracy": grains.scores(refined)["accuracy"],
        "refined_by": "the classifier and the neighbours",
        "active": int((codes.var(axis=0) > 0.01).sum()),
        "mse": float(history["reconstruction"].iloc[-1]),
        "seconds": seconds,
        "notes": made["notes"],
        "n_grains": len(grains.images),
        "n_known": len(grains.known),
        "n_truth": grains.n_truth,
    }


def pretrained_row(grains: Grains, seed: int) -> dict[str, Any]:
    """The command with `pretrained`, with as many groups as `focal-vae` has, and with a number that it finds."""
    row: dict[str, Any] = {}
    for name, options in (("", ["--set", f"grouping.n_clusters={GROUPS}"]), ("found_", [])):
        run = record.WORK / f"{grains.path.name}-pretrained-{name}{seed}"
        began = time.monotonic()
        facies(
            "cluster",
            str(grains.path),
            "-o",
            str(run),
            "--method",
            "pretrained",
            "--seed",
            str(seed),
            "--overwrite",
            *options,
        )
        from facies.runs import RunFolder

        groups = RunFolder(run).partition("pretrained")[0]["group"].to_numpy()
        row |= {f"{name}{key}": value for key, value in grains.scores(groups).items()}
        row |= {f"{name}seconds_of_command": time.monotonic() - began}
    return row


def fitted(images: Any, seed: int, code: Path, **settings: Any) -> Any:
    """`focal-vae`, quick, on these images; its code and groups are kept under a name, for `benchmarks/refinement.py`."""
    from facies.methods import make_method

    method = make_method("focal-vae", "quick", {"random_state": seed, "n_clusters": GROUPS, **settings}).fit(images)
    np.savez(code, embedding=method.embedding_, labels=method.labels_)
    return method


def baseline_rows(grains: Grains, seed: int) -> dict[str, Any]:
    """K-means, K = 100, on pixels as the network sees them, and on the code of an encoder with random weights."""
    import torch

    from facies.cluster import KMeans
    from facies.methods import make_method
    from facies.methods.downsample import downsample

    method = make_method("focal-vae", "quick")
    size = (method.image_size, method.image_size)
    torch.manual_seed(seed)
    encoder = method.build(grains.images.image_shape).encoder.eval()
    pixels, codes = [], []
    for batch in grains.images.batches(32):
        small = downsample(batch, size, whole_numbers=True) / 255
        with torch.no_grad():
            codes.append(encoder(small)[0].numpy())
        pixels.append(small.flatten(1).numpy())
    result = {}
    for name, rows in (("pixels", pixels), ("untrained", codes)):
        groups = KMeans(GROUPS, n_init=3, random_state=seed).fit_predict(np.concatenate(rows))
        result.update({f"{name}_{key}": value for key, value in grains.scores(groups).items()})
    return result


def unseen_row(grains: Grains, seed: int) -> dict[str, Any]:
    """Groups learnt and named on half of the particles; grains of the other half, by the same names."""
    every = np.unique(grains.particles[grains.known].astype(str))
    held = np.random.default_rng(seed).permutation(every)[: len(every) // 2]
    is_held = np.isin(grains.particles[grains.known].astype(str), held)
    learnt, fresh = grains.known[~is_held], grains.known[is_held]
    method = fitted(grains.images.subset(learnt), seed, grains.code("unseen", seed))
    counts = pd.crosstab(method.labels_, grains.kinds[learnt])
    names = counts.idxmax(axis=1)
    predicted = method.predict_table(grains.images.subset(fresh))
    right = names.reindex(predicted["group"]).to_numpy() == grains.kinds[fresh]
    errors = method.reconstruction_error(grains.images.subset(fresh))
    return {
        "accuracy": float(right.mean()),
        "seen_accuracy": scores(method.labels_, grains.kinds[learnt])["accuracy"],
        "mse": float(errors.mean()),
        "seen_mse": float(method.reconstruction_error(grains.images.subset(learnt)).mean()),
        "outliers": float(predicted["outlier"].mean()),
        "accuracy_without_outliers": float(right[~predicted["outlier"]].mean()),
        "n_learnt": len(learnt),
        "n_fresh": len(fresh),
    }


def layer_row(grains: Grains, seed: int) -> dict[str, Any]:
    """One focal layer, the third of six, instead of all."""
    third = np.concatenate([batch[:, 2].numpy().astype(np.uint8) for batch in grains.images.batches(32)])
    return grains.scores(fitted(third, seed, grains.code("layer", seed)).labels_)


def lying_row(grains: Grains, seed: int) -> dict[str, Any]:
    """The code of each grain as it lies, as in the paper, and how many keep their group when turned by a quarter."""
    method = fitted(grains.images, seed, grains.code("lying", seed), any_side_up=False)
    turned = [
        method.predict(np.rot90(batch.numpy(), axes=(-2, -1)).astype(np.uint8)) for batch in grains.images.batches(32)
    ]
    kept = float((np.concatenate(turned) == method.labels_).mean())
    return {**grains.scores(method.labels_), "kept_when_turned": kept}


def k_rows(grains: Grains, seed: int) -> dict[str, Any]:
    """Other numbers of groups, on the code of the run of this seed."""
    from facies.cluster import KMeans
    from facies.runs import RunFolder

    codes = np.asarray(RunFolder(record.WORK / f"{grains.path.name}-run-{seed}").embedding)
    return {
        f"{name}_{count}": value
        for count in (10, 50, 100)
        for name, value in grains.scores(KMeans(count, n_init=3, random_state=seed).fit_predict(codes)).items()
    }


def stability(grains: Grains, seeds: list[int]) -> float:
    """Mean adjusted Rand index of the partitions of each two seeds."""
    from facies.runs import RunFolder

    found = [
        RunFolder(record.WORK / f"{grains.path.name}-run-{seed}").partition("focal-vae")[0]["group"] for seed in seeds
    ]
    pairs = [(a, b) for position, a in enumerate(found) for b in found[position + 1 :]]
    return float(np.mean([adjusted_rand_score(a, b) for a, b in pairs]))


def main() -> None:
    """Measure the rows that are not kept yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=SETS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--stacks", type=int, default=STACKS)
    parser.add_argument("--plate", choices=("keep", "even"), default="keep", help="as in facies extract")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="NAME=VALUE")
    wanted = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    name = f"grains-{wanted.set}{suffix_of(wanted.plate)}"
    title = wanted.set if wanted.plate == "keep" else f"{wanted.set}, {wanted.plate} plate"
    result = record.load(name) or {"set": title, "stacks": wanted.stacks, "settings": wanted.settings, "rows": []}
    if (result["stacks"], result["settings"]) != (wanted.stacks, wanted.settings):
        sys.exit(f"{record.RESULTS / name}.json: was measured with other stacks or settings; move it away")
    grains = Grains.of(wanted.set, wanted.stacks, wanted.plate)
    row_of = {
        "pretrained": pretrained_row,
        "baselines": baseline_rows,
        "unseen": unseen_row,
        "layer": layer_row,
        "lying": lying_row,
        "k": k_rows,
    }
    for seed in wanted.seeds:
        for variant in wanted.variants:
            if any(row["seed"] == seed and row["variant"] == variant for row in result["rows"]):
                continue
            began = time.monotonic()
            measured = main_row(grains, seed, wanted.settings) if variant == "main" else row_of[variant](grains, seed)
            measured = {"seconds": time.monotonic() - began, **measured}
            result["rows"].append({"seed": seed, "variant": variant, **measured, "machine": record.machine()})
            record.keep(name, result)
            print(json.dumps({"seed": seed, "variant": variant, **measured}), flush=True)
    runs = [row["seed"] for row in result["rows"] if row["variant"] == "main"]
    here = all((record.WORK / f"{grains.path.name}-run-{seed}").exists() for seed in runs)
    if len(runs) > 1 and here:  # else it stays as it was measured where the runs are
        result["stability"] = stability(grains, runs)
        record.keep(name, result)


if __name__ == "__main__":
    main()
