from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from facies.atlas.errors import MissingError
from facies.atlas.state.jobs import Job, Jobs
from facies.errors import InputError


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_job_is_told_and_found() -> None:
    reported: list[str] = []
    jobs = Jobs(lambda job: reported.append(job.status))
    job = jobs.start("export", lambda _: 42)
    wait_for(lambda: reported == ["ready"])
    assert jobs.find(job.id, "export").result == 42
    assert job.to_json() == {
        "job": job.id,
        "what": "export",
        "status": "ready",
        "done": 1.0,
        "error": None,
        "notes": [],
    }
    with pytest.raises(MissingError):
        jobs.find(job.id, "recluster")
    with pytest.raises(MissingError):
        jobs.find("../etc", "export")


@pytest.mark.parametrize(
    ("error", "says"), [(InputError("no disk"), "no disk"), (KeyError("x"), "KeyError: 'x': this is a fault of Facies")]
)
def test_a_failure_is_told(error: Exception, says: str) -> None:
    def fail(_: Job) -> None:
        raise error

    reported: list[Job] = []
    Jobs(reported.append).start("export", fail)
    wait_for(lambda: bool(reported))
    assert (reported[0].status, reported[0].error) == ("failed", says)


def test_a_cancelled_job_ends_and_keeps_nothing() -> None:
    begun = threading.Event()

    def work(job: Job) -> None:
        while True:
            job.step(0.5)
            begun.set()
            time.sleep(0.001)

    reported: list[str] = []
    jobs = Jobs(lambda job: reported.append(job.status))
    job = jobs.start("recluster", work)
    begun.wait(10)
    jobs.cancel(job)
    wait_for(lambda: reported == ["cancelled"])
    ready = jobs.start("recluster", lambda _: "parts")
    wait_for(lambda: ready.status == "ready")
    jobs.cancel(ready)
    assert (ready.status, ready.result) == ("cancelled", None)


@pytest.mark.parametrize(("seconds", "told"), [(0.0, 9), (60.0, 0)])
def test_progress_is_told_but_not_at_every_step(monkeypatch: pytest.MonkeyPatch, seconds: float, told: int) -> None:
    monkeypatch.setattr("facies.atlas.state.jobs._REPORT_SECONDS", seconds)
    reported: list[tuple[str, float]] = []

    def work(job: Job) -> None:
        for done in range(8):
            job.step(done / 8)

    Jobs(lambda job: reported.append((job.status, job.done))).start("queue", work)
    wait_for(lambda: bool(reported) and reported[-1][0] == "ready")
    assert [done for status, done in reported if status == "working"] == [i / 8 for i in range(9)][:told]


def test_not_too_much_at_once() -> None:
    go = threading.Event()
    jobs = Jobs(lambda _: None)
    for _ in range(4):
        jobs.start("export", lambda _: go.wait(10))
    with pytest.raises(InputError, match="four pieces"):
        jobs.start("export", lambda _: None)
    go.set()
