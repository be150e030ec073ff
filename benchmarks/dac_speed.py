"""One epoch of `st-dac` here, and in a plain PyTorch transcription of the loop its authors published: one process, in turns.

    OMP_NUM_THREADS=1 python benchmarks/dac_speed.py

Both sides train the same network on the same images, in chunks of 1,000 and batches of 32, with the same losses, thresholds,
rate and augmentation. The transcription does as the authors' script does: it predicts a chunk batch by batch, compares the
images of each batch anew, and augments image by image on the processor, each with a matrix of its own and an interpolation
of each channel (as Keras 1's ``ImageDataGenerator`` does with SciPy). Its network, its optimiser and its loop are what PyTorch
gives unasked. What is timed is the training alone. The passes of the network and the steps of its optimiser, as this project
does them, are timed without a loop around them, too: whoever computes the same network so cannot be quicker.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import record
import torch
from numpy.typing import NDArray
from scipy import ndimage
from sets import input_of
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

from facies.images import ImageSet, open_images
from facies.methods import make_method
from facies.methods.dac.losses import CLEAN_BATCH
from facies.methods.preprocessing import Preprocessor
from facies.nn import PixelNormalizer
from facies.training import Hardware, Trainer

CHUNK, BATCH = 1000, 32
THRESHOLD, CONSISTENCY, RATE = 0.99, 10.0, 1e-4
MEAN = 0.1307
TRAINING = {
    "training.batch_size": BATCH,
    "training.pairing_batch_size": CHUNK,
    "training.learning_rate": RATE,
    "training.schedule": "constant",
}
CASES = ("paper", "quick")


def augmented(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """One image (H, W, C), turned, shifted, zoomed and shifted in its channels: the steps of Keras 1's ``random_transform``."""
    height, width, _ = image.shape
    angle = np.deg2rad(rng.uniform(-10, 10))
    rotation = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    shift = np.array([[1, 0, rng.uniform(-0.1, 0.1) * height], [0, 1, rng.uniform(-0.1, 0.1) * width], [0, 0, 1]])
    zoom = np.diag([*rng.uniform(0.95, 1.05, 2), 1])
    middle = np.array([[1, 0, height / 2 + 0.5], [0, 1, width / 2 + 0.5], [0, 0, 1]])
    matrix = middle @ rotation @ shift @ zoom @ np.linalg.inv(middle)
    channels = [
        ndimage.affine_transform(channel, matrix[:2, :2], matrix[:2, 2], order=1, mode="nearest")
        for channel in np.moveaxis(image, 2, 0)
    ]
    low, high = image.min(), image.max()
    shifted = [np.clip(channel + rng.uniform(-0.05, 0.05), low, high) for channel in channels]
    return np.stack(shifted, axis=2)


def published(network: nn.Module, images: NDArray[np.float32], rng: np.random.Generator) -> float:
    """Seconds of an epoch of the transcription; images (N, H, W, C) less their mean."""
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
    began = time.perf_counter()
    order = rng.permutation(len(images))
    for start in range(0, len(images), CHUNK):
        chunk = images[order[start : start + CHUNK]]
        network.train()
        with torch.no_grad():
            parts = [network(as_tensor(chunk[first : first + BATCH])) for first in range(0, len(chunk), BATCH)]
            clean = F.normalize(torch.cat(parts), dim=1).numpy()
        inside = rng.permutation(len(chunk))
        for first in range(0, len(chunk) - BATCH + 1, BATCH):
            rows = inside[first : first + BATCH]
            wanted = clean[rows]
            alike = torch.from_numpy((wanted @ wanted.T > THRESHOLD).astype(np.float32))
            views = 0.975 * np.stack([augmented(image, rng) for image in chunk[rows]])
            y = network(as_tensor(views.astype(np.float32)))
            f = F.normalize(y, dim=1)
            pairs = F.binary_cross_entropy((f @ f.T).clamp(1e-7, 1 - 1e-7), alike)
            consistency = F.binary_cross_entropy(y.clamp(1e-7, 1 - 1e-7), torch.from_numpy(wanted))
            optimiser.zero_grad()
            (pairs + CONSISTENCY * consistency).backward()
            optimiser.step()
    return time.perf_counter() - began


def as_tensor(images: NDArray[np.float32]) -> torch.Tensor:
    """(B, H, W, C) → (B, C, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(images, 3, 1)))


def here(method: Any, network: nn.Module, images: ImageSet) -> float:
    """Seconds of an epoch of the method's own training."""
    normalizer = PixelNormalizer(0.0, 255.0, MEAN, 1.0, "gaussian")
    preprocessor = Preprocessor(normalizer, size=method.network_shape(images.image_shape)[-2:], whole_numbers=True)
    trainer = Trainer(0, Hardware(accelerator="cpu"))
    began = time.perf_counter()
    trainer.fit(network, images, method.objective(preprocessor), method.training.with_n_epochs(1))
    return time.perf_counter() - began


def bare(network: nn.Module, pixels: NDArray[np.uint8]) -> float:
    """Seconds of the passes and steps of an epoch and nothing else: no reading, augmenting, comparing or loss."""
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE, fused=True)
    images = torch.from_numpy(pixels[:, None] / np.float32(255))
    network.train()
    began = time.perf_counter()
    for chunk in images.split(CHUNK):
        with torch.no_grad():
            for part in chunk.tensor_split(-(-len(chunk) // CLEAN_BATCH)):
                network(part)
        for part in chunk.split(BATCH):
            optimiser.zero_grad()
            network(part)[:, 0].sum().backward()
            optimiser.step()
    return time.perf_counter() - began


def measure(case: str, pixels: NDArray[np.uint8], repeats: int) -> dict[str, Any]:
    """Medians of both sides in turns, and of their ratio."""
    method = make_method("st-dac", case, {**TRAINING, "n_transformers": 2})
    images = open_images(pixels)
    floats = (pixels[..., None] / 255 - MEAN).astype(np.float32)
    make: Callable[[], nn.Module] = lambda: method.build(images.image_shape)  # noqa: E731
    here(method, make(), images.subset(np.arange(4 * BATCH)))
    published(make(), floats[: 4 * BATCH], np.random.default_rng(0))
    ours, theirs, least = [], [], []
    for turn in range(repeats):
        ours.append(here(method, make(), images))
        theirs.append(published(make(), floats, np.random.default_rng(turn)))
        least.append(bare(make(), pixels))
    row = {
        "case": case,
        "images": len(pixels),
        "facies_s": float(np.median(ours)),
        "published_s": float(np.median(theirs)),
        "network_s": float(np.median(least)),
    }
    row["ratio"] = float(np.median(np.array(theirs) / np.array(ours)))
    row["highest_ratio"] = float(np.median(np.array(theirs) / np.array(least)))
    began = time.perf_counter()
    for image in floats[:500]:
        augmented(image, np.random.default_rng(0))
    row["augmenting_s"] = (time.perf_counter() - began) * len(pixels) / 500
    print(row, flush=True)
    return row


def main() -> None:
    """Measure and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    wanted = parser.parse_args()
    with np.load(input_of("mnist")) as mnist:
        pixels = mnist["images"][: wanted.images]
    rows = [measure(case, pixels, wanted.repeats) for case in wanted.cases]
    kept = {"rows": rows, "repeats": wanted.repeats, "threads": torch.get_num_threads(), "machine": record.machine()}
    record.keep("dac-speed", kept)


if __name__ == "__main__":
    main()
