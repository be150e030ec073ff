"""Arguments and options that several commands share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facies.cli.option_groups import OptionGroup

if TYPE_CHECKING:
    from facies.scale import Engine

Run = Annotated[Path, typer.Argument(metavar="RUN", help="The folder that facies cluster wrote.")]
Input = Annotated[
    Path,
    typer.Argument(
        metavar="INPUT",
        help="A folder of images, .npy, .npz, .zarr, a file of several images such as a TIFF, or vignettes with an EcoTaxa table.",
    ),
]
RunOutput = Annotated[Path, typer.Option("--output", "-o", metavar="RUN", help="The run folder to write.")]
Preset = Annotated[str, typer.Option(metavar="NAME", help="See facies presets.")]
MethodSettings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Set a parameter of the method; may be given several times."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with what was interrupted or killed.")]
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
Size = Annotated[
    str | None, typer.Option(metavar="N|HxW", help="Bring the images to this size.", show_default="as they are")
]
Fit = Annotated[str, typer.Option(metavar="resize|pad", help="How images are brought to a size.")]
CutBand = Annotated[
    bool, typer.Option("--cut-band/--keep-band", help="Cut off a scale bar that stands below all images, or leave it.")
]
Labels = Annotated[
    Path | None, typer.Option(metavar="FILE.csv", help="True labels (columns id, label); only metrics read them.")
]
ValueRange = Annotated[
    str | None,
    typer.Option("--range", metavar="LOW,HIGH", help="Pixel values that become black and white.", show_default="found"),
]
Jobs = Annotated[
    int, typer.Option(min=1, help="Processes of this machine, or workers of the Dask cluster started here.")
]


@dataclass(frozen=True, kw_only=True)
class EngineOptions(OptionGroup):
    """Who does work in blocks."""

    engine: Annotated[
        str,
        typer.Option(
            "--engine", metavar="processes|dask", help="Who does the work: processes here, or a Dask cluster."
        ),
    ] = "processes"
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="The Dask scheduler, such as tcp://10.0.0.1:8786.",
            show_default="a cluster is started here",
        ),
    ] = None

    def make(self, jobs: int) -> Engine:
        """Make the engine; `InputError` if it is not known or not installed."""
        from facies.scale import make_engine

        return make_engine(self.engine, jobs=jobs, scheduler=self.scheduler)
