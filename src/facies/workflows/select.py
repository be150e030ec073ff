"""Tries encoders and groupings within a time budget, judges each without labels, and keeps the best as the run."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.io import lock_run
from facies.runs import RunContents, RunFolder, check_output, partition_table, write_run
from facies.workflows.candidates import Candidate, best_first, check_candidates, default_candidates
from facies.workflows.cluster import ImageOptions
from facies.workflows.deadline import Deadline, OutOfTimeError
from facies.workflows.progress import progress_callback
from facies.workflows.work_folder import UnfinishedFit, WorkFolder

if TYPE_CHECKING:
    from facies.images import ImageSet
    from facies.images.open import Source
    from facies.methods import Method
    from facies.metrics.without_labels import EmbeddingView
    from facies.training import Progress

JUDGED = 1500
"""So many images, drawn at random, are looked at to judge a candidate."""


@dataclass(frozen=True, eq=False)
class _Tried:
    candidate: Candidate
    method: Method
    seconds: float


def select(
    source: Source,
    output: str | PathLike[str],
    *,
    minutes: float = 10.0,
    candidates: Sequence[Candidate] | None = None,
    preset: str = "quick",
    seed: int = 0,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
    report: Callable[[str], None] = lambda _line: None,
    command: Sequence[str] = (),
    **image_options: Unpack[ImageOptions],
) -> RunFolder:
    """Try several encoders and groupings, and keep the one that is best without labels; the others lie beside it.

    Parameters
    ----------
    source, output, preset, resume, overwrite, progress, image_options
        As `facies.workflows.cluster` takes them.
    minutes : float, default=10
        Time for the fits, more than 0. A candidate that is not finished by then is left out; `resume` goes on with it, with
        as many minutes again.
    candidates : sequence of Candidate, optional
        What to try, in this order; by default pixels and pretrained features with three groupings each, then ``contrastive``
        and ``moe-vae``.
    seed : int, default=0
        Seed of all fits and of the images that are looked at.
    report : callable
        Called with each message to the user, one line of text.
    command : sequence of str
        The command line, for the record.

    Returns
    -------
    RunFolder
        Its default partition is that of the best candidate, which ``run.json`` names under ``selection`` with the scores of
        all (`facies.metrics.without_labels.judge`). The others are partitions of their names.

    Raises
    ------
    InputError
        If nothing can be tried, or the budget is too small for any candidate.
    """
    from facies.images import open_images
    from facies.training import SilentProgress

    tried_candidates = check_candidates(list(default_candidates() if candidates is None else candidates))
    if minutes <= 0:
        raise InputError(f"--minutes {minutes:g}: give more than 0")
    progress, path = progress or SilentProgress(), Path(output).expanduser().resolve()
    check_output(path, overwrite=overwrite)
    with lock_run(path):
        work = WorkFolder(path)
        images = open_images(source, **image_options, progress=progress_callback(progress))
        _begin_or_resume(work, tried_candidates[0].make(preset, seed), images, resume, overwrite)
        deadline = Deadline(60 * minutes, progress)
        try:
            tried, left_out = _try_all(tried_candidates, images, work, deadline, (preset, seed), report)
        except KeyboardInterrupt:
            raise KeyboardInterrupt("interrupted: the same command with --resume goes on from here") from None
        if not tried:
            raise InputError(
                f"none of {len(tried_candidates)} candidates could be finished ({next(iter(left_out.values()))}): "
                "give more --minutes, with --resume to go on from here"
            )
        rows = _judged(tried, seed)
        contents = _contents(tried, rows, left_out, images, {"command": [*command], "preset": preset}, minutes)
        run = write_run(path, contents, overwrite=overwrite)
        work.remove()
    return run


def _begin_or_resume(work: WorkFolder, method: Method, images: ImageSet, resume: bool, overwrite: bool) -> None:
    """Make the work folder, or go on with the one that is there if it is of the same images and method."""
    current, earlier = UnfinishedFit.from_method(method, images, replaces=overwrite), work.read()
    if earlier is None or overwrite:
        work.begin(current)
    elif not resume:
        raise InputError(
            f"{work.run}: an earlier run was not finished: use --resume to go on with it, --overwrite to begin anew"
        )
    elif differences := earlier.differences(current):
        raise InputError(
            f"{work.run}: the unfinished run cannot go on, for {'; '.join(differences)}: "
            "ask for what was asked for then, or use --overwrite to begin anew"
        )


def _try_all(
    candidates: Sequence[Candidate],
    images: ImageSet,
    work: WorkFolder,
    deadline: Deadline,
    preset_and_seed: tuple[str, int],
    report: Callable[[str], None],
) -> tuple[list[_Tried], dict[str, str]]:
    """Fit the candidates until the time is over; those that were left out, with the reason."""
    tried: list[_Tried] = []
    left_out: dict[str, str] = {}
    for number, candidate in enumerate(candidates, start=1):
        if deadline.is_over:
            left_out[candidate.name] = "no time was left"
            continue
        report(f"{number} of {len(candidates)}: {candidate.name}; {deadline.left_in_words} left")
        begun = time.monotonic()
        try:
            method = candidate.make(*preset_and_seed)
            folder = work.path / candidate.name
            folder.mkdir(exist_ok=True)
            method.fit(images, work_folder=folder, progress=deadline)
        except OutOfTimeError:
            left_out[candidate.name] = "it was not finished in the time"
        except InputError as error:
            left_out[candidate.name] = str(error)
        else:
            tried.append(_Tried(candidate, method, time.monotonic() - begun))
    return tried, left_out


def _judged(tried: Sequence[_Tried], seed: int) -> list[dict[str, Any]]:
    """One row a candidate, the best first: its scores on a random sub-sample of the images, the same for all."""
    from facies.metrics.without_labels import judge, look_at

    n_images = len(tried[0].method.labels_)
    rows = np.sort(np.random.default_rng(seed).permutation(n_images)[:JUDGED])
    views: dict[str, EmbeddingView] = {}
    for one in tried:
        if one.candidate.encoder not in views:
            views[one.candidate.encoder] = look_at(np.asarray(one.method.embedding_)[rows], seed)
    judged = [
        {
            "name": one.candidate.name,
            "method": one.candidate.method,
            "encoder": one.candidate.encoder,
            "parameters": dict(one.candidate.parameters),
            "finds_level": one.candidate.finds_level,
            "n_groups": len(np.unique(one.method.labels_[one.method.labels_ >= 0])),
            "seconds": round(one.seconds, 1),
            **judge(
                one.method.labels_[rows],
                views[one.candidate.encoder],
                [view for encoder, view in views.items() if encoder != one.candidate.encoder],
            ),
        }
        for one in tried
    ]
    return [judged[number] for number in best_first(judged)]


def _contents(
    tried: Sequence[_Tried],
    rows: list[dict[str, Any]],
    left_out: dict[str, str],
    images: ImageSet,
    manifest: dict[str, Any],
    minutes: float,
) -> RunContents:
    """The run of the best candidate, with the partitions of the others before its own."""
    by_name = {one.candidate.name: one for one in tried}
    best = by_name[rows[0]["name"]]
    why = why_chosen(rows)
    from facies.workflows.run_contents import run_contents

    selection = {"minutes": minutes, "chosen": rows[0]["name"], "why": why, "candidates": rows, "left_out": left_out}
    contents = run_contents(best.method, images, {**manifest, "selection": selection})
    others = {
        row["name"]: _partition(by_name[row["name"]], best.method.embedding_, images) for row in reversed(rows[1:])
    }
    skipped = [f"not tried: {name}, for {reason}" for name, reason in left_out.items()]
    notes = [why, *skipped, *contents.manifest["notes"]]
    partitions = {**others, **contents.partitions}
    return dataclasses.replace(contents, partitions=partitions, manifest={**contents.manifest, "notes": notes})


def _partition(one: _Tried, embedding: NDArray[np.float32], images: ImageSet) -> tuple[Any, dict[str, Any]]:
    table = partition_table(images.table["id"], one.method.labels_, embedding, one.method.probabilities_)
    return table, {"method": f"{one.candidate.name}, tried beside", "seed": one.method.random_state}


def why_chosen(rows: Sequence[dict[str, Any]]) -> str:
    """Say in one line what was chosen, by which numbers, and what came next."""
    best = rows[0]
    told = f"{best['name']} was chosen of {len(rows)} without labels: {best['n_groups']} groups, score {best['score']:.2f} "
    told += f"(silhouette {best['silhouette']:.2f}, stability {best['stability']:.2f}"
    if "agreement" in best:
        told += f", agreement with other encoders {best['agreement']:.2f}"
    told += f", information {best['information']:.2f})"
    if len({row["encoder"] for row in rows}) > 1:
        told += f"; the groupings of its encoder, {best['encoder']}, have the greatest mean score"
    if best.get("finds_level"):
        told += "; its number of groups is one that several layouts share"
    if len(rows) > 1:
        told += f"; next came {rows[1]['name']} with {rows[1]['n_groups']} groups, score {rows[1]['score']:.2f}"
    return told
