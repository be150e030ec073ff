"""``facies segment``: a label for every voxel of a volume."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facies.cli.console import console_progress, log_line, print_json, print_line, print_paths
from facies.cli.option_groups import OptionGroup
from facies.cli.option_scope import refuse_given
from facies.cli.options import EngineOptions, Jobs, Json, MethodSettings, Overwrite, Resume, Seed
from facies.errors import InputError

if TYPE_CHECKING:
    from facies.scale import Engine
    from facies.volumes import Volume
    from facies.volumes.dense import DenseResult
    from facies.volumes.segment import SegmentOptions


_OF_LEARNING = ("method", "preset", "settings", "scale_nm", "k", "clusters", "seed", "devices")
_OF_BLOCKS = ("voxel_size", "level", "jobs", "engine", "scheduler", "resume")


@dataclass(frozen=True, kw_only=True)
class EmbeddingOptions(OptionGroup):
    """What embeds the voxels."""

    method: Annotated[
        str, typer.Option(metavar="voxel-vae|filter-bank|cihs|intensity", help="What embeds the voxels.")
    ] = "voxel-vae"
    preset: Annotated[
        str,
        typer.Option(
            metavar="quick|paper",
            help="A named set of parameters; of voxel-vae paper, the network of the paper, and paper-small, too.",
        ),
    ] = "quick"
    settings: MethodSettings = None


@dataclass(frozen=True, kw_only=True)
class ScaleOptions(OptionGroup):
    """How large voxels are, how far each sees, and how fine the volume is."""

    voxel_size: Annotated[
        str | None,
        typer.Option(metavar="Z,Y,X", help="The size of a voxel in nm.", show_default="what the file says"),
    ] = None
    scale_nm: Annotated[
        str | None,
        typer.Option(
            metavar="NM[,NM]",
            help="How far a voxel sees, in nm: about the size of what is to be told apart. Several, such as 60,180, are joined.",
            show_default="the method's",
        ),
    ] = None
    level: Annotated[int, typer.Option(min=0, help="Of a pyramid, the level to work on; 0 is the finest.")] = 0

    def open(self, source: str) -> Volume:
        """Open a volume at its level, with the size of its voxels."""
        from facies.volumes import open_volume, read_voxel_size

        size = None if self.voxel_size is None else read_voxel_size(self.voxel_size)
        return open_volume(source, level=self.level, voxel_size_nm=size)


@dataclass(frozen=True, kw_only=True)
class ClusterOptions(OptionGroup):
    """What clusters the embedding, and into how many."""

    k: Annotated[str, typer.Option("--k", metavar="4-10", help="Numbers of clusters, such as 8 or 4-10 or 4,8.")] = (
        "4-10"
    )
    clusters: Annotated[
        str | None,
        typer.Option(
            metavar="merged|gaussian|kmeans|student-t|hyperbolic",
            help="What clusters the embedding.",
            show_default="what suits the method",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class SegmentedOptions(OptionGroup):
    """What is done with a volume that is segmented already."""

    apply: Annotated[
        str | None,
        typer.Option(metavar="VOLUME", help="Of a segmented volume: label this other volume with the same clusters."),
    ] = None
    probe: Annotated[
        str | None,
        typer.Option(
            metavar="POINTS.csv|STROKES",
            help="Of a segmented volume: learn classes from points (z, y, x, class) or from a volume of strokes.",
        ),
    ] = None
    like: Annotated[
        str | None,
        typer.Option(
            metavar="Z,Y,X", help="Of a segmented volume: write how much each voxel is like this one, as OME-Zarr."
        ),
    ] = None


def segment(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="VOLUME|RUN",
            help="OME-Zarr, N5, precomputed, TIFF, a folder of slices, MRC, .npy, file.npz:KEY or file.h5:/DATASET; or a "
            "segmented volume.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="RUN", help="The folder to write.")],
    *,
    embedding: EmbeddingOptions,
    scale: ScaleOptions,
    clusters: ClusterOptions,
    segmented: SegmentedOptions,
    seed: Seed = 0,
    devices: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="On how many GPUs, or CPU processes, voxel-vae or cihs is trained.",
            show_default="1",
        ),
    ] = None,
    jobs: Jobs = 1,
    engine: EngineOptions,
    resume: Resume = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Find the kinds of structures in a volume without labels: an embedding and a label for every voxel."""
    from facies.volumes.segment import SegmentOptions
    from facies.volumes.segmentation import is_segmentation

    options = SegmentOptions(read_ks(clusters.k), clusters.clusters, None, resume, overwrite)
    workers = engine.make(jobs)
    given = [f"--{name}" for name, value in asdict(segmented).items() if value is not None]
    if is_segmentation(Path(source)):
        if len(given) != 1:
            raise InputError(
                f"{source} is segmented already: give one of --apply VOLUME, --probe POINTS.csv and --like Z,Y,X"
            )
        refuse_given(context, _OF_LEARNING, f"{source} is segmented already")
        if segmented.apply is None:
            refuse_given(context, _OF_BLOCKS, f"{given[0]} works on the stored embedding of {source}, in this process")
            _click(Path(source), output, segmented.probe, segmented.like, overwrite=overwrite, as_json=as_json)
            return
        result = _apply(Path(source), scale.open(segmented.apply), output, workers, options)
    else:
        if given:
            raise InputError(f"{given[0]} works on a segmented volume: give that folder first")
        parameters = {"random_state": seed, "devices": devices}
        scales = [] if scale.scale_nm is None else read_scales(scale.scale_nm)
        result = _segment(scale.open(source), output, embedding, parameters, scales, workers, options)
    _end(result, output, as_json=as_json)


