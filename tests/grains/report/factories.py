"""A small run of grains with counts that are known, painted and outlined here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import zarr
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from facies.annotations import Journal
from facies.images import open_images
from facies.runs import RunContents, RunFolder, partition_table, write_run

SAMPLES = ("GC1-02", "GC1-12", "GC1-22")
COUNTS: dict[str, tuple[int, int, int]] = {
    "quartz": (30, 20, 10),
    "foraminifera": (20, 20, 25),
    "fragments": (10, 20, 25),
    "chopped": (2, 0, 3),
    "": (1, 1, 1),
}
"""Grains of each kind in each sample; ``chopped`` are excluded, ``""`` are not named."""
GROUPS = {"quartz": (0, 1), "foraminifera": (2,), "fragments": (3,), "chopped": (4,), "": (5,)}
ROLES: dict[str, list[str]] = {
    "quartz": ["terrigenous"],
    "foraminifera": ["biogenic", "whole", "planktic"],
    "fragments": ["biogenic", "fragment"],
}
LAYERS, SIDE = 3, 40
UM_PER_PX = 2.5
FRAME = (1280, 1024)
_LOOKS = {
    "quartz": ((205, 222, 205), 7, (1.0, 0.75)),
    "foraminifera": ((235, 205, 165), 24, (1.0, 0.95)),
    "fragments": ((222, 188, 150), 4, (1.0, 0.5)),
    "chopped": ((150, 120, 90), 5, (1.0, 0.8)),
    "": ((60, 55, 50), 6, (1.0, 0.85)),
}


def grain_table() -> tuple[pd.DataFrame, list[str], list[NDArray[np.float32]]]:
    """Make the table of the grains, the kind of each, and their outlines in pixels of the photograph."""
    rng = np.random.default_rng(4)
    rows: list[dict[str, Any]] = []
    kinds: list[str] = []
    outlines: list[NDArray[np.float32]] = []
    for place, sample in enumerate(SAMPLES):
        for kind, counts in COUNTS.items():
            for number in range(counts[place]):
                outline = _outline(kind, rng)
                stack = f"{sample}_s{number // 5}"
                low = np.floor(outline.min(0)).astype(int)
                high = np.ceil(outline.max(0)).astype(int)
                best = int(rng.integers(0, LAYERS))
                rows.append(
                    {
                        "id": f"{stack}_g{len(rows):03d}", "source": f"{stack}/{best}.png", "sample": sample, "stack": stack,
                        "photograph": f"{stack}/{best}.png", "x0": low[0], "y0": low[1], "x1": high[0], "y1": high[1],
                        "width": high[0] - low[0], "height": high[1] - low[1], "layers_found": LAYERS,
                        "layers": "0,1,2", "best_layer": best, "touches_border": kind == "chopped", "touching": 0.0,
                        "sharpness": 10.0, **{f"sharpness_{i}": 10.0 - abs(i - best) for i in range(LAYERS)},
                    }
                )  # fmt: skip
                kinds.append(kind)
                outlines.append(outline)
    return pd.DataFrame(rows), kinds, outlines


def _outline(kind: str, rng: np.random.Generator) -> NDArray[np.float32]:
    _, corners, (long, short) = _LOOKS[kind]
    angle = np.linspace(0, 2 * np.pi, max(24, corners), endpoint=False)
    radius = 1 + 0.12 * np.cos(angle * (corners % 5 + 2) + rng.uniform(0, 6)) * (kind != "foraminifera")
    size = rng.uniform(35, 75)
    ellipse = np.stack([long * np.cos(angle), short * np.sin(angle)], 1) * radius[:, None] * size
    turn = rng.uniform(0, np.pi)
    turned = ellipse @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    centre = rng.uniform((150, 150), (FRAME[0] - 150, FRAME[1] - 150))
    return (turned + centre).astype(np.float32)


def paint(table: pd.DataFrame, kinds: list[str], outlines: list[NDArray[np.float32]], side: int = SIDE) -> NDArray[Any]:
    """Paint the crops, proportions lost, uint8 (N, L, 3, side, side); layers beside the best one are blurred."""
    rng = np.random.default_rng(5)
    pixels = np.zeros((len(table), LAYERS, 3, side, side), np.uint8)
    for i, (kind, outline) in enumerate(zip(kinds, outlines, strict=True)):
        row = table.iloc[i]
        picture = Image.new("RGB", (int(row["width"]), int(row["height"])), (60, 190, 70))
        draw = ImageDraw.Draw(picture)
        local = outline - [row["x0"], row["y0"]]
        draw.polygon([tuple(point) for point in local.tolist()], fill=_LOOKS[kind][0], outline=(90, 80, 60))
        middle = local.mean(0)
        for step in range(7):
            x, y = middle + 0.35 * (local[step * len(local) // 7] - middle) + rng.normal(0, 1, 2)
            draw.ellipse((x - 6, y - 6, x + 6, y + 6), outline=(150, 120, 90))
        for layer in range(LAYERS):
            away = abs(layer - int(row["best_layer"]))
            small = picture.resize((max(2, side // (1 + 3 * away)),) * 2).resize(
                (side, side), Image.Resampling.BILINEAR
            )
            pixels[i, layer] = np.asarray(small).transpose(2, 0, 1)
    return pixels


def write_grains(folder: Path, table: pd.DataFrame, pixels: NDArray[Any], outlines: list[NDArray[np.float32]]) -> None:
    """Write a folder as ``facies extract`` does."""
    folder.mkdir()
    array = zarr.create_array(
        str(folder / "images.zarr"), shape=pixels.shape, chunks=(64, *pixels.shape[1:]), dtype="u1"
    )
    array[:] = pixels
    table.to_parquet(folder / "images.parquet", index=False)
    pd.DataFrame({"id": table["id"], "outline": [x.ravel() for x in outlines]}).to_parquet(folder / "outlines.parquet")
    stacks = table[["stack", "sample"]].drop_duplicates().assign(width=FRAME[0], height=FRAME[1], status="read")
    stacks.to_parquet(folder / "stacks.parquet", index=False)
    told = {
        "format": 1,
        "settings": {"background": "auto", "min_side": 20},
        "thresholds": {
            "ground": "green",
            "level": 118.0,
            "mode": 200.0,
            "difference": 20.0,
            "hue": 120.0,
            "how": "Otsu",
        },
        "um_per_px": UM_PER_PX,
        "left_out": [],
        "notes": [],
        "fingerprint": "0" * 64,
        "value_range": [0, 255],
    }
    (folder / "grains.json").write_text(json.dumps(told))


def make_grain_run(
    folder: Path, *, named: bool = True, side: int = SIDE, um_per_px: float | None = UM_PER_PX
) -> RunFolder:
    """Write grains and their run; with ``named`` the expert has named the groups, excluded the chopped, audited some."""
    table, kinds, outlines = grain_table()
    write_grains(folder / "grains", table, paint(table, kinds, outlines, side), outlines)
    images = open_images(folder / "grains")
    rng = np.random.default_rng(6)
    groups = np.array([GROUPS[kind][i % len(GROUPS[kind])] for i, kind in enumerate(kinds)])
    embedding = (np.eye(6, 8)[groups] * 6 + rng.normal(size=(len(groups), 8))).astype(np.float32)
    points = embedding[:, :2] + embedding[:, 2:4] * np.float32([0.5, 2.0])
    contents = RunContents(
        images=images,
        embedding=embedding,
        projections={"umap": (points, {"method": "UMAP", "seed": 1})},
        partitions={"kmeans": (partition_table(table["id"], groups, embedding), {"method": "k-means", "seed": 1})},
        companions=images.read_companions(),
        manifest={"method": "focal-vae", "seed": 1, "input": {"um_per_px": um_per_px, "value_range": [0, 255]}},
    )
    run = write_run(folder / "run", contents)
    if named:
        name_the_groups(run, kinds)
    return run


def name_the_groups(run: RunFolder, kinds: list[str]) -> None:
    """Name the groups, exclude the chopped, and audit ten grains of each class, of which one foraminifer was wrong."""
    names = {group: kind for kind, of_kind in GROUPS.items() for group in of_kind if kind not in ("", "chopped")}
    with Journal(run, user="Vera") as journal:
        journal.name_groups(names, roles=ROLES)
        journal.exclude(np.flatnonzero(np.array(kinds) == "chopped"), "cut by the border")
        rows, true = [], []
        for kind in ROLES:
            chosen = np.flatnonzero(np.array(kinds) == kind)[::5][:10]
            rows += chosen.tolist()
            true += ["fragments" if kind == "foraminifera" and i == 0 else kind for i in range(len(chosen))]
        journal.record_audit(rows, true)
