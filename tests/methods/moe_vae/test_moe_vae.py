"""`moe-vae` on four kinds of pictures: what it finds, and what it can draw."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.metrics import normalized_mutual_info_score

from facies.errors import InputError
from facies.images import open_images
from facies.metrics import shannon_entropy
from facies.metrics.partition import accuracy
from facies.runs.trees import check_tree
from tests.methods.factories import KINDS, pictures, small, tiny


def test_finds_the_four_kinds_and_their_number(drawn, fitted):
    assert fitted.n_clusters_ == len(KINDS)
    assert accuracy(drawn[1], fitted.labels_) >= 0.95
    assert accuracy(drawn[1], fitted.density_labels_) >= 0.9


def test_places_pictures_never_seen(fitted):
    fresh, kinds = pictures(each=15, seed=77)
    assert accuracy(kinds, fitted.predict(fresh)) >= 0.95
    probabilities = fitted.predict_proba(fresh)
    assert probabilities.shape == (60, 4)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-5)


def test_the_tree_of_the_density_grouping_is_kept(fitted):
    tree, about = fitted.trees()["density"]
    check_tree(tree, len(fitted.labels_))
    assert about["method"] == "density"
    found = tree.cut(n_groups=min(fitted.density_labels_.max() + 1, len(tree.levels) + 1)).labels
    both = (found >= 0) & (fitted.density_labels_ >= 0)
    assert normalized_mutual_info_score(found[both], fitted.density_labels_[both]) > 0.5


def test_what_a_fit_leaves(drawn, fitted):
    n, k = 320, fitted.n_clusters_
    assert set(fitted.labels_.tolist()) == set(range(k))
    assert fitted.embedding_.shape == (n, 8)  # without `retrain`, the first code
    assert fitted.density_labels_.shape == (n,)
    assert set(fitted.density_labels_.tolist()) <= {-1, *range(k)}
    assert 1 <= fitted.latent_size_ <= 8
    assert len(fitted.expert_sizes_) == k
    assert fitted.mixture_.experts.latent_size == max(1, round(np.mean(fitted.expert_sizes_)))
    first, *rest = fitted.notes_
    assert first.startswith("pixels learnt ")
    assert f"({fitted.normalizer_.likelihood.capitalize()})" in first
    assert all(note.startswith("the manager began unsure") for note in rest)
    partitions = fitted.partitions()
    assert list(partitions) == ["density", "manager", "moe-vae"]
    assert accuracy(drawn[1], partitions["manager"].labels) >= 0.9
    assert partitions["density"].labels is fitted.density_labels_


def test_a_single_picture(fitted, pixels):
    assert fitted.predict(pixels[7:8]).tolist() == [fitted.labels_[7]]
    assert fitted.reconstruct(pixels[7:8]).shape == (1, 1, 16, 16)


def test_curves(fitted):
    history = fitted.history_
    assert isinstance(history, pd.DataFrame)
    assert list(history.columns[:3]) == ["stage", "epoch", "seconds"]
    assert history.groupby("stage", sort=False)["epoch"].max().to_dict() == {
        "autoencode": 12,
        "manager": 12,
        "experts": 6,
        "specialise": 6,
    }
    assert {"loss", "reconstruction", "kl", "agreement", "expert loss", "sample entropy", "batch entropy"} <= set(
        history.columns
    )
    losses = {stage: rows["loss"].tolist() for stage, rows in history.groupby("stage")}
    assert losses["autoencode"][-1] < 0.7 * losses["autoencode"][0]
    assert losses["manager"][-1] < 0.5 * losses["manager"][0]
    assert list(fitted.timings_) == [
        *("scale", "autoencode", "latent size", "embed", "density"),
        *("manager", "expert size", "experts", "specialise", "assign", "expert maps"),
    ]


def test_the_expert_phase_makes_the_manager_surer_and_leaves_the_groups_even(fitted):
    history = fitted.history_.set_index("stage")
    assert history.loc["specialise", "sample entropy"].mean() < 0.2
    assert history.loc["experts", "batch entropy"].iloc[-1] < -0.9 * np.log(4)


def test_samples(fitted, pixels):
    drawn = fitted.sample(6, cluster=1)
    assert drawn.shape == (6, 1, 16, 16)
    assert drawn.dtype == np.float32
    low, high = pixels.min(), pixels.max()
    assert low - 0.01 <= drawn.min() < drawn.max() <= high + 0.01
    assert drawn.max() - drawn.min() > 0.3 * (high - low)  # in the pictures' own units, not in [0, 1]
    assert np.ptp(drawn, axis=0).max() > 1
    np.testing.assert_array_equal(fitted.sample(6, cluster=1), drawn)
    np.testing.assert_array_equal(fitted.sample(6, cluster=1, random_state=fitted.random_state), drawn)
    assert not np.array_equal(fitted.sample(6, cluster=1, random_state=5), drawn)
    assert not np.array_equal(fitted.sample(6, cluster=2), drawn)


def test_sampling_leaves_the_global_generator_alone(fitted):
    before = torch.get_rng_state()
    fitted.sample(2, cluster=0)
    assert torch.equal(torch.get_rng_state(), before)


def test_samples_look_like_their_group(fitted, pixels):
    means = np.stack([pixels[fitted.labels_ == group].mean(axis=0).ravel() for group in range(4)])
    for group in range(4):
        mean = fitted.sample(40, cluster=group).mean(axis=0).ravel()
        likeness = [np.corrcoef(mean, other)[0, 1] for other in means]
        assert int(np.argmax(likeness)) == group


def test_latent_walk(fitted):
    walk = fitted.latent_walk(cluster=2, dimension=0, steps=5, reach=2.0)
    assert walk.shape == (5, 1, 16, 16)
    other = fitted.latent_walk(cluster=2, dimension=1, steps=3)
    np.testing.assert_allclose(walk[2], other[1], rtol=1e-4)  # both stand at the origin
    assert np.abs(walk[0] - walk[-1]).max() > 1
    size = fitted.mixture_.experts.latent_size
    for dimension in (-1, size):
        with pytest.raises(InputError, match=f"dimensions 0 to {size - 1}"):
            fitted.latent_walk(0, dimension)


def test_what_a_run_is_told_of_each_group(fitted, pixels):
    values = fitted.run_values()
    assert values["latent_size"] == fitted.latent_size_
    entropies = [shannon_entropy(image[None], value_range=(pixels.min(), pixels.max()))[0] for image in pixels]
    assert values["shannon_entropy"] == pytest.approx(np.mean(entropies))
    for group, told in enumerate(values["groups"]):
        members = fitted.density_labels_ == group
        assert told["n_images_by_density"] == members.sum()
        assert told["shannon_entropy"] == pytest.approx(np.mean(np.array(entropies)[members]))
        assert told["latent_size"] == fitted.expert_sizes_[group]
        assert told["expert_latent_size"] == fitted.mixture_.experts.latent_size


def test_the_latent_space_of_an_expert(fitted, pixels):
    codes = fitted.transform_by_expert(pixels, 1)
    assert codes.shape == (320, fitted.mixture_.experts.latent_size)
    np.testing.assert_allclose(fitted.transform_by_expert(pixels[5:9], 1), codes[5:9], atol=1e-4)
    assert np.abs(codes - fitted.transform_by_expert(pixels, 2)).max() > 0.1
    own = codes[fitted.labels_ == 1]
    assert fitted.widest_dimensions_[1] == own.var(axis=0).argmax()
    maps = fitted.expert_maps_
    assert maps.shape == (320, 2)
    assert np.isfinite(maps).all()  # of no more than 1,000 images a group


def test_a_white_image_by_each_expert(fitted, pixels):
    image, drawn = fitted.white_image()
    assert (image == pixels.max()).all()
    assert drawn.shape == (4, 1, 16, 16)
    arrays = fitted.run_arrays()
    low, high = float(pixels.min()), float(pixels.max())
    np.testing.assert_allclose(arrays["expert_white"], np.clip((drawn - low) / (high - low), 0, 1), atol=1e-5)
    assert arrays["expert_walks"].shape == (4, 9, 1, 16, 16)
    walk = fitted.latent_walk(2, fitted.widest_dimensions_[2])
    np.testing.assert_allclose(arrays["expert_walks"][2], np.clip((walk - low) / (high - low), 0, 1), atol=1e-5)


@pytest.mark.parametrize("cluster", [-1, 4])
def test_a_group_that_there_is_not(fitted, cluster):
    with pytest.raises(InputError, match="groups 0 to 3"):
        fitted.sample(2, cluster)
    with pytest.raises(InputError, match="groups 0 to 3"):
        fitted.latent_walk(cluster, 0)
    with pytest.raises(InputError, match="groups 0 to 3"):
        fitted.transform_by_expert(pictures(each=2)[0], cluster)


@pytest.mark.parametrize("by", ["mixture", "best"])
def test_reconstructions_are_nearer_to_the_pictures_than_any_mean(fitted, pixels, by):
    drawn = fitted.reconstruct(pixels, by=by)
    assert drawn.shape == (320, 1, 16, 16)
    assert drawn.dtype == np.float32
    images = pixels.astype(np.float64)
    error = ((drawn[:, 0] - images) ** 2).mean()
    assert error < 0.5 * ((images - images.mean(axis=0)) ** 2).mean()


def test_the_best_expert_alone_is_the_mixture_where_the_manager_is_sure(fitted, pixels):
    sure = fitted.probabilities_.max(axis=1) > 0.999
    assert sure.any()
    images = pixels[sure]
    np.testing.assert_allclose(fitted.reconstruct(images), fitted.reconstruct(images, by="best"), atol=1.0)


def test_prediction_by_reconstruction_mostly_agrees(fitted, pixels):
    groups = fitted.predict_by_reconstruction(pixels)
    assert groups.dtype == np.int64
    assert (groups == fitted.labels_).mean() > 0.9


@pytest.mark.parametrize("shape", [(5, 12, 16), (5, 16, 16, 3)])
def test_other_images_than_those_learnt_from(fitted, shape):
    for method in (fitted.transform, fitted.reconstruct, fitted.predict_by_reconstruction):
        with pytest.raises(InputError, match="the model learnt from 1×16×16"):
            method(np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8))


def test_before_a_fit():
    for call in ("predict", "transform", "predict_proba"):
        with pytest.raises(NotFittedError):
            getattr(tiny(), call)(pictures(each=2)[0])
    with pytest.raises(NotFittedError):
        tiny().save("nowhere")


def test_another_seed_finds_the_kinds_too(drawn, fitted):
    model = small(random_state=1)
    assert accuracy(drawn[1], model.fit_predict(open_images(drawn[0]))) >= 0.9
    assert model.n_clusters_ == 4
    assert not np.array_equal(model.embedding_, fitted.embedding_)
