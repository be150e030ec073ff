"""Whether the predictions of the classifier may be taken over as names yet."""

from __future__ import annotations

from facies.annotations import STATES
from facies.atlas.state.open_run import OpenRun

TOO_FEW = "name two images of each of two classes at least, and a classifier proposes the rest"


def lock_reason(run: OpenRun) -> str | None:
    """Return why the predictions may not be taken over yet, in one line; None if they may.

    A classifier knows the classes named so far alone, and measures itself on them: while most kinds have no name, it would
    give them wrong ones, and call itself right.
    """
    fit, states = run.predictions, run.states
    if fit is None:
        return TOO_FEW
    groups = [entry for entry in run.group_statistics.to_json(states) if entry["group"] >= 0]
    named = sum(entry["class"] > 0 for entry in groups)
    if 2 * named < len(groups):
        return f"{named} of {len(groups)} groups have a name: name at least half, for the others would get wrong ones"
    n_open = int(((states.classes == 0) & (states.states != STATES["excluded"])).sum())
    if 2 * n_outside(run) > n_open:
        return (
            f"{n_outside(run):,} of the {n_open:,} images without a name are unlike all that have one: name some of them "
            "first"
        )
    if fit.accuracy is None:
        return "nobody knows how often the classifier is right: name images of more than one stack"
    return None


def n_outside(run: OpenRun) -> int:
    """Return the number of images without a name that are unlike all that have one."""
    fit, states = run.predictions, run.states
    if fit is None:
        return 0
    return int((fit.outside & (states.classes == 0) & (states.states != STATES["excluded"])).sum())
