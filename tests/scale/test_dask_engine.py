"""The same blocks on a Dask cluster."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from facies.errors import InputError
from facies.scale import dask_engine, make_engine, run_blocks
from tests.scale import tasks
from tests.scale.test_runner import plan


def test_blocks_on_a_local_cluster_one_worker_of_which_is_killed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    a_plan = plan(data, 30, seconds=0.02, faulty=[11])

    def kill_a_worker() -> None:
        while not (data / "log").exists() or len(tasks.begun(data)) < 6:
            time.sleep(0.01)
        os.kill(int((data / "log").read_text().split()[1]), signal.SIGKILL)

    killer = threading.Thread(target=kill_a_worker)
    killer.start()
    with make_engine("dask", jobs=2) as engine:
        report = run_blocks(a_plan, tmp_path / "work", engine)
        again = run_blocks(a_plan, tmp_path / "work", engine, resume=True)
    killer.join()
    assert report.missing == {11: "chunk 11 is damaged"}
    assert again.n_before == 29
    assert all((data / f"{block}.txt").exists() for block in range(30) if block != 11)
    begun = tasks.begun(data)
    assert len(begun) <= 29 + 6 + 4  # what the killed worker had in hand is begun again


@pytest.mark.timeout(120)
def test_a_local_cluster_that_lost_all_its_workers_gets_new_ones(tmp_path: Path, monkeypatch) -> None:
    """As after kills that meet workers while they start: it used to wait for ever."""
    monkeypatch.setattr(dask_engine, "_RECOUNT_S", 0.2)
    with make_engine("dask", jobs=1) as engine:
        cluster = engine._cluster
        assert cluster.scheduler.http_server.port != 8787  # where Dask listens, and others may
        assert cluster.scheduler_spec["options"]["dashboard"] is False
        for worker in list(cluster.workers):
            cluster.sync(cluster.workers[worker].close)
            cluster.workers.pop(worker, None)
        report = run_blocks(plan(tmp_path / "data", 3), tmp_path / "work", engine)
    assert report.is_complete


def test_a_scheduler_that_does_not_answer(monkeypatch) -> None:
    monkeypatch.setattr(dask_engine, "PATIENCE_S", 0.3)
    with (
        pytest.raises(InputError, match=r"the Dask scheduler at tcp://127.0.0.1:9 does not answer: check the address"),
        make_engine("dask", scheduler="tcp://127.0.0.1:9"),
    ):
        pass
