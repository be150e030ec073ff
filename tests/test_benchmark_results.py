"""The committed figures of the benchmarks say nothing of the machine's folders, and come from commits that are there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(RESULTS.parent))
    import record

    return record


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for key, each in value.items() for text in [str(key), *strings(each)]]
    if isinstance(value, list):
        return [text for each in value for text in strings(each)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("path", sorted(RESULTS.rglob("*.json")), ids=lambda path: path.stem)
def test_no_absolute_path(path: Path, record: Any) -> None:
    assert [text for text in strings(json.loads(path.read_text())) if record.ABSOLUTE.search(text)] == []


FIRST = "943b791"
"""The first commit of Facies."""
LEFT_BEHIND = {
    "architectures": {"1528c7a"},
    "clustering-st-dac-mnist-10k-quick-1-training": {"9f9683c"},
    "clustering-st-dac-usps-quick-1-training": {"9f9683c"},
    "grains-crops-even": {"ca0bc1a"},
    "odd-pixels": {"121af76", "30210a4", "cbfee95"},
    "refinement": {"9a64c85"},
    "two-processes": {"1d45cf3"},
}
"""Commits of rows that a rebase has left out of the history. Measured anew they go from here; none is added."""


def test_every_row_names_a_commit_of_this_history() -> None:
    found = subprocess.run(["git", "rev-list", "HEAD"], cwd=RESULTS, capture_output=True, text=True, check=False)
    history = found.stdout.split()
    if FIRST not in {commit[:7] for commit in history}:
        pytest.skip("the history is not here")
    known = {commit[:7] for commit in history}
    rows = {path.stem: named_commits(json.loads(path.read_text())) for path in RESULTS.rglob("*.json")}
    assert {name: left for name, commits in rows.items() if (left := commits - known)} == LEFT_BEHIND


def named_commits(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["commit"][:7]} if isinstance(value.get("commit"), str) else set()
        return own.union(*map(named_commits, value.values()))
    return set().union(*map(named_commits, value)) if isinstance(value, list) else set()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("/work/main/benchmarks/work/digits", "digits"),
        ("/tmp", "tmp"),
        ("/home/me/my data/run", "run"),
        ("~/runs/one", "one"),
        (r"C:\Users\me\run", "run"),
        ("C:/Users/me/run", "run"),
        (r"\\server\share\run", "run"),
        ("file:///work/run", "run"),
        ("python /work/main/benchmarks/atlas.py --out=/tmp/x/y", "python atlas.py --out=y"),
        ("facies: '/tmp/a/b.png': broken", "facies: 'b.png': broken"),
    ],
)
def test_an_absolute_path_is_found_and_recorded_by_its_last_part(text: str, kept: str, record: Any) -> None:
    assert record.ABSOLUTE.search(text)
    assert record.without_folders({text: [text, Path("/tmp/a")]}) == {kept: [kept, "a"]}


@pytest.mark.parametrize("text", ["GET /columns/area_px", "and/or", "28 / 3", "a/b.json", "https://x.org/a/b", "10:30"])
def test_what_is_no_absolute_path_is_kept(text: str, record: Any) -> None:
    assert not record.ABSOLUTE.search(text)
    assert record.without_folders(text) == text


def test_what_is_kept_has_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record: Any) -> None:
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    record.keep("figures", {"rows": [{"scores": {"run": "/somewhere/work/digits-quick-0", "ari": 0.5}}]})
    assert record.load("figures") == {"rows": [{"scores": {"run": "digits-quick-0", "ari": 0.5}}]}


def test_all_kept_rows_are_rendered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(RESULTS.parent))
    import tables

    monkeypatch.setattr(tables, "PAGES", tmp_path)
    tables.main()
    pages = RESULTS.parents[1] / "docs" / "benchmarks"
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in pages.iterdir()}


def test_a_suite_goes_on_from_the_rows_that_are_kept(tmp_path: Path, record: Any) -> None:
    """On another machine, of which the results folder of the first knows nothing."""
    import suite_rows

    from facies.errors import InputError
    from facies.workflows.benchmark.results import Results
    from facies.workflows.benchmark.rows import RowFile
    from facies.workflows.benchmark.suite import read_suite

    kept = json.loads((RESULTS / "suite-four-sets.json").read_text())["rows"]
    folder = tmp_path / "four-sets"
    suite_rows.restore(folder)
    assert RowFile(folder / "rows.jsonl").rows == kept
    suite = read_suite(RESULTS.parent / "suites" / "four-sets.toml")
    last = max(kept, key=lambda row: row["date"])
    begun = last["commit"], last["versions"]["facies"]
    assert Results(folder).begin_or_continue(suite, *begun, overwrite=False).added == []
    with pytest.raises(InputError, match="another suite or commit: commit"):
        Results(folder).begin_or_continue(suite, "0" * 12, begun[1], overwrite=False)
    with pytest.raises(SystemExit, match="is there already"):
        suite_rows.restore(folder)
