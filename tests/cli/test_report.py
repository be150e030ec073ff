from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from cli.making import K, N, call, told
from facies.run import RunFolder


def test_report(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    result = call("report", made, "-o", out)
    assert result.stdout == f"report: {out}\n"
    assert "brightness" in out.read_text()
    assert "--overwrite" in told(call("report", made, "-o", out))
    assert json.loads(call("report", made, "-o", out, "--overwrite", "--json").stdout) == {"report": str(out)}


def test_report_of_another_partition(made: Path, tmp_path: Path) -> None:
    assert call("report", made, "-o", tmp_path / "a.html", "--partition", "density").exit_code == 0
    assert "No group (noise)" in (tmp_path / "a.html").read_text()


def test_export_of_a_table(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "groups.csv"
    result = call("export", made, "--to", "csv", "-o", out)
    assert result.stdout == f"csv: {out}\n"
    table = pd.read_csv(out)
    assert {"id", "group", "probability"} <= set(table.columns)
    assert table["group"].tolist() == RunFolder(made).partition()[0]["group"].tolist()
    assert (
        call("export", made, "--to", "parquet", "-o", tmp_path / "a.parquet", "--partition", "density").exit_code == 0
    )
    assert (pd.read_parquet(tmp_path / "a.parquet")["group"] == -1).sum() == N // 10


def test_export_of_folders(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "groups"
    assert call("export", made, "--to", "folders", "-o", out).exit_code == 0
    assert len(list(out.glob("group-*"))) == K
    assert len(list(out.rglob("*.png"))) == N
    assert call("export", made, "--to", "folders", "-o", out).exit_code == 2
    assert call("export", made, "--to", "folders", "-o", out, "--overwrite").exit_code == 0


@pytest.mark.parametrize(
    ("options", "words"), [(("--to", "cvs"), "did you mean 'csv'?"), (("--to", "csv", "--partition", "x"), "density")]
)
def test_what_is_not_there(options: tuple[str, ...], words: str, made: Path, tmp_path: Path) -> None:
    result = call("export", made, *options, "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert words in told(result)
    assert not (tmp_path / "out").exists()
