"""Autoencoder training here and in ClustPy: the same network, the same batch size, one process, in turns.

    python -m venv benchmarks/work/clustpy
    benchmarks/work/clustpy/bin/pip install -c constraints.txt torch
    benchmarks/work/clustpy/bin/pip install -c constraints.txt . && benchmarks/work/clustpy/bin/pip install --no-deps clustpy tqdm
    benchmarks/work/clustpy/bin/python benchmarks/throughput.py

The matrix products of a step alone, which both sides must compute, are timed too: no code that computes them can be quicker.
All is measured twice: on cores that nobody else uses (see to it), and beside another process that keeps one of them busy.

ClustPy imports torchvision, which does not import beside a CPU torch; a stand-in takes its place where it is not used.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
import types
from typing import Any
from unittest import mock

import numpy as np
import record
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

from facies.images import open_images
from facies.training import Batch, Trainer, Training

REPEATS = 5
LAYERS = [784, 128, 64, 10]


def import_clustpy() -> Any:
    """ClustPy's feed-forward autoencoder and its data loaders."""
    names = ["torchvision", *(f"torchvision.{part}" for part in ("transforms", "models", "models._api", "datasets"))]
    for name in names:
        stand_in = types.ModuleType(name)
        stand_in.__getattr__ = lambda attribute: mock.MagicMock(name=attribute)  # type: ignore[method-assign]
        sys.modules[name] = stand_in
    from clustpy.deep import get_dataloader
    from clustpy.deep.neural_networks import FeedforwardAutoencoder

    for name in names:
        del sys.modules[name]
    return FeedforwardAutoencoder, get_dataloader


class SquaredError:
    """ClustPy's own loss of its network, on flattened pixels."""

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Squared error of the reconstruction, summed over pixels, its mean over images."""
        pixels = batch.images.flatten(1)
        return {"loss": F.mse_loss(module(pixels), pixels, reduction="sum") / len(pixels)}


def here(network: nn.Module, pixels: np.ndarray, batch: int) -> float:
    """Images a second in this project."""
    images = open_images(pixels.reshape(-1, 28, 28))
    trainer = Trainer()
    began = time.perf_counter()
    trainer.fit(network, images, SquaredError(), Training(epochs=1, batch_size=batch, learning_rate=1e-3))
    return len(pixels) / (time.perf_counter() - began)


def there(network: Any, get_dataloader: Any, pixels: np.ndarray, batch: int) -> float:
    """Images a second in ClustPy."""
    loader = get_dataloader(pixels, batch, shuffle=True)
    began = time.perf_counter()
    network.fit(n_epochs=1, optimizer_params={"lr": 1e-3}, batch_size=batch, dataloader=loader)
    return len(pixels) / (time.perf_counter() - began)


def bare(pixels: np.ndarray, batch: int) -> float:
    """Images a second of the matrix products of a step and nothing else, on the number of threads that is quickest."""
    sizes = [*LAYERS, *LAYERS[-2::-1]]
    weights = [torch.randn(wide, narrow) for wide, narrow in itertools.pairwise(sizes)]
    inputs = [torch.randn(batch, size) for size in sizes]
    threads, seconds = torch.get_num_threads(), []
    for count in {1, threads}:
        torch.set_num_threads(count)
        began = time.perf_counter()
        for _ in range(len(pixels) // batch):
            for number, weight in enumerate(weights):
                torch.mm(inputs[number], weight)
                torch.mm(inputs[number].T, inputs[number + 1])
                if number:
                    torch.mm(inputs[number + 1], weight.T)
        seconds.append(time.perf_counter() - began)
    torch.set_num_threads(threads)
    return len(pixels) // batch * batch / min(seconds)


def measure(batch: int, autoencoder: Any, get_dataloader: Any, pixels: np.ndarray) -> dict[str, Any]:
    """Medians of both sides and of the products, in turns, and of their ratios."""
    ours, one_thread, theirs, products = [], [], [], []
    threads = torch.get_num_threads()
    for _ in range(REPEATS):
        ours.append(here(autoencoder(LAYERS), pixels, batch))
        torch.set_num_threads(1)
        one_thread.append(here(autoencoder(LAYERS), pixels, batch))
        torch.set_num_threads(threads)
        theirs.append(there(autoencoder(LAYERS), get_dataloader, pixels, batch))
        products.append(bare(pixels, batch))
    figures = {"facies": ours, "facies_one_thread": one_thread, "clustpy": theirs, "bare_products": products}
    return {name: float(np.median(values)) for name, values in figures.items()} | {
        "ratio": float(np.median(np.array(ours) / np.array(theirs))),
        "highest_ratio": float(np.median(np.array(products) / np.array(theirs))),
    }


def main() -> None:
    """Measure and keep."""
    autoencoder, get_dataloader = import_clustpy()
    pixels = np.random.default_rng(0).random((20_000, 784), dtype=np.float32)
    here(autoencoder(LAYERS), pixels[:1000], 256)
    rows = []
    for cores in ("free", "one busy"):
        other = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if cores == "one busy" else None
        try:
            for batch in (64, 256):
                row = {"case": f"feed-forward {'-'.join(map(str, LAYERS))}", "cores": cores, "batch": batch}
                rows.append(row | measure(batch, autoencoder, get_dataloader, pixels))
                print(rows[-1], flush=True)
        finally:
            if other is not None:
                other.kill()
    record.keep("throughput", {"rows": rows, "repeats": REPEATS, "machine": record.machine()})


if __name__ == "__main__":
    main()
