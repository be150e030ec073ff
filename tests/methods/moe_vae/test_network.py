"""Experts side by side against each alone, routing of images to experts, and the routed mixture against the dense one."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from facies.losses import expected_loss, gaussian_reconstruction
from facies.methods.moe_vae.network import (
    MixtureOfExperts,
    ParallelAutoencoder,
    ParallelDecoder,
    ParallelEncoder,
    ParallelLinear,
    route,
    select_experts,
)
from facies.nn import ConvAutoencoder, ConvEncoder
from facies.nn.conv_autoencoder import ConvLayout

SHAPE = (1, 16, 16)
EXPERTS = 3


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def experts_of(shape, latent_size=3, filters=4, *, normalization="group", n_networks=EXPERTS):
    return ParallelAutoencoder(ConvLayout(shape, filters, "mish", normalization, n_networks), latent_size)


def of_network(tensor, number, n_networks):
    """What belongs to one network of a tensor of several, which lie beside one another along the first axis."""
    return tensor.reshape(n_networks, -1, *tensor.shape[1:])[number]


def copy_network(states, single, number, n_networks):
    """Give `single` the weights and statistics of one of several networks, by their state."""
    state = single.state_dict()
    for name, tensor in states.items():
        own = of_network(tensor, number, n_networks).reshape(state[name].shape) if tensor.dim() else tensor
        state[name] = own.clone()
    single.load_state_dict(state)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (2, 13, 22), (5, 7, 9), (1, 64, 20), (1, 1, 3)])
@pytest.mark.parametrize("n_networks", [1, 3])
def test_shapes_of_experts(shape, n_networks):
    out = experts_of(shape, 5, n_networks=n_networks)(torch.randn(2, n_networks, *shape))
    assert out.reconstruction.shape == (2, n_networks, *shape)
    assert out.mean.shape == out.log_variance.shape == out.code.shape == (2, n_networks, 5)


@pytest.mark.parametrize("normalization", ["batch", "group"])
@pytest.mark.parametrize("shape", [(2, 16, 16), (1, 13, 22)])
def test_several_networks_equal_each_alone(normalization, shape, monkeypatch):
    count, noise = 3, torch.randn(5, 3, 4, dtype=torch.float64)
    parallel = experts_of(shape, 4, 6, normalization=normalization, n_networks=count).double()
    for parameter in parallel.parameters():  # weights that all differ, those of the normalisations too
        nn.init.normal_(parameter, std=0.3)
    begun = {name: tensor.clone() for name, tensor in parallel.state_dict().items()}
    images = torch.randn(5, count, *shape, dtype=torch.float64)
    weights = torch.randn_like(images)
    monkeypatch.setattr(torch, "randn_like", lambda mean: noise[: len(mean)])
    out = parallel(images)
    ((out.reconstruction * weights).sum() + out.log_variance.square().sum()).backward()
    singles = []
    for k in range(count):
        if normalization == "batch":  # the network of one is then that of everybody
            single, mine, factor = ConvAutoencoder(shape, 4, 6).double(), images[:, k], weights[:, k]
            monkeypatch.setattr(torch, "randn_like", lambda mean, k=k: noise[: len(mean), k])
        else:
            single = experts_of(shape, 4, 6, normalization=normalization, n_networks=1).double()
            mine, factor = images[:, k : k + 1], weights[:, k : k + 1]
            monkeypatch.setattr(torch, "randn_like", lambda mean, k=k: noise[: len(mean), k : k + 1])
        copy_network(begun, single, k, count)
        own = single(mine)
        for several, alone in zip(out, own, strict=True):
            torch.testing.assert_close(several[:, k].reshape(alone.shape), alone)
        ((own.reconstruction * factor).sum() + own.log_variance.square().sum()).backward()
        for parameter, alone in zip(parallel.parameters(), single.parameters(), strict=True):
            torch.testing.assert_close(of_network(parameter.grad, k, count).reshape(alone.shape), alone.grad)
        singles.append((single, mine))
    for network in (parallel, *(single for single, _ in singles)):
        network.eval()  # by the statistics of that one batch
    for k, (single, mine) in enumerate(singles):
        alone = single(mine).reconstruction
        torch.testing.assert_close(parallel(images).reconstruction[:, k].reshape(alone.shape), alone)


def test_group_normalization_looks_at_one_image_alone():
    images = torch.randn(6, EXPERTS, *SHAPE)
    by_group = experts_of(SHAPE, 4, 6)
    torch.testing.assert_close(by_group.encode(images)[0][:1], by_group.encode(images[:1])[0], atol=1e-5, rtol=1e-4)
    by_batch = experts_of(SHAPE, 4, 6, normalization="batch")
    assert not torch.allclose(by_batch.encode(images)[0][:1], by_batch.encode(images[:1])[0], atol=1e-3)


def test_parallel_linear_is_an_affine_map_each():
    layer = ParallelLinear(3, 2, 4)
    x = torch.randn(5, 4, 3)
    for k in range(4):
        torch.testing.assert_close(layer(x)[:, k], x[:, k] @ layer.weight[k] + layer.bias[k])


def test_parallel_encoder_and_decoder_pad_and_crop():
    layout = ConvLayout((1, 13, 22), 2, n_networks=2)
    assert layout.padding == (1, 1, 1, 2)
    assert ParallelEncoder(layout, 4)(torch.rand(3, 2, 1, 13, 22)).shape == (3, 2, 4)
    assert ParallelDecoder(layout, 4)(torch.rand(3, 2, 4)).shape == (3, 2, 1, 13, 22)


def test_experts_of_unequal_size_use_their_own_dimensions_alone():
    layout = ConvLayout(SHAPE, 4, "mish", "group", EXPERTS)
    experts, images = ParallelAutoencoder(layout, 4, [2, 4, 1]), torch.rand(3, EXPERTS, *SHAPE)
    out = experts(images)
    for values in (out.mean, out.log_variance, out.code):
        assert [int((values[:, k] != 0).all(dim=0).sum()) for k in range(EXPERTS)] == [2, 4, 1]
    out.reconstruction.square().sum().backward()
    used = (experts.decoder.head.weight.grad != 0).any(dim=2).sum(dim=1)
    assert used.tolist() == [2, 4, 1]
    assert set(experts.state_dict()) == set(experts_of(SHAPE, 4).state_dict())


def test_deterministic_experts_draw_no_codes():
    experts = ParallelAutoencoder(ConvLayout(SHAPE, 4, "mish", "group", EXPERTS), 3, deterministic=True)
    out = experts(torch.rand(3, EXPERTS, *SHAPE))
    assert torch.equal(out.code, out.mean)


def test_experts_draw_their_codes_in_training_alone():
    experts, images = experts_of(SHAPE), torch.rand(3, EXPERTS, *SHAPE)
    assert not torch.equal(experts(images).code, experts(images).code)
    assert not torch.equal(experts(images).code, experts(images).mean)
    experts.eval()
    assert torch.equal(experts(images).code, experts(images).mean)


def masks(images, experts, seed, share):
    return torch.rand(images, experts, generator=torch.Generator().manual_seed(seed)) < share


@settings(deadline=None, max_examples=80)
@given(st.integers(1, 20), st.integers(1, 6), st.integers(0, 10_000), st.floats(0.02, 1.0))
def test_every_asked_pair_is_taken_once_and_padding_repeats_own_rows(images, experts, seed, share):
    asked = masks(images, experts, seed, share)
    asked[0, 0] = True  # a mixture always asks someone
    rows, taken = route(asked)
    assert rows.shape == taken.shape == (int(asked.sum(dim=0).max()), experts)
    for k in range(experts):
        own = asked[:, k].nonzero()[:, 0].tolist()
        listed, places = rows[:, k].tolist(), taken[:, k].tolist()
        assert [row for row, place in zip(listed, places, strict=True) if place] == own
        if own:
            assert listed == [own[place % len(own)] for place in range(len(listed))]
        else:
            assert listed == [0] * len(listed)
            assert not any(places)


def test_an_expert_that_nobody_asks():
    asked = torch.tensor([[False, False, False], [False, True, True], [False, True, False]])
    rows, taken = route(asked)
    assert rows.tolist() == [[0, 1, 1], [0, 2, 1]]
    assert taken.tolist() == [[False, True, True], [False, True, False]]


def test_nobody_asked_anything():
    rows, taken = route(torch.zeros(4, 2, dtype=torch.bool))
    assert rows.tolist() == [[0, 0]]
    assert not taken.any()


class FirstPixels(nn.Module):
    """A manager that reads its logits off the first pixels of the image."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))

    def forward(self, images):
        return self.gain * images[:, 0, 0, :EXPERTS]


