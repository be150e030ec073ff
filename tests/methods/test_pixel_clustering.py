"""Methods on pixels: what they find, what is refused, and how images beyond those that are laid out get their groups."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import norm

from facies.errors import InputError
from facies.images import open_images
from facies.methods import layout_clustering, make_method, pixel_clustering
from facies.metrics import accuracy
from tests.methods.factories import pictures

GIVEN = ("k-means", "pca-k-means", "gaussian-mixture", "tsne-gmm", "spectral")


def few(name, **parameters):
    return make_method(name, "quick", {"projection.n_neighbors": 5, **parameters})


@pytest.mark.parametrize("name", GIVEN)
def test_kinds_are_found_also_in_images_never_seen(name):
    pixels, kinds = pictures(each=25)
    new, new_kinds = pictures(each=10, seed=1)
    method = few(name, n_clusters=4).fit(pixels)
    assert accuracy(kinds, method.labels_) > 0.95
    assert accuracy(new_kinds, method.predict(new)) > 0.95


def test_umap_hdbscan_finds_their_number():
    pixels, kinds = pictures(each=25)
    method = few("umap-hdbscan", layout_dimensions=2).fit(pixels)
    assert method.n_clusters_ == 4
    assert accuracy(kinds, method.labels_) > 0.95


def test_k_means_and_the_mixture_give_the_probabilities_of_their_formulas():
    pixels, _ = pictures(each=10)
    flat = (pixels.astype(np.float64).reshape(len(pixels), -1) - pixels.min()) / np.ptp(pixels)
    means = few("k-means", n_clusters=3).fit(pixels)
    np.testing.assert_allclose(means.embedding_, flat, atol=1e-6)
    squares = ((flat[:, None] - means.centres_.numpy()) ** 2).sum(axis=2)
    expected = softmax(-squares / (2 * float(means.variance_)), axis=1)
    np.testing.assert_allclose(means.probabilities_, expected, atol=1e-3)
    mixture = few("gaussian-mixture", n_clusters=3, floor=0.05).fit(pixels)
    groups = {name: values.numpy().astype(np.float64) for name, values in mixture.state_["groups"].items()}
    densities = norm.logpdf(flat[:, None], groups["means"], np.sqrt(groups["variances"])).sum(axis=2)
    np.testing.assert_allclose(
        mixture.probabilities_, softmax(densities + np.log(groups["weights"]), axis=1), atol=1e-3
    )
    assert (groups["variances"] >= 0.05).all()


def test_images_beyond_those_that_are_laid_out_follow_them_and_a_note_says_so(monkeypatch):
    monkeypatch.setattr(layout_clustering.LayoutClustering, "most_images", 60)
    pixels, kinds = pictures(each=25)
    method = few("spectral", n_clusters=4).fit(pixels)
    assert accuracy(kinds, method.labels_) > 0.95
    assert len(method.state_["groups"]["references"]) == 60
    assert any("among 60 of the 100 images" in note for note in method.notes_)


def test_large_images_are_reduced():
    pixels = np.kron(pictures(each=10)[0], np.ones((1, 6, 6), np.uint8))
    method = few("k-means", n_clusters=4, image_size=16).fit(pixels)
    assert any("pixels were reduced to 16×16 (image_size)" in note for note in method.notes_)
    assert method.embedding_.shape == (40, 16 * 16)
    assert few("k-means", n_clusters=4).fit(pixels).embedding_.shape == (40, 64 * 64)


def test_more_pixels_than_memory_should_hold_are_refused_with_a_size_that_does(monkeypatch):
    monkeypatch.setattr(pixel_clustering, "MOST_BYTES", 4 * 40 * 10 * 10)
    images = open_images(pictures(each=10)[0])
    with pytest.raises(InputError, match=r"image_size=64: the pixels of 40 images .* give image_size=10 or less"):
        few("k-means").check(images)
    few("k-means", image_size=10).check(images)


def test_fewer_images_than_groups_are_refused():
    with pytest.raises(InputError, match="5 images are fewer than the 10 that are needed"):
        few("spectral").check(open_images(pictures(each=10)[0][:5]))
