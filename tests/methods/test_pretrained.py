import numpy as np
import pytest
import skimage.data
import torch

from facies.errors import InputError
from facies.export.onnx import MAX_DIFFERENCE, export_onnx
from facies.images import as_image_set
from facies.methods import load_method, make_method
from facies.methods.features import ImageEncoder
from facies.metrics import accuracy
from facies.nn.encoders import EncoderLoader, FunctionEncoder, PlanesEncoder, register_encoder


def things(each: int = 20, seed: int = 0):
    """Crops of 48 pixels from three photographs, in grey and stretched alike, so that brightness tells nothing."""
    rng = np.random.default_rng(seed)
    crops = []
    for photograph in (skimage.data.coins(), skimage.data.text(), skimage.data.cell()):
        for _ in range(each):
            top, left = (rng.integers(0, edge - 48) for edge in photograph.shape)
            crop = photograph[top : top + 48, left : left + 48].astype(np.float64)
            crops.append((crop - crop.mean()) / max(crop.std(), 1e-6))
    return np.clip(128 + 50 * np.array(crops), 0, 255).astype(np.uint8), np.repeat(np.arange(3), each)


def small(**parameters):
    return make_method("pretrained", "quick", {"image_size": 64, "grouping.layout_dimensions": None, **parameters})


@pytest.fixture(scope="module")
def fitted():
    return small(**{"grouping.n_clusters": 3}).fit(things()[0])


def test_kinds_that_pixels_do_not_tell_apart_are_told_apart(fitted):
    assert accuracy(things()[1], fitted.labels_) >= 0.95
    new, truth = things(seed=1)
    assert accuracy(truth, fitted.predict(new)) >= 0.9


def test_the_number_of_groups_is_found():
    method = small().fit(things()[0])
    assert method.n_clusters_ == 3
    assert accuracy(things()[1], method.labels_) >= 0.95


def test_run_and_notes_say_where_the_weights_are_from(fitted):
    about = fitted.run_values()["encoder"]
    assert about["name"] == "efficientnet-lite0"
    assert about["licence"].startswith("Apache-2.0")
    assert len(about["sha256"]) == 64
    assert about["image_size"] == [64, 64]
    assert any("Apache-2.0" in note for note in fitted.notes_)
    assert any("enlarged to 64×64" in note for note in fitted.notes_)


def test_things_that_lie_otherwise_are_the_same_things(fitted):
    images = things()[0]
    lying = fitted.transform(images.swapaxes(1, 2)[:, ::-1].copy())
    np.testing.assert_allclose(lying, fitted.embedding_, atol=1e-4)
    assert any("turned by quarters, and the features averaged" in note for note in fitted.notes_)
    assert any("features of 2 layers" in note for note in fitted.notes_)
    assert fitted.run_values()["encoder"]["orientations"] == 4
    upright = small(**{"grouping.n_clusters": 3, "turns": 1, "layers": "last"}).fit(images)
    assert upright.run_values()["encoder"]["features"] == 1280
    assert np.abs(upright.transform(images.swapaxes(1, 2)[:, ::-1].copy()) - upright.embedding_).max() > 0.01


def test_every_layer_has_the_same_weight(fitted):
    features = torch.rand(5, 192 + 1280) * torch.cat([torch.full((192,), 30.0), torch.ones(1280)])
    early, last = fitted._scaled(features).split([192, 1280], dim=1)
    torch.testing.assert_close(early.norm(dim=1), torch.ones(5))
    torch.testing.assert_close(last.norm(dim=1), torch.ones(5))


def test_another_grouping_asks_the_encoder_no_more(fitted, monkeypatch):
    def asked(*_):
        raise AssertionError("the encoder was asked")

    monkeypatch.setattr(PlanesEncoder, "forward", asked)
    again = small(**{"grouping.n_clusters": 3, "grouping.method": "ward"}).fit(things()[0])
    np.testing.assert_array_equal(again.embedding_, fitted.embedding_)


def test_a_model_opens_without_the_package_of_its_encoder(fitted, tmp_path, monkeypatch):
    fitted.save(tmp_path)
    monkeypatch.setattr("facies.nn.encoders.efficientnet_lite.PACKAGE", "no_such_package_here")
    loaded, new = load_method(tmp_path), things(seed=2)[0]
    np.testing.assert_array_equal(loaded.predict_proba(new), fitted.predict_proba(new))
    assert loaded.run_values() == fitted.run_values()


def test_it_is_exported_as_onnx(fitted, tmp_path):
    assert export_onnx(fitted, as_image_set(things()[0]), tmp_path / "model.onnx") <= MAX_DIFFERENCE


def test_many_channels_and_stacks_are_seen_whole():
    rng = np.random.default_rng(0)
    stacks = rng.integers(0, 4000, (12, 2, 5, 16, 16)).astype(np.uint16)
    method = small(**{"grouping.n_clusters": 2}).fit(stacks)
    assert method.run_values()["encoder"]["passes"] == 10
    assert {"channels was shown", "focal layers was shown"} <= {
        part for note in method.notes_ for part in ("channels was shown", "focal layers was shown") if part in note
    }


def test_the_batch_in_which_features_are_found_has_no_say():
    images = as_image_set(things()[0])
    encoder = ImageEncoder.for_images(small_function(), images)
    with torch.no_grad():
        whole = encoder(images.__getitems__(np.arange(60)))
        np.testing.assert_allclose(whole[7:9], encoder(images.__getitems__([7, 8])), atol=1e-6)


def small_function(version: str = "1") -> FunctionEncoder:
    return FunctionEncoder(
        "quarters", lambda x: torch.nn.functional.avg_pool2d(x, 4).flatten(1), version=version, usual_side=8
    )


def test_a_function_is_registered_again_before_its_model_is_opened(tmp_path, monkeypatch):
    monkeypatch.setattr("facies.nn.encoders.registry._registered", {})
    register_encoder(EncoderLoader("quarters", small_function))
    parameters = {
        "encoder": "quarters",
        "image_size": None,
        "grouping.n_clusters": 2,
        "grouping.layout_dimensions": None,
    }
    method = make_method("pretrained", "quick", parameters).fit(things()[0])
    method.save(tmp_path)
    np.testing.assert_array_equal(load_method(tmp_path).predict(things()[0]), method.labels_)
    register_encoder(EncoderLoader("quarters", lambda: small_function("2")))
    with pytest.raises(InputError, match="not the one that this model learnt with"):
        load_method(tmp_path)
    monkeypatch.setattr("facies.nn.encoders.registry._registered", {})
    with pytest.raises(InputError, match="register it"):
        load_method(tmp_path)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"encoder": "efficientnet-lite"}, "did you mean 'efficientnet-lite0'"),
        ({"encoder": "nowhere/at-all"}, "no such folder"),
        ({"encoder": "missing.onnx"}, "no such file"),
        ({"encoder": "missing.pth"}, "no such file"),
        ({"grouping.n_clusters": 61}, "61 groups asked for"),
        ({"image_size": 4}, "image_size=4"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work_in_one_line(parameters, reason):
    with pytest.raises(InputError, match=reason) as caught:
        small(**parameters).check(as_image_set(things()[0]))
    assert "\n" not in str(caught.value)
