"""Networks of a local Hugging Face folder (DINOv2 and v3, CLIP and BioCLIP, ViT-MAE, ResNet …), by `transformers`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from facies.errors import InputError
from facies.nn.encoders.encoder import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Encoder,
    Weights,
    channel_statistics,
    digest_of,
    digest_of_state,
    normalise,
)

HUB = "hub:"
"""What a name begins with that may be fetched from the hub."""


class HuggingFaceEncoder(Encoder):
    """A network built by `transformers`; no code that comes with the weights is run.

    Parameters
    ----------
    model
        The network.
    weights
        Where its weights are from.
    processing
        What ``preprocessor_config.json`` says of mean, deviation and size; ImageNet's mean and deviation where it is silent.
    has_pooler
        Whether the network's own summary of an image was trained; else the class token is taken, or the mean of all tokens.
    """

    kind = "hugging-face"
    averages_turns = True
    mean: Tensor
    std: Tensor

    def __init__(self, model: Any, weights: Weights, processing: Mapping[str, Any], *, has_pooler: bool) -> None:
        config = getattr(model.config, "vision_config", model.config)
        patch = getattr(config, "patch_size", None)
        super().__init__(
            weights,
            features=0,
            usual_side=_usual_side(processing, config),
            least_side=-(-32 // (patch or 1)) * (patch or 1),
            multiple=patch or 1,
        )
        self.model, self.processing, self.has_pooler = model, dict(processing), has_pooler
        self.register_buffer(
            "mean", channel_statistics(processing.get("image_mean") or IMAGENET_MEAN), persistent=False
        )
        self.register_buffer("std", channel_statistics(processing.get("image_std") or IMAGENET_STD), persistent=False)
        self.takes_any_size = model.config.model_type not in ("vit_mae", "clip", "siglip", "vit")
        size = self.input_size((self.usual_side, self.usual_side))
        with torch.no_grad():
            self.features = int(self.eval()(torch.zeros(1, 3, *size)).shape[1])

    def forward(self, images: Tensor) -> Tensor:
        """Images in [0, 1], (B, 3, H, W) → (B, features)."""
        pixels = normalise(images, self.mean, self.std)
        if hasattr(self.model, "get_image_features"):
            found = self.model.get_image_features(pixel_values=pixels)
            return found if isinstance(found, Tensor) else found.pooler_output
        output = self.model(pixel_values=pixels, **self._options(len(images), pixels))
        pooled = getattr(output, "pooler_output", None)
        if pooled is not None and self.has_pooler:
            return pooled.flatten(1)
        tokens: Tensor = output.last_hidden_state
        if tokens.dim() == 4:
            return tokens.mean(dim=(-2, -1))
        return tokens[:, 1:].mean(dim=1) if self.model.config.model_type == "vit_mae" else tokens[:, 0]

    def description(self) -> dict[str, Any]:
        """Configuration of the network, and what prepares its pixels."""
        config = json.loads(self.model.config.to_json_string(use_diff=False))
        return {
            **super().description(),
            "config": config,
            "model_type": self.model.config.model_type,
            "processing": self.processing,
            "has_pooler": self.has_pooler,
        }

    def state(self) -> Mapping[str, Tensor]:
        """The numbers of the network."""
        return dict(self.model.state_dict())

    def input_size(self, size: tuple[int, int], side: int | None = None) -> tuple[int, int]:
        """As for every encoder; networks whose positions are fixed take squares of their own size."""
        if getattr(self, "takes_any_size", False):
            return super().input_size(size, side)
        return self.usual_side, self.usual_side

    def _options(self, count: int, pixels: Tensor) -> dict[str, Any]:
        """ViT-MAE hides most of an image, at random, unless it is told not to (`mask_ratio`) and given an order."""
        if self.model.config.model_type != "vit_mae":
            return {}
        patches = (self.usual_side // self.multiple) ** 2
        return {"noise": torch.arange(patches, dtype=pixels.dtype, device=pixels.device).expand(count, -1)}

    @classmethod
    def from_state(cls, description: Mapping[str, Any], state: Mapping[str, Tensor]) -> Self:
        """Build again what `description` and `state` gave; nothing is looked for on the disk or in the network."""
        transformers = _transformers("this model")
        try:
            config = transformers.AutoConfig.for_model(
                **{**description["config"], "model_type": description["model_type"]}
            )
            model = transformers.AutoModel.from_config(config, trust_remote_code=False)
        except (ValueError, KeyError, TypeError) as error:
            reason = " ".join(str(error).split())[:120]
            raise InputError(
                f"the encoder of this model, {description['model_type']}, cannot be built ({reason}); update transformers"
            ) from error
        model.load_state_dict(dict(state))
        weights = Weights(**description["weights"])
        return cls(model.eval(), weights, description["processing"], has_pooler=bool(description["has_pooler"]))

    @classmethod
    def from_folder(cls, place: str) -> Self:
        """Load a local folder, or with ``hub:`` before it a repository of the Hugging Face hub.

        Raises
        ------
        InputError
            If `transformers` is not installed, or the folder holds no network of its that looks at images.
        """
        transformers = _transformers(place)
        from_hub = place.startswith(HUB)
        name = place.removeprefix(HUB) if from_hub else str(Path(place).expanduser())
        options = {"local_files_only": not from_hub, "trust_remote_code": False}
        try:
            config = transformers.AutoConfig.from_pretrained(name, **options)
            if config.model_type == "vit_mae":
                config.mask_ratio = 0.0
            model, loading = transformers.AutoModel.from_pretrained(
                name, config=config, use_safetensors=True, output_loading_info=True, dtype=torch.float32, **options
            )
        except Exception as error:
            reason = " ".join(str(error).split())[:160]
            raise InputError(f"encoder={place}: cannot be loaded as a network of transformers ({reason})") from error
        missing = {str(key) for key in loading["missing_keys"]}
        if any("pooler" not in key for key in missing):
            raise InputError(
                f"encoder={place}: its weights lack {sorted(missing)[0]}, and are not those of its config.json; fetch the folder again"
            )
        if not _looks_at_images(model):
            raise InputError(f"encoder={place}: {config.model_type} does not look at images; give one that does")
        folder = None if from_hub else Path(name)
        return cls(model.eval(), _weights_of(model, name, folder), _processing(folder), has_pooler=not missing)


def _looks_at_images(model: Any) -> bool:
    return hasattr(model, "get_image_features") or getattr(model, "main_input_name", "") == "pixel_values"


def _weights_of(model: Any, name: str, folder: Path | None) -> Weights:
    files = sorted(folder.glob("*.safetensors")) if folder is not None else []
    digest = digest_of(files) if files else digest_of_state(model.state_dict())
    return Weights(f"{model.config.model_type} {Path(name).name}", digest, _licence(folder), name.rpartition("/")[2])


def _licence(folder: Path | None) -> str:
    """The licence that the head of the folder's README names."""
    try:
        text = "" if folder is None else (folder / "README.md").read_text("utf-8", errors="replace")[:10_000]
    except OSError:
        text = ""
    found = re.search(r"^license:\s*([^\s#]+)", text, flags=re.MULTILINE)
    return found.group(1) if found else "not stated"


def _processing(folder: Path | None) -> dict[str, Any]:
    """Mean, deviation and size from ``preprocessor_config.json``."""
    try:
        held = {} if folder is None else json.loads((folder / "preprocessor_config.json").read_text("utf-8"))
    except (OSError, ValueError):
        held = {}
    names = ("image_mean", "image_std", "size", "crop_size")
    return {name: held[name] for name in names if isinstance(held, dict) and held.get(name) is not None}


def _usual_side(processing: Mapping[str, Any], config: Any) -> int:
    """Side of the images that the network was made for; positions that are fixed decide before all else."""
    fixed = getattr(config, "image_size", None)
    if fixed is not None and config.model_type in ("vit_mae", "clip_vision_model", "siglip_vision_model", "vit"):
        return int(fixed if isinstance(fixed, int) else max(fixed))
    for size in (processing.get("crop_size"), processing.get("size")):
        sides = size.values() if isinstance(size, dict) else [size]
        numbers = [int(each) for each in sides if isinstance(each, int | float)]
        if numbers:
            return max(numbers)
    return 224


def _transformers(place: str) -> Any:
    try:
        import transformers
    except ImportError as error:
        raise InputError(f"encoder={place} needs transformers: pip install 'facies[pretrained]'") from error
    return transformers
