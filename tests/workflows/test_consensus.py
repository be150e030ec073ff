"""The consensus of a run's partitions, and of several runs."""

from __future__ import annotations

import json

import numpy as np
import pytest

from facies.errors import InputError
from facies.runs import RunFolder, partition_table, write_run
from facies.workflows import consensus, cut
from tests.cli.factories import call
from tests.runs.factories import make_contents, make_images


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "run", make_contents(make_images(tmp_path)))


def add(run, name, groups):
    run.add_partition(name, partition_table(run.images["id"], groups, run.embedding), {"method": "mine"})


def test_partitions_of_one_run_are_joined_without_those_made_from_others(run):
    kinds = np.arange(len(run)) % 3
    for number in range(2):
        add(run, f"mine-{number}", np.roll([0, 1, 2], number)[kinds])
    cut(run, 2)
    new = consensus([run])
    assert set(new.about["members"]) == {*run.partitions()} - {"cut-1", new.name}
    table, meta = RunFolder(run.path).partition()
    assert (meta["name"], meta["method"]) == ("consensus-1", "consensus")
    assert table["certainty"].between(0, 1).all()
    assert len(set(zip(table["group"], kinds, strict=True))) == 3


def test_runs_of_the_same_images_are_joined_in_any_order(run, tmp_path):
    images = make_images(tmp_path).subset(np.arange(len(run))[::-1])
    other = write_run(tmp_path / "other", make_contents(images))
    add(run, "mine", np.arange(len(run)) % 3)
    add(other, "mine", np.arange(len(run))[::-1] % 3)
    result = call("consensus", run.path, other.path, "--groups", 3, "--json")
    assert result.exit_code == 0, result.stderr
    answer = json.loads(result.stdout)
    assert list(answer["members"]) == ["run/mine", "other/mine"]
    assert answer["mean_certainty"] == pytest.approx(1.0)
    assert "consensus-1" in RunFolder(run.path).partitions()


def test_what_cannot_be_joined_is_said(run, tmp_path):
    fewer = write_run(tmp_path / "fewer", make_contents(make_images(tmp_path).subset(np.arange(40))))
    with pytest.raises(InputError, match="not runs of the same images"):
        consensus([run, fewer])
    with pytest.raises(InputError, match="given twice"):
        consensus([run, run])
    with pytest.raises(InputError, match="needs two partitions or more"):
        consensus([run], partitions=[run.partitions()[0]])
    with pytest.raises(InputError, match="holds no partition 'oak'"):
        consensus([run], partitions=["oak", run.partitions()[0]])
