from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from facies.annotations import Journal, find_classifier
from facies.cluster import LinearProbe
from facies.runs import RunFolder
from tests.cli.factories import call


@pytest.fixture
def own(run_path: Path, tmp_path: Path) -> Path:
    run = shutil.copytree(run_path, tmp_path / "own")
    with Journal(run) as journal:
        journal.name_groups({0: "quartz", 1: "chert", 2: "shells"})
    call("classify", run)
    return run


def test_the_model_and_its_probe_are_written_and_agree(own: Path, run_path: Path, tmp_path: Path) -> None:
    result = call("export", own, "--to", "onnx", "-o", tmp_path / "model.onnx", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout) == {"onnx": str(tmp_path / "model.onnx")}
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    run = RunFolder(own)
    pixels = next(iter(run.image_set().batches(60))).float().numpy()
    embedding, groups, classes = session.run(None, {"pixels": pixels})
    np.testing.assert_array_equal(groups.argmax(1), run.partition()[0]["group"])
    np.testing.assert_allclose(embedding, run.embedding, atol=1e-3)
    expected = LinearProbe.load(find_classifier(run)).predict_proba(run.embedding)
    np.testing.assert_allclose(classes, expected, atol=1e-3)
    answer = session.get_modelmeta().custom_metadata_map
    assert json.loads(answer["probe"]) == "probe-1"
    assert json.loads(answer["classes"]) == ["chert", "quartz", "shells"]
    again = call("export", own, "--to", "onnx", "-o", tmp_path / "model.onnx")
    assert again.exit_code == 2
    assert "already exists" in again.stderr


def test_what_does_not_go_together_is_said(own: Path, tmp_path: Path) -> None:
    result = call("export", own, "--to", "onnx", "-o", tmp_path / "m.onnx", "--classes", "quartz", "--groups", "1")
    assert result.exit_code == 2
    assert "leave out --classes and --groups" in result.stderr
    unknown = call("export", own, "--to", "onx", "-o", tmp_path / "m.onnx")
    assert "did you mean 'onnx'?" in unknown.stderr
    assert "ecotaxa, h5ad, onnx" in unknown.stderr


def test_images_that_are_gone_cannot_be_checked_on(own: Path, tmp_path: Path) -> None:
    manifest = json.loads((own / "run.json").read_text())
    manifest["input"]["origin"]["path"] = str(tmp_path / "gone.npz")
    (own / "run.json").write_text(json.dumps(manifest))
    result = call("export", own, "--to", "onnx", "-o", tmp_path / "m.onnx")
    assert result.exit_code == 2
    assert "gone.npz" in result.stderr
    assert not (tmp_path / "m.onnx").exists()


def test_missing_packages_are_told_of(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "onnx", None)
    result = call("export", own, "--to", "onnx", "-o", tmp_path / "m.onnx")
    assert result.exit_code == 2
    assert "onnx is missing: pip install 'facies[onnx]'" in result.stderr
