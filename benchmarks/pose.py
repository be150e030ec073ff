"""How well images are set upright by other weights of the terms, judged without labels, and with them for comparison.

    python benchmarks/pose.py --consistency 1 0.1 0
    python benchmarks/pose.py --consistency 0.1 --centre 10

Learns from `mnist-10k-rotated`. The bound, d + KL/pixels, is what chooses. The turns by which the judge of poses is asked are
drawn with another seed than those of the set; the true classes serve to measure alone.
"""

from __future__ import annotations

import argparse
import json
import os
from typing import Any

import numpy as np
import record
import torch
from sets import LARGEST_TURN, input_of
from torch import Tensor

from facies.images import RandomAffine, open_images
from facies.methods.pose_alignment import CENTRE, CONSISTENCY, align_pose, load_pose
from facies.methods.preprocessing import learn_normalizer
from facies.nn import resample
from facies.training import Trainer

ROTATION, ASKED, OTHER_SEED = 60.0, 3000, 99


def measure(consistency: float, centre: float, epochs: int, seed: int) -> dict[str, Any]:
    """Learn once; return the bound, how far poses are off in degrees, and variances within the true classes."""
    images = open_images(input_of("mnist-10k-rotated"))
    normalizer, trainer = learn_normalizer(images), Trainer(seed)
    outputs = align_pose(trainer, images, normalizer, ROTATION, epochs, consistency=consistency, centre=centre)
    pose = load_pose(images.image_shape, ROTATION, outputs["pose"], torch.device("cpu"))
    with np.load(input_of("mnist-10k")) as mnist:
        plain = normalizer(torch.from_numpy(mnist["images"][:ASKED]).float()[:, None])
    turned = normalizer(images.__getitems__(np.arange(len(images))))
    maps = RandomAffine(LARGEST_TURN, 0.0, 0.0).draw(
        ASKED, (28, 28), plain.device, torch.Generator().manual_seed(OTHER_SEED)
    )
    theta = pose.theta(turned)
    off = turn_of(pose.theta(resample(plain, maps))) + turn_of(maps) - turn_of(pose.theta(plain))
    last = trainer.rows[-1]
    return {
        "consistency": consistency,
        "centre": centre,
        "epochs": epochs,
        "seed": seed,
        "bound": last["reconstruction"] + last["kl"],
        "off_median": float(off.abs().median()),
        "off_deviation": float(off.std()),
        "scale": float(torch.linalg.det(theta[:, :, :2]).sqrt().mean()),
        "share_before": share_within(turned, np.asarray(images.labels)),
        "share_after": share_within(resample(turned, theta), np.asarray(images.labels)),
    }


def turn_of(theta: Tensor) -> Tensor:
    """Turns of similarity maps (B, 2, 3), in degrees."""
    return torch.rad2deg(torch.atan2(theta[:, 1, 0], theta[:, 0, 0]))


def share_within(pixels: Tensor, labels: np.ndarray) -> float:
    """Share of the whole variance of pixels that lies within true classes."""
    counts = np.bincount(labels)
    within = [
        float(pixels[torch.from_numpy(labels == label)].var(0, correction=0).mean()) for label in range(len(counts))
    ]
    return float(np.average(within, weights=counts)) / float(pixels.var(0, correction=0).mean())


def main() -> None:
    """Measure what is not kept yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--consistency", type=float, nargs="+", default=[CONSISTENCY])
    parser.add_argument("--centre", type=float, default=CENTRE)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    wanted = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    rows = record.load("pose").get("rows", [])
    for seed in wanted.seeds:
        for consistency in wanted.consistency:
            row = measure(consistency, wanted.centre, wanted.epochs, seed)
            key = ("consistency", "centre", "epochs", "seed")
            rows = [old for old in rows if any(old[name] != row[name] for name in key)]
            rows.append({**row, "machine": record.machine()})
            record.keep("pose", {"rows": rows})
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
