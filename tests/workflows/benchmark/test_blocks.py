"""Runs as blocks: of an engine in this process, and of a Dask cluster."""

from __future__ import annotations

import importlib
import json
import threading
import time
from pathlib import Path

import pytest

from facies.errors import InputError
from facies.scale.engines import EngineLostError, ThisProcess
from facies.workflows.benchmark import benchmark, blocks
from facies.workflows.benchmark.blocks import FOLDER, open_runs
from tests.workflows.benchmark.factories import make_suite, make_worker, started

RUN_SUITE = importlib.import_module("facies.workflows.benchmark.run_suite")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the suite by blocks in this process."""
    suite, worker = make_suite(tmp_path), make_worker(tmp_path)

    def call(means=ThisProcess, **options):
        monkeypatch.setattr(RUN_SUITE, "make_engine", lambda *_, **__: means())
        call.said = []
        chosen = {"engine": "dask", "report": call.said.append, "worker": worker, **options}
        return benchmark(suite, tmp_path / "results", **chosen)

    return call


def test_every_run_is_a_block_and_has_a_row(run, tmp_path):
    make_worker(tmp_path, idec="crash")
    result = run(jobs=2)
    assert (result.n_new, result.n_failed, len(result.rows)) == (4, 2, 4)
    assert {(row["engine"], row["jobs"]) for row in result.rows} == {("dask", 2)}
    assert {row["error"] is None for row in result.rows if row["method"] == "dec"} == {True}
    assert (tmp_path / "results/logs/squares/idec/1.log").read_text() == "it broke here\n"
    assert not (tmp_path / "results" / FOLDER).exists()
    assert "2 runs side by side, by Dask" in (tmp_path / "results" / "table.md").read_text()
    assert run().n_new == 0


class EndedAfterTwo(ThisProcess):
    """Two runs are done, and the driver ends before it hears of the second."""

    def __init__(self, error: type[BaseException] = KeyboardInterrupt) -> None:
        super().__init__()
        self.heard, self.error = 0, error

    def next_outcome(self):
        self.heard += 1
        if self.heard == 2:
            raise self.error("the Dask scheduler at tcp://10.0.0.1:8786")
        return super().next_outcome()


@pytest.mark.parametrize("engine", ["dask", "processes"])
def test_what_the_cluster_did_before_a_kill_is_kept(run, tmp_path, engine):
    with pytest.raises(KeyboardInterrupt, match="the same command goes on from here"):
        run(EndedAfterTwo)
    rows = tmp_path / "results" / "rows.jsonl"
    assert len(rows.read_text().splitlines()) == 1
    assert not (tmp_path / "results" / FOLDER / "driver").exists()  # so that runs on other machines end
    result = run(engine=engine)
    assert (result.n_new, len(result.rows), len(started(tmp_path))) == (2, 4, 4)
    assert "1 runs that the cluster had done before the last call was ended are kept" in run.said
    assert not (tmp_path / "results" / FOLDER).exists()
    assert [json.loads(line)["seed"] for line in rows.read_text().splitlines()] == [0, 0, 1, 1]


def test_a_cluster_that_is_lost_is_one_line(run):
    with pytest.raises(InputError, match=r"tcp://10\.0\.0\.1:8786 was lost: the same command goes on from here"):
        run(lambda: EndedAfterTwo(EngineLostError))
    assert run().n_new == 2


def test_a_damaged_plan_is_no_obstacle(run, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(EndedAfterTwo)
    (tmp_path / "results" / FOLDER / "plan" / "plan.json").write_text("{")
    assert run().n_new == 3


def test_a_worker_of_another_commit_is_refused_and_nothing_is_left(run, tmp_path, monkeypatch):
    commits = iter(["0123", "4567"])
    monkeypatch.setattr(blocks, "commit", lambda: next(commits))
    with pytest.raises(InputError, match="this process has the commit 4567, not 0123"):
        run()
    assert not (tmp_path / "results").exists()


def test_a_block_that_cannot_be_done_is_a_row_with_its_reason(run, monkeypatch):
    def broken(self, jobs, log_of):
        raise OSError("no room")

    monkeypatch.setattr(blocks.JobProcesses, "run", broken)
    assert {row["error"] for row in run().rows} == {"OSError: no room"}


@pytest.mark.parametrize("how", ["gone", "silent"])
def test_a_run_ends_where_its_driver_has_ended(tmp_path, monkeypatch, how):
    monkeypatch.setattr(blocks, "LOOK_S", 0.05)
    monkeypatch.setattr(blocks, "PATIENCE_S", 0.3 if how == "silent" else 60.0)
    sign = tmp_path / "driver"
    sign.write_text("0")
    make_suite(tmp_path)
    job = {"set": "squares", "entry": "dec", "seed": 0, "source": "x", "log": str(tmp_path / "log")}
    worker = make_worker(tmp_path, dec="wait")
    do = open_runs({"runs": [job], "worker": worker, "threads": "1", "driver": str(sign)})

    def ends_the_driver():
        while not started(tmp_path):
            time.sleep(0.01)
        if how == "gone":
            sign.unlink()

    other = threading.Thread(target=ends_the_driver)
    other.start()
    with pytest.raises(InputError, match="the benchmark that asked for this run has ended"):
        do(0)
    other.join()
    process = int((tmp_path / "started").read_text().split()[-1])
    assert not Path(f"/proc/{process}").exists()


@pytest.mark.timeout(180)
def test_on_a_local_cluster(tmp_path):
    pytest.importorskip("distributed")
    suite, worker = make_suite(tmp_path), make_worker(tmp_path)
    result = benchmark(suite, tmp_path / "results", engine="dask", jobs=1, worker=worker)
    assert [(row["error"], row["engine"]) for row in result.rows] == [(None, "dask")] * 4
    assert len(started(tmp_path)) == 4
