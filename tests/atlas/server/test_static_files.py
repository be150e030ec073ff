from __future__ import annotations

import re
import threading
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from facies.atlas.services import review_queues
from facies.atlas.services.queue_rules import QUEUES, Queue
from tests.atlas.factories import Browser

STATIC = Path(str(files("facies.atlas") / "static"))
BUILT = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file())


def test_the_page_is_built() -> None:
    assert "index.html" in BUILT
    assert any(name.startswith("assets/") and name.endswith(".js") for name in BUILT)


@pytest.mark.parametrize("name", BUILT)
def test_every_file_of_the_page_is_served_as_what_it_is(browser: Browser, name: str) -> None:
    answer = browser.client.get(f"/{name}")
    assert answer.status_code == 200
    assert answer.content == (STATIC / name).read_bytes()
    kinds = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
    suffix = name.rsplit(".", 1)[-1]
    if suffix in kinds:
        assert answer.headers["content-type"].startswith(kinds[suffix])
    lasting = "immutable" in answer.headers["cache-control"]
    assert lasting == name.startswith("assets/")


def test_the_page_needs_nothing_from_elsewhere(browser: Browser) -> None:
    page = browser.client.get("/").text
    assert page == (STATIC / "index.html").read_text("utf-8")
    places = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert places
    for place in places:
        assert place.startswith("data:") or place.removeprefix("./").removeprefix("/") in BUILT
    # The policy forbids scripts in the page itself.
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>\s*\S", page)
    assert not re.search(r"\son\w+\s*=", page)


def test_a_slow_answer_keeps_nobody_waiting(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go = threading.Event(), threading.Event()

    def slow(*_: object) -> Queue:
        begun.set()
        go.wait(30)
        return Queue(np.zeros(0, np.int64), np.zeros(0, np.float32), 1.0, np.zeros(0, np.int64))

    monkeypatch.setattr(review_queues, "duplicates_queue", slow)
    answers: list[int] = []
    thread = threading.Thread(
        target=lambda: answers.append(browser.client.get("/api/runs/run/queues/duplicates").status_code)
    )
    thread.start()
    assert begun.wait(20)
    browser.act("name", group=0, name="quartz")
    assert browser.get("/counts")["n_counted"] == 27
    assert len(browser.get("/queues")) == len(QUEUES)
    assert answers == []
    go.set()
    thread.join(20)
    assert answers == [200]