def read_ks(text: str) -> tuple[int, ...]:
    """Read numbers of clusters: ``8``, ``4-10`` or ``4,6,8``; an `InputError` if they are none."""
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,3})(?:\s*[-–]\s*(\d{1,3}))?\s*", part)
        if match is None or (match[2] and int(match[2]) < int(match[1])):
            raise InputError(f"--k {text}: give a number of clusters, such as 8, or several, such as 4-10 or 4,8")
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return tuple(found)


def read_scales(text: str) -> list[float]:
    """Read lengths in nm, ``300`` or ``60,180``; an `InputError` if they are none."""
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or not all(1 <= each < 1e9 for each in found):
        raise InputError(
            f"--scale-nm {text}: give a length in nm of 1 or more, such as 300, or several, such as 60,180"
        )
    return found


def _segment(
    volume: Volume, output: Path, embedding: EmbeddingOptions, parameters: Mapping[str, Any], scales: Sequence[float],
    workers: Engine, options: SegmentOptions,
) -> DenseResult:  # fmt: skip
    from facies.cli.parameters import merged, read_settings
    from facies.methods.voxels import join_scales, make_voxel_method, voxel_method_class
    from facies.volumes.segment import segment_volume
    from facies.workflows.progress import progress_callback

    name, preset = embedding.method, embedding.preset
    one = {"scale_nm": scales[0]} if len(scales) == 1 else {}
    chosen = merged(read_settings(voxel_method_class(name), embedding.settings or []), {**parameters, **one})
    if len(scales) > 1 and "scale_nm" in chosen:
        raise InputError("scale_nm is given twice, by --scale-nm and by --set: leave one out")
    method = join_scales(name, scales, preset, chosen) if len(scales) > 1 else make_voxel_method(name, preset, chosen)
    with console_progress() as progress, workers:
        return segment_volume(
            volume, output, method, workers, options, progress=progress,
            blocks_done=progress_callback(progress, "labelling", "blocks"),
        )  # fmt: skip


def _apply(run: Path, volume: Volume, output: Path, workers: Engine, options: SegmentOptions) -> DenseResult:
    from facies.volumes.segment import apply_segmentation
    from facies.volumes.segmentation import open_segmentation
    from facies.workflows.progress import progress_callback

    with console_progress() as progress, workers:
        done = progress_callback(progress, "labelling", "blocks")
        return apply_segmentation(open_segmentation(run), volume, output, workers, options, blocks_done=done)


def _click(run: Path, output: Path, probe: str | None, like: str | None, *, overwrite: bool, as_json: bool) -> None:
    from facies.volumes.probe import apply_probe, write_similarity
    from facies.volumes.segmentation import open_segmentation
    from facies.workflows.progress import progress_callback

    segmentation = open_segmentation(run)
    with console_progress() as progress:
        done = progress_callback(progress, "labelling", "blocks")
        if probe is not None:
            notes = apply_probe(segmentation, probe, output, overwrite=overwrite, progress=done)
        else:
            place = read_place(like or "")
            notes = write_similarity(segmentation, place, output, overwrite=overwrite, progress=done)
    print_paths({"labels" if like is None else "similarity": output.absolute()}, as_json=as_json)
    for note in notes:
        log_line(f"note: {note}")


def read_place(text: str) -> tuple[int, int, int]:
    """Read a voxel, ``z,y,x``; an `InputError` if it is none."""
    match = re.fullmatch(r"\s*(\d{1,9})\s*,\s*(\d{1,9})\s*,\s*(\d{1,9})\s*", text)
    if match is None:
        raise InputError(f"--like {text}: give a voxel as z,y,x from 0, such as 10,200,310")
    z, y, x = (int(part) for part in match.groups())
    return z, y, x


def _end(result: DenseResult, output: Path, *, as_json: bool) -> None:
    """Print what was written; exit with 1 if blocks are missing."""
    from facies.volumes.segmentation import open_segmentation

    if not result.report.is_complete:
        for line in result.lines():
            log_line(line)
        log_line("the run is unfinished: the same command with --resume tries the missing blocks again")
        raise typer.Exit(1)
    run = open_segmentation(output)
    described = run.described
    if as_json:
        answer = {
            "run": run.path,
            "labels": described["labels"],
            "damaged": described["damaged"],
            "notes": described["notes"],
        }
        print_json(answer)
    else:
        print_line(f"{run.path}: labels of {', '.join(run.names)} in labels.zarr")
        for note in described["notes"]:
            log_line(f"note: {note}")
    if result.damaged:
        raise typer.Exit(1)
