"""A demonstration on handwritten digits: from images to a report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from facies.workflows.cluster import ClusterJob, run_clustering

if TYPE_CHECKING:
    from facies.runs import RunFolder
    from facies.training import Progress

__all__ = ["cluster_digits", "write_digits"]


def cluster_digits(
    folder: Path,
    *,
    seed: int = 0,
    overwrite: bool = False,
    command: Sequence[str] = (),
    progress: Progress | None = None,
) -> RunFolder:
    """Write ``digits.npz`` into a folder, cluster it with the defaults, and write the run folder ``run``.

    Parameters
    ----------
    folder : Path
        Where both are written.
    seed : int, default=0
        The same seed gives the same groups.
    overwrite : bool, default=False
        Whether a run of an earlier demonstration is replaced.
    command : sequence of str, optional
        The command line, for the record in ``run.json``.
    progress : Progress, optional
        Displays how far the work has come. Without it nothing is displayed.

    Returns
    -------
    RunFolder

    Raises
    ------
    InputError
        If the files cannot be written.
    """
    job = ClusterJob(
        source=write_digits(folder / "digits.npz"),
        output=folder / "run",
        parameters={"random_state": seed},
        overwrite=overwrite,
        command=command,
    )
    return run_clustering(job, progress)[0]


def write_digits(path: Path) -> Path:
    """Write scikit-learn's 1,797 digits of 8 × 8 pixels (0 to 16), and which digit each is.

    Returns
    -------
    Path
        The same path.
    """
    import numpy as np
    from sklearn.datasets import load_digits

    from facies.io import atomic_file

    digits = load_digits()
    with atomic_file(path, overwrite=True) as temporary, temporary.open("wb") as file:
        np.savez(file, images=digits.images.astype(np.uint8), labels=digits.target.astype(np.int64))
    return path
