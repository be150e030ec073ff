from __future__ import annotations

from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


def test_a_slice_of_the_corpus_of_odd_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole corpus is read by benchmarks/odd_files.py."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from odd_case import judge, outcome
    from odd_cases import cases
    from odd_files import check_search, write_corpus

    drawn = cases()
    assert len(drawn) >= 500
    light = [case for case in drawn if not case.heavy]
    part = light[::11] + [case for case in light if case.kind in ("not a file", "passed over")]
    part = list({case.name: case for case in part}.values())
    write_corpus(tmp_path, part)
    assert check_search(tmp_path, part) == []
    wrong = {}
    for case in part:
        if case.kind not in ("not a file", "passed over"):
            images, reasons = outcome(tmp_path / case.name)
            wrong[case.name] = judge(case, images, reasons)
    assert len(wrong) >= 50
    assert {name: why for name, why in wrong.items() if why} == {}
