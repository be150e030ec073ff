"""From photographs to a folder of grains: all cores extract, one process writes, and a kill loses one stack at most."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies._version import __version__
from facies.errors import InputError
from facies.grains.extraction.background import Thresholds
from facies.grains.extraction.doubts import doubt_notes
from facies.grains.extraction.extraction_request import (
    check_unfinished,
    is_complete,
    make_request,
    read_description,
    read_thresholds,
)
from facies.grains.extraction.extraction_settings import ExtractionSettings
from facies.grains.extraction.focal_stacks import StackList
from facies.grains.extraction.grain_writer import FORMAT, GrainWriter
from facies.grains.extraction.ground_evenness import check_ground, unevenness_note
from facies.grains.extraction.photograph_sample import PhotographSample, sample_photographs
from facies.grains.extraction.photograph_scale import scale_notes, size_notes, with_scale
from facies.grains.extraction.session_thresholds import learn_thresholds, pooled_histogram
from facies.grains.extraction.stack_extraction import LayerDetections
from facies.grains.extraction.stack_processes import extract_in_order
from facies.images.readers.base import Progress
from facies.io import jsonable, lock_run, restore_replaced, user_errors, write_json_atomically
from facies.scale import Engine, make_engine


def extract_grains(
    stacks: StackList,
    output: str | Path,
    settings: ExtractionSettings | None = None,
    *,
    thresholds: str | Path | None = None,
    jobs: int = 1,
    engine: Engine | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> bool:
    """Cut the grains out of focal stacks, and write them as a folder that `facies.images.open_images` opens.

    Superpixels of each layer are separated from the background by their saturation, and merged where they touch; boxes that
    overlap from layer to layer are one grain, the widest is its box, and all layers are cut out by it (Golikov, Krinitskiy
    & Borisov, DLCP 2022).

    Parameters
    ----------
    stacks : StackList
        What `facies.grains.extraction.focal_stacks.find_stacks` found.
    output : path
        The folder to write. It appears whole or not at all; what is done so far is kept beside it.
    settings : ExtractionSettings, optional
        How.
    thresholds : path, optional
        A folder of grains whose thresholds are used, so that new photographs are cut as the earlier ones were.
    jobs : int, default=1
        Processes. With more than one the caller's script needs the usual ``if __name__ == "__main__"``.
    engine : Engine, optional
        Who cuts them, of `facies.scale.make_engine`, in place of `jobs` processes here. Its workers see the photographs under the
        same paths.
    resume, overwrite : bool
        Go on with what was interrupted; or begin anew, and replace what is there.
    progress : callable, optional
        Called with the number of photographs done and their total.

    Returns
    -------
    bool
        False if the folder was complete already.

    Raises
    ------
    InputError
        If the background is not found, there are no grains, or the output cannot be written.
    """
    settings = settings or ExtractionSettings()
    target = _checked_target(stacks, output, settings, jobs, resume=resume, overwrite=overwrite)
    with lock_run(target):
        restore_replaced(target)
        writer = GrainWriter(target)
        request = make_request(stacks, settings, thresholds)
        unfinished = None if overwrite else writer.description()
        renamed = unfinished is not None and not writer.grains.is_dir()  # killed after its folder was given its name
        if (renamed and resume) or is_complete(target, unfinished, request, resume=resume, overwrite=overwrite):
            writer.remove()
            return False
        if unfinished is None:
            description = _begin(writer, request, stacks, settings, thresholds)
        else:
            description = check_unfinished(target, unfinished, request, resume=resume)
        writer.open(stacks.layers, settings.size)
        settings = replace(settings, um_per_px=description.get("um_per_px", settings.um_per_px), scale_bar_um=None)
        learnt = Thresholds(**description["thresholds"])
        _extract_all(writer, stacks, learnt, settings, engine or make_engine("processes", jobs=jobs), progress)
        if not writer.n_grains:
            message = _nothing_found(stacks, writer, learnt, settings)
            writer.remove()
            raise InputError(message)
        _complete(writer, description, stacks, settings, overwrite=bool(description["replaces"]))
    return True


def _checked_target(
    stacks: StackList, output: str | Path, settings: ExtractionSettings, jobs: int, *, resume: bool, overwrite: bool
) -> Path:
    settings.check()
    if resume and overwrite:
        raise InputError("--resume goes on and --overwrite begins anew: give one of them")
    if jobs < 1:
        raise InputError(f"--jobs {jobs}: at least 1 process is needed")
    target = Path(output).expanduser().resolve()
    if target.is_relative_to(stacks.folder.resolve()):
        raise InputError(
            f"{target} lies among the photographs, where its pictures would be taken for such: choose another output"
        )
    with user_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _begin(
    writer: GrainWriter,
    request: dict[str, Any],
    stacks: StackList,
    settings: ExtractionSettings,
    thresholds: str | Path | None,
) -> dict[str, Any]:
    """Learn or take over the thresholds, and begin the folder; its description is returned."""
    given = None if thresholds is None else read_thresholds(thresholds)
    if given is not None:
        _check_alike(thresholds or "", given, settings)
    sample = sample_photographs(stacks, None if given is None else given.white)
    settings = with_scale(settings, sample)
    learnt, histogram = _thresholds(stacks, sample, settings, given)
    description: dict[str, Any] = jsonable(
        {
            "order": request,
            "thresholds": learnt.to_dict(),
            "histogram": histogram,
            "um_per_px": settings.um_per_px,
            "notes": [
                *_background_notes(histogram, learnt),
                *unevenness_note(learnt),
                *scale_notes(settings, sample),
            ],
            "replaces": writer.target.exists(),
        }
    )
    writer.begin(description)
    return description


def _thresholds(
    stacks: StackList, sample: PhotographSample, settings: ExtractionSettings, given: Thresholds | None
) -> tuple[Thresholds, NDArray[np.int64]]:
    """Learn the thresholds, or take those given; the pooled histogram is returned, too."""
    try:
        if given is None:
            return learn_thresholds(sample.session, settings.background)
        check_ground(sample.session.pictures, given.ground)
    except InputError as error:
        raise InputError(f"{stacks.folder}: {error}") from error
    return given, pooled_histogram(sample.session, given.ground)


def _check_alike(thresholds: str | Path, learnt: Thresholds, settings: ExtractionSettings) -> None:
    """Refuse settings under which new grains would not look like those whose thresholds are used."""
    plate = ExtractionSettings.from_dict(read_description(thresholds)["order"]["settings"]).plate
    if settings.plate != plate:
        raise InputError(
            f"--plate {settings.plate}: the grains of {thresholds} are shown otherwise, and a model of theirs would "
            f"misplace these: give --plate {plate}"
        )
    if settings.background not in ("auto", learnt.ground):
        raise InputError(
            f"--background {settings.background}: the thresholds of {thresholds} are of a {learnt.ground} ground"
        )


def _background_notes(histogram: NDArray[np.int64], thresholds: Thresholds) -> list[str]:
    """Note where thresholds of other photographs are used on a background that is another one."""
    mode = int(np.convolve(histogram, np.ones(7), mode="same").argmax())
    if abs(mode - thresholds.mode) < 0.5 * (thresholds.mode - thresholds.level):
        return []
    return [
        f"the ground of these photographs (most frequent value {mode}) is not that for which the thresholds were found "
        f"({thresholds.mode:.0f}): look at check/, or find thresholds of their own"
    ]


def _extract_all(
    writer: GrainWriter,
    stacks: StackList,
    thresholds: Thresholds,
    settings: ExtractionSettings,
    engine: Engine,
    progress: Progress | None,
) -> None:
    total = len(stacks.stacks) * stacks.layers
    rest = stacks.stacks[writer.n_stacks :]
    if progress is not None and writer.n_stacks:
        progress(writer.n_stacks * stacks.layers, total)
    for stack, extracted in extract_in_order(stacks.folder, rest, thresholds, settings, engine):
        writer.add(stack, extracted)
        if progress is not None:
            progress(writer.n_stacks * stacks.layers, total)


def _nothing_found(stacks: StackList, writer: GrainWriter, thresholds: Thresholds, settings: ExtractionSettings) -> str:
    """Return a message on what was detected where no grain was."""
    unread = [entry for entry in writer.entries() if entry["status"] != "read"]
    if len(unread) == len(stacks.stacks):
        return f"{stacks.folder}: none of the {len(unread)} stacks can be used; {unread[0]['status']}"
    detections: LayerDetections = writer.detections
    ground = {"green": "a coloured plate", "dark": "a dark ground", "light": "a light ground"}[thresholds.ground]
    if detections.once:
        why = (
            f"{detections.once} places were found in fewer than {settings.min_layers} layers of their stacks: try "
            "--min-layers 1"
        )
    elif detections.small:
        why = (
            f"{detections.small} places differ from it, all smaller than {_least_size(settings)}; the largest: "
            f"{detections.largest_small:.3g} pixels: try a smaller --min-diameter{' or --min-side' * (settings.min_side > 1)}"
        )
    elif detections.large:
        why = f"{detections.large} places differ from it, all larger than {settings.max_side} pixels: try a larger --max-side"
    else:
        why = "nothing differs from it: try another --background"
    return f"{stacks.folder}: no grains were found; {ground} was seen, and {why}"


def _complete(
    writer: GrainWriter,
    description: dict[str, Any],
    stacks: StackList,
    settings: ExtractionSettings,
    *,
    overwrite: bool,
) -> None:
    from facies.grains.extraction.overlays import draw_overlays

    with user_errors(writer.target, writer.work):
        fingerprint = writer.write_tables()
        entries = [{name: entry[name] for name in ("stack", "status", "width", "height")} for entry in writer.entries()]
        unread = [(entry["stack"], entry["status"]) for entry in entries if entry["status"] != "read"]
        flags = [row["flag"] for entry in writer.entries() for row in entry["rows"]]
        draw_overlays(writer, stacks, description)
        write_json_atomically(
            writer.grains / "grains.json",
            {
                "format": FORMAT,
                **description,
                "photographs": str(stacks.folder),
                "stacks_found": stacks.how,
                "first_stacks": stacks.examples(),
                "notes": [
                    *description["notes"],
                    *_stack_rule(stacks),
                    *stacks.notes,
                    *size_notes([(entry["width"], entry["height"]) for entry in entries], settings.um_per_px),
                    *passed_over_notes(writer.detections, settings),
                    *doubt_notes(flags),
                ],
                "settings": settings.to_dict(),
                "um_per_px": settings.um_per_px,
                "layers": stacks.layers,
                "size": settings.size,
                "counts": {
                    "stacks": len(stacks.stacks) - len(unread),
                    "photographs": (len(stacks.stacks) - len(unread)) * stacks.layers,
                    "grains": writer.n_grains,
                    "passed_over": vars(writer.detections),
                    "flagged": sum(map(bool, flags)),
                },
                "left_out": [{"source": name, "reason": why} for name, why in [*stacks.left_out, *unread]],
                "versions": _versions(),
                "fingerprint": fingerprint,
                "value_range": list(writer.range),
            },
        )
        writer.finish(overwrite=overwrite)


def _least_size(settings: ExtractionSettings) -> str:
    """Return in words what the smallest grain is."""
    least = f"{settings.least_diameter:.3g} pixels"
    if settings.min_um is not None:
        least = f"{settings.min_um:g} µm ({least})"
    longer = f" or {settings.min_side} pixels along the longer side" if settings.min_side > 1 else ""
    return f"{least} across (equivalent diameter){longer}"


def passed_over_notes(detections: LayerDetections, settings: ExtractionSettings) -> list[str]:
    """Count what differed from the ground and was not cut out, by the rule that it fell under."""
    counts = [
        (detections.small, f"smaller than {_least_size(settings)}"),
        (detections.large, f"longer than {settings.max_side} pixels"),
        (detections.printed, "text or scale bars"),
        (detections.faint, "hardly other than the ground when looked at closely"),
    ]
    told = [f"{count:,} {why}" for count, why in counts if count]
    notes = [f"outlines passed over, counted in each photograph: {', '.join(told)}"] if told else []
    if detections.once:
        notes.append(
            f"outlines passed over: {detections.once:,} found in fewer than {settings.min_layers} layers of their stack"
        )
    return notes


def _stack_rule(stacks: StackList) -> list[str]:
    """Say by which rule photographs were put together, with an example, for it is a guess where nobody gave it."""
    if stacks.layers == 1:
        return []
    return [f"stacks of {stacks.layers} photographs were found {stacks.how}, as {stacks.examples(1)[0]}"]


def _versions() -> dict[str, str]:
    names = ("numpy", "opencv-python-headless", "scikit-image", "scipy", "zarr")
    versions = {"facies": __version__, "python": platform.python_version()}
    return {**versions, **{name: importlib.metadata.version(name) for name in names}}


def available_cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
