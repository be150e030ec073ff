"""What is shown while a fit runs, by a clock that the test winds."""

from __future__ import annotations

import io

import pytest

from facies.training import BarProgress, LineProgress, SilentProgress, StageCheckpoints, Trainer
from facies.training import progress as progress_module
from tests.training.factories import CPU, Redraw, build, make_images, make_training


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(progress_module, "time", clock)
    return clock


def test_lines(clock):
    stream = io.StringIO()
    progress = LineProgress(stream)
    progress.start("autoencode", 10_000, "images")
    clock.now += 30
    progress.advance(500, "loss 0.5")
    assert stream.getvalue() == "autoencode …\n"
    clock.now += 30
    progress.advance(1000, "loss 0.25")
    clock.now += 59.9
    progress.advance(500)
    clock.now += 0.1
    progress.advance(1000)
    clock.now += 3600
    progress.finish()
    assert stream.getvalue().splitlines() == [
        "autoencode …",
        "autoencode: 1,500 of 10,000 images, 25/s, 5 min 40 s left loss 0.25",
        "autoencode: 3,000 of 10,000 images, 25/s, 4 min 40 s left",
        "autoencode: done in 1 h 02 min",
    ]


def test_lines_of_a_stage_of_unknown_length_and_of_none_done(clock):
    stream = io.StringIO()
    progress = LineProgress(stream, every=5)
    progress.start("embed", 0, "steps")
    clock.now += 5
    progress.advance(0)
    clock.now += 5
    progress.advance(20)
    progress.finish()
    assert stream.getvalue().splitlines() == [
        "embed …",
        "embed: 0 steps, 0/s",
        "embed: 20 steps, 2/s",
        "embed: done in 10 s",
    ]


def test_each_stage_begins_its_own_count(clock):
    stream = io.StringIO()
    progress = LineProgress(stream)
    progress.start("one", 10, "images")
    clock.now += 61
    progress.advance(5)
    progress.finish()
    progress.start("two", 10, "images")
    clock.now += 60
    progress.advance(6)
    assert stream.getvalue().splitlines()[-1] == "two: 6 of 10 images, 0/s, 40 s left"


def test_lines_go_to_standard_error_by_default(capsys):
    LineProgress().start("embed", 3, "steps")
    captured = capsys.readouterr()
    assert captured.err == "embed …\n"
    assert captured.out == ""


def test_bar_draws_a_fit(capsys):
    with BarProgress() as progress:
        Trainer(0, CPU, StageCheckpoints(), progress).fit(build(), make_images(), Redraw(), make_training(2, 6))
        progress.start("embed", 0, "steps")
        progress.advance(3, "layout")
        progress.finish()
        progress.start("nothing", 0, "steps")
        progress.finish()
    captured = capsys.readouterr()
    assert "embed" in captured.err
    assert "48/48" in captured.err
    assert captured.out == ""


def test_bar_without_a_stage_says_nothing(capsys):
    with BarProgress() as progress:
        progress.advance(1)
        progress.finish()
    captured = capsys.readouterr()
    assert captured.err.strip() == captured.out.strip() == ""


def test_silence(capsys):
    Trainer(0, CPU, StageCheckpoints(), SilentProgress()).fit(build(), make_images(), Redraw(), make_training(1, 6))
    captured = capsys.readouterr()
    assert captured.err == captured.out == ""