def mixture(threshold, *, hard=False, normalization="group", manager=None):
    """A mixture that decodes the mean of a code, and not a draw."""
    torch.manual_seed(0)
    experts = experts_of(SHAPE, normalization=normalization)
    return MixtureOfExperts(manager or FirstPixels(), experts, threshold, hard=hard).eval()


def images_with(logits):
    images = torch.rand(len(logits), *SHAPE, generator=torch.Generator().manual_seed(5))
    images[:, 0, 0, :EXPERTS] = torch.as_tensor(logits)
    return images


def confident(n=8, gain=20.0):
    return images_with(gain * torch.eye(EXPERTS)[torch.arange(n) % EXPERTS])


def loss_of(network, images, targets=None):
    out = network(images, targets)
    losses = gaussian_reconstruction(out.experts.reconstruction, out.images)
    return expected_loss(out.weights, losses) * len(losses) / len(images)


def by_hand(network, images):
    """Σᵢ Σₖ pᵢₖ dₖ(xᵢ) / B with one expert and one image at a time."""
    total = torch.zeros(())
    p = network.manager(images).softmax(dim=1)
    for i in range(len(images)):
        for k in range(EXPERTS):
            drawn = network.experts(images[i : i + 1, None].expand(-1, EXPERTS, -1, -1, -1)).reconstruction[0, k]
            total = total + p[i, k] * (drawn - images[i]).square().mean()
    return total / len(images)


