"""Blocks are done, each once, by an engine; what fails three times is left out and named."""

from __future__ import annotations

import itertools
import shutil
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from facies.errors import InputError
from facies.scale.engines import Engine
from facies.scale.markers import DoneMarkers
from facies.scale.plan import FILE, BlockPlan, read_plan
from facies.scale.worker import check_worker, close_tasks, do_block

TRIES = 3
"""A block that has failed so often is left out."""


@dataclass(frozen=True)
class BlockReport:
    """What became of the blocks of a plan.

    Attributes
    ----------
    n_blocks : int
        How many there are.
    n_before : int
        How many had been done earlier.
    missing : dict of int to str
        Blocks that were given up, and why.
    """

    n_blocks: int
    n_before: int
    missing: dict[int, str] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether all blocks are done."""
        return not self.missing

    def lines(self, limit: int = 20) -> list[str]:
        """Name the blocks that are missing, one a line."""
        named = [f"block {block} is missing: {why}" for block, why in itertools.islice(self.missing.items(), limit)]
        return named + ([f"{len(self.missing) - limit:,} more blocks are missing"] if len(self.missing) > limit else [])


def run_blocks(
    plan: BlockPlan,
    folder: Path,
    engine: Engine,
    *,
    resume: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> BlockReport:
    """Do the blocks of a plan that are not done yet.

    The plan is written to ``plan.json`` in a folder, beside the markers of the blocks that are done. A few blocks are in flight at
    a time, whatever their number. A block that fails, or whose process dies, is tried three times; then the run goes on.

    Parameters
    ----------
    plan : BlockPlan
        What to do.
    folder : Path
        Where the plan and the markers are. The caller holds the lock of the run.
    engine : Engine
        Who does it; it has been entered.
    resume : bool
        Whether blocks that an earlier call did count as done; it must have had the same plan. Else all are done anew.
    progress : callable, optional
        Called with the number of blocks done and their total, each time one has ended.

    Returns
    -------
    BlockReport
        Which blocks are missing.

    Raises
    ------
    InputError
        If what is to be resumed had another plan (the message says what differs), a worker cannot do it, or the engine is lost.
    """
    path = _prepare(plan, folder, resume=resume)
    close_tasks()
    engine.check(check_worker, str(path), plan.key, plan.needs)
    done = DoneMarkers(folder, plan.key, plan.n_blocks).done()
    report = BlockReport(plan.n_blocks, int(done.sum()))
    if progress is not None and report.n_before:
        progress(report.n_before, plan.n_blocks)
    blocks: Iterator[int] = (int(block) for block in np.flatnonzero(~done))
    again: deque[int] = deque()
    failures: Counter[int] = Counter()
    in_flight, n_ended = 0, report.n_before
    while True:
        while engine.room() > 0 and (block := next(blocks, None) if not again else again.popleft()) is not None:
            engine.submit(block, do_block, str(path), plan.key, block)
            in_flight += 1
        if not in_flight:
            return report
        outcome = engine.next_outcome()
        in_flight -= 1
        if outcome.error is not None:
            failures[outcome.number] += 1
            if failures[outcome.number] < TRIES:
                again.append(outcome.number)
                continue
            report.missing[outcome.number] = outcome.reason()
        n_ended += 1
        if progress is not None:
            progress(n_ended, plan.n_blocks)


def _prepare(plan: BlockPlan, folder: Path, *, resume: bool) -> Path:
    path = folder / FILE
    if resume and path.exists():
        earlier = read_plan(path)
        if earlier.key != plan.key:
            raise InputError(
                f"{folder} cannot be resumed: {'; '.join(plan.differences(earlier))}: --overwrite begins anew"
            )
        return path
    if folder.exists():
        shutil.rmtree(folder)
    return plan.write(folder)
