"""From photographs to a folder of grains: all cores extract, one process writes, and a kill loses one stack at most."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies._version import __version__
from facies.errors import InputError
from facies.grains.extraction.background import Thresholds
from facies.grains.extraction.extraction_request import (
    check_unfinished,
    is_complete,
    make_request,
    read_description,
    read_thresholds,
)
from facies.grains.extraction.extraction_settings import ExtractionSettings
from facies.grains.extraction.focal_stacks import StackList, read_photograph
from facies.grains.extraction.grain_writer import FORMAT, GrainWriter
from facies.grains.extraction.process_pool import extract_in_order
from facies.grains.extraction.session_thresholds import SessionSample, learn_thresholds, pooled_histogram
from facies.grains.extraction.stack_extraction import LayerDetections
from facies.images.readers.base import Progress
from facies.images.readers.pixels import UnreadableImage
from facies.io import jsonable, lock_run, restore_replaced, user_errors, write_json_atomically

N_SAMPLED = 24
"""Photographs whose histogram gives the thresholds, spread evenly over the stacks."""


def extract_grains(
    stacks: StackList,
    output: str | Path,
    settings: ExtractionSettings | None = None,
    *,
    thresholds: str | Path | None = None,
    jobs: int = 1,
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
        learnt = Thresholds(**description["thresholds"])
        _extract_all(writer, stacks, learnt, settings, jobs, progress)
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
    if thresholds is None:
        learnt, histogram = learn_thresholds(_sample_photographs(stacks), settings.background)
    else:
        learnt = read_thresholds(thresholds)
        _check_alike(thresholds, learnt, settings)
        histogram = pooled_histogram(_sample_photographs(stacks, learnt.white), learnt.ground)
    description: dict[str, Any] = jsonable(
        {
            "order": request,
            "thresholds": learnt.to_dict(),
            "histogram": histogram,
            "notes": _background_notes(histogram, learnt),
            "replaces": writer.target.exists(),
        }
    )
    writer.begin(description)
    return description


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


def _sample_photographs(stacks: StackList, white: float | None = None) -> SessionSample:
    """Read a sample of photographs, spread over all stacks and all layers."""
    total = len(stacks.stacks) * stacks.layers
    step = max(1, total // N_SAMPLED)
    if stacks.layers > 1 and step % stacks.layers == 0:
        step += 1  # else always of the same layer
    tried = [divmod(number, stacks.layers) for number in range(step // 2, total, step)]
    reasons: list[str] = []

    def photographs() -> Iterator[NDArray[np.generic]]:
        for stack, layer in tried:
            name = stacks.stacks[stack].photographs[layer]
            try:
                yield read_photograph(stacks.folder / name)
            except UnreadableImage as error:
                reasons.append(f"{name}: {error}")

    sample = SessionSample.from_photographs(photographs(), white)
    if not sample.pictures:
        raise InputError(
            f"{stacks.folder}: none of the {len(tried)} photographs that were tried can be read; {reasons[0]}"
        )
    return sample


def _extract_all(
    writer: GrainWriter,
    stacks: StackList,
    thresholds: Thresholds,
    settings: ExtractionSettings,
    jobs: int,
    progress: Progress | None,
) -> None:
    total = len(stacks.stacks) * stacks.layers
    rest = stacks.stacks[writer.n_stacks :]
    if progress is not None and writer.n_stacks:
        progress(writer.n_stacks * stacks.layers, total)
    for stack, extracted in extract_in_order(stacks.folder, rest, thresholds, settings, jobs):
        writer.add(stack, extracted)
        if progress is not None:
            progress(writer.n_stacks * stacks.layers, total)


def _nothing_found(stacks: StackList, writer: GrainWriter, thresholds: Thresholds, settings: ExtractionSettings) -> str:
    """Return a message on what was detected where no grain was."""
    unread = [entry for entry in writer.entries() if entry["status"] != "read"]
    if len(unread) == len(stacks.stacks):
        return f"{stacks.folder}: none of the {len(unread)} stacks can be read; {unread[0]['status']}"
    detections: LayerDetections = writer.detections
    ground = {"green": "a coloured plate", "dark": "a dark ground", "light": "a light ground"}[thresholds.ground]
    if detections.once:
        why = (
            f"{detections.once} places were found in fewer than {settings.min_layers} layers of their stacks: try "
            "--min-layers 1"
        )
    elif detections.small:
        why = (
            f"{detections.small} places differ from it, all smaller than {settings.min_side} pixels (the largest: "
            f"{detections.largest_small}): try a smaller --min-side"
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
        unread = [(entry["stack"], entry["status"]) for entry in writer.entries() if entry["status"] != "read"]
        draw_overlays(writer, stacks, description)
        write_json_atomically(
            writer.grains / "grains.json",
            {
                "format": FORMAT,
                **description,
                "photographs": str(stacks.folder),
                "stacks_found": stacks.how,
                "first_stacks": stacks.examples(),
                "notes": [*description["notes"], _stack_rule(stacks), *stacks.notes],
                "settings": settings.to_dict(),
                "um_per_px": settings.um_per_px,
                "layers": stacks.layers,
                "size": settings.size,
                "counts": {
                    "stacks": len(stacks.stacks) - len(unread),
                    "photographs": (len(stacks.stacks) - len(unread)) * stacks.layers,
                    "grains": writer.n_grains,
                    "passed_over": vars(writer.detections),
                },
                "left_out": [{"source": name, "reason": why} for name, why in [*stacks.left_out, *unread]],
                "versions": _versions(),
                "fingerprint": fingerprint,
                "value_range": list(writer.range),
            },
        )
        writer.finish(overwrite=overwrite)


def _stack_rule(stacks: StackList) -> str:
    """Return by which rule photographs were put together, with an example, for it is a guess where nobody gave it."""
    if stacks.layers == 1:
        return f"each photograph is a stack by itself ({stacks.how})"
    return f"stacks of {stacks.layers} photographs were found {stacks.how}, as {stacks.examples(1)[0]}"


def _versions() -> dict[str, str]:
    names = ("numpy", "opencv-python-headless", "scikit-image", "scipy", "zarr")
    versions = {"facies": __version__, "python": platform.python_version()}
    return {**versions, **{name: importlib.metadata.version(name) for name in names}}


def available_cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
