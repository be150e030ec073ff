"""What is recorded of a training after each epoch, how images are set upright, and when groups have collapsed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facies.images import open_images
from facies.methods.dac.frame import FramedPreprocessor
from facies.methods.dac.monitor import PairMonitor, read_in_order, set_upright
from facies.nn import PixelNormalizer, STDACNetwork, use_batch_statistics
from facies.training.checkpoints import load_state, save_state

PREPROCESSOR = FramedPreprocessor(PixelNormalizer(0.0, 255.0, 0.3, 1.0, "gaussian"), size=(8, 8), whole_numbers=True)
CPU = torch.device("cpu")


@pytest.fixture
def pixels():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (9, 1, 8, 8)).astype(np.uint8)


@pytest.fixture
def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield STDACNetwork((1, 8, 8), 3, filters=4, hidden_size=8, transformers=(0,))


def test_batches_for_statistics_hold_each_image_once_and_are_never_small():
    images = open_images(np.random.default_rng(0).integers(0, 256, (513, 2, 2)).astype(np.uint8))
    order = np.random.default_rng(0).permutation(513)
    batches = list(read_in_order(images, order, CPU))
    assert [len(batch.images) for batch in batches] == [171, 171, 171]
    np.testing.assert_array_equal(torch.cat([batch.indices for batch in batches]), order)


def monitor_of(pixels, max_positives=0.55):
    order = np.random.default_rng(0).permutation(9)
    return PairMonitor(open_images(pixels), PREPROCESSOR, order, max_positives, torch.from_numpy(pixels[:4]).float())


def test_a_monitor_records_groups_and_examples_and_ends_a_collapsed_training(network, pixels):
    monitor, images = monitor_of(pixels), torch.from_numpy(pixels).float()
    assert not monitor.on_epoch_end(network, 1, {"positives": 0.2})
    first = set_upright(network, PREPROCESSOR, images[:4])
    with torch.no_grad(), use_batch_statistics(network):
        groups = network(PREPROCESSOR.transform(images)).argmax(dim=1)
    state = monitor.state_dict()
    assert torch.equal(state["labels 1"].long(), groups)
    torch.testing.assert_close(state["examples first"], first)
    with torch.no_grad():
        network.transformers["0"].localisation.last.bias += 0.3
    assert monitor.on_epoch_end(network, 2, {"positives": 0.9})
    assert sorted(state) == ["examples first", "examples last", "labels 1", "labels 2"]
    torch.testing.assert_close(state["examples first"], first)
    torch.testing.assert_close(state["examples last"], set_upright(network, PREPROCESSOR, images[:4]))
    assert not torch.allclose(state["examples last"], first)
    assert network.training
    assert monitor.epoch_labels.shape == (2, 9)
    assert monitor.epoch_labels.dtype == np.int16
    np.testing.assert_array_equal(monitor.epoch_labels[0], groups)


def test_a_monitor_goes_on_from_its_state_after_a_kill(network, pixels, tmp_path):
    monitor, resumed = monitor_of(pixels), monitor_of(pixels)
    monitor.on_epoch_end(network, 1, {"positives": 0.2})
    save_state(tmp_path / "state", {"callback": monitor.state_dict()})
    resumed.load_state_dict(load_state(tmp_path / "state")["callback"])
    with torch.no_grad():
        network.transformers["0"].localisation.last.bias += 0.3
    for each in (monitor, resumed):
        each.on_epoch_end(network, 2, {"positives": 0.2})
    assert monitor.state.keys() == resumed.state.keys()
    for name, tensor in monitor.state.items():
        assert torch.equal(resumed.state[name], tensor), name


def test_images_are_set_upright_at_their_own_size_all_channels_alike(network):
    large = torch.rand(5, 2, 3, 16, 16)
    small = FramedPreprocessor(PREPROCESSOR.normalizer, size=(8, 8))
    network.theta = lambda images: torch.tensor([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]).expand(len(images), 2, 3)
    turned = set_upright(network, small, large)
    assert turned.shape == large.shape
    torch.testing.assert_close(turned, torch.rot90(large, -1, dims=(-2, -1)), atol=1e-5, rtol=0)
