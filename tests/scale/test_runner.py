"""Blocks are done once each, whatever dies; what cannot be done is named."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from facies.errors import InputError
from facies.scale import BlockPlan, make_engine, results_in_order, run_blocks
from facies.scale.markers import DoneMarkers
from tests.scale import tasks

ROOT = Path(__file__).parents[2]


def plan(folder: Path, n_blocks: int = 12, **settings) -> BlockPlan:
    folder.mkdir(exist_ok=True)
    return BlockPlan("tests.scale.tasks:open_squares", {"folder": str(folder), **settings}, n_blocks)


def run(a_plan: BlockPlan, work: Path, jobs: int = 1, **options):
    with make_engine("processes", jobs=jobs) as engine:
        return run_blocks(a_plan, work, engine, **options)


def test_each_block_is_done_once(tmp_path: Path) -> None:
    told = []
    report = run(plan(tmp_path / "data"), tmp_path / "work", progress=lambda *n: told.append(n))
    assert report.is_complete
    assert sorted(tasks.begun(tmp_path / "data")) == list(range(12))
    assert told == [(n, 12) for n in range(1, 13)]
    markers = DoneMarkers(tmp_path / "work", plan(tmp_path / "data").key, 12)
    assert list(markers.results()) == [(block, block**2) for block in range(12)]


def test_a_block_that_always_fails_is_tried_three_times_and_named(tmp_path: Path) -> None:
    """Volara's pull requests 32 and 33, daisy's issue 64: bounded tries, and never counted as done."""
    report = run(plan(tmp_path / "data", faulty=[5]), tmp_path / "work")
    assert report.missing == {5: "chunk 5 is damaged"}
    assert report.lines() == ["block 5 is missing: chunk 5 is damaged"]
    begun = tasks.begun(tmp_path / "data")
    assert begun.count(5) == 3
    assert len(begun) == 14
    again = run(plan(tmp_path / "data", faulty=[5]), tmp_path / "work", resume=True)
    assert (again.n_before, list(again.missing)) == (11, [5])
    assert len(tasks.begun(tmp_path / "data")) == 17


def test_a_block_that_kills_its_process_harms_no_other(tmp_path: Path) -> None:
    report = run(plan(tmp_path / "data", deadly=[2]), tmp_path / "work", jobs=2)
    assert list(report.missing) == [2]
    assert "ended from outside" in report.missing[2]
    assert sorted(tasks.begun(tmp_path / "data")) == sorted([*range(12), 2, 2])


def test_resume_does_what_is_missing_and_nothing_twice(tmp_path: Path) -> None:
    a_plan = plan(tmp_path / "data")
    run(a_plan, tmp_path / "work")
    markers = DoneMarkers(tmp_path / "work", a_plan.key, 12)
    markers.path(3).unlink()
    markers.path(4).write_text(markers.path(4).read_text()[:20])  # half a marker is none
    markers.path(7).write_text(json.dumps({"key": "of another plan", "result": 49}))
    assert run(a_plan, tmp_path / "work", resume=True).n_before == 9
    assert sorted(tasks.begun(tmp_path / "data")[12:]) == [3, 4, 7]
    assert run(a_plan, tmp_path / "work", resume=True).n_before == 12
    assert len(tasks.begun(tmp_path / "data")) == 15


def test_another_plan_is_not_resumed(tmp_path: Path) -> None:
    """Volara's pull request 70: marks of another geometry do not count."""
    run(plan(tmp_path / "data", shard=[64, 64, 64]), tmp_path / "work")
    with pytest.raises(InputError, match=r"shard was \[64, 64, 64\], is \[32, 32, 32\].*--overwrite"):
        run(plan(tmp_path / "data", shard=[32, 32, 32]), tmp_path / "work", resume=True)
    assert run(plan(tmp_path / "data", shard=[32, 32, 32]), tmp_path / "work").n_before == 0


def test_a_plan_that_somebody_changed_is_not_run(tmp_path: Path) -> None:
    a_plan = plan(tmp_path / "data")
    run(a_plan, tmp_path / "work")
    file = tmp_path / "work" / "plan.json"
    file.write_text(file.read_text().replace("open_squares", "open_nothing"))
    with pytest.raises(InputError, match=r"begun to do tests\.scale\.tasks:open_nothing"):
        run(a_plan, tmp_path / "work", resume=True)
    file.write_text("[]")
    with pytest.raises(InputError, match=r"plan.json: is no plan"):
        run(a_plan, tmp_path / "work", resume=True)


def test_what_a_worker_lacks_is_said_before_the_first_block(tmp_path: Path) -> None:
    needy = BlockPlan("tests.scale.tasks:open_nothing", {}, 3, needs=("no_such_package",))
    with pytest.raises(InputError, match=r"has no no_such_package: install facies\[volumes,scale\]"):
        run(needy, tmp_path / "work")


DRIVER = """
import sys
from pathlib import Path
from facies.scale import BlockPlan, make_engine, run_blocks
if __name__ == "__main__":
    with make_engine("processes", jobs=2) as engine:
        plan = BlockPlan("tests.scale.tasks:open_squares", {"folder": sys.argv[1], "seconds": 0.05}, 40)
        run_blocks(plan, Path(sys.argv[2]), engine, resume=True)
"""


def test_a_killed_driver_leaves_what_resume_completes(tmp_path: Path) -> None:
    data, work, script = tmp_path / "data", tmp_path / "work", tmp_path / "driver.py"
    a_plan = plan(data, 40, seconds=0.05)
    script.write_text(DRIVER)
    driver = subprocess.Popen([sys.executable, script, data, work], cwd=ROOT, env=environment())
    while len(list(work.glob("done/*/*.json"))) < 5:
        time.sleep(0.02)
        assert driver.poll() is None
    driver.kill()
    driver.wait()
    time.sleep(0.3)  # its processes end with it
    done = DoneMarkers(work, a_plan.key, 40).done()
    before = tasks.begun(data)
    assert run(a_plan, work, resume=True).is_complete
    after = tasks.begun(data)[len(before) :]
    assert sorted(after) == [block for block in range(40) if not done[block]]
    assert all((data / f"{block}.txt").read_text() == str(block**2) for block in range(40))


def environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}


def test_results_come_in_order_survive_a_dead_process_and_end_at_an_error(tmp_path: Path) -> None:
    with make_engine("processes", jobs=2) as engine:
        marker = str(tmp_path / "once")
        assert list(results_in_order(engine, tasks.negative, range(20), ahead=4)) == [(n, -n) for n in range(20)]
        assert list(results_in_order(engine, tasks.dies_once, [marker])) == [(marker, "once")]
        with pytest.raises(InputError, match="99 is no number"):
            list(results_in_order(engine, tasks.negative, range(97, 102)))


def test_engines_that_do_not_exist(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'dask'"):
        make_engine("dusk")
    with pytest.raises(InputError, match="give --engine dask"):
        make_engine("processes", scheduler="tcp://127.0.0.1:1")
