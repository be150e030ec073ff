"""The voxel method on its own: dense against patch by patch, training, thin slices; each row is kept as soon as it is there.

python benchmarks/volume_reach.py                 # what is missing of all rows
python benchmarks/volume_reach.py ratio training  # speed: on a machine that does nothing else
python benchmarks/volume_reach.py anisotropy      # Dice of a phantom, and of the same thinned 6:1, three seeds

Dice on em-vnc, clicks and invariance are in volumes.py, seconds and memory of whole volumes in how_far.py, kills in scale_out.py.
"""

from __future__ import annotations

import argparse
import os
import shutil
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import record
import torch

from facies.methods.voxel_vae import VoxelVAE
from facies.methods.voxels import VoxelSample, make_voxel_method
from facies.methods.voxels.filter_bank import mirrored
from facies.nn.voxel_encoder import VoxelEncoder
from facies.scale import make_engine
from facies.volumes import open_volume
from facies.volumes.evaluation import evaluate_segmentation
from facies.volumes.segment import SegmentOptions, segment_volume
from facies.volumes.segmentation import open_segmentation
from facies.volumes.synthetic import textured_phantom

NAME = "volume-reach"
WORK = record.WORK / NAME
TURNS, PATCHES, BATCH, SIDE = 5, 2, 256, 48
THINNED, PHANTOM, NM = 6, 144, 8.0
SEEDS = (0, 1, 2)


class Clock:
    """A progress that keeps the seconds of each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._stage, self._since = "", 0.0

    def start(self, stage: str, total: int, unit: str) -> None:
        self._stage, self._since = stage, time.perf_counter()

    def advance(self, count: int, note: str = "") -> None:
        pass

    def finish(self) -> None:
        self.seconds[self._stage] = time.perf_counter() - self._since

    def say(self, line: str) -> None:
        pass


def fly() -> np.ndarray:
    with np.load(record.SHARED / "em-fly" / "em_fly_medulla.npz") as file:
        return file["volume"]


def ratio() -> dict[str, Any]:
    """The default method over a block in one pass, against each voxel's patch by itself through the same, in turns."""
    method = VoxelVAE(n_steps=20).fit(VoxelSample([fly()], (10.0, 10.0, 10.0)))
    halo, rng = method.halo, np.random.default_rng(0)
    dense, single, error = [], [], 0.0
    for _ in range(TURNS):
        first = [int(rng.integers(0, size - SIDE)) for size in fly().shape]
        block = mirrored(fly(), first, 3 * [SIDE], halo)
        start = time.perf_counter()
        codes = method.embed(block)
        dense.append((time.perf_counter() - start) / SIDE**3)
        for z, y, x in rng.integers(0, SIDE, (PATCHES, 3)):
            patch = block[z : z + 2 * halo[0] + 1, y : y + 2 * halo[1] + 1, x : x + 2 * halo[2] + 1]
            start = time.perf_counter()
            code = method.embed(patch)
            single.append(time.perf_counter() - start)
            error = max(error, float(np.abs(code[:, 0, 0, 0] - codes[:, z, y, x]).max()))
    fast, slow = float(np.median(dense)), float(np.median(single))
    return {
        "dense_voxels_per_s": round(1 / fast), "patchwise_voxels_per_s": round(1 / slow, 2), "ratio": slow / fast,
        "greatest_difference": error, "block": SIDE, "threads": torch.get_num_threads(),
    }  # fmt: skip


