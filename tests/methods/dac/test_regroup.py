"""Images are put into groups anew a few times in a training, by the maps of the network: groups of any size."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from facies.images import open_images
from facies.methods.dac.frame import FramedPreprocessor
from facies.methods.dac.regroup import Regrouping, matching_numbers, mixture_groups
from facies.nn import PixelNormalizer, STDACNetwork
from facies.training import Batch
from tests.methods.factories import pictures

SIZES = (300, 60, 40)


@pytest.fixture(scope="module")
def unequal():
    """Points of three kinds, of which one is five times as frequent as another."""
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0, 0, 0], [9, 0, 0, 0], [9, 6, 0, 0]])
    points = [rng.normal(centre, 1.0, (size, 4)) for centre, size in zip(centres, SIZES, strict=True)]
    return np.concatenate(points).astype(np.float32), np.repeat(np.arange(3), SIZES)


@pytest.fixture
def regrouping():
    images = open_images(pictures(each=15, seed=0)[0])
    order = np.random.default_rng(0).permutation(len(images))
    preprocessor = FramedPreprocessor(PixelNormalizer(0.0, 255.0, 0.2, 1.0, "gaussian"), size=(16, 16))
    return Regrouping(images, preprocessor, order, 4, after=(2, 4), seed=0)


@pytest.fixture
def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield STDACNetwork((1, 16, 16), 4, filters=4, hidden_size=8)


def test_kinds_of_unequal_size_are_found(unequal):
    points, kinds = unequal
    assert adjusted_rand_score(kinds, mixture_groups(points, 3, seed=0)) > 0.95


def test_numbers_are_those_that_most_images_had():
    groups = np.array([0, 0, 0, 1, 1, 2, 2, 2])
    others = np.array([2, 2, 1, 0, 0, 1, 1, 2])
    np.testing.assert_array_equal(matching_numbers(groups, others, 3), [2, 2, 2, 0, 0, 1, 1, 1])


def test_images_are_regrouped_after_each_of_the_epochs(regrouping, network):
    for epoch in (1, 2, 3, 4):
        before = dict(regrouping.state)
        assert not regrouping.on_epoch_end(network, epoch, {})
        if epoch in (1, 3):
            assert regrouping.state == before
    groups = regrouping.state["groups"]
    assert groups.shape == (60,)
    assert set(groups.tolist()) == {0, 1, 2, 3}
    assert network.training
    first, second = regrouping.state["moved"].tolist()
    assert regrouping.notes == [
        f"after epoch 2 the images were regrouped by the maps of the network: {first / 60:.0%} changed group",
        f"after epoch 4 the images were regrouped by the maps of the network: {second / 60:.0%} changed group",
    ]


def test_kinds_come_out_whatever_the_groups_of_the_network_were(regrouping, network):
    regrouping.on_epoch_end(network, 2, {})
    kinds = pictures(each=15, seed=0)[1]
    images = regrouping.preprocessor.transform(regrouping.images.__getitems__(np.arange(60)))
    own = network(images).argmax(dim=1).numpy()
    assert adjusted_rand_score(kinds, regrouping.state["groups"].numpy()) > adjusted_rand_score(kinds, own)


def test_in_the_next_epoch_alone_the_largest_number_is_that_of_the_new_group(regrouping):
    regrouping.state = {"groups": torch.tensor([2, 0, 1]), "moved": torch.tensor([2])}
    directions = torch.tensor([[0.7, 0.2, 0.1, 0.0], [0.9, 0.0, 0.1, 0.0], [0.1, 0.2, 0.3, 0.6]])
    rows = torch.tensor([0, 1, 2])
    redirected = regrouping.redirect(directions, Batch(torch.zeros(3, 1, 1, 1), rows, epoch=4))
    expected = torch.tensor([[0.1, 0.2, 0.7, 0.0], [0.9, 0.0, 0.1, 0.0], [0.1, 0.6, 0.3, 0.2]])
    torch.testing.assert_close(redirected, expected)
    again = regrouping.redirect(redirected, Batch(torch.zeros(3, 1, 1, 1), rows, epoch=2))
    torch.testing.assert_close(again, expected)
    for epoch in (1, 3, 5):
        assert regrouping.redirect(directions, Batch(torch.zeros(3, 1, 1, 1), rows, epoch=epoch)) is directions


def test_what_was_regrouped_survives_a_kill(regrouping):
    assert regrouping.state_dict() == {}
    assert regrouping.notes == []
    regrouping.load_state_dict({"groups": torch.zeros(60, dtype=torch.int64), "moved": torch.tensor([6, 3])})
    assert "10% changed group" in regrouping.notes[0]
    assert "5% changed group" in regrouping.notes[1]
