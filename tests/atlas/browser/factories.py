"""A run of real digits, written without a fit: k-means on principal components, each group a blot on a circle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from facies.images import ImageSet, open_images
from facies.runs import RunContents, RunFolder, partition_table, write_run
from facies.runs.thumbnails import ImageBatches

N, K = 720, 20
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def write_digits(
    folder: Path, n: int = N, n_groups: int = K, upright: Callable[[ImageSet], ImageBatches] | None = None
) -> RunFolder:
    """Write the run; the columns are those that the quality queues look for. `upright` makes the images set upright."""
    digits = load_digits()
    np.save(folder / "digits.npy", (digits.images[:n, None] / 16).astype(np.float32))
    images = open_images(folder / "digits.npy")
    embedding = PCA(16, random_state=0).fit_transform(digits.data[:n] / 16).astype(np.float32)
    groups = KMeans(n_groups, n_init=2, random_state=0).fit_predict(embedding)
    rng = np.random.default_rng(0)
    images.table = images.table.assign(
        sample=np.where(np.arange(n) % 3 == 0, "S01", "S02"),
        touching=rng.uniform(0, 1, n).astype(np.float32),
        touches_border=np.arange(n) % 40 == 0,
        sharpness=rng.lognormal(0, 1, n),
        area_px=digits.images[:n].sum((1, 2)),
    )
    table = partition_table(images.table["id"], groups, embedding, rng.uniform(0.5, 1, n).astype(np.float32))
    return write_run(
        folder / "digits",
        RunContents(
            images=images,
            embedding=embedding,
            projections={
                "pca": (embedding[:, :2].copy(), {"method": "PCA", "seed": 0}),
                "circle": (on_a_circle(groups, n_groups, rng), {"method": "circle", "seed": 0}),
            },
            partitions={"kmeans": (table, {"method": "k-means", "seed": 0})},
            canonical_images=upright and upright(images),
            manifest={"method": "k-means", "seed": 0},
        ),
    )


def on_a_circle(groups: NDArray[np.int32], n_groups: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Place each group apart from all others, in a disk that holds no other."""
    angle = 2 * np.pi * groups / n_groups
    centre = np.column_stack([np.cos(angle), np.sin(angle)])
    radius, turn = 0.08 * np.sqrt(rng.uniform(size=len(groups))), rng.uniform(0, 2 * np.pi, len(groups))
    return (centre + radius[:, None] * np.column_stack([np.cos(turn), np.sin(turn)])).astype(np.float32)


def truth(n: int = N) -> NDArray[np.int64]:
    """What the images really are: known to the expert alone."""
    return load_digits().target[:n]


def names_of_groups(groups: NDArray[np.int32], kinds: NDArray[np.int64]) -> dict[int, str]:
    """What an expert calls each group: the digit of most of its images."""
    return {int(group): NAMES[np.bincount(kinds[groups == group]).argmax()] for group in np.unique(groups)}
