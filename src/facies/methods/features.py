"""From images to the features of an encoder: found once, kept, and never all in memory."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
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
    Weights,
    encoder_names,
    load_encoder,
    rebuild_encoder,
)
from facies.nn.encoders.looking import arithmetic, images_at_once
from facies.plugins import load_plugin, plugin_names
from facies.training import Progress, SilentProgress
from facies.training.batches import in_order, read_batches

GROUP = "facies.encoders"
"""Entry points of this group add encoders."""
KEY_VERSION = 1
"""Grows when images are prepared for an encoder in another way."""
SECONDS_BETWEEN_RECORDS = 5.0
BYTES_ON_GPU = 2**30
"""Most that the native pixels of a batch may take there."""


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
    def for_images(cls, encoder: Encoder, images: ImageSet, side: int | None = None, turns: int = 1) -> ImageEncoder:
        """For images of this shape and range."""
        planes = PlanesEncoder(encoder, images.image_shape, side, turns)
        return cls(planes, PixelNormalizer(*images.value_range())).eval()

    @property
    def features(self) -> int:
        """Numbers an image."""
        return self.planes.features

    def forward(self, pixels: Tensor) -> Tensor:
        """Native pixels (B, C, H, W) or (B, L, C, H, W) → (B, features)."""
        return self.planes.in_parts(self.normalizer(pixels))

    def state(self) -> dict[str, Any]:
        """The outputs ``encoder`` and ``encoder_about`` of a stage, and ``intensity``, from which `from_state` builds this again."""
        encoder = self.planes.encoder
        return {
            "encoder": dict(encoder.state()),
            "encoder_about": encoder.description(),
            "encoder_size": list(self.planes.size),
            "encoder_turns": self.planes.turns,
            "intensity": dict(self.normalizer.state_dict()),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], image_shape: tuple[int, ...], device: torch.device) -> ImageEncoder:
        """Build again what `state` gave, for images of this shape."""
        encoder = rebuild_encoder(state["encoder_about"], state["encoder"])
        normalizer = PixelNormalizer()
        normalizer.load_state_dict(state["intensity"])
        turns = int(state.get("encoder_turns", 1))  # models of before the turns saw images as they lie
        planes = PlanesEncoder(encoder, image_shape, max(state["encoder_size"]), turns)
        return cls(planes, normalizer).to(device).eval()


def encoder_about(planes: PlanesEncoder) -> dict[str, Any]:
    """What ``run.json`` says of an encoder: its weights' name, hash, licence and source, what it was shown, and how fast."""
    return {
        **planes.encoder.weights.as_json(),
        "image_size": list(planes.size),
        "passes": planes.passes,
        "orientations": len(planes.orientations),
        "features": planes.features,
        **planes.pace,
    }


def weights_note(weights: Weights, used: str) -> str:
    """One line on where the weights of an encoder are from, and what it did or what became of it."""
    return f"the encoder {weights.name} (licence: {weights.licence}; SHA-256 {weights.sha256[:12] or 'none'}) {used}"


def shown_notes(planes: PlanesEncoder, image_shape: tuple[int, ...]) -> list[str]:
    """What was done to the images before an encoder saw them, one line each, where it is not plain."""
    *layers, channels, height, width = image_shape
    name, shown, notes = planes.encoder.weights.name, "×".join(map(str, planes.size)), []
    if planes.enlarges:
        notes.append(f"the images of {height}×{width} pixels were enlarged to {shown} for the encoder {name}")
    if channels not in (1, 3):
        notes.append(
            f"each of the {channels} channels was shown to the encoder {name} as a grey image, and the features joined"
        )
    if len(planes.encoder.parts) > 1:
        notes.append(f"the features of {len(planes.encoder.parts)} layers of the encoder {name} were joined")
    if len(planes.orientations) > 1:
        notes.append(f"each image was shown to the encoder {name} {turns_said(planes)}, and the features averaged")
    if layers and layers[0] > 1:
        notes.append(f"each of the {layers[0]} focal layers was shown to the encoder {name}, and the features joined")
    return notes


def turns_said(planes: PlanesEncoder) -> str:
    """In which orientations an encoder sees an image, in words."""
    count = len({quarters for quarters, _ in planes.orientations})
    mirrored = " and mirrored" if any(each for _, each in planes.orientations) else ""
    return {1: "as it lies", 2: "turned by halves", 4: "turned by quarters"}[count] + mirrored


