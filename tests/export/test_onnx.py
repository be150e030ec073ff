from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from facies.cluster import LinearProbe
from facies.errors import InputError
from facies.export import onnx as exporting
from facies.export.onnx import MAX_DIFFERENCE, check_onnx, export_onnx, onnx_packages
from facies.images import as_image_set
from facies.methods import make_method
from facies.methods.moe_vae.method import MoEVAE
from tests.methods.factories import THREE_GROUPS, pictures, tiny
from tests.methods.test_contract import small


@pytest.fixture(scope="module")
def probe(fitted: MoEVAE, drawn: Any) -> LinearProbe:
    return LinearProbe().fit(fitted.embedding_, np.array(["disc", "rows", "columns", "diagonal"], object)[drawn[1]])


@pytest.fixture(scope="module")
def file(fitted: MoEVAE, pixels: Any, probe: LinearProbe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    assert export_onnx(fitted, as_image_set(pixels), path, probe=probe, about={"um_per_px": 1.25}) <= MAX_DIFFERENCE
    return path


def test_it_says_of_new_images_what_the_method_says(file: Path, fitted: MoEVAE, probe: LinearProbe) -> None:
    new, kinds = pictures(each=5, seed=7)
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    assert [output.name for output in session.get_outputs()] == [
        "embedding",
        "group_probabilities",
        "class_probabilities",
    ]
    for rows in (slice(None), slice(3, 4)):
        embedding, groups, classes = session.run(None, {"pixels": new[rows, None].astype(np.float32)})
        np.testing.assert_allclose(embedding, fitted.transform(new[rows]), atol=1e-4)
        np.testing.assert_allclose(groups, fitted.predict_proba(new[rows]), atol=1e-4)
        np.testing.assert_allclose(classes, probe.predict_proba(fitted.transform(new[rows])), atol=1e-4)
    names = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
    everything = session.run(["class_probabilities"], {"pixels": new[:, None].astype(np.float32)})[0]
    right = np.array(names)[everything.argmax(1)] == np.array(["disc", "rows", "columns", "diagonal"])[kinds]
    assert right.mean() > 0.9


def test_the_file_tells_what_a_program_must_know_and_is_one_file(file: Path) -> None:
    model = onnx.load(str(file))
    metadata = {item.key: json.loads(item.value) for item in model.metadata_props}
    assert metadata["classes"] == ["columns", "diagonal", "disc", "rows"]
    assert metadata["image_shape"] == [1, 16, 16]
    assert metadata["um_per_px"] == 1.25
    assert metadata["method"] == "moe-vae"
    assert [path.name for path in file.parent.iterdir()] == ["model.onnx"]
    shape = [
        dimension.dim_param or dimension.dim_value for dimension in model.graph.input[0].type.tensor_type.shape.dim
    ]
    assert shape[1:] == [1, 16, 16]
    assert isinstance(shape[0], str)


def test_without_a_probe_there_are_no_classes(fitted: MoEVAE, pixels: Any, tmp_path: Path) -> None:
    export_onnx(fitted, as_image_set(pixels[:3]), tmp_path / "model.onnx")
    model = onnx.load(str(tmp_path / "model.onnx"))
    assert [output.name for output in model.graph.output] == ["embedding", "group_probabilities"]
    assert "classes" not in {item.key for item in model.metadata_props}


def test_what_sets_images_upright_is_a_part_of_the_file(pixels: Any, tmp_path: Path) -> None:
    few = pixels[:100]
    method = tiny(**{"align": True, "alignment.epochs": 2}, **THREE_GROUPS).fit(few)
    assert np.abs(method.canonical(few) - few[:, None]).max() > 1
    assert export_onnx(method, as_image_set(few), tmp_path / "model.onnx") <= MAX_DIFFERENCE
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    new = pictures(each=5, seed=8)[0]
    found = session.run(["group_probabilities"], {"pixels": new[:, None].astype(np.float32)})[0]
    np.testing.assert_allclose(found, method.predict_proba(new), atol=1e-3)


def test_a_file_that_says_something_else_is_refused(file: Path, fitted: MoEVAE, pixels: Any) -> None:
    images = pixels[:8, None].astype(np.float32)
    expected = {
        "embedding": fitted.transform(pixels[:8]),
        "group_probabilities": fitted.predict_proba(pixels[:8]),
        "class_probabilities": np.full((8, 4), 0.25, np.float32),
    }
    with pytest.raises(RuntimeError, match="differs from the model"):
        check_onnx(file, images, expected)
    with pytest.raises(RuntimeError, match="of shape"):
        check_onnx(file, images, {**expected, "class_probabilities": np.full((8, 5), 0.2, np.float32)})
    with pytest.raises(RuntimeError, match="should give"):
        check_onnx(file, images, {"embedding": expected["embedding"]})


def test_nothing_is_left_of_a_file_that_fails_the_check(
    fitted: MoEVAE, pixels: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "MAX_DIFFERENCE", -1.0)
    with pytest.raises(RuntimeError, match="differs from the model"):
        export_onnx(fitted, as_image_set(pixels[:4]), tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match=r"onnxruntime is missing: pip install 'facies\[onnx\]'"):
        onnx_packages()


@pytest.mark.parametrize("parameters", [{}, {"encoder": "efficientnet-lite0", "image_size": 32, "encoder_rate": 0.0}])
@pytest.mark.parametrize("name", ["contrastive", "self-label"])
@pytest.mark.filterwarnings("ignore::facies.errors.FaciesWarning")
def test_what_learns_from_views_is_exported(name: str, parameters: dict[str, Any], tmp_path: Path) -> None:
    """Also reduced on the way, and with groups that are a vote of neighbours, or a classifier."""
    if parameters and name == "contrastive":
        parameters = {**parameters, "encoder_rate": 0.1}
    stack = np.stack([pictures(each=10, side=32)[0]] * 2, axis=1)
    shown = stack if parameters else stack[:, :1]
    method = small(name, **{"image_size": 16, **parameters}).fit(shown)
    assert export_onnx(method, as_image_set(shown), tmp_path / "model.onnx") <= MAX_DIFFERENCE
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    new = pictures(each=4, side=32, seed=9)[0]
    new = np.stack([new, new], axis=1)[:, : shown.shape[1]]
    embedding, groups = session.run(None, {"pixels": new.astype(np.float32)})
    scale = max(1.0, float(np.abs(method.transform(new)).max()))
    np.testing.assert_allclose(embedding / scale, method.transform(new) / scale, atol=1e-4)
    np.testing.assert_allclose(groups, method.predict_proba(new), atol=1e-4)


@pytest.mark.parametrize("image_size", [None, 8, 12])
def test_focal_stacks_are_exported_with_the_scale_that_they_are_seen_at(image_size: int | None, tmp_path: Path) -> None:
    stacks = np.stack([pictures(each=10)[0] // (layer + 1) for layer in range(3)], axis=1)[:, :, None]
    parameters = {
        "n_clusters": 5,
        "n_init": 1,
        "latent_size": 8,
        "image_size": image_size,
        "training.epochs": 8,
        "training.learning_rate": 5e-3,
        "training.batch_size": 10,
        "hardware.accelerator": "cpu",
    }
    method = make_method("focal-vae", "quick", parameters).fit(stacks)
    assert export_onnx(method, as_image_set(stacks), tmp_path / "model.onnx") <= MAX_DIFFERENCE
