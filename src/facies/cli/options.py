"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Run = Annotated[Path, typer.Argument(metavar="RUN", help="The folder that facies cluster wrote.")]
Input = Annotated[
    Path,
    typer.Argument(
        metavar="INPUT",
        help="A folder of images, .npy, .npz, .zarr, a file of several images such as a TIFF, or vignettes with an EcoTaxa table.",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what an earlier command wrote there.")]
Json = Annotated[bool, typer.Option("--json", help="Write one JSON object to standard output, and nothing else there.")]
Partition = Annotated[
    str | None, typer.Option(metavar="NAME", help="Which partition of the run.", show_default="the newest")
]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")]
User = Annotated[str | None, typer.Option(metavar="WHO", help="Whose decision it is.", show_default="the login name")]
Pages = Annotated[
    str | None,
    typer.Option(
        metavar="images|channels|layers",
        help="What the pages of a file are: images, channels of one image, or layers of one focal stack.",
        show_default="what the files' own axes say",
    ),
]
Channels = Annotated[
    str | None, typer.Option(metavar="grey|rgb", help="Convert the images.", show_default="as they are")
]
Jobs = Annotated[
    int, typer.Option(min=1, help="Processes of this machine, or workers of the Dask cluster started here.")
]
EngineName = Annotated[
    str,
    typer.Option("--engine", metavar="processes|dask", help="Who does the work: processes here, or a Dask cluster."),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="The Dask scheduler, such as tcp://10.0.0.1:8786.",
        show_default="a cluster is started here",
    ),
]
