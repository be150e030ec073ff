"""The Student-t mixture beside scikit-learn's Gaussian mixture: time an iteration, memory, outliers.

    python benchmarks/mixture.py

Both sides run in one process, in turns, on the same rows: 20,000 × 32, K = 600, diagonal; then drawn mixtures of Student-t
distributions, with 5 % of the rows spread over ten times their width, three seeds.
"""

from __future__ import annotations

import json
import resource
import time
import warnings
from typing import Any

import numpy as np
import record
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from facies.cluster import StudentTMixture

ROWS, FEATURES, COMPONENTS = 20_000, 32, 600
SHORT, LONG, TURNS = 2, 7, 3
KINDS, EACH, OUTLIERS = 8, 400, 0.05


def seconds_of(model: Any, rows: Any) -> float:
    """Seconds of processor time of a fit."""
    began = time.process_time()
    model.fit(rows)
    return time.process_time() - began


def speed() -> dict[str, Any]:
    """Time an iteration: a long fit less a short one, so that the start falls out; and the peak of memory."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(COMPONENTS, FEATURES))[rng.integers(COMPONENTS, size=ROWS)] * 3 + rng.normal(
        size=(ROWS, FEATURES)
    )
    ours, theirs = [], []
    for _ in range(TURNS):
        for found, make in (
            (ours, lambda n: StudentTMixture(COMPONENTS, covariance_type="diag", max_iter=n, tol=0)),
            (theirs, lambda n: GaussianMixture(COMPONENTS, covariance_type="diag", max_iter=n, tol=0, random_state=0)),
        ):
            short, long = seconds_of(make(SHORT), rows), seconds_of(make(LONG), rows)
            found.append((long - short) / (LONG - SHORT))
    return {
        "rows": ROWS,
        "features": FEATURES,
        "components": COMPONENTS,
        "seconds": float(np.median(ours)),
        "sklearn_seconds": float(np.median(theirs)),
        "ratio": float(np.median(ours) / np.median(theirs)),
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def drawn(seed: int, n_features: int = 8) -> tuple[Any, Any]:
    """Rows of Student-t distributions with their kinds."""
    rng = np.random.default_rng(seed)
    rows, kinds = [], np.repeat(np.arange(KINDS), EACH)
    for _ in range(KINDS):
        width = rng.uniform(0.5, 1.5, n_features)
        stretched = rng.normal(size=(EACH, n_features)) / np.sqrt(rng.chisquare(5, (EACH, 1)) / 5)
        rows.append(rng.normal(size=n_features) * 4 + width * stretched)
    return np.concatenate(rows), kinds


def outliers(seed: int) -> dict[str, Any]:
    """Adjusted Rand index of the rows that are not outliers, without and with outliers among them."""
    rows, kinds = drawn(seed)
    rng = np.random.default_rng(1000 + seed)
    count = int(OUTLIERS * len(rows))
    far = np.concatenate([rows, rng.uniform(-10, 10, (count, rows.shape[1])) * rows.std()])
    row: dict[str, Any] = {"seed": seed}
    for name, model in (
        ("student_t", StudentTMixture(KINDS, covariance_type="diag", n_init=5, random_state=seed)),
        ("gaussian", GaussianMixture(KINDS, covariance_type="diag", n_init=5, random_state=seed)),
    ):
        row[f"{name}_clean"] = float(adjusted_rand_score(kinds, model.fit(rows).predict(rows)))
        row[f"{name}_outliers"] = float(adjusted_rand_score(kinds, model.fit(far).predict(rows)))
    return row


def main() -> None:
    """Measure both, and keep them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        result = {"speed": speed(), "outliers": [outliers(seed) for seed in range(3)], "machine": record.machine()}
    record.keep("mixture", result)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
