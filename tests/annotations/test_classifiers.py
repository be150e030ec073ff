from __future__ import annotations

from pathlib import Path

import pytest

from facies.annotations import add_classifier, classifier_names, find_classifier
from facies.errors import InputError
from facies.runs import RunFolder


def save(folder: Path) -> None:
    (folder / "probe.json").write_text("{}")


def test_probes_are_added_and_never_overwritten(run: RunFolder) -> None:
    assert classifier_names(run) == []
    with pytest.raises(InputError, match="holds no probe: name groups, then fit one"):
        find_classifier(run)
    assert add_classifier(run, None, save, {"revision": 1}) == "probe-1"
    assert add_classifier(run, "a", save, {}) == "a"
    assert add_classifier(run, None, save, {}) == "probe-2"
    assert classifier_names(run) == ["probe-1", "a", "probe-2"]
    assert find_classifier(run).name == "probe-2"
    assert find_classifier(run, "a") == run.path / "probes" / "a"
    with pytest.raises(InputError, match="already holds a probe 'a'"):
        add_classifier(run, "a", save, {})
    with pytest.raises(InputError, match="holds no probe 'b': it has probe-1, a, probe-2"):
        find_classifier(run, "b")
    with pytest.raises(InputError, match="cannot name"):
        add_classifier(run, "../b", save, {})
    RunFolder(run.path)


def test_a_probe_that_fails_leaves_nothing(run: RunFolder) -> None:
    def fail(folder: Path) -> None:
        save(folder)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        add_classifier(run, None, fail, {})
    assert classifier_names(run) == []
    assert list((run.path / "probes").iterdir()) == []


def test_a_damaged_probe_is_told_of(run: RunFolder) -> None:
    add_classifier(run, "a", save, {})
    (run.path / "probes" / "a" / "about.json").write_text("{")
    with pytest.raises(InputError, match="is missing or damaged"):
        classifier_names(run)
