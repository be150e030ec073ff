"""What `facies refine` does to the groups of `focal-vae`: which images it moves, and whether that is right.

    python benchmarks/refinement.py                       (all sets, seeds 0 1 2)
    python benchmarks/refinement.py digits --seeds 0

Every set is grouped twice from one code: with the hundred groups of the preset, of a dozen or two images each, and with ten times
fewer. A group is named after its most common kind *before* refining, as an expert would have done, and a moved image is right if
the name of its new group is its kind. Labels are read after the fact alone. The codes of `benchmarks/grains.py`, as far as that
was run here, are looked at too.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import record
from numpy.typing import NDArray

SETS = ("digits", "usps", "mnist", "fashion-mnist", "crops", "crops-even")
N_IMAGES = 2000
STACKS = 150
GROUPS = 100


def labelled(name: str) -> tuple[Any, NDArray[Any]]:
    """Images of a set, 2,000 of it drawn without a look at the labels (seed 0), and their labels; rendered grains whole."""
    from facies.images import open_images

    if name.startswith("crops"):
        from grains import Grains

        grains = Grains.of("crops", STACKS, "even" if name.endswith("even") else "keep")
        return grains.images.subset(grains.known), grains.kinds[grains.known]
    from sets import input_of

    with np.load(input_of(name)) as file:
        labels = file["labels"]
    rows = np.sort(np.random.default_rng(0).permutation(len(labels))[:N_IMAGES])
    return open_images(input_of(name)).subset(rows), labels[rows]


def code_of(name: str, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[Any]]:
    """Code and groups of a fit, made once, and the labels."""
    from facies.methods import make_method

    file = record.WORK / f"refinement-{name}-{seed}.npz"
    if not file.exists():
        images, labels = labelled(name)
        smaller = {"image_size": 32} if name.startswith("crops") else {}
        method = make_method("focal-vae", "quick", {"random_state": seed, "n_clusters": GROUPS, **smaller}).fit(images)
        np.savez(file, embedding=method.embedding_, labels=method.labels_, kinds=labels.astype(str))
    with np.load(file) as kept:
        return kept["embedding"], kept["labels"], kept["kinds"]
