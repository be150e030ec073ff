"""Runs and rows: resumed, failed, interrupted, side by side; what the results folder refuses."""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from facies.errors import InputError
from facies.workflows.benchmark import benchmark
from facies.workflows.benchmark.rows import RowFile
from facies.workflows.benchmark.worker import agreement, has_collapsed
from tests.workflows.benchmark.factories import SUITE, make_suite, make_worker, row, started

FIELDS = {"set", "method", "seed", "n_groups", "accuracy", "accuracy_majority", "nmi", "ari"}
FIELDS |= {"seconds", "peak_bytes", "collapsed", "error"}


@pytest.fixture
def run(tmp_path):
    """Run the suite; what was said is in `run.said`."""
    suite = make_suite(tmp_path)

    def call(text: str | None = None, **options):
        if text is not None:
            suite.write_text(text)
        call.said = []
        return benchmark(suite, tmp_path / "results", report=call.said.append, worker=call.worker, **options)

    call.worker = make_worker(tmp_path)
    return call


def test_every_run_has_a_row_and_the_table_and_the_page_are_there(run, tmp_path):
    result = run(jobs=2)
    assert (result.n_new, result.n_failed, len(result.rows)) == (4, 0, 4)
    rows = [json.loads(line) for line in (tmp_path / "results" / "rows.jsonl").read_text().splitlines()]
    for each in rows:
        assert set(each) >= FIELDS
        assert {"seconds_by_stage", "parameters", "versions", "commit", "machine", "date", "preset"} <= set(each)
        assert str(tmp_path) not in json.dumps(each)
    assert "0.550 ± 0.071" in (tmp_path / "results" / "table.md").read_text()
    page = (tmp_path / "results" / "report.html").read_text()
    assert page.count("<svg") == 2
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert run.said[-1].startswith("4 of 4: ")
    assert any("left" in line for line in run.said)


def test_what_has_a_row_is_not_run_again(run, tmp_path):
    run()
    assert run().n_new == 0
    assert len(started(tmp_path)) == 4
    assert run.said == ["4 of 4 runs are there already"]
    grown = SUITE.replace("seeds = [0, 1]", "seeds = [0, 1, 2]") + "dac = {}\n"
    assert run(grown).n_new == 5
    assert "method dac is new in the suite, and is run now" in run.said


def test_a_half_line_is_cut_off_and_its_run_repeated(run, tmp_path):
    run()
    rows = tmp_path / "results" / "rows.jsonl"
    whole = rows.read_bytes()
    rows.write_bytes(whole[:-30])
    assert run().n_new == 1
    assert any("cut off" in line for line in run.said)
    assert len(rows.read_bytes().splitlines()) == 4
    rows.write_bytes(whole.replace(b"{", b"<", 1))
    with pytest.raises(InputError, match="line 1 is no row"):
        run()


def test_failures_are_rows_with_their_reason_and_are_run_again_when_asked(run, tmp_path):
    text = SUITE + "dac = {}\nst-dac = {}\n"
    make_worker(tmp_path, dec="refuses", idec="killed", dac="crash")
    result = run(text)
    errors = {each["method"]: each["error"] for each in result.rows}
    assert errors["dec"] == "squares.npz: cannot be used"
    assert errors["idec"].startswith("the process was ended by SIGKILL")
    assert errors["dac"].startswith("the process ended with code 3")
    assert errors["st-dac"] is None
    assert result.n_failed == 6
    assert (tmp_path / "results/logs/squares/dac/0.log").read_text() == "it broke here\n"
    table = (tmp_path / "results" / "table.md").read_text()
    assert "- idec, seed 1, failed: the process was ended by SIGKILL" in table
    make_worker(tmp_path)
    assert run(text).n_new == 0
    again = run(text, retry=True)
    assert (again.n_new, again.n_failed) == (6, 0)


def test_a_set_without_labels_says_so_and_counts_what_needs_none(run, tmp_path):
    make_worker(tmp_path, dec="unlabelled", idec="unlabelled")
    assert all(each["accuracy"] is None for each in run().rows)
    table = (tmp_path / "results" / "table.md").read_text()
    assert "| dec | no labels |" in table
    assert "| dec | 0.250 ± 0.000 | 1.500 ± 0.000 |" in table
    assert agreement({"n_images": 5, "accuracy": 1.0}, has_labels=True)["labels"] == "5 of 5 images"
    assert agreement({"n_images": 5}, has_labels=False)["labels"].startswith("none")


def test_a_folder_of_another_suite_commit_or_owner_is_refused(run, tmp_path, monkeypatch):
    run()
    with pytest.raises(
        InputError, match=r"another suite or commit: method dec.training.epochs was 2, is 3: give another"
    ):
        run(SUITE.replace('"training.epochs" = 2', '"training.epochs" = 3'))
    with pytest.raises(InputError, match="method idec is not in it"):
        run(SUITE.replace("idec = {}", ""))
    monkeypatch.setattr(importlib.import_module("facies.workflows.benchmark.run_suite"), "commit", lambda: "0123")
    with pytest.raises(InputError, match=r'commit was .*, is "0123"'):
        run(SUITE)
    assert run(overwrite=True).n_new == 4
    (tmp_path / "results" / "suite.json").unlink()
    with pytest.raises(InputError, match="holds other files"):
        run(overwrite=True)


def test_what_has_no_row_yet_may_be_taken_out_again(run, tmp_path):
    only_dec = SUITE.replace("idec = {}", "")
    run(only_dec)
    record = tmp_path / "results" / "suite.json"
    before = record.read_text()
    record.write_text(before.replace('"suite": {', '"suite": {"method idec": "idec, preset quick", '))  # ended early
    assert run(only_dec).n_new == 0
    assert "method idec was taken out of the suite; it had no row" in run.said
    assert json.loads(record.read_text()) == json.loads(before)
    run(SUITE)
    with pytest.raises(InputError, match="method idec is not in it"):
        run(only_dec)


