"""A model in a folder: what is written, and what is refused."""

from __future__ import annotations

import json
import shutil
import zipfile

import numpy as np
import pytest
from safetensors import safe_open

from facies.errors import InputError
from facies.methods import load_method
from facies.methods.moe_vae.method import MoEVAE
from tests.methods.factories import THREE_GROUPS, tiny


@pytest.fixture(scope="module")
def folder(fitted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "model"
    fitted.save(folder)
    return folder


@pytest.fixture
def copied(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def test_a_loaded_model_places_as_the_one_saved(folder, fitted, pixels):
    for loaded in (MoEVAE.load(folder), load_method(str(folder))):
        assert isinstance(loaded, MoEVAE)
        np.testing.assert_allclose(loaded.predict_proba(pixels), fitted.predict_proba(pixels), atol=1e-6)
        np.testing.assert_array_equal(loaded.predict(pixels), fitted.labels_)
        np.testing.assert_allclose(loaded.transform(pixels), fitted.transform(pixels), atol=1e-6)
        np.testing.assert_allclose(loaded.sample(3, 2), fitted.sample(3, 2), atol=1e-3)
        np.testing.assert_allclose(loaded.reconstruct(pixels[:5]), fitted.reconstruct(pixels[:5]), atol=1e-3)
        assert loaded.n_clusters_ == fitted.n_clusters_
        assert loaded.expert_sizes_ == fitted.expert_sizes_
        assert loaded.latent_size_ == fitted.latent_size_
        assert loaded.image_shape_ == fitted.image_shape_


def test_a_loaded_model_keeps_its_parameters_but_not_the_machine(folder, fitted):
    loaded = MoEVAE.load(folder)
    assert fitted.hardware.accelerator == "cpu"
    assert loaded.parameters() == {**fitted.parameters(), "hardware.accelerator": "auto"}


def test_what_is_in_the_folder(folder, fitted):
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", "model.safetensors"]
    description = json.loads((folder / "model.json").read_text())
    assert description["format"] == 2
    assert description["method"] == "moe-vae"
    assert description["class"] == "MoEVAE"
    assert description["parameters"] == fitted.parameters()
    assert description["image_shape"] == [1, 16, 16]
    assert description["n_clusters"] == 4
    assert {"facies", "torch", "numpy"} <= set(description["versions"])
    with safe_open(folder / "model.safetensors", framework="np") as file:
        assert any(key.startswith("experts/") for key in file.keys())  # noqa: SIM118 - no mapping
    for path in folder.iterdir():  # safetensors and JSON, which hold no pickles, and no zip of any
        assert not zipfile.is_zipfile(path)


def test_saving_twice_replaces(copied, fitted):
    fitted.save(copied)
    assert sorted(path.name for path in copied.iterdir()) == ["model.json", "model.safetensors"]
    assert MoEVAE.load(copied).n_clusters_ == 4


def test_saved_and_saved_again_are_equal(folder, tmp_path, pixels):
    loaded = MoEVAE.load(folder)
    loaded.save(tmp_path / "again")
    np.testing.assert_array_equal(MoEVAE.load(tmp_path / "again").predict_proba(pixels), loaded.predict_proba(pixels))


def refused(folder, words):
    for load in (MoEVAE.load, load_method):
        with pytest.raises(InputError, match=words) as caught:
            load(folder)
        assert "\n" not in str(caught.value)


def test_nothing_there(tmp_path):
    refused(tmp_path / "nowhere", "holds no model")
    refused(tmp_path, "holds no model")


@pytest.mark.parametrize("text", ["{", "", "[]", "3", '"model"', "\x00"])
def test_a_damaged_description(copied, text):
    (copied / "model.json").write_text(text)
    refused(copied, "cannot be read as a model description")


@pytest.mark.parametrize("missing", ["method", "parameters", "image_shape"])
def test_a_description_that_lacks_something(copied, missing):
    description = json.loads((copied / "model.json").read_text())
    del description[missing]
    (copied / "model.json").write_text(json.dumps(description))
    refused(copied, "cannot be read as a model description")


@pytest.mark.parametrize("number", [0, 3, None])
def test_another_format(copied, number):
    description = json.loads((copied / "model.json").read_text())
    (copied / "model.json").write_text(json.dumps({**description, "format": number}))
    refused(copied, r"is not one that this version reads \(1 and 2\); use the version that wrote it")


def test_another_method(copied):
    description = json.loads((copied / "model.json").read_text())
    (copied / "model.json").write_text(json.dumps({**description, "method": "n3d"}))
    with pytest.raises(InputError, match="holds a model of n3d, not of moe-vae"):
        MoEVAE.load(copied)
    with pytest.raises(InputError, match="there is no method 'n3d'"):
        load_method(copied)


def test_weights_missing(copied):
    (copied / "model.safetensors").unlink()
    refused(copied, r"model\.safetensors is damaged or missing")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_weights_cut_short(copied, share):
    path = copied / "model.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    refused(copied, r"model\.safetensors is damaged or missing")


def test_weights_of_another_model(copied, pixels, tmp_path):
    tiny(**{**THREE_GROUPS, "filters": 4}).fit(pixels[:60]).save(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "model.safetensors", copied / "model.safetensors")
    refused(copied, r"model\.safetensors is damaged or missing")


def test_parameters_of_a_later_version_are_passed_over(copied):
    description = json.loads((copied / "model.json").read_text())
    description["parameters"]["invented"] = 3
    (copied / "model.json").write_text(json.dumps(description))
    assert MoEVAE.load(copied).n_clusters_ == 4
