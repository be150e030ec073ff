"""Rank correlations of scores without labels, and their page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facies.methods import METHODS
from facies.workflows import cluster
from facies.workflows.benchmark.rows import RowFile

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
NOT_FOR_PLAIN_IMAGES = {"focal-vae", "local-correlation", "median-threshold", "leiden", "darlc"}


@pytest.fixture
def trust(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import trust

    return trust


def row(score: float, accuracy: float, **values: Any) -> dict[str, Any]:
    usual = {"set": "a", "method": "dec", "seed": 0, "family": "autoencoders", "collapsed": False, "n_groups": 3}
    others = {"silhouette": -score, "stability": 0.5, "information": score**3, "density_validity": score}
    return {**usual, "score": score, "accuracy": accuracy, **others, **values}


def test_every_method_for_images_has_a_family(trust):
    known = {method for methods in trust.FAMILIES.values() for method in methods}
    assert known == set(METHODS) - NOT_FOR_PLAIN_IMAGES - {"brightness", "silent"}
    assert trust.family_of("mine") == "mine"


def test_correlations_are_of_ranks_within_a_set(trust):
    rows = [row(score, score**2) for score in (0.1, 0.2, 0.3, 0.4)]
    rows += [row(score, 0.9 - score, set="b", family="mixtures") for score in (0.1, 0.2, 0.3, 0.4)]
    rows += [row(0.9, 0.1, set="b", family="contrastive")]
    found = trust.summary(rows)
    assert found["by_set"]["a"]["score"] == pytest.approx(1)
    assert found["by_set"]["a"]["silhouette"] == pytest.approx(-1)
    assert found["by_set"]["a"]["stability"] is None  # the same of all
    assert found["by_set"]["a"]["agreement"] is None  # there is none
    assert found["by_set"]["b"]["score"] == pytest.approx(-1)
    assert found["over_sets"]["score"] == pytest.approx(0)
    assert found["by_family"]["contrastive"]["score"] is None  # one run
    assert found["by_family"]["mixtures"] | {"runs": 4} == found["by_family"]["mixtures"]
    assert (found["by_set"]["b"]["taken"], found["by_set"]["b"]["best"]) == (0.1, 0.8)


def test_the_page_has_both_tables_and_every_run(trust, tmp_path, monkeypatch):
    import trust_page

    (tmp_path / "docs" / "images").mkdir(parents=True)
    monkeypatch.setattr(trust_page.record, "HERE", tmp_path / "benchmarks")
    rows = [row(score, score, collapsed=score > 0.3) for score in (0.1, 0.2, 0.3, 0.4)]
    machine = {"cpu": "a processor", "cores": 2, "gpu": None, "torch": "2", "commit": "abc", "date": "2026-11-29"}
    result = {"rows": rows, "summary": trust.summary(rows), "left_out": 2, "gone": 3, "machine": machine}
    text = trust_page.trust({"trust": result})
    assert "| a | 4 | 1.00 | -1.00 | – | – | 1.00 | 1.00 | 0.400 | 0.400 | 0.250 |" in text
    assert "| autoencoders | 4 | 1.00 |" in text
    assert "2 runs failed, have no labels" in text
    assert "The folders of 3 more were not on the machine of this page" in text
    first = (tmp_path / "docs" / "images" / trust_page.PLOT).read_bytes()
    trust_page.plot(rows)
    assert (tmp_path / "docs" / "images" / trust_page.PLOT).read_bytes() == first


def test_runs_of_a_benchmark_are_judged_without_their_labels(trust, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(METHODS, "brightness", "tests.workflows.factories:Brightness")
    from tests.workflows.factories import make_pixels

    np.savez(tmp_path / "images.npz", images=make_pixels())
    rows = []
    for name, scale in (("dec", None), ("k-means", 2.0)):
        path = tmp_path / "results" / "runs" / "a" / name / "0"
        cluster(tmp_path / "images.npz", path, method="brightness", parameters={"scale": scale})
        about = {"set": "a", "method": name, "of_method": name, "seed": 0, "n_groups": 3, "nmi": 0.5}
        rows.append({**about, "accuracy": 0.5, "collapsed": False})
    one, other = trust.judge_runs(tmp_path / "results", rows)
    assert (one["family"], other["family"]) == ("autoencoders", "pixels")
    for each in (one, other):
        assert set(trust.SCORES) <= set(each)
        assert each["score"] > 0.4
    # a row whose folder is on another machine is not judged, and counted
    write = RowFile(tmp_path / "results" / "rows.jsonl").append
    for each in (*rows, {**rows[0], "method": "idec", "of_method": "idec"}):
        write({**each, "error": None, "machine": {}, "commit": "abc"})
    kept = {}
    monkeypatch.setattr(trust.record, "load", kept.get)
    monkeypatch.setattr(trust.record, "keep", kept.__setitem__)
    monkeypatch.setattr("sys.argv", ["trust.py", str(tmp_path / "results")])
    trust.main()
    assert (kept["trust"]["gone"], len(kept["trust"]["rows"])) == (1, 2)
    assert "not judged, for their folders are not on this machine: 1 of 3 runs" in capsys.readouterr().out
    # on a machine where fewer folders are, what was judged before stays, and is said
    had = [*kept["trust"]["rows"], {**kept["trust"]["rows"][0], "method": "idec"}]
    kept["trust"]["rows"] = had
    trust.main()
    assert kept["trust"]["rows"] == had
    assert "2 runs are here, fewer than the 3 that were judged; left as it is" in capsys.readouterr().out
