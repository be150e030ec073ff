"""Networks of focal stacks: shapes for any size, layers that share weights or do not, residual branches."""

from __future__ import annotations

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import torch

from facies.errors import InputError
from facies.nn import ConvBranch, FocalAutoencoder, FocalDecoder, FocalEncoder, ResNetBranch
from facies.nn.focal_stack import halved
from facies.nn.resnet import _answers, check_weights


def stacks(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def test_sizes_are_halved_and_rounded_up():
    assert halved((280, 280), 10) == [(280, 280), (140, 140), (70, 70), (35, 35), (18, 18), (9, 9)]
    assert halved((5, 9), 4) == [(5, 9), (3, 5), (2, 3)]
    assert halved((3, 2), 4) == [(3, 2)]


@pytest.mark.parametrize("shape", [(6, 3, 64, 64), (1, 1, 8, 8), (2, 5, 33, 20), (3, 3, 7, 50), (1, 2, 2, 3)])
@pytest.mark.parametrize("share", [True, False])
def test_every_size_is_drawn_as_it_was(shape, share):
    network = FocalAutoencoder(shape, 7, filters=4, share_branches=share)
    images = stacks(5, *shape)
    out = network(images)
    assert out.reconstruction.shape == images.shape
    assert out.mean.shape == out.log_variance.shape == (5, 7)
    assert 0 <= out.reconstruction.min() <= out.reconstruction.max() <= 1


def test_the_decoder_of_the_papers_size_has_the_specified_stages():
    decoder = FocalDecoder((6, 3, 280, 280), 512, 32)
    assert decoder.smallest == (512, 9, 9)
    assert decoder.sizes == [(18, 18), (35, 35), (70, 70), (140, 140), (280, 280)]
    assert [stage[0].out_channels for stage in decoder.stages] == [512, 256, 128, 64, 32]
    assert decoder.last.out_channels == 18


def test_shared_branches_see_all_layers_with_the_same_weights():
    torch.manual_seed(0)
    shared, separate = (FocalEncoder((4, 1, 16, 16), 3, filters=4, share_branches=share) for share in (True, False))
    assert len(shared.branches) == 1
    assert len(separate.branches) == 4
    count = sum(parameter.numel() for parameter in shared.branches.parameters())
    assert sum(parameter.numel() for parameter in separate.branches.parameters()) == 4 * count
    images = stacks(2, 4, 1, 16, 16)
    for branch in separate.branches:  # with equal weights both are the same function
        branch.load_state_dict(shared.branches[0].state_dict())
    separate.head.load_state_dict(shared.head.state_dict())
    shared.eval()
    separate.eval()
    torch.testing.assert_close(shared(images)[0], separate(images)[0])


def test_the_order_of_the_layers_matters():
    encoder = FocalEncoder((3, 1, 16, 16), 5, filters=4).eval()
    images = stacks(2, 3, 1, 16, 16)
    assert not torch.allclose(encoder(images)[0], encoder(images.flip(1))[0], atol=1e-4)


def test_a_code_is_drawn_in_training_alone():
    network = FocalAutoencoder((2, 1, 16, 16), 5, filters=4)
    images = stacks(3, 2, 1, 16, 16)
    assert not torch.equal(network(images).reconstruction, network(images).reconstruction)
    network.eval()
    assert torch.equal(network(images).reconstruction, network(images).reconstruction)


def test_filters_and_their_number():
    assert ConvBranch((3, 64, 64), 8).features == 64 * 4 * 4
    assert ConvBranch((3, 280, 280), 32).features == 512 * 3 * 3


def test_a_residual_branch_without_weights_is_built_offline():
    branch = ResNetBranch("resnet18", 3)
    assert branch.features == 512
    assert sum(parameter.numel() for parameter in branch.parameters()) == 11_176_512  # that of He et al., no classifier
    images = stacks(2, 3, 40, 40)
    assert branch(images).shape == (2, 512)


def test_residual_branches_normalise_as_imagenet_was_and_conv_does_not():
    branch = ResNetBranch("resnet18", 3).eval()
    images = stacks(2, 3, 32, 32)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    expected = branch.network((images - mean.view(3, 1, 1)) / std.view(3, 1, 1)).pooler_output.flatten(1)
    torch.testing.assert_close(branch(images), expected)


def test_grey_images_are_shown_as_three_equal_colours():
    branch = ResNetBranch("resnet18", 1).eval()
    grey = stacks(2, 1, 32, 32)
    torch.testing.assert_close(branch(grey), branch(grey.expand(-1, 3, -1, -1)))
    with pytest.raises(InputError, match=r"reads 1 or 3 channels, the images have 4; set encoder=conv"):
        ResNetBranch("resnet18", 4)


def test_frozen_normalisations_stay_as_they_are_in_training():
    frozen, free = ResNetBranch("resnet18", 3, freeze_batch_norm=True), ResNetBranch("resnet18", 3)
    before = [{name: value.clone() for name, value in branch.state_dict().items()} for branch in (frozen, free)]
    for branch in (frozen, free):
        branch.train()
        branch(stacks(4, 3, 32, 32)).sum().backward()
    changed = [
        {name for name, value in branch.state_dict().items() if not torch.equal(value, old[name])}
        for branch, old in zip((frozen, free), before, strict=True)
    ]
    assert changed[0] == set()
    assert any("running_mean" in name for name in changed[1])
    assert not any(p.requires_grad for name, p in frozen.named_parameters() if "normalization" in name)
    assert all(p.requires_grad for name, p in frozen.named_parameters() if "convolution" in name)


def test_weights_from_a_local_folder(tmp_path):
    torch.manual_seed(1)
    source = ResNetBranch("resnet18", 3)
    source.network.save_pretrained(tmp_path / "mine")
    network = FocalAutoencoder((2, 3, 32, 32), 4, backbone="resnet18", filters=4, share_branches=False)
    network.load_imagenet(str(tmp_path / "mine"))
    for branch in network.encoder.branches:
        for name, value in branch.network.state_dict().items():
            assert torch.equal(value, source.network.state_dict()[name]), name


def test_weights_that_cannot_be_had_say_how_to_get_them(tmp_path):
    branch = ResNetBranch("resnet18", 3)
    for weights in (str(tmp_path / "nowhere"), str(tmp_path)):
        with pytest.raises(InputError, match=r"microsoft/resnet-18.*set encoder.weights=FOLDER") as caught:
            branch.load_imagenet(weights)
        assert "\n" not in str(caught.value)


def test_weights_of_another_network_are_refused(tmp_path):
    import transformers

    config = transformers.ResNetConfig(depths=[1, 1, 1, 1], hidden_sizes=[8, 8, 8, 8], layer_type="basic")
    transformers.ResNetModel(config).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="are not those of a resnet18"):
        ResNetBranch("resnet18", 3).load_imagenet(str(tmp_path))