def assumptions(planes: PlanesEncoder, image_shape: tuple[int, ...]) -> list[str]:
    """What was assumed of the channels, size and range of the images, one line each."""
    *layers, channels, height, width = image_shape
    as_colours = {
        1: "grey images were shown in three equal channels",
        3: "the three channels were taken as red, green and blue",
    }
    done = "enlarged" if planes.enlarges else "left" if planes.size == (height, width) else "reduced"
    lines = [
        as_colours.get(channels, f"each of the {channels} channels was shown as a grey image, and the features joined"),
        f"images of {height}×{width} pixels were {done}{'' if done == 'left' else ' to ' + '×'.join(map(str, planes.size))}",
        "pixels were scaled to [0, 1] by the range of the whole set",
    ]
    if layers and layers[0] > 1:
        lines.insert(1, f"each of the {layers[0]} focal layers was shown by itself, and the features joined")
    return lines


def features_of(
    images: ImageSet,
    encoder: ImageEncoder,
    device: torch.device,
    *,
    batch_size: int = 64,
    progress: Progress | None = None,
    cache: FeatureCache | None = None,
    look: Callable[[Tensor], Tensor] | None = None,
    views: int = 1,
    kept_under: Mapping[str, Any] | None = MappingProxyType({}),
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
        Images read at once; on a GPU up to a thousand.
    progress
        Advanced by each batch; what was there already counts at once.
    cache
        Where features are kept; by default in the cache folder of the user.
    look
        Native pixels → features, where the encoder looks at something else than the images as they lie.
    views
        How many views of an image `look` joins, so that D is as many times the encoder's features.
    kept_under
        What else the features depend on, beside images and encoder; None keeps nothing.

    Raises
    ------
    InputError
        If a feature is NaN or infinite; names the images. Those before them are kept.
    """
    cache, progress = cache or FeatureCache(), progress or SilentProgress()
    shape = (len(images), views * encoder.features)
    key = None if kept_under is None else _key(images, encoder, device, kept_under)
    kept = None if key is None else cache.get(key, shape)
    if kept is not None:
        progress.advance(len(kept))
        return kept
    encoder = encoder.to(device).eval()
    look = look or encoder
    if device.type == "cuda":
        most = BYTES_ON_GPU // (4 * math.prod(images.image_shape))
        batch_size = max(batch_size, min(images_at_once(device, 1), most))
    with cache.fill(key, shape) as partial:
        progress.advance(partial.done)
        left = [rows for rows in in_order(len(images), batch_size) if rows[0] >= partial.done]
        began = recorded = time.monotonic()
        for batch in read_batches(images, left, device):
            with torch.no_grad():
                found = look(batch.images).float().cpu().numpy()
            rows = batch.indices.cpu().numpy()
            _check_finite(found, rows, images, encoder)
            partial.array[rows] = found
            progress.advance(len(rows))
            if time.monotonic() - recorded > SECONDS_BETWEEN_RECORDS:
                partial.record(int(rows[-1]) + 1)
                recorded = time.monotonic()
        of = encoder.planes.encoder.computes_on(device)
        encoder.planes.pace = _pace(of, sum(map(len, left)), time.monotonic() - began)
    return partial.array


def _pace(device: torch.device, looked_at: int, seconds: float) -> dict[str, str | int | float]:
    """What ``run.json`` says of how so many images were looked at."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    numbers = str(arithmetic(device)).removeprefix("torch.")
    return {"device": name, "arithmetic": numbers, "images_per_second": round(looked_at / max(seconds, 1e-6), 1)}


def _check_finite(found: NDArray[np.float32], rows: NDArray[np.int64], images: ImageSet, encoder: ImageEncoder) -> None:
    bad = rows[~np.isfinite(found).all(axis=1)]
    if len(bad):
        ids = ", ".join(map(str, images.table["id"].iloc[bad[:5]])) + (" …" if len(bad) > 5 else "")
        raise InputError(
            f"the encoder {encoder.planes.encoder.weights.name} gives features that are NaN or infinite for the images {ids}: "
            "mend the encoder, or leave these images out"
        )


def _key(images: ImageSet, encoder: ImageEncoder, device: torch.device, others: Mapping[str, Any]) -> str | None:
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
            **({"turns": encoder.planes.orientations} if len(encoder.planes.orientations) > 1 else {}),
            **({"parts": list(parts)} if len(parts := encoder.planes.encoder.parts) > 1 else {}),
            **({} if arithmetic(device) == torch.float32 else {"arithmetic": str(arithmetic(device))}),
            **others,
        }
    )
