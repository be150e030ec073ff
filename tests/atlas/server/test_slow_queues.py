"""A queue that takes long is computed in the background: told how far it is, and ended when nobody wants it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from facies.atlas import Atlas
from facies.atlas.services import review_queues
from facies.atlas.services.queue_rules import Queue
from tests.atlas.factories import Browser, wait_for


@pytest.fixture
def go(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Makes the duplicates take until it is set."""
    event = threading.Event()

    def slow(_: Any, __: Any, progress: Callable[[float], None]) -> Queue:
        for step in range(2000):
            progress(step / 2000)
            if event.wait(0.01):
                break
        return Queue(np.array([3]), np.array([1.0], np.float32), 0.95, np.array([1]))

    monkeypatch.setattr(review_queues, "duplicates_queue", slow)
    return event


def test_it_is_computed_once_for_all_who_wait(browser: Browser, atlas: Atlas, go: threading.Event) -> None:
    job = browser.post("/queues/duplicates/jobs", {}, 202)["job"]
    assert browser.post("/queues/duplicates/jobs", {}, 202)["job"] == job
    found = atlas.runs["run"].jobs.find(job, "queue")
    wait_for(lambda: found.done > 0)
    go.set()
    wait_for(lambda: found.status == "ready")
    assert browser.arrays("/queues/duplicates")[1]["rows"].tolist() == [3]
    assert browser.post("/queues/duplicates/jobs", {}, 202)["job"] is None


def test_it_ends_when_it_is_cancelled_and_can_begin_again(browser: Browser, atlas: Atlas, go: threading.Event) -> None:
    job = browser.post("/queues/duplicates/jobs", {}, 202)["job"]
    found = atlas.runs["run"].jobs.find(job, "queue")
    wait_for(lambda: found.done > 0)
    answer = browser.client.request("DELETE", f"/api/runs/run/queues/duplicates/jobs/{job}", json={})
    assert answer.status_code == 200
    wait_for(lambda: found.status == "cancelled")
    go.set()
    again = browser.post("/queues/duplicates/jobs", {}, 202)["job"]
    assert again not in (None, job)
    wait_for(lambda: atlas.runs["run"].jobs.find(again, "queue").status == "ready")


def test_what_is_quick_needs_no_waiting(browser: Browser) -> None:
    assert browser.post("/queues/touching/jobs", {}, 202)["job"] is None
    assert browser.client.request("DELETE", "/api/runs/run/queues/touching/jobs/x", json={}).status_code == 404
