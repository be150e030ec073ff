"""``facies sample``: new images of a group, as the model imagines them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facies.cli.console import print_json, print_line
from facies.cli.options import Json, Overwrite, Run, Seed


def sample(
    run: Run,
    cluster: Annotated[int, typer.Option("--cluster", "-k", metavar="K", help="The group, from 0.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="IMAGE", help="A .png with all of them, or .tif or .npy of the pixels."),
    ],
    n: Annotated[int, typer.Option("-n", min=1, metavar="N", help="How many images.")] = 16,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Generate images of a group."""
    from facies import workflows
    from facies.runs import RunFolder
    from facies.workflows.sample import check_image_file

    path = check_image_file(output, overwrite=overwrite)
    folder = RunFolder(run)
    images = workflows.sample(folder, cluster, n, seed=seed)
    workflows.write_images(images, path, folder.manifest["input"].get("value_range"), overwrite=overwrite)
    if as_json:
        print_json({"image": path, "cluster": cluster, "n_images": n, "shape": images.shape[1:], "seed": seed})
    else:
        print_line(f"{n} images of group {cluster}: {path}")
