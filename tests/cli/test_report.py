from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from facies.runs import RunFolder
from tests.cli.factories import call, error_line
from tests.grains.report.factories import make_grain_run
from tests.workflows.factories import K, N


def test_report(run_path: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    result = call("report", run_path, "-o", out)
    assert result.stdout == f"report: {out}\n"
    assert "brightness" in out.read_text()
    assert "--overwrite" in error_line(call("report", run_path, "-o", out))
    assert json.loads(call("report", run_path, "-o", out, "--overwrite", "--json").stdout) == {"report": str(out)}


def test_report_of_another_partition(run_path: Path, tmp_path: Path) -> None:
    assert call("report", run_path, "-o", tmp_path / "a.html", "--partition", "density").exit_code == 0
    assert "No group (noise)" in (tmp_path / "a.html").read_text()


def test_export_of_a_table(run_path: Path, tmp_path: Path) -> None:
    out = tmp_path / "groups.csv"
    result = call("export", run_path, "--to", "csv", "-o", out)
    assert result.stdout == f"csv: {out}\n"
    table = pd.read_csv(out)
    assert {"id", "group", "probability"} <= set(table.columns)
    assert table["group"].tolist() == RunFolder(run_path).partition()[0]["group"].tolist()
    assert (
        call("export", run_path, "--to", "parquet", "-o", tmp_path / "a.parquet", "--partition", "density").exit_code
        == 0
    )
    assert (pd.read_parquet(tmp_path / "a.parquet")["group"] == -1).sum() == N // 10


def test_export_of_folders(run_path: Path, tmp_path: Path) -> None:
    out = tmp_path / "groups"
    assert call("export", run_path, "--to", "folders", "-o", out).exit_code == 0
    assert len(list(out.glob("group-*"))) == K
    assert len(list(out.rglob("*.png"))) == N
    assert call("export", run_path, "--to", "folders", "-o", out).exit_code == 2
    assert call("export", run_path, "--to", "folders", "-o", out, "--overwrite").exit_code == 0


@pytest.mark.parametrize(
    ("options", "words"), [(("--to", "cvs"), "did you mean 'csv'?"), (("--to", "csv", "--partition", "x"), "density")]
)
def test_what_is_not_there(options: tuple[str, ...], words: str, run_path: Path, tmp_path: Path) -> None:
    result = call("export", run_path, *options, "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert words in error_line(result)
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def grains(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of grains whose groups are named."""
    return make_grain_run(tmp_path_factory.mktemp("grains")).path


def test_report_of_grains(grains: Path, tmp_path: Path) -> None:
    samples = tmp_path / "samples.csv"
    samples.write_text("sample,depth_cm\nGC1-02,2\nGC1-12,12\nGC1-22,22\n")
    options = ("--samples", samples, "--um-per-px", "3", "--ratio", "quartz/fragments", "--diameter", "feret_min")
    result = call(
        "report", grains, "-o", tmp_path / "r.html", "--tables", tmp_path / "tables", "--ratio", "fragments/quartz",
        *options, "--json",
    )  # fmt: skip
    assert json.loads(result.stdout) == {"report": str(tmp_path / "r.html"), "tables": str(tmp_path / "tables")}
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "3.0 µm a pixel" in page or "3 µm a pixel" in page
    assert "its least Feret diameter" in page
    indicators = set(pd.read_csv(tmp_path / "tables" / "indicators.csv")["indicator"])
    assert {"quartz/fragments", "fragments/quartz"} <= indicators
    each = pd.read_csv(tmp_path / "tables" / "grains.csv")
    assert each["diameter"].equals(each["feret_min"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--um-per-px", "0"), "micrometres a pixel are above 0"),
        (("--ratio", "quarz/fragments"), "quartz"),
        (("--ratio", "quartz"), "write a ratio as A/B"),
        (("--diameter", "feret"), "feret_min"),
        (("--samples", "none.csv"), "none.csv: no such file of samples"),
    ],
)
def test_what_cannot_be_reported(grains: Path, tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    result = call("report", grains, "-o", tmp_path / "r.html", *options)
    assert result.exit_code == 2
    assert words in error_line(result)
    assert list(tmp_path.iterdir()) == []


def test_options_for_grains_need_grains(run_path: Path, tmp_path: Path) -> None:
    result = call("report", run_path, "-o", tmp_path / "r.html", "--um-per-px", "2")
    assert result.exit_code == 2
    assert "is no run of grains" in error_line(result)
    assert "facies name" in error_line(call("report", run_path, "-o", tmp_path / "r.html", "--ratio", "a/b"))


def test_export_of_a_part(grains: Path, tmp_path: Path) -> None:
    assert (
        call("export", grains, "--to", "csv", "-o", tmp_path / "a.csv", "--classes", "quartz, fragments").exit_code == 0
    )
    assert set(pd.read_csv(tmp_path / "a.csv")["class"]) == {"quartz", "fragments"}
    assert call("export", grains, "--to", "coco", "-o", tmp_path / "a.json", "--groups", "0,3").exit_code == 0
    categories = json.loads((tmp_path / "a.json").read_text())["categories"]
    assert {category["name"] for category in categories} == {"quartz", "fragments"}
    for option, given, words in (
        ("--groups", "0,three", "takes numbers with commas"),
        ("--groups", "77", "no group 77"),
        ("--classes", "sand", "no class 'sand'"),
    ):
        result = call("export", grains, "--to", "csv", "-o", tmp_path / "b.csv", option, given)
        assert result.exit_code == 2
        assert words in error_line(result)
