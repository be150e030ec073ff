"""Trees of groups in a run folder: what is written is read, and what is damaged is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from facies.cluster import ward_tree
from facies.errors import InputError
from facies.runs import RunFolder, write_run
from tests.runs.factories import make_contents, make_images


@pytest.fixture
def run(tmp_path):
    contents = make_contents(make_images(tmp_path))
    contents.trees = {"ward": (ward_tree(contents.embedding), {"method": "ward", "seed": 0})}
    return write_run(tmp_path / "run", contents)


def test_a_tree_is_read_as_it_was_written(run):
    tree, meta = run.tree()
    written = ward_tree(np.asarray(run.embedding))
    for name in ("parent", "strength", "node", "density"):
        np.testing.assert_array_equal(getattr(tree, name), getattr(written, name))
        assert getattr(tree, name).dtype == getattr(written, name).dtype
    assert meta["method"] == "ward"
    assert meta["n_nodes"] == len(tree)
    assert run.trees() == ["ward"]
    assert "trees/ward.nodes.parquet" in run.manifest["files"]


def test_further_trees_are_added_and_none_is_overwritten(run):
    run.add_tree("other", run.tree()[0], {"method": "ward", "seed": 1})
    assert RunFolder(run.path).trees() == ["ward", "other"]
    with pytest.raises(InputError, match="already holds a tree of groups 'ward'"):
        run.add_tree("ward", run.tree()[0], {})
    with pytest.raises(InputError, match="holds no tree of groups 'none'"):
        run.tree("none")


def test_a_run_without_trees_opens(tmp_path):
    run = write_run(tmp_path / "run", make_contents(make_images(tmp_path)))
    assert run.trees() == []
    with pytest.raises(InputError, match="holds no tree of groups"):
        run.tree()


@pytest.mark.parametrize(
    ("part", "column", "row", "value"),
    [
        ("nodes", "parent", 0, 0),
        ("nodes", "parent", 1, 1),
        ("nodes", "parent", 2, -1),
        ("nodes", "parent", 2, 999),
        ("nodes", "strength", 0, np.nan),
        ("nodes", "strength", 0, 0.0),
        ("nodes", "strength", 1, 1e9),
        ("images", "node", 0, -1),
        ("images", "node", 0, 10_000),
        ("images", "density", 0, 0.0),
        ("images", "density", 0, np.inf),
    ],
)
def test_a_damaged_tree_is_named(run, part, column, row, value):
    path = run.path / "trees" / f"ward.{part}.parquet"
    table = pd.read_parquet(path)
    table.loc[row, column] = value
    table.to_parquet(path, index=False)
    with pytest.raises(InputError, match="trees/ward, a tree of groups, is damaged"):
        run.tree()


def test_missing_columns_and_rows_are_named(run):
    path = run.path / "trees" / "ward.images.parquet"
    table = pd.read_parquet(path)
    table.iloc[:-1].to_parquet(path, index=False)
    with pytest.raises(InputError, match="has 59 rows and should have 60"):
        run.tree()
    table.drop(columns="node").to_parquet(path, index=False)
    with pytest.raises(InputError, match=r"ward\.images\.parquet is missing or damaged"):
        run.tree()
    path.write_bytes(b"not a table")
    with pytest.raises(InputError, match=r"ward\.images\.parquet is missing or damaged"):
        run.tree()