def convolutions() -> dict[str, Any]:
    """The network of ``--preset convolutions`` alone, over a block in one pass, against patches in batches, in turns."""
    method = make_voxel_method("voxel-vae", "convolutions")
    torch.manual_seed(0)
    encoder = VoxelEncoder(
        method.channels, 36, latent_size=method.latent_size, hidden=method.hidden, slices=False
    ).eval()
    halo = encoder.halo[0]
    grey = torch.from_numpy(fly()[: SIDE + 2 * halo, : SIDE + 2 * halo, : SIDE + 2 * halo].astype(np.float32) / 255)
    values = torch.randn(36, SIDE, SIDE, SIDE)
    z, y, x = encoder.patch
    windows = grey.unfold(0, z, 1).unfold(1, y, 1).unfold(2, x, 1)
    rng = np.random.default_rng(0)
    dense, single, error = [], [], 0.0
    with torch.no_grad():
        for _ in range(TURNS):
            start = time.perf_counter()
            codes = encoder.dense(grey[None], values)
            dense.append((time.perf_counter() - start) / SIDE**3)
            a, b, c = (torch.from_numpy(each) for each in rng.integers(0, SIDE, (3, BATCH)))
            start = time.perf_counter()
            mean, _ = encoder(windows[a, b, c][:, None], values[:, a, b, c].T)
            single.append((time.perf_counter() - start) / BATCH)
            error = max(error, float((mean.T - codes[:, a, b, c]).abs().max()))
    fast, slow = float(np.median(dense)), float(np.median(single))
    return {
        "dense_voxels_per_s": round(1 / fast), "patchwise_voxels_per_s": round(1 / slow), "ratio": slow / fast,
        "greatest_difference": error, "block": SIDE, "threads": torch.get_num_threads(),
    }  # fmt: skip


def training(what: str) -> dict[str, Any]:
    """Patches a second, forward and backward, with drawing them: the stage of training of the default method."""
    if what == "isotropic":
        grey, size = fly(), (10.0, 10.0, 10.0)
    else:
        with np.load(record.SHARED / "em-vnc" / "em_vnc.npz") as file:
            grey, size = file["volume"], (45.0, 4.6, 4.6)
    clock = Clock()
    method = VoxelVAE(n_steps=300)
    method.fit(VoxelSample([grey], size), clock)
    patches = method.n_steps * method.batch_size
    return {
        "volume": what, "patches_per_s": round(patches / clock.seconds["training"]), "patches": patches,
        "seconds": {stage: round(seconds, 1) for stage, seconds in clock.seconds.items()}, "threads": torch.get_num_threads(),
    }  # fmt: skip


def anisotropy(seed: int) -> dict[str, Any]:
    """Dice of the default method on a phantom, and on each sixth of its slices, which are six times as thick."""
    grey, classes = textured_phantom((PHANTOM, PHANTOM, PHANTOM), blob=18, seed=seed)
    found = {}
    for name, step in (("isotropic", 1), ("thinned", THINNED)):
        size = (NM * step, NM, NM)
        folder = WORK / f"anisotropy-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        method = make_voxel_method("voxel-vae", parameters={"random_state": seed, "scale_nm": 31 * NM})
        with make_engine("processes") as engine:
            volume = open_volume(np.ascontiguousarray(grey[::step]), voxel_size_nm=size)
            segment_volume(volume, folder, method, engine, SegmentOptions())
        truth = open_volume(np.ascontiguousarray(classes[::step]), voxel_size_nm=size)
        measured = evaluate_segmentation(open_segmentation(folder), truth, k=8)
        shutil.rmtree(folder)
        found[name] = {"k8": measured["dice_majority"], "over_k": measured["mean_over_k"]["dice_majority"]}
    return {**found, "lost_k8": found["isotropic"]["k8"] - found["thinned"]["k8"]}


CASES: dict[str, list[tuple[str, Callable[[], dict[str, Any]]]]] = {
    "ratio": [("dense against patch-wise", ratio), ("convolutions", convolutions)],
    "training": [(what, lambda what=what: training(what)) for what in ("isotropic", "slices")],
    "anisotropy": [(f"seed {seed}", lambda seed=seed: anisotropy(seed)) for seed in SEEDS],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", help=f"of {', '.join(CASES)}")
    parser.add_argument("--again", action="store_true", help="measure rows that are kept, too")
    arguments = parser.parse_args()
    if set(arguments.cases) - set(CASES):
        parser.error(f"choose from {', '.join(CASES)}")
    WORK.mkdir(parents=True, exist_ok=True)
    for case in arguments.cases or CASES:
        for name, measure in CASES[case]:
            kept = record.load(NAME)
            key = f"{case}: {name}"
            if key in kept and not arguments.again:
                continue
            load = round(os.getloadavg()[0], 1)
            row = {"case": case, "what": name, **measure(), "load": load, "machine": record.machine()}
            print(key, row, flush=True)
            record.keep(NAME, {**kept, key: row})


if __name__ == "__main__":
    main()
