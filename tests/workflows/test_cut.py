"""Cuts of a run's trees into new partitions."""

from __future__ import annotations

import numpy as np
import pytest

from facies.annotations import Journal, read_annotations
from facies.cluster import density_tree
from facies.errors import InputError
from facies.runs import RunFolder, write_run
from facies.workflows import cut
from tests.runs.factories import make_contents, make_images


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "run", make_contents(make_images(tmp_path)))


def test_a_run_without_a_tree_gets_one_and_a_partition(run):
    new = cut(run, 3)
    again = RunFolder(run.path)
    assert again.trees() == ["ward"]
    table, meta = again.partition()
    assert (new.name, meta["tree"], meta["smallest"]) == ("cut-1", "ward", 5)
    assert table["group"].nunique() == 3
    assert sum(new.group_sizes.values()) == len(run)
    assert run.tree("ward")[0].pruned(5).groups_of(meta["nodes"]).labels.tolist() == table["group"].tolist()


def test_cuts_are_deterministic_and_nested(run):
    one, other, finer = (RunFolder(run.path).partition(cut(run, k).name)[0]["group"] for k in (4, 4, 6))
    assert one.tolist() == other.tolist()
    assert all(one[finer == group].nunique() == 1 for group in range(6))
    assert RunFolder(run.path).partitions()[-3:] == ["cut-1", "cut-2", "cut-3"]


def test_a_level_makes_the_splits_that_are_as_strong(run):
    strengths = run_tree_levels(run)
    new = cut(run, level=float(strengths[1]), name="strong")
    assert len(new.about["nodes"]) == 3
    assert cut(run, level=1e9).group_sizes == {0: len(run)}


def run_tree_levels(run):
    cut(run, 2, name="first")
    return run.tree()[0].pruned(5).levels


def test_classes_stay_with_their_images(run):
    with Journal(run) as journal:
        journal.assign(np.arange(12), "quartz")
    before = read_annotations(run).names.copy()
    cut(run, 5)
    after = read_annotations(run).names
    assert (after[before != ""] == before[before != ""]).all()


def test_the_price_of_small_groups_and_noise_is_said(run):
    tree = density_tree(np.asarray(run.embedding), 3)
    run.add_tree("mine", tree, {"method": "density"})
    new = cut(run, 4, tree="mine", smallest=5)
    assert any("come about by chance" in note for note in new.about["notes"])
    noise = (run.partition(new.name)[0]["group"] < 0).sum()
    assert any(f"{noise} of {len(run)} images" in note for note in new.about["notes"]) == (noise > 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "give one of --groups and --level"),
        ({"n_groups": 2, "level": 1.0}, "give one of --groups and --level"),
        ({"n_groups": 61}, "there are only 60 images"),
        ({"n_groups": 50}, "this tree has 1 to"),
        ({"n_groups": 2, "tree": "oak"}, "no tree of groups 'oak': choose from ward, density"),
        ({"n_groups": 2, "smallest": 1}, "at least 2 images"),
        ({"n_groups": 2, "name": "density"}, "already holds a partition 'density'"),
    ],
)
def test_what_cannot_be_cut_is_said(run, arguments, message):
    before = run.partitions()
    with pytest.raises(InputError, match=message):
        cut(run, **arguments)
    assert run.partitions() == before
