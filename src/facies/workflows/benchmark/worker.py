"""One run of a benchmark, in a process of its own: ``python -m facies.workflows.benchmark.worker``.

It reads its job as a line of JSON, and answers with one. It ends as soon as its standard input does, so that none is left
behind where the benchmark is killed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from typing import Any

from facies.errors import InputError
from facies.io import jsonable
from facies.workflows.benchmark.programs import measure_program
from facies.workflows.benchmark.surroundings import commit, machine, peak_bytes, versions

FEWEST_GROUPS = 0.5
LARGEST_GROUP = 0.9


def main() -> None:
    """Do the job, and write the answer to what was standard output; whatever else is printed goes to standard error."""
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    answers = os.dup(1)
    os.dup2(2, 1)
    source = commit()  # before the fit, in which the source may be changed
    found = outcome(job)
    answer = {"peak_bytes": peak_bytes(), **found}  # of a program it is its own
    answer |= {"machine": machine(), "versions": versions(), "commit": source}
    os.write(answers, json.dumps(jsonable(answer), allow_nan=False).encode("ascii") + b"\n")
    sys.stderr.flush()
    os._exit(0)  # the threads of the libraries need not be waited for


def outcome(job: dict[str, Any]) -> dict[str, Any]:
    """What a run gave, or why it failed, as one line."""
    begun = time.monotonic()
    try:
        found = measure(job)
    except InputError as error:
        return {"error": " ".join(str(error).split())}
    except Exception as error:
        traceback.print_exc()
        memory = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
        text = " ".join(str(error).split())[:500]
        return {"error": f"not enough memory ({text})" if memory else f"{type(error).__name__}: {text}"}
    return {**found, "process_seconds": time.monotonic() - begun, "error": None}


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """Fit, or go on with a fit that was killed, and measure the groups; labels are read after the fit alone."""
    if job.get("program"):
        return of_program(measure_program(job), job)
    from facies.methods import make_method
    from facies.workflows.cluster import cluster
    from facies.workflows.evaluate import evaluate

    wanted = {name: job[name] for name in ("method", "preset", "parameters")}
    run = cluster(job["source"], job["run"], resume=True, **wanted, **job["options"])
    scores = evaluate(run)
    sizes = Counter(run.partition()[0]["group"].tolist())
    asked = make_method(job["method"], job["preset"], job["parameters"]).asked_n_clusters
    timings = run.manifest["timings"]
    return {
        "n_groups": scores["n_groups"],
        "n_groups_asked": asked,
        **agreement(scores, has_labels=run.labels is not None),
        "silhouette": scores.get("silhouette"),
        "davies_bouldin": scores.get("davies_bouldin"),
        "n_images": scores["n_images"],
        "seconds": sum(timings.values()),
        "seconds_by_stage": timings,
        "collapsed": has_collapsed({group: size for group, size in sizes.items() if group >= 0}, asked),
        "parameters": run.manifest["parameters"],
        "notes": run.manifest["notes"],
    }


def of_program(measured: dict[str, Any], job: dict[str, Any]) -> dict[str, Any]:
    """The same of the groups that a program gave."""
    scores, asked = measured.pop("scores"), job["parameters"].get("n_clusters")
    sizes = Counter(measured.pop("groups").tolist())
    return {
        "n_groups": scores["n_groups"],
        "n_groups_asked": asked,
        **agreement(scores, has_labels=measured.pop("has_labels")),
        "n_images": scores["n_images"],
        **measured,
        "collapsed": has_collapsed({group: size for group, size in sizes.items() if group >= 0}, asked),
        "notes": [],
    }


def agreement(scores: dict[str, Any], *, has_labels: bool) -> dict[str, Any]:
    """The measures that need labels; where there are none they are null, and `labels` says so."""
    known = scores.get("n_labelled", scores["n_images"]) if has_labels else 0
    return {
        "labels": f"{known} of {scores['n_images']} images"
        if known
        else "none: measures that need labels are left out",
        "accuracy": scores.get("accuracy"),
        "accuracy_majority": scores.get("purity"),
        "nmi": scores.get("nmi"),
        "ari": scores.get("ari"),
    }


def has_collapsed(sizes: dict[int, int], asked: int | None) -> bool:
    """Whether fewer than half of the groups asked for hold an image, or one group holds more than nine images of ten.

    Parameters
    ----------
    sizes
        Images by group, without the noise.
    asked
        How many groups were asked for; None where their number was found.
    """
    if not sizes:
        return True
    few = asked is not None and len(sizes) < FEWEST_GROUPS * asked
    return few or max(sizes.values()) > LARGEST_GROUP * sum(sizes.values())


def _end_with_parent() -> None:
    sys.stdin.read()
    if hasattr(os, "getpgrp") and os.getpgrp() == os.getpid():  # a session of its own: with all that it started
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main()
