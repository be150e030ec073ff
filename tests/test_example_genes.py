"""The example of genes runs, and finds the patterns that it made."""

from __future__ import annotations

import sys
from pathlib import Path

import anndata
import pandas as pd
import pytest

EXAMPLE = Path(__file__).parents[1] / "examples" / "genes"


@pytest.fixture
def example(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLE))
    monkeypatch.delitem(sys.modules, "run", raising=False)
    import run

    yield run
    sys.modules.pop("run", None)


def test_from_a_file_to_named_patterns_drawn_on_the_tissue(example, tmp_path, capsys):
    anndata.settings.allow_write_nullable_strings = True
    example.main(["--output", str(tmp_path), "--groups", "3", "--method", "leiden"])
    adata = anndata.read_h5ad(tmp_path / "grouped.h5ad")
    named = adata.var["pattern"].value_counts()
    assert len(named.drop("unassigned")) == 3
    assert named.drop("unassigned").min() >= 20
    assert set(named.index) - {"unassigned"} <= set(adata.obs.columns)
    assert (tmp_path / "patterns.png").stat().st_size > 10_000
    assert len(pd.read_csv(tmp_path / "similar.csv")) == 20
    assert "most like gene" in capsys.readouterr().out