@pytest.fixture
def at_another_commit(monkeypatch):
    monkeypatch.setattr(importlib.import_module("facies.workflows.benchmark.run_suite"), "commit", lambda: "0123")


def test_rows_of_another_commit_are_kept_when_asked_and_each_names_its_own(run, tmp_path, request):
    make_worker(tmp_path, idec="crash")
    run()
    unfinished = tmp_path / "results" / "runs" / "squares" / "idec" / "0"
    finished = tmp_path / "results" / "runs" / "squares" / "dec" / "1"
    for folder in (unfinished, finished, unfinished.with_name(".1.work")):
        folder.mkdir(parents=True)
    unfinished.with_name(".1.lock").touch()
    request.getfixturevalue("at_another_commit")
    with pytest.raises(InputError, match="or --other-commit to keep its rows and go on"):
        run(retry=True)
    assert unfinished.exists()
    make_worker(tmp_path)
    result = run(retry=True, other_commit=True)
    assert (list(unfinished.parent.iterdir()), finished.exists()) == ([], True)
    assert any("rows of another state of Facies are kept" in line and '"0123"' in line for line in run.said)
    assert result.n_new == 2
    assert {(each["method"], each["commit"] == "0123") for each in result.rows} == {("dec", False), ("idec", True)}
    table = (tmp_path / "results" / "table.md").read_text()
    assert "- of commit 0123: idec" in table
    assert run().n_new == 0
    with pytest.raises(InputError, match=r"another suite or commit: method dec.training.epochs was 2, is 3"):
        run(SUITE.replace('"training.epochs" = 2', '"training.epochs" = 3'), other_commit=True)


def test_a_method_that_was_mended_is_run_again(run, tmp_path, request):
    run()
    assert run(again=["dec"]).n_new == 0  # they are of this commit
    assert "again, since they are of another commit: no run of dec" in run.said
    request.getfixturevalue("at_another_commit")
    with pytest.raises(InputError, match=r"again='decc': the suite suite.toml has no such method; .*dec"):
        run(again=["decc"], other_commit=True)
    folder = tmp_path / "results" / "runs" / "squares" / "dec"
    for seed in ("0", "1"):
        (folder / seed).mkdir(parents=True)
    make_worker(tmp_path, dec="crash")
    assert run(again=["dec"], other_commit=True).n_new == 2
    assert "again, since they are of another commit: 2 runs of dec" in run.said
    assert list(folder.iterdir()) == []
    (folder / "0").mkdir()
    make_worker(tmp_path)
    result = run(again=["dec"], retry=True)
    assert result.n_new == 2
    assert (folder / "0").exists(), "what the second fit left"
    assert {(each["method"], each["commit"] == "0123") for each in result.rows} == {("dec", True), ("idec", False)}
    assert run(again=["dec"]).n_new == 0


def run_until_interrupted(suite: Path, results: Path, worker: list[str], said: Path) -> None:
    """What a process of its own does; none is forked, for threads of other tests may hold locks that a fork never gets."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell without a terminal has it ignored
    try:
        benchmark(suite, results, report=lambda _: None, worker=worker)
    except KeyboardInterrupt as error:
        said.write_text(str(error))
        sys.exit(130)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_or_killed_it_leaves_no_process_and_goes_on(run, tmp_path, sent):
    make_worker(tmp_path, idec="wait")
    given = [tmp_path / name for name in ("suite.toml", "results")]
    process = multiprocessing.get_context("spawn").Process(
        target=run_until_interrupted, args=(*given, run.worker, tmp_path / "said")
    )
    process.start()
    end = time.monotonic() + 60
    while len(started(tmp_path)) < 2:
        assert time.monotonic() < end
        time.sleep(0.02)
    os.kill(process.pid, sent)
    process.join(timeout=30)
    assert process.exitcode == (130 if sent == signal.SIGINT else -sent)
    if sent == signal.SIGINT:
        assert "the same command goes on from here" in (tmp_path / "said").read_text()
        assert "0.500" in (tmp_path / "results" / "table.md").read_text()
    worker = int((tmp_path / "started").read_text().split()[-1])
    while os.path.exists(f"/proc/{worker}"):  # noqa: PTH110 - no file
        assert time.monotonic() < end
        time.sleep(0.02)
    make_worker(tmp_path)
    assert run().n_new == 3


def test_appended_rows_are_read_as_they_were_written(tmp_path):
    file = RowFile(tmp_path / "rows.jsonl")
    file.append(row(error="a"))
    file.append(row(seed=1))
    file.append(row(accuracy=0.75))
    again = RowFile(tmp_path / "rows.jsonl")
    assert again.rows == file.rows
    assert again.latest()["squares", "dec", 0]["accuracy"] == 0.75
    assert len((tmp_path / "rows.jsonl").read_text("utf-8").splitlines()) == 2  # a row a run


@pytest.mark.parametrize(
    ("sizes", "asked", "collapsed"),
    [
        ({0: 50, 1: 50}, 2, False),
        ({0: 50, 1: 50}, 4, False),
        ({0: 50, 1: 50}, 5, True),
        ({0: 91, 1: 9}, 2, True),
        ({0: 90, 1: 10}, None, False),
        ({0: 10}, None, True),
        ({}, None, True),
    ],
)
def test_what_counts_as_collapsed(sizes, asked, collapsed):
    assert has_collapsed(sizes, asked) is collapsed
