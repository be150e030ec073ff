"""Residual networks (He et al., 2016) as encoders, built by `transformers`: without weights, or with those of ImageNet."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn

from facies.errors import InputError

ResNetName = Literal["resnet18", "resnet50", "resnet152"]

_SHAPES: dict[str, tuple[str, tuple[int, ...], tuple[int, ...]]] = {
    "resnet18": ("basic", (2, 2, 2, 2), (64, 128, 256, 512)),
    "resnet50": ("bottleneck", (3, 4, 6, 3), (256, 512, 1024, 2048)),
    "resnet152": ("bottleneck", (3, 8, 36, 3), (256, 512, 1024, 2048)),
}
_HUB = {"resnet18": "microsoft/resnet-18", "resnet50": "microsoft/resnet-50", "resnet152": "microsoft/resnet-152"}
_PATIENCE = 5.0  # seconds for the hub to answer
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class ResNetBranch(nn.Module):
    """A residual network without its classifier: images → the mean of its last feature map.

    Parameters
    ----------
    name
        ``resnet18``, ``resnet50`` or ``resnet152``.
    channels
        1 (repeated three times) or 3.
    freeze_batch_norm
        Keep statistics and factors of the batch normalisation as they are, also in training.

    Attributes
    ----------
    features
        Numbers an image: 512, or 2048 of the deeper ones.

    Raises
    ------
    InputError
        If `transformers` is not installed, or the images have other channels.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, name: ResNetName, channels: int, *, freeze_batch_norm: bool = False) -> None:
        super().__init__()
        if channels not in (1, 3):
            raise InputError(f"the backbone {name} reads 1 or 3 channels, the images have {channels}; set encoder=conv")
        kind, depths, widths = _SHAPES[name]
        transformers = _transformers(name)
        config = transformers.ResNetConfig(depths=list(depths), hidden_sizes=list(widths), layer_type=kind)
        self.name, self.features, self.freeze_batch_norm = name, widths[-1], freeze_batch_norm
        self.network = transformers.ResNetModel(config)
        self.register_buffer("mean", torch.tensor(_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_STD).view(3, 1, 1), persistent=False)
        if freeze_batch_norm:
            for layer in self._normalisations():
                layer.requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """Images in [0, 1], (B, C, H, W) → (B, features); normalised as ImageNet's were."""
        return self.network((images.expand(-1, 3, -1, -1) - self.mean) / self.std).pooler_output.flatten(1)

    def train(self, mode: bool = True) -> Self:
        """As every module; frozen normalisations stay in evaluation mode."""
        super().train(mode)
        if self.freeze_batch_norm:
            for layer in self._normalisations():
                layer.eval()
        return self

    def load_imagenet(self, weights: str) -> None:
        """Load weights that were trained on ImageNet.

        Parameters
        ----------
        weights
            ``imagenet`` for those of the Hugging Face hub, or a file ``model.safetensors`` of the hub, or a folder with that
            and its ``config.json``.

        Raises
        ------
        InputError
            If they cannot be had, or are of another network.
        """
        check_weights(self.name, weights)
        try:
            state = _pretrained_state(self.name, weights)
        except Exception as error:
            reason = " ".join(str(error).split())[:160]
            raise InputError(f"weights={weights} cannot be had ({reason}); {_mend(self.name)}") from error
        try:
            self.network.load_state_dict(state)
        except RuntimeError as error:
            raise InputError(f"weights={weights}: are not those of a {self.name}; {_mend(self.name)}") from error

    def _normalisations(self) -> list[nn.Module]:
        return [layer for layer in self.network.modules() if isinstance(layer, nn.BatchNorm2d)]


def check_weights(name: str, weights: str) -> None:
    """Find out in seconds whether weights can be had, before anything is computed; the network is asked once.

    Parameters
    ----------
    name
        ``resnet18``, ``resnet50`` or ``resnet152``.
    weights
        As in `ResNetBranch.load_imagenet`.

    Raises
    ------
    InputError
        If the file or folder is not there; or if the hub's weights are not on this machine, and the hub cannot be reached.
    """
    if weights != "imagenet":
        place = Path(weights).expanduser()
        if not place.is_dir() and not (place.is_file() and place.suffix == ".safetensors"):
            raise InputError(f"weights={weights}: there is no such folder or .safetensors file; {_mend(name)}")
        return
    _transformers(name)  # which brings the hub's package
    from huggingface_hub import constants, try_to_load_from_cache

    if isinstance(try_to_load_from_cache(_HUB[name], "model.safetensors"), str):
        return
    if constants.HF_HUB_OFFLINE:
        raise InputError(
            f"weights=imagenet: the weights are not on this machine, and HF_HUB_OFFLINE forbids the network; {_mend(name)}"
        )
    if not _answers(constants.ENDPOINT):
        raise InputError(
            f"weights=imagenet: the weights are not on this machine, and {constants.ENDPOINT} cannot be reached; {_mend(name)}"
        )


def _answers(address: str) -> bool:
    """Return whether the hub answers, whatever it says, within a few seconds."""
    from huggingface_hub import get_session

    try:
        get_session().head(address, timeout=_PATIENCE)
    except Exception:  # of whichever library the hub's package asks with: they share no class
        return False
    return True


def _pretrained_state(name: str, weights: str) -> dict[str, Tensor]:
    """Return the weights of the network without its classifier, from a file, a folder or the hub."""
    if weights.endswith(".safetensors"):
        from safetensors.torch import load_file

        state = load_file(Path(weights).expanduser())
        return {key.removeprefix("resnet."): value for key, value in state.items() if not key.startswith("classifier.")}
    place = _HUB[name] if weights == "imagenet" else str(Path(weights).expanduser())
    loaded: dict[str, Tensor] = (
        _transformers(name).ResNetModel.from_pretrained(place, use_safetensors=True).state_dict()
    )
    return loaded


def _mend(name: str) -> str:
    return (
        f"where there is a network, run `hf download {_HUB[name]} --local-dir FOLDER` and set encoder.weights=FOLDER, "
        "or encoder.weights=null to begin with random ones"
    )


def _transformers(name: str) -> Any:
    try:
        import transformers
    except ImportError as error:
        raise InputError(
            f"encoder={name} needs transformers: pip install 'facies[pretrained]', or encoder=conv"
        ) from error
    return transformers
