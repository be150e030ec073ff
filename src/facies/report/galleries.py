"""The images that represent a group: its nearest, some at random, its farthest; and pictures as text for a page."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from facies.runs import RunFolder, to_thumbnails

GALLERY_SIZE = 12
"""Images of a group in the report, of each kind."""


@dataclass(frozen=True)
class Gallery:
    """Row numbers of the images that represent a group.

    Attributes
    ----------
    nearest : list of int
        Nearest to the group's centre in the embedding, the nearest first.
    random : list of int
        Drawn at random, in the order of the images.
    farthest : list of int
        Farthest from the centre, the farthest first.
    """

    nearest: list[int]
    random: list[int]
    farthest: list[int]


def choose_images(partition: pd.DataFrame, group: int, *, n_images: int = GALLERY_SIZE, seed: int = 0) -> Gallery:
    """Choose the images that represent a group.

    Parameters
    ----------
    partition : DataFrame
        Columns ``group`` and ``distance``, one row an image.
    group : int
        The group, or -1: noise has no centre, and only random images.
    n_images : int
        How many of each kind at most.
    seed : int
        Of the random choice.

    Returns
    -------
    Gallery
    """
    rows = np.flatnonzero(partition["group"].to_numpy() == group)
    drawn = np.random.default_rng([seed, group + 1]).choice(rows, min(n_images, len(rows)), replace=False)
    distance = partition["distance"].to_numpy()[rows]
    known = rows[np.isfinite(distance)]
    order = known[np.argsort(distance[np.isfinite(distance)], kind="stable")]
    return Gallery(order[:n_images].tolist(), np.sort(drawn).tolist(), order[::-1][:n_images].tolist())


def data_uri(image: Image.Image, quality: int = 88) -> str:
    """Return a small image as the text of a WebP data URI; grey ones lose nothing, coloured ones little."""
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=image.mode == "L", quality=quality, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def generated_images(run: RunFolder, group: int, *, n_images: int = GALLERY_SIZE) -> list[Image.Image]:
    """Return images that the model generated from a group, as thumbnails; none if the run holds none."""
    samples = run.samples
    if samples is None or not 0 <= group < len(samples):
        return []
    import torch

    chosen: NDArray[np.float32] = np.array(samples[group, :n_images])
    return [Image.fromarray(array) for array in to_thumbnails(torch.from_numpy(chosen), 0.0, 1.0)]
