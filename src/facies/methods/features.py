"""From images to the features of an encoder: found once, kept, and never all in memory."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facies.errors import InputError, suggest
from facies.images import ImageSet
from facies.methods.feature_cache import FeatureCache, feature_key
from facies.nn import PixelNormalizer
from facies.nn.encoders import (
    ENCODERS,
    Encoder,
    EncoderLoader,
    PlanesEncoder,
    encoder_names,
    load_encoder,
    rebuild_encoder,
)
from facies.plugins import load_plugin, plugin_names
from facies.training import Progress, SilentProgress
from facies.training.batches import in_order, read_batches

GROUP = "facies.encoders"
"""Entry points of this group add encoders."""
KEY_VERSION = 1
"""Grows when images are prepared for an encoder in another way."""
PIXELS_AT_ONCE = 2**20
SECONDS_BETWEEN_RECORDS = 5.0


def find_encoder(encoder: str) -> Encoder:
    """Load an encoder of Facies, of an installed package, or of a file or folder of one's own (see `load_encoder`).

    Raises
    ------
    InputError
        If there is no such encoder, or it cannot be used.
    """
    plugins = plugin_names(GROUP, ENCODERS)
    if encoder in plugins and encoder not in encoder_names():
        loader = load_plugin(GROUP, encoder, EncoderLoader)
        if loader is None:
            raise InputError(f"encoder={encoder} cannot be imported from the package that has it: update that package")
        loaded: Encoder = loader.load().eval()
        return loaded
    try:
        return load_encoder(encoder)
    except InputError as error:
        if str(error).startswith("there is no encoder") and plugins:
            names = [*encoder_names(), *plugins]
            raise InputError(f"there is no encoder {encoder!r}; {suggest(encoder, names)}") from error
        raise


class ImageEncoder(nn.Module):
    """Native pixels → features: the scale of the pixels, and an encoder for images of one shape.

    Parameters
    ----------
    planes
        The encoder, for images of this shape.
    normalizer
        Scale of the pixels, to [0, 1].
    """

    def __init__(self, planes: PlanesEncoder, normalizer: PixelNormalizer) -> None:
        super().__init__()
        self.planes, self.normalizer = planes, normalizer

    @classmethod
    def for_images(cls, encoder: Encoder, images: ImageSet, side: int | None = None) -> ImageEncoder:
        """For images of this shape and range."""
        return cls(PlanesEncoder(encoder, images.image_shape, side), PixelNormalizer(*images.value_range())).eval()

    @property
    def features(self) -> int:
        """Numbers an image."""
        return self.planes.features

    def forward(self, pixels: Tensor) -> Tensor:
        """Native pixels (B, C, H, W) or (B, L, C, H, W) → (B, features); some at a time, so that large batches have room."""
        scaled = self.normalizer(pixels)
        if torch.compiler.is_exporting() or torch.is_grad_enabled():
            return self.planes(scaled)
        height, width = self.planes.size
        step = max(1, PIXELS_AT_ONCE // (height * width * self.planes.passes))
        return torch.cat([self.planes(scaled[start : start + step]) for start in range(0, len(scaled), step)])

    def about(self) -> dict[str, Any]:
        """What ``run.json`` says of the encoder: its weights' name, hash, licence and source, and what it was shown."""
        height, width = self.planes.size
        return {
            **self.planes.encoder.weights.as_json(),
            "image_size": [height, width],
            "passes": self.planes.passes,
            "features": self.features,
        }

    def notes(self, image_shape: tuple[int, ...]) -> list[str]:
        """What was done to the images before the encoder saw them, one line each, where it is not plain."""
        *layers, channels, height, width = image_shape
        name, shown, notes = self.planes.encoder.weights.name, "×".join(map(str, self.planes.size)), []
        if self.planes.enlarges:
            notes.append(f"the images of {height}×{width} pixels were enlarged to {shown} for the encoder {name}")
        if channels not in (1, 3):
            notes.append(
                f"each of the {channels} channels was shown to the encoder {name} as a grey image, and the features joined"
            )
        if layers:
            notes.append(
                f"each of the {layers[0]} focal layers was shown to the encoder {name}, and the features joined"
            )
        return notes

    def state(self) -> dict[str, Any]:
        """The outputs ``encoder`` and ``encoder_about`` of a stage, and ``intensity``, from which `from_state` builds this again."""
        encoder = self.planes.encoder
        return {
            "encoder": dict(encoder.state()),
            "encoder_about": encoder.description(),
            "encoder_size": list(self.planes.size),
            "intensity": dict(self.normalizer.state_dict()),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], image_shape: tuple[int, ...], device: torch.device) -> ImageEncoder:
        """Build again what `state` gave, for images of this shape."""
        encoder = rebuild_encoder(state["encoder_about"], state["encoder"])
        normalizer = PixelNormalizer()
        normalizer.load_state_dict(state["intensity"])
        planes = PlanesEncoder(encoder, image_shape, max(state["encoder_size"]))
        return cls(planes, normalizer).to(device).eval()


def features_of(
    images: ImageSet,
    encoder: ImageEncoder,
    device: torch.device,
    *,
    batch_size: int = 64,
    progress: Progress | None = None,
    cache: FeatureCache | None = None,
) -> NDArray[np.float32]:
    """The features of all images, (N, D) float32: read where they are kept, else found and kept.

    They lie in a file that is mapped into memory (a small array of a set that is not kept lies in memory), so that memory
    does not grow with N. What a killed fit had found is taken up again.

    Parameters
    ----------
    images
        What to look at.
    encoder
        For images of that shape.
    device
        Where to compute.
    batch_size
        Images read at once.
    progress
        Advanced by each batch; what was there already counts at once.
    cache
        Where features are kept; by default in the cache folder of the user.
    """
    cache, progress = cache or FeatureCache(), progress or SilentProgress()
    shape = (len(images), encoder.features)
    key = _key(images, encoder, device)
    kept = None if key is None else cache.get(key, shape)
    if kept is not None:
        progress.advance(len(kept))
        return kept
    encoder = encoder.to(device).eval()
    with cache.fill(key, shape) as partial:
        progress.advance(partial.done)
        order = in_order(len(images), batch_size)
        left = [rows for rows in order if rows[0] >= partial.done]
        recorded = time.monotonic()
        for batch in read_batches(images, left, device):
            with torch.no_grad():
                found = encoder(batch.images).float().cpu().numpy()
            rows = batch.indices.cpu().numpy()
            partial.array[rows] = found
            progress.advance(len(rows))
            if time.monotonic() - recorded > SECONDS_BETWEEN_RECORDS:
                partial.record(int(rows[-1]) + 1)
                recorded = time.monotonic()
    return partial.array


def _key(images: ImageSet, encoder: ImageEncoder, device: torch.device) -> str | None:
    """What the features of these images by this encoder are kept under; None where the encoder cannot be told from others."""
    weights = encoder.planes.encoder.weights
    if not weights.sha256:
        return None
    return feature_key(
        {
            "version": KEY_VERSION,
            "weights": weights.sha256,
            "kind": encoder.planes.encoder.kind,
            "images": images.fingerprint(),
            "range": [float(encoder.normalizer.low), float(encoder.normalizer.span)],
            "size": list(encoder.planes.size),
            "device": device.type,
        }
    )
