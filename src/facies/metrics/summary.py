"""All measures of one partition, as one dictionary."""

from __future__ import annotations

from contextlib import suppress
from math import isfinite

import numpy as np
from numpy.typing import ArrayLike

from facies.metrics._inputs import NOISE, TooFewGroupsError, encode_groups
from facies.metrics.geometry import davies_bouldin, silhouette
from facies.metrics.partition import accuracy, ari, labelled_fraction, nmi, purity


def evaluate_partition(
    groups: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    labelled: ArrayLike | None = None,
    embedding: ArrayLike | None = None,
) -> dict[str, float | int]:
    """Measure a partition, with all the metrics for which the arguments suffice.

    Parameters
    ----------
    groups : array_like of shape (N,)
        Group of each image, -1 for noise.
    labels : array_like of shape (N,), optional
        True class of each image.
    labelled : array_like of bool, shape (N,), optional
        Of which images the class is known; without it of all. Measures that need labels are of these images alone.
    embedding : array_like of shape (N, D), optional
        One row an image.

    Returns
    -------
    dict
        Finite Python numbers, fit for JSON. Always ``n_groups`` (noise not counted), ``n_images``,
        ``labelled_fraction``. With labels ``accuracy`` (noise wrong), ``accuracy_labelled`` (noise ignored), ``nmi``,
        ``ari``, ``purity`` (noise wrong); if some images lack one, also ``n_labelled`` and ``labelled_share``, how many
        and which share of the images have a label. With an embedding ``silhouette`` (of 10,000 images at most, seed 0),
        ``davies_bouldin`` (Euclidean). What is undefined is left out: ``accuracy_labelled`` if all is noise;
        ``silhouette`` and ``davies_bouldin`` with fewer than two groups or all groups of one image;
        ``davies_bouldin`` also when two centres coincide.

    Raises
    ------
    InputError
        If an argument is empty, has missing values or is not of the length of the others. One group alone is no error.
    """
    codes, names = encode_groups(groups)
    measured: dict[str, float | int] = {
        "n_groups": len(names),
        "n_images": len(codes),
        "labelled_fraction": labelled_fraction(groups),
    }
    if labels is not None:
        measured |= _agreement(labels, groups, labelled)
    if embedding is not None:
        for name, metric in (("silhouette", silhouette), ("davies_bouldin", davies_bouldin)):
            with suppress(TooFewGroupsError):
                measured[name] = metric(embedding, groups)
    return {name: value for name, value in measured.items() if isfinite(value)}


def _agreement(labels: ArrayLike, groups: ArrayLike, labelled: ArrayLike | None) -> dict[str, float | int]:
    measured: dict[str, float | int] = {}
    if labelled is not None and not np.all(labelled):
        known = np.asarray(labelled, dtype=bool)
        measured |= {"n_labelled": int(known.sum()), "labelled_share": float(known.mean())}
        if not known.any():
            return measured
        labels, groups = np.asarray(labels)[known], np.asarray(groups)[known]
    measured["accuracy"] = accuracy(labels, groups)
    if (encode_groups(groups)[0] != NOISE).any():
        measured["accuracy_labelled"] = accuracy(labels, groups, noise="ignore")
    return measured | {"nmi": nmi(labels, groups), "ari": ari(labels, groups), "purity": purity(labels, groups)}
