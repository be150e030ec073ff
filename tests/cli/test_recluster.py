"""``facies recluster`` and ``facies refine``: new partitions, the old ones untouched."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from facies.annotations import Journal, read_annotations
from facies.runs import RunFolder
from tests.cli.factories import call, error_line


@pytest.fixture
def run(run_path: Path, tmp_path: Path) -> Path:
    shutil.copy(run_path.parent / "images.npz", tmp_path / "images.npz")
    return Path(shutil.copytree(run_path, tmp_path / "run"))


def test_recluster_writes_a_partition_with_new_numbers(run: Path) -> None:
    before = RunFolder(run).partition()[0]
    result = call("recluster", run, "--groups", "1, 0", "--parts", 3)
    assert result.exit_code == 0, result.stderr
    assert "groups 0, 1 of brightness: 3 new groups" in result.stdout
    after, meta = RunFolder(run).partition()
    assert meta["name"] == "recluster-1"
    assert meta["method"] == "recluster"
    assert meta["partition"] == "brightness"
    assert meta["groups"] == [0, 1]
    pooled = before["group"].isin([0, 1])
    assert set(after["group"][pooled]) == {3, 4, 5}
    np.testing.assert_array_equal(after["group"][~pooled], before["group"][~pooled])
    np.testing.assert_array_equal(RunFolder(run).partition("brightness")[0]["group"], before["group"])


def test_numbers_are_never_used_again(run: Path) -> None:
    call("recluster", run, "--groups", "0", "--parts", 2)
    result = call("recluster", run, "--groups", "1", "--partition", "brightness", "--json")
    found = json.loads(result.stdout)
    assert found["partition"] == "recluster-2"
    assert found["of"] == "brightness"
    assert min(map(int, found["new_groups"])) == 5
    assert sum(found["new_groups"].values()) == (RunFolder(run).partition("brightness")[0]["group"] == 1).sum()
    assert set(found["silhouettes"]) <= {"2", "3", "4", "5", "6"}


def test_a_name_of_ones_own_is_not_overwritten(run: Path) -> None:
    assert call("recluster", run, "--groups", "0", "--name", "split").exit_code == 0
    result = call("recluster", run, "--groups", "1", "--name", "split")
    assert result.exit_code == 2
    assert "already holds a partition 'split'" in error_line(result)


def test_the_method_fitted_anew_gives_the_own_embedding(run: Path) -> None:
    result = call("recluster", run, "--groups", "0,1", "--parts", 2, "--refit", "--seed", 3)
    assert result.exit_code == 0, result.stderr
    table = RunFolder(run).partition()[0]
    before = RunFolder(run).partition("brightness")[0]["group"]
    # The two kinds lie far apart in the method's embedding, and so they come out again.
    for group in (0, 1):
        assert table["group"][before == group].nunique() == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--groups", "a"), "--groups a: give numbers of groups"),
        (("--groups", "9"), "there is group 9 to group again"),
        (("--groups", "0", "--parts", "many"), "--parts many: give a number from 2 on, or auto"),
        (("--groups", "0", "--parts", "1"), "do not make 1 parts"),
        (("--groups", "0", "--partition", "none"), "holds no partition 'none'"),
        (("--groups", "0", "--name", "a/b"), "cannot name"),
    ],
)
def test_what_cannot_be(run: Path, options: tuple[str, ...], words: str) -> None:
    result = call("recluster", run, *options)
    assert result.exit_code == 2
    assert words in error_line(result)
    assert len(RunFolder(run).partitions()) == 2


def test_refine_writes_a_partition(run: Path) -> None:
    result = call("refine", run, "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["partition"] == "refine-1"
    table, meta = RunFolder(run).partition()
    assert meta["name"] == "refine-1"
    assert meta["reliable"] == found["reliable"] > 0
    before = RunFolder(run).partition("brightness")[0]
    assert (table["group"] != before["group"]).sum() == found["moved"]
    assert found["moved"] <= 3  # the kinds of these images lie far apart
    result = call("refine", run, "--confidence", 0.5)
    assert "images moved to another group" in result.stdout
    assert RunFolder(run).partition()[1]["name"] == "refine-2"


def test_what_cannot_be_refined(run: Path) -> None:
    result = call("refine", run, "--share", 0)
    assert result.exit_code == 2
    assert "share=0: give more than 0 and at most 1" in error_line(result)


def test_what_the_expert_merged_is_grouped_again_and_names_survive(run: Path) -> None:
    groups = RunFolder(run).partition()[0]["group"].to_numpy()
    with Journal(run) as journal:
        merged = int(journal.merge([0, 1]).after["group"][0])
        for group, name in ((0, "quartz"), (1, "chert")):
            journal.assign(np.flatnonzero(groups == group)[:4], name)
    result = call("recluster", run, "--groups", merged, "--parts", 2)
    assert result.exit_code == 0, result.stderr
    after = RunFolder(run).partition()[0]["group"].to_numpy()
    assert set(after) == {2, merged + 1, merged + 2}
    decisions = read_annotations(RunFolder(run))
    expected = np.array(["quartz", "chert", ""], object)[groups]
    assert decisions.names.tolist() == expected.tolist()
    assert (decisions.states == 1).sum() == 32
    assert call("recluster", run, "--groups", "0", "--partition", "brightness").exit_code == 2
