"""``facies sample``: new images of a group, as the model imagines them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facies.cli.console import print_json, print_line
from facies.cli.options import Json, Overwrite, Run
from facies.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from facies.runs import RunFolder

Cluster = Annotated[int, typer.Option("--cluster", "-k", metavar="K", help="The group, from 0.")]
Count = Annotated[int, typer.Option("-n", min=1, metavar="N", help="How many images.")]
Output = Annotated[
    Path,
    typer.Option("--output", "-o", metavar="IMAGE", help="A .png with all of them, or .tif or .npy of the pixels."),
]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same images.")]

_GAP, _SMALLEST_TILE = 2, 64


def sample(
    run: Run,
    cluster: Cluster,
    output: Output,
    n: Count = 16,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Generate images of a group."""
    from facies.io import atomic_file
    from facies.runs import RunFolder

    path = output.expanduser().absolute()
    if path.suffix.lower() not in (".png", ".tif", ".tiff", ".npy"):
        raise InputError(f"{path}: images are written as .png, .tif or .npy: give it one of these suffixes")
    if path.exists() and not overwrite:
        raise InputError(f"{path} already exists: give another name, or --overwrite to replace it")
    folder = RunFolder(run)
    images = generate(folder, cluster, n, seed)
    if path.suffix.lower() == ".png" and not (images.ndim == 4 and images.shape[1] in (1, 3)):
        raise InputError(f"{path}: images of this kind {images.shape[1:]} do not fit into a .png: write .tif or .npy")
    with atomic_file(path, overwrite=overwrite) as temporary, temporary.open("wb") as file:
        _write(images, path.suffix.lower(), file, _range(folder, images))
    if as_json:
        print_json(
            {"image": str(path), "cluster": cluster, "n_images": n, "shape": list(images.shape[1:]), "seed": seed}
        )
    else:
        print_line(f"{n} images of group {cluster}: {path}")


def generate(run: RunFolder, cluster: int, n: int, seed: int) -> NDArray[np.float32]:
    """Generate images of a group: float32 (n, C, H, W), in the units of the run's images.

    Raises
    ------
    InputError
        If the run's method does not generate, or there is no such group.
    """
    from facies.methods import load_method

    method = load_method(run.model_folder)
    if not method.samples:
        raise InputError(
            f"{run.path}: the method {method.name} does not generate images (facies methods tells which do)"
        )
    if not 0 <= cluster < method.n_clusters_:
        raise InputError(f"{run.path}: there is no group {cluster}: groups are 0 to {method.n_clusters_ - 1}")
    images: NDArray[np.float32] = method.sample(n, cluster=cluster, random_state=seed)
    return images


def _range(run: RunFolder, images: NDArray[np.float32]) -> tuple[float, float]:
    """What is black and what is white: as in the images of the run, where the run tells."""
    low, high = run.manifest["input"].get("value_range", (float(images.min()), float(images.max())))
    return low, high


def _write(images: NDArray[np.float32], suffix: str, file: Any, limits: tuple[float, float]) -> None:
    if suffix == ".npy":
        import numpy as np

        np.save(file, images, allow_pickle=False)
    elif suffix == ".png":
        from PIL import Image

        Image.fromarray(contact_sheet(images, *limits)).save(file, format="PNG")
    else:
        import tifffile

        axes = {4: "QCYX", 5: "QZCYX"}[images.ndim]
        tifffile.imwrite(file, images, photometric="minisblack", metadata={"axes": axes})


def contact_sheet(images: NDArray[np.float32], low: float, high: float) -> NDArray[np.uint8]:
    """Lay images out in rows, small ones enlarged.

    Parameters
    ----------
    images : ndarray of float32, shape (n, C, H, W)
        C is 1 or 3.
    low, high : float
        What becomes black and white.

    Returns
    -------
    ndarray of uint8, shape (rows, columns) or (rows, columns, 3)
    """
    import numpy as np

    grey = np.clip((images - low) / ((high - low) or 1.0), 0, 1)
    tiles = np.round(grey * 255).astype(np.uint8).transpose(0, 2, 3, 1)
    times = max(1, _SMALLEST_TILE // max(tiles.shape[1:3]))
    tiles = tiles.repeat(times, axis=1).repeat(times, axis=2)
    n, height, width, channels = tiles.shape
    columns = math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    sheet = np.full((rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, channels), 255, np.uint8)
    for number, tile in enumerate(tiles):
        top, left = (number // columns) * (height + _GAP), (number % columns) * (width + _GAP)
        sheet[top : top + height, left : left + width] = tile
    return sheet[:, :, 0] if channels == 1 else sheet
