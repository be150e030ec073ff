"""``facies sample``: new images of a group, as the model imagines them; a walk through a code; a white image by each expert."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facies.cli.console import print_json, print_line
from facies.cli.options import Json, Overwrite, Run, Seed
from facies.errors import InputError

_N_SAMPLES, _N_STEPS = 16, 9


def sample(
    run: Run,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="IMAGE", help="A .png with all of them, or .tif or .npy of the pixels."),
    ],
    cluster: Annotated[
        int | None, typer.Option("--cluster", "-k", metavar="K", help="The group, from 0; not with --white.")
    ] = None,
    n: Annotated[
        int | None,
        typer.Option(
            "-n", min=1, metavar="N", help="How many images.", show_default=f"{_N_SAMPLES}; {_N_STEPS} in a walk"
        ),
    ] = None,
    seed: Seed = 0,
    walk: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="DIMENSION",
            help="Walk along this dimension of the latent space of the group's expert, from 0, instead of drawing at random.",
        ),
    ] = None,
    reach: Annotated[float, typer.Option(metavar="Z", help="The walk goes from -Z to Z.")] = 1.0,
    white: Annotated[
        bool, typer.Option("--white", help="A white image, and what the expert of each group makes of it.")
    ] = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Generate images of a group, at random or along a latent dimension; or show what each expert makes of a white image."""
    from facies import workflows
    from facies.runs import RunFolder
    from facies.workflows.sample import check_image_file

    if white == (cluster is not None) or (white and walk is not None):
        raise InputError("give --cluster for images of a group, with --walk or without, or --white for all experts")
    path = check_image_file(output, overwrite=overwrite)
    folder = RunFolder(run)
    if cluster is None:
        images, what = workflows.white_image(folder), "a white image, and after it that of the expert of each group"
    elif walk is not None:
        images = workflows.latent_walk(folder, cluster, walk, steps=n or _N_STEPS, reach=reach)
        what = f"{len(images)} images of group {cluster} along dimension {walk}, from {-reach:g} to {reach:g}"
    else:
        images = workflows.sample(folder, cluster, n or _N_SAMPLES, seed=seed)
        what = f"{len(images)} images of group {cluster}"
    workflows.write_images(images, path, folder.manifest["input"].get("value_range"), overwrite=overwrite)
    if as_json:
        print_json(
            {"image": path, "cluster": cluster, "n_images": len(images), "shape": images.shape[1:], "seed": seed}
        )
    else:
        print_line(f"{what}: {path}")
