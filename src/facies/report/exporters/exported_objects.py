"""What other programs are told of the objects in the images of a run: names that are unique, and what a domain knows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from facies.runs import RunFolder

LONGEST_ID = 250
"""EcoTaxa takes texts of at most so many characters."""

_STEM = 200


@dataclass(frozen=True, eq=False)
class ExportedObjects:
    """What a domain knows of the objects in the images of one of its runs, for COCO and EcoTaxa.

    Attributes
    ----------
    columns : callable
        ``columns(rows)`` returns one row for each of some rows of the run's images, with these as index. The names are
        those of EcoTaxa (``object_area_um2``, ``sample_id``, ``acq_um_per_px``), with the unit of what is measured.
    frames : callable
        Returns the photographs on which the outlines of the run (its companion ``outlines``) lie: one row an image of the
        run, ``file``, ``width`` and ``height`` in pixels. It raises `facies.errors.InputError` where they are not known.
    attributes : sequence of str
        The columns of the run's images that go into the ``attributes`` of COCO.
    supercategory : str
        What the objects are, for COCO.
    """

    columns: Callable[[pd.Index], pd.DataFrame]
    frames: Callable[[], pd.DataFrame]
    attributes: tuple[str, ...]
    supercategory: str


def run_token(run: RunFolder) -> str:
    """Return ten characters that no other run has, wherever and whenever it was made; they stay while the run does."""
    manifest = run.manifest
    parts = (manifest.get("fit"), manifest["created"], manifest["input"]["fingerprint"], manifest.get("seed"))
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:10]


def object_ids(run: RunFolder) -> tuple[pd.Series, list[str]]:
    """Return an id for each image of a run that no image of another run has, in ASCII, and what is to be said about them.

    Images that came with ids of EcoTaxa (`object_id`) keep them, so that an import updates these objects. All others get
    their id in the run and `run_token`.
    """
    images = run.images
    if "object_id" in images.columns:
        ids = images["object_id"].astype(str)
        usable = (ids != "").all() and (ids.str.len() <= LONGEST_ID).all()
        if usable and ids.is_unique:
            return ids, []
        if usable and "acq_id" in images.columns:
            with_acquisition = images["acq_id"].astype(str) + "_" + ids
            if with_acquisition.is_unique and (with_acquisition.str.len() <= LONGEST_ID).all():
                return with_acquisition, ["several images bear one object_id: acq_id was put before each"]
    token, taken = run_token(run), set[str]()
    unique = []
    for identity in images["id"]:
        stem = re.sub(r"\s+", "_", to_ascii(str(identity)).strip())[:_STEM] or "image"
        name, n = f"{stem}_{token}", 1
        while name in taken:
            n += 1
            name = f"{stem}-{n}_{token}"
        taken.add(name)
        unique.append(name)
    return pd.Series(unique, index=images.index, dtype=object), []


def to_ascii(text: str) -> str:
    """Return a text with ``&#956;`` for what is not ASCII."""
    return text.encode("ascii", "xmlcharrefreplace").decode("ascii")


def without_excluded(partition: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return the images of a partition that were not excluded, and how many were."""
    if "state" not in partition:
        return partition, []
    excluded = partition["state"] == "excluded"
    if not excluded.any():
        return partition, []
    return partition[~excluded], [f"{int(excluded.sum())} of {len(partition)} images are excluded, and were left out"]


def category_names(partition: pd.DataFrame) -> list[str]:
    """Return the class of each image, or ``group 12`` where none was named."""
    groups = ["no group" if group < 0 else f"group {group}" for group in partition["group"]]
    if "class" not in partition:
        return groups
    return [name or group for name, group in zip(partition["class"], groups, strict=True)]
