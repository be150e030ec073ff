"""`focal-vae` on handwritten digits as focal stacks: what it finds, draws, refuses and warns of."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from sklearn.base import clone
from sklearn.cluster import KMeans as Sklearn
from sklearn.datasets import load_digits

from facies.errors import FaciesWarning, InputError
from facies.images import open_images
from facies.methods import load_method, make_method
from facies.methods.downsample import downsample, downsampled_shape
from facies.methods.focal_vae.method import FocalVAE
from facies.methods.focal_vae.stages import automatic_epochs

DIGITS = {
    "n_clusters": 40,
    "latent_size": 32,
    "training.epochs": 12,
    "image_size": None,
    "augmentation.flip": False,
    "augmentation.quarter_turns": False,
    "any_side_up": False,
    "hardware.accelerator": "cpu",
}
TINY = {
    "training.epochs": 6,
    "training.batch_size": 16,
    "training.learning_rate": 5e-3,
    "n_clusters": 8,
    "n_init": 1,
}
TURNED = {"augmentation.flip": True, "augmentation.quarter_turns": True}


def digits(start: int, stop: int, layers: int = 3):
    """Digits of 16 × 16 pixels, sharp in the first layer and blurred in the others, and their kinds."""
    known = load_digits()
    sharp = np.kron(known.images[start:stop] * 15, np.ones((2, 2)))
    blurred = [gaussian_filter(sharp, (0, layer, layer)) for layer in range(layers)]
    return np.stack(blurred, axis=1)[:, :, None].astype(np.uint8), known.target[start:stop]


def tiny(**parameters) -> FocalVAE:
    """Quick to fit; parameters by their dotted names."""
    return make_method("focal-vae", "quick", {**DIGITS, **TINY, **parameters})


def named_by_majority(kinds, groups, of=None) -> float:
    """Share of images whose kind is the most common one of their group (among those that named the groups)."""
    named_kinds, named_groups = (kinds, groups) if of is None else of
    names = {g: np.bincount(named_kinds[named_groups == g]).argmax() for g in np.unique(named_groups)}
    return float(np.mean([names.get(g, -1) == kind for g, kind in zip(groups, kinds, strict=True)]))


@pytest.fixture(scope="module")
def drawn():
    return digits(0, 600)


@pytest.fixture(scope="module")
def fitted(drawn):
    return make_method("focal-vae", "quick", DIGITS).fit(drawn[0])


@pytest.fixture(scope="module")
def few(drawn):
    return drawn[0][:80]


def test_groups_are_of_one_kind_and_better_than_those_of_the_pixels(drawn, fitted):
    stacks, kinds = drawn
    found = named_by_majority(kinds, fitted.labels_)
    pixels = Sklearn(40, n_init=3, random_state=0).fit_predict(stacks.reshape(600, -1).astype(np.float32))
    assert found >= 0.9
    assert found > named_by_majority(kinds, pixels)


def test_stacks_never_seen_are_placed_with_their_kind(drawn, fitted):
    fresh, kinds = digits(600, 900)
    assert named_by_majority(kinds, fitted.predict(fresh), of=(drawn[1], fitted.labels_)) >= 0.8


def test_what_a_fit_leaves(fitted):
    assert fitted.n_clusters_ == 40
    assert set(fitted.labels_.tolist()) == set(range(40))
    assert fitted.embedding_.shape == (600, 32)
    assert fitted.distances_.dtype == np.float32
    assert np.isfinite(fitted.distances_).all()
    assert fitted.active_.sum() >= 4
    assert fitted.notes_ == []
    assert list(fitted.timings_) == ["scale", "autoencode", "embed", "group", "projection"]
    losses = fitted.history_["reconstruction"].tolist()
    assert losses[-1] < 0.3 * losses[0]


def test_a_group_is_that_of_the_nearest_centre(drawn, fitted):
    centres = np.stack([fitted.embedding_[fitted.labels_ == group].mean(axis=0) for group in range(40)])
    distances = np.linalg.norm(fitted.embedding_[:, None] - centres[None], axis=2)
    np.testing.assert_array_equal(distances.argmin(axis=1), fitted.labels_)
    np.testing.assert_allclose(distances.min(axis=1), fitted.distances_, rtol=1e-3)
    np.testing.assert_allclose(fitted.distances(drawn[0]), fitted.distances_, rtol=1e-3)


def test_probabilities_are_those_of_equal_spheres(fitted):
    groups, codes = fitted.groups_, fitted.embedding_.astype(np.float64)
    squares = ((codes[:, None] - groups.centres.numpy()[None]) ** 2).sum(axis=2)
    variance = squares.min(axis=1).mean() / codes.shape[1]
    assert float(groups.variance) == pytest.approx(variance, rel=1e-3)
    weights = np.exp(-(squares - squares.min(axis=1, keepdims=True)) / (2 * variance))
    np.testing.assert_allclose(fitted.probabilities_, weights / weights.sum(axis=1, keepdims=True), atol=2e-3)


def test_what_lies_outside_of_its_group_is_flagged(drawn, fitted):
    stacks = drawn[0]
    assert fitted.outliers(stacks).mean() < 0.03
    assert fitted.outliers(255 - stacks[:50]).mean() > 0.9  # dark on light instead of light on dark
    table = fitted.predict_table(stacks)
    assert list(table) == ["group", "probability", "distance", "outlier"]
    limits = fitted.groups_.limits.numpy()[table["group"]]
    np.testing.assert_array_equal(table["outlier"], table["distance"] > limits)


def test_reconstructions_and_samples_are_in_the_units_of_the_images(drawn, fitted):
    stacks = drawn[0][:50]
    drawn_again = fitted.reconstruct(stacks)
    assert drawn_again.shape == stacks.shape
    error = ((drawn_again - stacks) ** 2).mean()
    assert error < 0.5 * ((stacks - stacks.mean(axis=0)) ** 2).mean()
    low, high = drawn[0].min(), drawn[0].max()
    expected = (((drawn_again - stacks) / (high - low)) ** 2).reshape(50, -1).mean(axis=1)
    np.testing.assert_allclose(fitted.reconstruction_error(stacks), expected, rtol=1e-3)


def test_samples_look_like_their_group(drawn, fitted):
    means = np.stack([drawn[0][fitted.labels_ == group].mean(axis=0).ravel() for group in range(40)])
    for group in (0, 7, 39):
        samples = fitted.sample(16, group)
        assert samples.shape == (16, *drawn[0].shape[1:])
        mean = samples.mean(axis=0).ravel()
        assert int(np.argmin(((means - mean) ** 2).sum(axis=1))) == group
    np.testing.assert_array_equal(fitted.sample(2, 3), fitted.sample(2, 3))
    assert not np.array_equal(fitted.sample(2, 3), fitted.sample(2, 3, random_state=9))
    with pytest.raises(InputError, match="groups 0 to 39"):
        fitted.sample(1, 40)


def test_a_saved_model_knows_distances_and_outliers_as_before(drawn, fitted, tmp_path):
    fitted.save(tmp_path)
    loaded = load_method(tmp_path)
    table = loaded.predict_table(drawn[0])
    for name, column in fitted.predict_table(drawn[0]).items():
        np.testing.assert_array_equal(table[name], column, err_msg=name)
    np.testing.assert_array_equal(loaded.active_, fitted.active_)


@pytest.fixture(scope="module")
def aligned(few):
    return tiny(**TURNED, **{"image_size": 12, "align": True, "alignment.epochs": 4}).fit(few)


def test_the_formula_as_printed_collapses_and_both_are_said(few):
    with pytest.warns(FaciesWarning) as caught:
        model = tiny(beta=1.0, warm_up=0.0).fit(few)
    messages = [str(warning.message) for warning in caught]
    assert any("beta=1 weighs a sum of 32 terms against a mean over pixels" in words for words in messages)
    assert any("the code has collapsed" in words and "lower beta" in words for words in messages)
    assert any("the code has collapsed" in note for note in model.notes_)
    assert model.active_.mean() < 0.1


@pytest.mark.parametrize("form", ["plain", "colour", "one layer"])
def test_one_layer(drawn, form):
    sharp = drawn[0][:80, 0]
    images = {"plain": sharp[:, 0], "colour": np.repeat(sharp, 3, axis=1), "one layer": sharp[:, None]}[form]
    model = tiny().fit(images)
    shape = {"plain": (1, 16, 16), "colour": (3, 16, 16), "one layer": (1, 1, 16, 16)}[form]
    assert model.image_shape_ == shape
    assert model.sample(2, 0).shape == (2, *shape)
    assert model.reconstruct(images[:3]).shape == (3, *shape)
    np.testing.assert_array_equal(model.predict(images), model.labels_)


def test_groups_do_not_depend_on_how_an_image_lies(few, tmp_path):
    model = tiny(any_side_up=True, **TURNED).fit(few)
    np.testing.assert_array_equal(model.predict(few), model.labels_)
    for turned in (few[..., ::-1], np.rot90(few, axes=(-2, -1)), np.rot90(few[..., ::-1, :], axes=(-2, -1))):
        np.testing.assert_allclose(model.transform(np.ascontiguousarray(turned)), model.embedding_, atol=1e-4)
    as_it_lies = tiny(**TURNED).fit(few)  # the same network, for any_side_up changes no training
    assert not np.allclose(as_it_lies.transform(few[..., ::-1].copy()), as_it_lies.embedding_, atol=0.01)
    # The decoder still gets the code of the image as it lies, and draws it so.
    np.testing.assert_allclose(model.reconstruct(few[:9]), as_it_lies.reconstruct(few[:9]), atol=1e-2)
    oblong = np.ascontiguousarray(few[..., :12])
    narrow = tiny(any_side_up=True).fit(oblong)
    np.testing.assert_array_equal(narrow.predict(oblong[..., ::-1, ::-1].copy()), narrow.labels_)
    model.save(tmp_path)
    np.testing.assert_array_equal(FocalVAE.load(tmp_path).predict(few), model.labels_)


def test_separate_branches(few):
    model = tiny(**{"encoder.share_branches": False}).fit(few)
    assert len(model.autoencoder_.encoder.branches) == 3
    first, second = (branch.blocks[0].weight for branch in list(model.autoencoder_.encoder.branches)[:2])
    assert not torch.equal(first, second)
    np.testing.assert_array_equal(model.predict(few), model.labels_)


def test_residual_branches_with_weights_of_a_folder_that_is_gone_later(few, tmp_path):
    from facies.nn import ResNetBranch

    torch.manual_seed(0)
    source = ResNetBranch("resnet18", 3)
    source.network.save_pretrained(tmp_path / "weights")
    options = {
        "encoder": "resnet18",
        "encoder.weights": str(tmp_path / "weights"),
        "encoder.freeze_batch_norm": True,
        "training.epochs": 1,
        "training.learning_rate": 1e-5,
    }
    with pytest.warns(FaciesWarning, match="collapsed"):  # so short and slow a training finds nothing
        model = tiny(**options).fit(few[:40])
    branch = model.autoencoder_.encoder.branches[0].network
    name = "embedder.embedder.convolution.weight"
    kept, began = branch.state_dict()[name], source.network.state_dict()[name]
    assert not torch.equal(kept, began)
    torch.testing.assert_close(kept, began, atol=1e-3, rtol=0)
    model.save(tmp_path / "model")
    (tmp_path / "weights").rename(tmp_path / "gone")
    np.testing.assert_array_equal(FocalVAE.load(tmp_path / "model").predict(few[:40]), model.labels_)


def test_reduced_copies_are_what_prediction_makes_on_the_way(few, monkeypatch):
    assert downsampled_shape((6, 3, 280, 280), 64) == (6, 3, 64, 64)
    assert downsampled_shape((3, 100, 50), 20) == (1, 3, 20, 10)
    assert downsampled_shape((3, 16, 16), 64) == (1, 3, 16, 16)
    model = tiny(image_size=8).fit(few)
    assert model.autoencoder_.decoder.stack_shape == (3, 1, 8, 8)
    np.testing.assert_array_equal(model.predict(few), model.labels_)
    assert model.reconstruct(few[:4]).shape == (4, 3, 1, 16, 16)
    mean = few[:5].reshape(5, 3, 1, 8, 2, 8, 2).mean(axis=(4, 6))
    stacks = torch.from_numpy(few[:5].astype(np.float32))
    np.testing.assert_allclose(downsample(stacks, (8, 8), whole_numbers=False).numpy(), mean, rtol=1e-5)
    # Copies too large for memory are in a file
    monkeypatch.setattr("facies.images.temporary_store.MAX_BYTES_IN_MEMORY", 0)
    filed = clone(model).fit(few)
    np.testing.assert_array_equal(filed.embedding_, model.embedding_)


def test_floats_are_not_rounded(few):
    images = few.astype(np.float32) / 255
    model = tiny(image_size=8).fit(images)
    np.testing.assert_array_equal(model.predict(images), model.labels_)
    assert model.reconstruct(images[:4]).max() <= 1.0


def test_grouping_by_standardised_active_dimensions(few):
    model = tiny(standardise=True, beta=1e-4).fit(few)
    scale, active = model.groups_.scale.numpy(), model.active_
    assert (scale[~active] == 0).all()
    np.testing.assert_allclose(scale[active], 1 / model.embedding_.std(axis=0)[active], rtol=1e-4)
    np.testing.assert_array_equal(model.predict(few), model.labels_)


def test_equal_images_make_fewer_groups_and_it_is_said(few):
    model = tiny(n_clusters=30).fit(np.concatenate([few[:10]] * 4))
    assert model.n_clusters_ == 10
    assert any("there are 10 groups instead of 30" in note for note in model.notes_)


def test_epochs_by_the_number_of_images():
    assert [automatic_epochs(n) for n in (100, 1000, 28_801)] == [150, 60, 20]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"n_clusters": 81}, "80 images are fewer than the 81 groups asked for; give more images, or set n_clusters=8"),
        ({"encoder": "vgg"}, "or conv, resnet18"),
        ({"encoder.weights": "imagenet"}, "encoder=conv takes none"),
        (
            {"encoder": "resnet18", "encoder.freeze_batch_norm": True},
            "nothing to keep without encoder.weights",
        ),
        ({"image_size": 4}, "give a whole number of 8 or more, or null; the nearest is 8"),
        ({"beta": -1.0}, "give a number of 0 or more"),
        ({"latent_size": 0}, "latent_size=0: give a whole number of 1 or more"),
        ({"outlier_percentile": 0.0}, "more than 0 and 100 or less"),
        ({"encoder": "resnet18", "encoder.weights": "/nowhere"}, "there is no such folder"),
    ],
)
def test_parameters_that_cannot_be(few, parameters, words):
    with pytest.raises(InputError, match=words) as caught:
        tiny(**parameters).fit(few)
    assert "\n" not in str(caught.value)


def test_weights_are_asked_for_before_anything_is_computed(few, monkeypatch):
    def computed(*_):
        raise AssertionError("images were reduced first")

    monkeypatch.setattr("facies.methods.fit_context.FitContext.downsampled", computed)
    with pytest.raises(InputError, match=r"there is no such folder or \.safetensors file"):
        tiny(**{"encoder": "resnet18", "encoder.weights": "/nowhere.safetensors"}).fit(few)


def test_the_papers_settings():
    paper = make_method("focal-vae", "paper")
    training, encoder = paper.training, paper.encoder
    assert (encoder.name, encoder.weights, paper.latent_size, paper.n_clusters) == (
        "resnet152",
        "imagenet",
        512,
        100,
    )
    assert (training.learning_rate, training.epochs, training.batch_size, paper.image_size) == (1e-4, 50, 16, None)
    assert training.weight_decay == 1e-5


def test_images_are_read_in_parts(few, monkeypatch):
    model = tiny().fit(open_images(few))
    monkeypatch.setattr("facies.methods.base.BYTES_AT_ONCE", 4 * 768 * 7)  # seven stacks
    np.testing.assert_array_equal(model.predict(few), model.labels_)


def test_a_good_fit_warns_of_nothing(few):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DeprecationWarning)
        tiny().fit(few)


def test_stacks_are_set_upright_all_layers_alike_and_drawn_as_they_lay(few, aligned, tmp_path):
    assert aligned.has_canonical_pose
    upright = aligned.canonical(few)
    assert upright.shape == few.shape
    assert np.abs(upright - few).mean() > 0.5
    twins = np.repeat(few[:, :1], few.shape[1], axis=1)
    set_up = aligned.canonical(twins)
    np.testing.assert_array_equal(set_up[:, 0], set_up[:, 1])
    errors = aligned.reconstruction_error(few)
    assert errors.shape == (len(few),)
    assert aligned.reconstruct(few[:5]).shape == few[:5].shape
    aligned.save(tmp_path)
    loaded = load_method(tmp_path)
    np.testing.assert_array_equal(loaded.canonical(few), upright)
    np.testing.assert_array_equal(loaded.predict(few), aligned.labels_)
    history = aligned.history_[aligned.history_["stage"] == "align"]
    assert {"reconstruction", "kl", "consistency"} <= set(history.dropna(axis=1).columns)


def test_aligned_reconstructions_are_laid_back(few):
    """Where the transformer turns every stack alike, what is drawn comes back as it lay."""
    model = tiny(**{"align": True, "alignment.epochs": 1}).fit(few)
    with torch.no_grad():
        model.pose_.localisation.last.weight.zero_()
        model.pose_.localisation.last.bias.copy_(torch.tensor([0.6, 0.0, 0.0, 0.0]))
    model._again = lambda stacks: stacks  # a network that draws what it sees
    stacks = few[:6].astype(np.float32)
    back = model.reconstruct(stacks)
    turned = model.canonical(stacks)
    inner = np.s_[..., 4:-4, 4:-4]
    assert np.abs(back - stacks)[inner].mean() < 0.4 * np.abs(turned - stacks)[inner].mean()


@pytest.mark.parametrize("size", [None, 8])
def test_align_needs_room(size):
    stacks = np.random.default_rng(0).integers(0, 255, (20, 1, 1, 3, 9), np.uint8)
    with pytest.raises(InputError, match="align needs images of 4 × 4 pixels"):
        tiny(align=True, image_size=size).fit(stacks)
