"""How many parts some rows have, by the silhouette of k-means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import silhouette_score

from facies.cluster.kmeans import KMeans
from facies.errors import InputError

__all__ = ["MOST_PARTS", "KMeansBySilhouette", "check_parts", "select_k"]

MOST_PARTS = 6
"""Parts that are looked for where no number is given."""

_ROWS_FOR_SILHOUETTE = 3000


@dataclass(frozen=True, eq=False)
class KMeansBySilhouette:
    """Rows in parts.

    Attributes
    ----------
    model : KMeans
        The parts; ``labels_`` has one row a row.
    silhouette : float
        Mean silhouette (Rousseeuw, 1987) of at most 3,000 rows; −1 where there is one part alone.
    silhouettes : dict of int to float
        Of each number of parts that was tried.
    """

    model: KMeans
    silhouette: float
    silhouettes: dict[int, float]


def select_k(
    rows: NDArray[np.float32],
    parts: int | Literal["auto"] = "auto",
    *,
    random_state: int = 0,
    told: Callable[[float], None] = lambda _share: None,
) -> KMeansBySilhouette:
    """Part rows by k-means.

    Parameters
    ----------
    rows : ndarray of float32, shape (M, D)
        At least twice as many as parts, and four.
    parts : int or "auto", default="auto"
        How many; ``auto`` takes 2 to 6, whichever has the greatest silhouette.
    random_state : int, default=0
        Seed.
    told : callable
        Called with the share of the work that is done, 0 to 1, before each number that is tried.

    Raises
    ------
    InputError
        If there are too few rows.
    """
    check_parts(len(rows), parts)
    tried = range(2, min(MOST_PARTS, len(rows) // 2) + 1) if parts == "auto" else [int(parts)]
    shown = np.random.default_rng(random_state).permutation(len(rows))[:_ROWS_FOR_SILHOUETTE]
    found: list[tuple[float, KMeans]] = []
    for step, count in enumerate(tried):
        told(step / len(tried))
        model = KMeans(count, random_state=random_state).fit(rows)
        found.append((_silhouette(rows[shown], model.labels_[shown]), model))
    silhouette, model = max(found, key=lambda pair: pair[0])
    return KMeansBySilhouette(model, silhouette, dict(zip(tried, (score for score, _ in found), strict=True)))


def check_parts(count: int, parts: int | Literal["auto"], what: str = "images") -> None:
    """Refuse fewer than 2 parts, and fewer rows than twice as many as parts."""
    wanted = 2 if parts == "auto" else int(parts)
    if wanted < 2 or count < max(4, 2 * wanted):
        raise InputError(
            f"{count} {what} do not make {wanted} parts; give 2 parts or more, and twice as many images as parts"
        )


def _silhouette(rows: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    return float(silhouette_score(rows, labels)) if 1 < len(np.unique(labels)) < len(rows) else -1.0
