"""The committed figures of the benchmarks say nothing of the machine's folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in strings(each)]
    if isinstance(value, list):
        return [text for each in value for text in strings(each)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.stem)
def test_no_absolute_path(path: Path) -> None:
    assert [text for text in strings(json.loads(path.read_text())) if Path(text).is_absolute()] == []


def test_a_path_is_recorded_by_its_last_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(RESULTS.parent))
    import record

    monkeypatch.setattr(record, "RESULTS", tmp_path)
    record.keep("figures", {"rows": [{"scores": {"run": "/somewhere/work/digits-quick-0", "ari": 0.5}}]})
    assert record.load("figures") == {"rows": [{"scores": {"run": "digits-quick-0", "ari": 0.5}}]}