def test_dense_loss_by_hand():
    images = images_with(torch.randn(5, EXPERTS))
    network = mixture(None)
    torch.testing.assert_close(loss_of(network, images), by_hand(network, images), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("threshold", [0.0, 0.01])
def test_routed_loss_equals_dense_loss_where_the_manager_is_sure(threshold):
    images, losses, gradients = confident(), [], []
    for cut in (None, threshold):
        network = mixture(cut)
        loss = loss_of(network, images)
        loss.backward()
        losses.append(loss.detach())
        gradients.append([parameter.grad for parameter in network.experts.parameters()])
    torch.testing.assert_close(losses[1], losses[0], atol=1e-4, rtol=1e-4)
    for routed, dense in zip(gradients[1], gradients[0], strict=True):
        torch.testing.assert_close(routed, dense, atol=1e-4, rtol=1e-3)


def test_threshold_zero_equals_dense_for_an_unsure_manager_too():
    images = images_with(torch.randn(6, EXPERTS))
    torch.testing.assert_close(loss_of(mixture(0.0), images), loss_of(mixture(None), images), atol=1e-5, rtol=1e-4)


def test_threshold_says_who_is_asked():
    p = torch.tensor([[0.7, 0.25, 0.05], [0.5, 0.45, 0.05], [0.34, 0.33, 0.33]])
    images = images_with(p.log())
    out = mixture(0.3)(images)
    torch.testing.assert_close(out.logits.softmax(dim=1), p)
    asked = [sorted(round(w, 4) for w in out.weights[:, k].tolist() if w > 0) for k in range(EXPERTS)]
    assert asked == [[0.34, 0.5, 0.7], [0.33, 0.45], [0.33]]
    for k in range(EXPERTS):
        for m in range(len(out.weights)):
            if out.weights[m, k] > 0:
                assert any(torch.equal(out.images[m, k], image) for image in images)


def test_the_first_choice_is_asked_however_high_the_threshold():
    images = images_with(torch.tensor([[0.34, 0.33, 0.33], [0.33, 0.34, 0.33]]).log())
    out = mixture(0.99)(images)
    assert out.weights.shape == (1, EXPERTS)
    assert out.weights[0].tolist() == pytest.approx([0.34, 0.34, 0.0], abs=1e-4)


def test_targets_are_shown_as_targets_and_images_go_in():
    images = confident()
    targets = torch.rand_like(images)
    for threshold in (None, 0.01):
        out = mixture(threshold)(images, targets)
        plain = mixture(threshold)(images)
        torch.testing.assert_close(out.experts.reconstruction, plain.experts.reconstruction)
        assert any(torch.equal(out.images[0, 0], target) for target in targets)


def test_hard_gives_each_image_to_one_expert_with_weight_1():
    images = images_with(torch.tensor([[1.0, 0.9, 0.0], [0.0, 2.0, 1.9], [3.0, 0.0, 0.0]]))
    out = mixture(None, hard=True)(images)
    assert out.weights.tolist() == [[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    assert torch.equal(out.images[0, 0], images[0])
    assert torch.equal(out.images[1, 0], images[2])
    assert torch.equal(out.images[0, 1], images[1])


def test_hard_mode_freezes_the_manager_and_its_statistics():
    manager = ConvEncoder(SHAPE, EXPERTS, 4)
    network = mixture(None, hard=True, manager=manager).train()
    before = {name: tensor.clone() for name, tensor in manager.state_dict().items()}
    images = torch.rand(9, *SHAPE)
    loss_of(network, images).backward()
    assert all(parameter.grad is None for parameter in manager.parameters())
    assert any(parameter.grad is not None for parameter in network.experts.parameters())
    for name, tensor in manager.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    soft = mixture(None, manager=manager).train()
    loss_of(soft, images).backward()
    assert all(parameter.grad is not None for parameter in manager.parameters())
    assert not torch.equal(manager.state_dict()["blocks.1.running_mean"], before["blocks.1.running_mean"])


def test_hard_and_dense_of_a_sure_manager_agree():
    images = confident(gain=60.0)
    torch.testing.assert_close(
        loss_of(mixture(None, hard=True), images), loss_of(mixture(None), images), atol=1e-5, rtol=1e-4
    )


def test_the_manager_learns_from_the_experts_losses():
    images = images_with(torch.randn(6, EXPERTS))
    slopes = []
    for threshold in (None, 0.0):
        network = mixture(threshold)
        loss_of(network, images).backward()
        slopes.append(network.manager.gain.grad)
    assert slopes[0].abs() > 0
    torch.testing.assert_close(slopes[1], slopes[0], atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("normalization", ["batch", "group"])
@pytest.mark.parametrize("kept", [[0, 2], [1], [2, 0, 1]])
def test_the_experts_selected_answer_as_before(normalization, kept):
    manager = ConvEncoder(SHAPE, EXPERTS, 4)
    whole = mixture(None, normalization=normalization, manager=manager).train()
    images = torch.rand(7, *SHAPE)
    whole(images)  # statistics of its own for each expert
    whole.eval()
    before = whole(images)
    some = experts_of(SHAPE, normalization=normalization, n_networks=len(kept))
    fewer = MixtureOfExperts(ConvEncoder(SHAPE, len(kept), 4), some).eval()
    states = select_experts(dict(manager.state_dict()), dict(whole.experts.state_dict()), kept)
    fewer.manager.load_state_dict(states[0])
    fewer.experts.load_state_dict(states[1])
    after = fewer(images)
    torch.testing.assert_close(after.logits, before.logits[:, kept])
    torch.testing.assert_close(after.experts.reconstruction, before.experts.reconstruction[:, kept])
    torch.testing.assert_close(after.experts.mean, before.experts.mean[:, kept])


def test_an_expert_without_images_keeps_its_statistics():
    network = mixture(None, hard=True, normalization="batch").train()
    begun = {name: tensor.clone() for name, tensor in network.experts.state_dict().items()}
    images = images_with(torch.tensor([[9.0, 0.0, 0.0], [9.0, 0.0, 0.0], [0.0, 0.0, 9.0]]))
    loss_of(network, images).backward()
    moved = {
        name: [
            not torch.equal(of_network(tensor, k, EXPERTS), of_network(begun[name], k, EXPERTS)) for k in range(EXPERTS)
        ]
        for name, tensor in network.experts.state_dict().items()
        if "running" in name
    }
    assert moved
    assert all(changed == [True, False, True] for changed in moved.values())
    optimizer = torch.optim.SGD(network.experts.parameters(), lr=1.0)
    optimizer.step()
    for parameter, before in zip(network.experts.parameters(), begun_parameters(network, begun), strict=True):
        assert torch.equal(of_network(parameter, 1, EXPERTS), of_network(before, 1, EXPERTS))


def begun_parameters(network, begun):
    return [begun[name] for name, _ in network.experts.named_parameters()]
