"""A demonstration on handwritten digits: from images to a report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facies.io import atomic_file
from facies.runs import RunFolder
from facies.workflows.cluster import ClusterJob, run_clustering

if TYPE_CHECKING:
    from facies.training import Progress


def cluster_digits(
    folder: Path,
    *,
    seed: int = 0,
    overwrite: bool = False,
    command: Sequence[str] = (),
    progress: Progress | None = None,
) -> RunFolder:
    """Write ``digits.npz`` into a folder, cluster it by ``moe-vae``, and write the run folder ``run`` beside it."""
    job = ClusterJob(
        source=write_digits(folder / "digits.npz"),
        output=folder / "run",
        method="moe-vae",
        parameters={"random_state": seed},
        overwrite=overwrite,
        command=command,
    )
    return run_clustering(job, progress)[0]


def write_digits(path: Path) -> Path:
    """Write scikit-learn's 1,797 digits of 8 × 8 pixels (0 to 16), and which digit each is; return the path."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    with atomic_file(path, overwrite=True) as temporary, temporary.open("wb") as file:
        np.savez(file, images=digits.images.astype(np.uint8), labels=digits.target.astype(np.int64))
    return path
