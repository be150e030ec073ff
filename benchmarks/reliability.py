"""How `facies.metrics.reliability` tells noise from kinds that are there: what the thresholds of the report rest on.

Groups by k-means of sets without kinds (clouds, noise images) and of sets with known ones (their pixels), five seeds each.

python benchmarks/reliability.py
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import record
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_iris

from facies.metrics import reliability

SEEDS = 5
Rows = np.ndarray
SETS: dict[str, tuple[bool, int, Callable[[np.random.Generator], Rows]]] = {
    "cloud, 2 dimensions": (False, 10, lambda chance: chance.normal(size=(1000, 2))),
    "cloud, 10 dimensions": (False, 10, lambda chance: chance.normal(size=(1000, 10))),
    "long cloud": (False, 4, lambda chance: chance.normal(size=(1000, 10)) * np.linspace(3, 0.2, 10)),
    "noise images 16 × 16": (False, 5, lambda chance: chance.uniform(size=(1000, 256))),
    "digits 8 × 8": (True, 10, lambda _: load_digits().data),
    "iris": (True, 3, lambda _: load_iris().data),
    "four blobs": (True, 4, lambda chance: chance.normal(size=(1000, 8)) + 6 * np.eye(4, 8)[np.arange(1000) % 4]),
}


def sets() -> dict[str, tuple[bool, int, Callable[[np.random.Generator], Rows]]]:
    """The sets, with those of the shared data where it is."""
    known = dict(SETS)
    usps = record.SHARED / "usps" / "usps.npz"
    if usps.exists():
        pixels = np.load(usps)["images"].reshape(-1, 256).astype(np.float32)
        known["USPS 16 × 16"] = (True, 10, lambda chance: pixels[chance.choice(len(pixels), 2000, replace=False)])
    return known


def main() -> None:
    """Measure and keep."""
    rows = []
    for name, (has_kinds, n_groups, draw) in sets().items():
        found = []
        for seed in range(SEEDS):
            points = draw(np.random.default_rng(seed))
            groups = KMeans(n_groups, n_init=3, random_state=seed).fit_predict(points)
            found.append(reliability(points, groups))
        margins = [each["silhouette"] - each["silhouette_of_one_cloud"] for each in found]
        stable = [each["stability"] for each in found]
        rows.append(
            {
                "set": name, "has_kinds": has_kinds, "n_groups": n_groups, "seeds": SEEDS,
                "margin": [float(np.min(margins)), float(np.max(margins))],
                "stability": [float(np.min(stable)), float(np.max(stable))],
            }
        )  # fmt: skip
        print(rows[-1], flush=True)
    record.keep("reliability", {"rows": rows, "machine": record.machine()})


if __name__ == "__main__":
    main()
