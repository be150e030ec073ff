"""What methods share that cluster in the code of an autoencoder: centres, networks, and the objectives of dec and idec."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facies.errors import InputError
from facies.images import open_images
from facies.methods import make_method
from facies.methods.autoencoder_clustering import ClusteringNetwork, initial_centres
from facies.methods.dec import DECObjective
from facies.methods.idec import IDECObjective
from facies.methods.preprocessing import Preprocessor, kept_normalizer
from facies.methods.registry import method_class
from facies.methods.target_distribution import TargetDistribution
from facies.metrics.partition import accuracy
from facies.nn import ConvAutoencoder, MLPAutoencoder, PixelNormalizer
from facies.training import Batch, StageCheckpoints
from tests.losses import reference as slow
from tests.methods.factories import KINDS

SMALL = {
    "n_clusters": 4,
    "latent_size": 4,
    "network": "conv",
    "filters": 6,
    "n_init": 5,
    "pretraining.epochs": 15,
    "pretraining.batch_size": 40,
    "training.epochs": 10,
    "training.batch_size": 40,
    "hardware.accelerator": "cpu",
}


def small(name: str, **parameters):
    """Parameters by their dotted names."""
    return make_method(name, "quick", {**SMALL, **parameters})


@pytest.fixture(scope="module")
def few(pixels):
    return pixels[:160]


@pytest.mark.parametrize("name", ["dec", "idec"])
def test_finds_the_kinds(name, drawn):
    model = small(name).fit(drawn[0])
    assert accuracy(drawn[1], model.labels_) >= 0.9
    assert model.n_clusters_ == len(KINDS)
    assert list(model.timings_) == ["scale", "pretrain", "initialise", "cluster", "assign", "projection"]
    curves = model.history_.set_index("stage")["loss"]
    assert curves["pretrain"].iloc[-1] < 0.7 * curves["pretrain"].iloc[0]


@pytest.mark.parametrize(("name", "learns"), [("dec", False), ("idec", True)])
def test_the_decoder_learns_on_in_idec_alone(name, learns, few, tmp_path):
    model = small(name, **{"training.epochs": 2, "pretraining.epochs": 2}).fit(few, work_folder=tmp_path)
    pretrained = StageCheckpoints(tmp_path).load_stage(2, "pretrain")["autoencoder"]
    weights = dict(model.network_.autoencoder.named_parameters())
    moved = {name for name, weight in weights.items() if not torch.equal(weight, pretrained[name])}
    assert any(name.startswith("encoder") for name in moved)
    assert any(name.startswith("decoder") for name in moved) == learns


@pytest.mark.parametrize("network", ["mlp", "conv"])
@pytest.mark.parametrize("initialisation", ["k-means", "gaussian-mixture"])
def test_networks_and_initialisations(network, initialisation, few):
    options = {"network": network, "initialisation": initialisation, "training.epochs": 1, "pretraining.epochs": 1}
    stacks = np.stack([few[:80], few[:80] // 2], axis=1)[:, :, None]  # focal layers are channels
    model = small("dec", **options, dropout=0.5).fit(stacks)
    assert isinstance(model.network_.autoencoder, MLPAutoencoder if network == "mlp" else ConvAutoencoder)
    assert model.network_.centres.shape == (4, 4)
    np.testing.assert_array_equal(model.predict(stacks), model.labels_)


@pytest.mark.parametrize("name", ["dec", "idec", "n2d", "mixae", "cvcl"])
def test_pixels_have_the_mean_0(name, few):
    method = make_method(name, parameters=dict(method_class(name).test_parameters))
    bright = (200 - few[:60]).astype(np.float32)
    shown = method.fit(bright).preprocessor_.transform(torch.from_numpy(bright[:, None]))
    span = shown.max().item() - shown.min().item()
    assert shown.mean().item() == pytest.approx(0.0, abs=1e-3)
    assert shown.std().item() == pytest.approx(1.0, abs=1e-3) if name == "dec" else span == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["vade", "moe-sim-vae"])
def test_the_histogram_of_the_pixels_chooses_how_they_scatter(name, few, tmp_path):
    parameters = dict(method_class(name).test_parameters)
    black_or_white = (few[:40] > 100).astype(np.uint8) * 200
    strokes = make_method(name, parameters=parameters).fit(black_or_white)
    shown = strokes.preprocessor_.transform(torch.from_numpy(black_or_white[:, None]).float())
    assert set(shown.unique().tolist()) == {0.0, 1.0}
    assert any(note.startswith("pixels learnt as probabilities (Bernoulli)") for note in strokes.notes_)
    grey = np.random.default_rng(0).normal(130, 20, (40, 16, 16)).clip(0, 255).astype(np.uint8)
    model = make_method(name, parameters=parameters).fit(grey)
    shown = model.preprocessor_.transform(torch.from_numpy(grey[:, None]).float())
    assert shown.mean().item() == pytest.approx(0.0, abs=1e-3)
    if name == "vade":  # of the variance of the pixels the error is a share, however dark they are
        assert shown.std().item() == pytest.approx(1.0, abs=1e-3)
    assert any(note.startswith("pixels learnt by squared errors (Gaussian)") for note in model.notes_)
    drawn = np.asarray(model.sample(30, 0))
    assert drawn.min() >= grey.min()
    assert drawn.max() <= grey.max()
    model.save(tmp_path / "model")
    opened = type(model).load(tmp_path / "model")
    assert opened.normalizer_.likelihood == "gaussian"
    np.testing.assert_array_equal(opened.predict(grey), model.predict(grey))


def test_a_model_that_does_not_tell_how_pixels_scatter_has_what_its_method_had():
    state = {"intensity": PixelNormalizer().state_dict()}
    for likelihood, before in {"auto": "bernoulli", "gaussian": "gaussian", "bernoulli": "bernoulli"}.items():
        assert kept_normalizer(state, likelihood, torch.device("cpu")).likelihood == before
    assert kept_normalizer({**state, "likelihood": "gaussian"}, "auto", torch.device("cpu")).likelihood == "gaussian"


def test_first_centres():
    rng = np.random.default_rng(0)
    means = np.array([[0, 0], [5, 0], [0, 5]], np.float32)
    codes = np.concatenate([mean + 0.2 * rng.normal(size=(30, 2)) for mean in means]).astype(np.float32)
    for initialisation in ("k-means", "gaussian-mixture", "graph-degree"):
        centres = initial_centres(codes, 3, initialisation, 5, seed=1)
        assert centres.dtype == np.float32
        nearest = np.linalg.norm(centres[:, None] - means[None], axis=2)
        assert sorted(nearest.argmin(axis=1)) == [0, 1, 2]
        assert nearest.min(axis=1).max() < 0.2
        np.testing.assert_array_equal(initial_centres(codes, 3, initialisation, 5, seed=1), centres)
    rings = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    inner = np.stack([np.cos(rings), np.sin(rings)], axis=1).astype(np.float32)
    centres = initial_centres(np.concatenate([inner, 5 * inner + 9]), 2, "graph-degree", 5, seed=1)
    np.testing.assert_allclose(np.sort(centres[:, 0]), [0, 9], atol=1e-3)
    two = np.repeat(means[:2], 10, axis=0)
    assert len(initial_centres(two, 3, "k-means", 5, seed=1)) == 2  # so few codes differ


def test_fewer_different_images_make_fewer_groups(few):
    model = small("dec", **{"training.epochs": 1, "pretraining.epochs": 1}).fit(np.concatenate([few[:3]] * 20))
    assert model.n_clusters_ == 3
    assert model.probabilities_.shape == (60, 3)


def test_more_groups_than_images_are_refused(few):
    with pytest.raises(InputError, match=r"^3 images are fewer than the 4 groups asked for; give more images"):
        small("dec").fit(few[:3])


@pytest.fixture
def learning():
    """A network with four centres, images of a batch, and the target of them all."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = ClusteringNetwork(MLPAutoencoder((1, 4, 4), 3, (8,)), 4, 3)
        torch.nn.init.normal_(network.centres)
        pixels = torch.randint(0, 256, (6, 1, 4, 4)).float()
    preprocessor = Preprocessor(PixelNormalizer(0.0, 255.0, 0.5, 0.25, "gaussian"))
    target = TargetDistribution(open_images(pixels.numpy()), preprocessor, 2.0, 10, 0.0)
    target.on_fit_start(network)
    return network, Batch(pixels[[4, 1, 3]], torch.tensor([4, 1, 3])), preprocessor, target


def test_objectives_by_hand(learning):
    network, batch, preprocessor, target = learning
    images = preprocessor.transform(batch.images)
    codes, reconstructions = network(images)
    q = slow.student_t_assignment(codes.tolist(), network.centres.tolist(), 2.0)
    divergence = slow.assignment_divergence(target.for_batch(batch).tolist(), q)
    error = slow.gaussian(reconstructions.flatten().tolist(), images.flatten().tolist())
    terms = DECObjective(preprocessor, target, 2.0)(network, batch)
    assert {name: term.item() for name, term in terms.items()} == {"loss": pytest.approx(divergence, rel=1e-4)}
    terms["loss"].backward()
    assert network.centres.grad.abs().max() > 0
    assert all(parameter.grad is None for parameter in network.autoencoder.decoder.parameters())
    terms = IDECObjective(preprocessor, target, 2.0, gamma=0.3)(network, batch)
    assert terms["reconstruction"].item() == pytest.approx(error, rel=1e-4)
    assert terms["divergence"].item() == pytest.approx(divergence, rel=1e-4)
    assert terms["loss"].item() == pytest.approx(error + 0.3 * divergence, rel=1e-4)
