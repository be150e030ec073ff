"""The committed figures of the benchmarks say nothing of the machine's folders."""

from __future__ import annotations

import json
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
