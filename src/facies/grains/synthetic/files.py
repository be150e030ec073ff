"""Folders of SYNTHETIC photographs, laid out as an instrument would, with the truth beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from facies.errors import InputError
from facies.grains.synthetic.scene import Plate, render_stack
from facies.grains.synthetic.shapes import KINDS, Grain
from facies.io import atomic_folder

LAYOUTS = {"names": "{stack}_L{layer}.{format}", "folders": "{stack}/L{layer}.{format}"}
"""How the photographs of a stack are distinguished: by the file's name, or by a folder each."""

FORMATS = ("jpg", "png", "tif")

_TRUTH_COLUMNS = ["stack", "x0", "y0", "x1", "y1", "kind", "cut", "touching", "area_px", "layer"]

_NOTICE = "SYNTHETIC: rendered by facies.grains.synthetic, not photographed"

_README = """These photographs are SYNTHETIC. Nothing in this folder was photographed under a microscope.

They were rendered by facies.grains.synthetic.write_plates for tests and demonstrations. Whatever is found in them shows
what the programme does, and says nothing about any sediment.

{layout}: one photograph a focal layer, L0 sharp at the plate.
truth.csv: one row a grain: stack, its box x0, y0, x1, y1 (pixels, half-open), kind, cut (it goes on beyond the
photograph), touching (it meets another grain), area_px (pixels of the grain that are seen, in focus), layer (in which
most of its surface is sharp). Nothing in facies reads it but tests and the example.

Settings: {settings}
"""


def draw_plates(
    n_stacks: int,
    *,
    seed: int = 0,
    grains_per_stack: float = 3.0,
    touching: float = 0.15,
    cut: float = 0.1,
    grains: Sequence[str] | Mapping[str, float] | Sequence[Grain] = KINDS,
    **settings: Any,
) -> Iterator[Plate]:
    """Render stacks one after another, each from the seed and its number alone.

    Parameters
    ----------
    n_stacks : int
        How many.
    seed : int
        Stack i is always the same for one seed and settings, however many there are.
    grains_per_stack : float
        Grains on a plate in the mean; single plates have between 1 and twice as many (of a Poisson distribution).
    touching : float
        Share of the plates with two grains or more on which one pair touches.
    cut : float
        Share of the plates on which the border cuts a grain that is not of the pair.
    grains, **settings
        As in `facies.grains.synthetic.SceneSettings`.

    Raises
    ------
    InputError
        If a setting cannot be.
    """
    for name, share in (("touching", touching), ("cut", cut)):
        if not 0 <= share <= 1:
            raise InputError(f"{name} is {share}: it is a share of the plates, from 0 to 1")
    if n_stacks < 0 or not grains_per_stack >= 0:
        raise InputError(f"n_stacks {n_stacks} and grains_per_stack {grains_per_stack} may not be negative")
    for index in range(n_stacks):
        rng = np.random.default_rng([seed, index])
        mean = int(np.ceil(2 * grains_per_stack))
        count = int(np.clip(rng.poisson(grains_per_stack), min(1, mean), mean))
        pairs = int(count >= 2 and rng.random() < touching)
        cuts = int(count - 2 * pairs >= 1 and rng.random() < cut)
        yield render_stack(rng, grains=grains, n_grains=count, touching=pairs, cut=cuts, **settings)


def write_plates(
    folder: str | Path,
    n_stacks: int,
    *,
    seed: int = 0,
    layout: str = "names",
    format: str = "jpg",  # noqa: A002 - the word of image files
    quality: int = 92,
    prefix: str = "S",
    overwrite: bool = False,
    **settings: Any,
) -> pd.DataFrame:
    """Write a folder of SYNTHETIC photographs, ``truth.csv`` and a ``README.txt`` that says what they are.

    One stack is in memory at a time. The photographs themselves say that they are synthetic, too (JPEG and TIFF
    comment, PNG text).

    Parameters
    ----------
    folder : str or Path
        Where; written whole or not at all.
    n_stacks : int
        How many stacks.
    seed : int
        The same seed and settings give the same files.
    layout : {"names", "folders"}
        ``S0001_L0.jpg`` …, or ``S0001/L0.jpg`` ….
    format : {"jpg", "png", "tif"}
        Format of the photographs.
    quality : int
        Of JPEG, 1 to 100.
    prefix : str
        Begins the names of the stacks.
    overwrite : bool
        Whether a folder of that name is replaced.
    **settings
        As in `draw_plates` and `facies.grains.synthetic.SceneSettings`.

    Returns
    -------
    DataFrame
        The content of ``truth.csv``.

    Raises
    ------
    InputError
        If a setting cannot be, or the folder exists and may not be replaced.
    """
    if layout not in LAYOUTS:
        raise InputError(f"layout {layout!r} is unknown: choose one of {', '.join(LAYOUTS)}")
    if format not in FORMATS:
        raise InputError(f"format {format!r} is unknown: choose one of {', '.join(FORMATS)}")
    if n_stacks < 1:
        raise InputError(f"n_stacks is {n_stacks}: write at least one")
    pattern = LAYOUTS[layout].replace("{format}", format)
    tables = []
    with atomic_folder(Path(folder).expanduser(), overwrite=overwrite) as temporary:
        for number, plate in enumerate(draw_plates(n_stacks, seed=seed, **settings), start=1):
            stack = f"{prefix}{number:04d}"
            for layer, image in enumerate(plate.images):
                path = temporary / pattern.format(stack=stack, layer=layer)
                path.parent.mkdir(exist_ok=True)
                _save(path, image, quality)
            tables.append(plate.grains.assign(stack=stack))
        truth = pd.concat(tables, ignore_index=True)[_TRUTH_COLUMNS]
        truth.to_csv(temporary / "truth.csv", index=False)
        used = {"n_stacks": n_stacks, "seed": seed, "quality": quality, **settings}
        used["grains"] = _described(settings.get("grains", KINDS))
        text = _README.format(
            layout=f"{pattern.format(stack=f'{prefix}0001', layer=0)} …", settings=json.dumps(used, default=str)
        )
        (temporary / "README.txt").write_text(text, encoding="utf-8")
    return truth


def _described(grains: Any) -> Any:
    """Name what grains were chosen from, short enough for a README."""
    if isinstance(grains, Mapping):
        return dict(grains)
    kinds = [grain.kind if isinstance(grain, Grain) else str(grain) for grain in grains]
    given = any(isinstance(grain, Grain) for grain in grains)
    return {f"{kind} (cut out)" if given else kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}


def _save(path: Path, image: NDArray[np.uint8], quality: int) -> None:
    picture = Image.fromarray(image)
    match path.suffix:
        case ".jpg":
            picture.save(path, quality=quality, subsampling=0, comment=_NOTICE)
        case ".png":
            text = PngInfo()
            text.add_text("Comment", _NOTICE)
            picture.save(path, pnginfo=text, compress_level=1)
        case _:
            picture.save(path, compression="tiff_lzw", description=_NOTICE)
