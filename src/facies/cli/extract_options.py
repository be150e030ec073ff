"""What ``facies extract`` is told of focal stacks, and of what is a grain."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from facies.cli.option_groups import OptionGroup
from facies.errors import InputError

if TYPE_CHECKING:
    from facies.grains.extraction import ExtractionSettings
    from facies.grains.extraction.extraction_settings import Segmentation
    from facies.grains.extraction.focal_stacks import Grouping, StackList


@dataclass(frozen=True, kw_only=True)
class StackOptions(OptionGroup):
    """What tells the focal stacks apart."""

    layers: Annotated[int, typer.Option(min=1, help="Photographs a stack.")] = 6
    stacks: Annotated[
        str,
        typer.Option(
            metavar="auto|name|folder|order",
            help="What tells the stacks apart: the name, in which the last number or that after a word such as z is the "
            "layer; the folder; or every so many files.",
        ),
    ] = "auto"
    pattern: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help="What tells the stacks apart: the name with parts in braces, such as {stack}_z{layer}; also {sample}, "
            "{channel}, and * for what does not matter; or a regular expression with groups of these names.",
        ),
    ] = None
    table: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="What tells the stacks apart: columns photograph, stack, perhaps layer and sample; or only their samples: "
            "columns stack, sample.",
        ),
    ] = None

    def find(self, photographs: Path) -> StackList:
        """Find the stacks of a folder."""
        from facies.grains.extraction.focal_stacks import find_stacks

        grouping = cast("Grouping", self.stacks)
        return find_stacks(photographs, layers=self.layers, grouping=grouping, pattern=self.pattern, table=self.table)


@dataclass(frozen=True, kw_only=True)
class CutOptions(OptionGroup):
    """What is a grain, and how it is cut out."""

    background: Annotated[str, typer.Option(metavar="auto|green|dark|light", help="What the grains lie on.")] = "auto"
    thresholds: Annotated[
        Path | None, typer.Option(metavar="GRAINS", help="Cut as these grains were cut: with their thresholds.")
    ] = None
    um_per_px: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Micrometres a pixel.", show_default="unknown")
    ] = None
    hue_gate: Annotated[bool, typer.Option("--hue-gate", help="What has not the hue of the plate is grain, too.")] = (
        False
    )
    strict: Annotated[
        bool, typer.Option("--strict", help="Saturation alone tells grain from plate, as in Golikov et al. (2022).")
    ] = False
    segmentation: Annotated[
        str,
        typer.Option(
            metavar="candidates|paper",
            help="Superpixels where grains may be, and edges between pixels; or of whole photographs, by saturation alone, as "
            "in Golikov et al. (2022).",
        ),
    ] = "candidates"
    min_side: Annotated[
        int | None,
        typer.Option(
            help="The smallest longer side of the box of a grain, in pixels.", show_default="none; of paper 40"
        ),
    ] = None
    scale_bar_um: Annotated[
        float | None,
        typer.Option(metavar="NUMBER", help="The length of the scale bar in the photographs, in micrometres."),
    ] = None
    min_diameter: Annotated[
        float | None,
        typer.Option(
            help="The smallest grain, in pixels: the diameter of the circle of its area.",
            show_default="16; of paper none",
        ),
    ] = None
    min_um: Annotated[
        float | None,
        typer.Option(metavar="NUMBER", help="The same in micrometres, in place of pixels, where the scale is known."),
    ] = None
    max_side: Annotated[int, typer.Option(help="The largest longer side of a grain, in pixels.")] = 900
    min_layers: Annotated[int, typer.Option(help="In how many layers a grain must be found.")] = 2
    overlap: Annotated[float, typer.Option(help="From which overlap on (IoU) boxes of two layers are one grain.")] = 0.3
    superpixel: Annotated[
        int | None, typer.Option(help="The side of a superpixel, in pixels.", show_default="16; of paper 66")
    ] = None
    compactness: Annotated[float, typer.Option(help="How much nearness counts against colour in a superpixel.")] = 10.0
    size: Annotated[int, typer.Option(help="The side of the crops, in pixels.")] = 280
    plate: Annotated[
        str,
        typer.Option(
            metavar="keep|even", help="Show grains as photographed, or on a plate of one colour in even light."
        ),
    ] = "keep"

    def read(self) -> ExtractionSettings:
        """Return them as settings; `InputError` where one cannot be meant."""
        from facies.grains.extraction import ExtractionSettings

        given = asdict(self)
        del given["thresholds"]
        segmentation = cast("Segmentation", given.pop("segmentation"))
        scale, shine = _read_scale(given.pop("um_per_px")), not given.pop("strict")
        settings = ExtractionSettings.of_segmentation(segmentation, um_per_px=scale, shine=shine, **given)
        settings.check()
        return settings


def _read_scale(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(text.strip().replace(",", "."))
    except ValueError as error:
        raise InputError(
            f"--um-per-px {text}: is no number: give micrometres a pixel, such as 1.25 (the length of the scale bar in "
            "micrometres, divided by its length in pixels)"
        ) from error
