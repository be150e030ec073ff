"""What a worker does: open the task of a plan once, then do blocks by their numbers."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from facies.errors import InputError
from facies.scale.markers import DoneMarkers
from facies.scale.plan import BlockPlan, BlockTask, open_task, read_plan

_open: dict[str, tuple[BlockPlan, BlockTask]] = {}
"""The task that this process has open, by the key of its plan: one at a time."""


def do_block(plan_file: str, key: str, block: int) -> None:
    """Do a block, and mark it; a block that is marked already is left alone.

    Parameters
    ----------
    plan_file : str
        Path of the plan.
    key : str
        Its key.
    block : int
        The number of the block.
    """
    path = Path(plan_file)
    opened = _open.get(key)
    if opened is None:
        plan = read_plan(path, key)
        opened = (plan, open_task(plan))
        _open.clear()
        _open[key] = opened
    plan, task = opened  # not looked up again: another thread of this worker may have opened another
    markers = DoneMarkers(path.parent, key, plan.n_blocks)
    if not markers.is_done(block):
        markers.mark(block, task(block))


def close_tasks() -> None:
    """Forget what this process has open, so that the next block opens it anew."""
    _open.clear()


def check_worker(plan_file: str, key: str, needs: tuple[str, ...]) -> str | None:
    """Say why this worker cannot do the blocks of a plan; None if it can."""
    missing = missing_packages(needs)
    if missing:
        return f"has no {' and no '.join(missing)}: install facies[volumes,scale] there"
    if not Path(plan_file).exists():
        return f"does not see {plan_file}: write to a disk that all workers share"
    try:
        read_plan(Path(plan_file), key)
    except InputError as error:
        return str(error)
    return None


def missing_packages(names: tuple[str, ...]) -> list[str]:
    """Return those of some packages that cannot be imported here."""
    return [name for name in names if importlib.util.find_spec(name) is None]
