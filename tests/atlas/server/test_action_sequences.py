"""Any sequence of actions, undone, is the start; two pages see the same; and the journal replays to it."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from facies.annotations import Journal
from facies.atlas import Atlas
from facies.runs import RunFolder
from tests.atlas.factories import Browser
from tests.atlas.random_actions import Screen, random_action

ACTIONS_EACH = 120


def act_at_random(screen: Screen, rng: np.random.Generator) -> int:
    """Do something; what cannot be done is refused, and changes nothing. Returns 1 if it was done."""
    action = random_action(rng, screen.arrays["group"])
    answer = screen.browser.client.post("/api/runs/run/actions", json=action)
    assert answer.status_code in (200, 400, 409), answer.text
    screen.catch_up()
    return int(answer.status_code == 200)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_any_sequence_undone_is_the_start(pristine: RunFolder, seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        run = shutil.copytree(pristine.path, Path(folder) / "run")
        with Atlas([run]) as atlas:
            screen = Screen(Browser(atlas))
            start = screen.shown()
            for _ in range(count):
                act_at_random(screen, rng)
            end = screen.shown()
            assert end == screen.browser.state()
            undone = 0
            while screen.browser.client.post("/api/runs/run/actions", json={"kind": "undo"}).status_code == 200:
                undone += 1
            screen.catch_up()
            assert screen.shown() == start
            for _ in range(undone):
                screen.browser.act("redo")
            screen.catch_up()
            reached = screen.shown()
            assert reached == screen.browser.state()
        with Journal(run) as journal:
            decisions = journal.annotations()
        assert decisions.codes.tolist() == reached["class"]
        assert decisions.states.tolist() == reached["state"]


def test_a_new_reason_moves_the_numbers_of_others(run: RunFolder) -> None:
    with Atlas([run.path]) as atlas:
        screen = Screen(Browser(atlas))
        screen.browser.act("assign", of={"rows": [0, 1]}, name="dark")
        screen.browser.act("class", name="dark", excluded=True)
        screen.catch_up()
        screen.browser.act("exclude", of={"rows": [5]}, reason="a reason of my own")
        screen.catch_up()
        assert screen.shown() == screen.browser.state()
        assert screen.arrays["reason"][0] != screen.arrays["reason"][5]


def test_two_clients_at_once_end_with_the_same(run: RunFolder) -> None:
    with Atlas([run.path]) as atlas:
        screens = [Screen(Browser(atlas, name=name)) for name in ("left", "right")]
        done = [0, 0]
        failures: list[BaseException] = []

        def play(number: int) -> None:
            rng = np.random.default_rng(number)
            try:
                for _ in range(ACTIONS_EACH):
                    done[number] += act_at_random(screens[number], rng)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=play, args=(number,)) for number in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert min(done) > ACTIONS_EACH / 2
        for screen in screens:
            screen.catch_up()
        assert screens[0].shown() == screens[1].shown() == screens[0].browser.state()
        assert screens[0].revision == sum(done)
    with Journal(run) as journal:
        replayed = journal.annotations()
        groups = journal.groups()
    assert replayed.revision == sum(done)
    assert replayed.codes.tolist() == screens[0].arrays["class"].tolist()
    assert replayed.states.tolist() == screens[0].arrays["state"].tolist()
    assert groups.tolist() == screens[0].arrays["group"].tolist()
