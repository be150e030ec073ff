from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from facies.annotations import Journal
from facies.atlas import Atlas
from facies.errors import InputError
from facies.runs import RunFolder

_OTHER = """
import sys
from facies.atlas import Atlas
with Atlas([sys.argv[1]]):
    print("open", flush=True)
    sys.stdin.read()
"""


def test_a_run_is_open_in_one_atlas_at_a_time(run: RunFolder) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _OTHER, str(run.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(InputError, match=rf"open in another atlas \(pid {other.pid}\)"):
            Atlas([run.path])
        with Journal(run) as journal:  # the command line may write beside it
            journal.assign([0], "quartz")
        other.communicate("")
    with Atlas([run.path]) as atlas:
        assert atlas.run("run").states.revision == 1


def test_the_same_run_twice_is_refused_and_let_go(run: RunFolder) -> None:
    with pytest.raises(InputError, match="given twice"):
        Atlas([run.path, run.path])
    with Atlas([run.path]):
        pass


def test_runs_that_are_none(run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a run folder"):
        Atlas([tmp_path / "nothing"])
    broken = Path(shutil.copytree(run.path, tmp_path / "broken"))
    (broken / "embedding.npy").write_bytes(b"")
    with pytest.raises(InputError, match="embedding"):
        Atlas([broken])
    with Journal(run) as journal:
        journal.assign([0], "quartz")
    journal_file = run.path / "journal.sqlite"
    journal_file.write_bytes(journal_file.read_bytes()[:200])
    with pytest.raises(InputError, match="damaged"):
        Atlas([run.path])
    # What was refused is not held: it opens once it is mended.
    journal_file.unlink()
    with Atlas([run.path]) as atlas:
        assert atlas.run("run").states.revision == 0


def test_odd_folder_names_become_plain_keys(run: RunFolder, tmp_path: Path) -> None:
    paths = [shutil.copytree(run.path, tmp_path / name) for name in ("Käse <b> 1", "??", "..x")]
    with Atlas(paths) as atlas:
        assert list(atlas.runs) == ["k-se-b-1", "run", "x"]


def test_the_newest_partition_is_shown_or_the_one_asked_for(run: RunFolder) -> None:
    table, _ = run.partition("density")
    with Journal(run) as journal:
        journal.name_group(0, "quartz", "density")
    run.add_partition("halves", table.assign(group=[row // 45 for row in range(90)]), {"method": "halves"})
    with Atlas([run.path]) as atlas:
        shown = atlas.run("run")
        assert shown.partition == "halves"
        assert sorted(shown.group_statistics.by_group()) == [0, 1]
        # The names belong to the images: both halves hold named ones, and each group shows the class that its members have.
        assert [group["class"] for group in shown.group_statistics.to_json(shown.states)] == [1, 1]
        assert sum(group["validated"] for group in shown.group_statistics.to_json(shown.states)) == 27
    with Atlas([run.path], partition="density") as atlas:
        assert sorted(atlas.run("run").group_statistics.by_group()) == [-1, 0, 1, 2]
    with pytest.raises(InputError, match="no partition 'thirds'"):
        Atlas([run.path], partition="thirds")
    with Atlas([run.path]):  # what was refused is not held
        pass