def test_weights_from_a_local_file(tmp_path):
    import transformers

    kind, depths, widths = "basic", [2, 2, 2, 2], [64, 128, 256, 512]
    config = transformers.ResNetConfig(depths=depths, hidden_sizes=widths, layer_type=kind)
    source = transformers.ResNetForImageClassification(config)
    source.save_pretrained(tmp_path)  # as the hub has it: with a classifier
    branch = ResNetBranch("resnet18", 3)
    branch.load_imagenet(str(tmp_path / "model.safetensors"))
    for name, value in branch.network.state_dict().items():
        assert torch.equal(value, source.resnet.state_dict()[name]), name
    (tmp_path / "broken.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"broken\.safetensors cannot be had"):
        branch.load_imagenet(str(tmp_path / "broken.safetensors"))


@pytest.fixture
def no_cache(monkeypatch, tmp_path):
    """Nothing of the hub on this machine, and no file of it asked for."""

    def asked(*_, **__):
        raise AssertionError("the hub was asked for the weights, which tries for half a minute")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("transformers.ResNetModel.from_pretrained", asked)


def test_a_hub_that_cannot_be_reached_is_said_at_once(no_cache, monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{closed.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(
            InputError,
            match=r"weights=imagenet: the weights are not on this machine, and .* cannot be reached; .*hf download",
        ) as caught:
            ResNetBranch("resnet18", 3).load_imagenet("imagenet")
    assert time.monotonic() - began < 4
    assert "\n" not in str(caught.value)


def test_a_network_that_is_forbidden_is_not_asked(no_cache, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("facies.nn.resnet._answers", None)
    with pytest.raises(InputError, match="HF_HUB_OFFLINE forbids the network"):
        check_weights("resnet152", "imagenet")


def test_a_hub_that_answers_is_reached(monkeypatch):
    class Answer(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_error(404)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert _answers(f"http://127.0.0.1:{server.server_port}"), "whatever it says"
        thread.join()


def test_a_hub_that_fails_later_says_how(monkeypatch):
    def broken(*_, **__):
        raise OSError("We couldn't connect\nto the hub")

    monkeypatch.setattr("facies.nn.resnet._answers", lambda address: True)
    monkeypatch.setattr("transformers.ResNetModel.from_pretrained", broken)
    with pytest.raises(
        InputError, match=r"weights=imagenet cannot be had \(We couldn't connect to the hub\); .*hf download"
    ):
        ResNetBranch("resnet18", 3).load_imagenet("imagenet")
