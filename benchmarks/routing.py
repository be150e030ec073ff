"""What is gained by asking an expert only for the images that matter to it, against asking every expert for every image.

    python benchmarks/routing.py

Both sides train the same mixture on the same batches in this process, in turns; the ratio of the medians is kept, with the
difference of the two losses at the same weights.
"""

from __future__ import annotations

import time

import numpy as np
import record
import torch

from facies.losses import expected_loss, reconstruction
from facies.methods.moe_vae.network import MixtureOfExperts, ParallelAutoencoder
from facies.nn import ConvEncoder
from facies.nn.conv_autoencoder import ConvLayout

SIDE, EXPERTS, BATCH, STEPS, THRESHOLD = 28, 10, 128, 12, 0.01


def confident(network: MixtureOfExperts, images: torch.Tensor) -> None:
    """Teach the manager to give each image to one expert with high probability, as it does once the mixture has hardened."""
    wanted = torch.arange(len(images)) % EXPERTS
    optimiser = torch.optim.Adam(network.manager.parameters(), lr=3e-3)
    network.train()
    for _ in range(200):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network.manager_logits(images), wanted).backward()
        optimiser.step()


def loss_of(network: MixtureOfExperts, images: torch.Tensor) -> torch.Tensor:
    """R of a batch."""
    out = network(images)
    losses = reconstruction(out.experts.reconstruction, out.images, "bernoulli")
    return expected_loss(out.weights, losses) * len(losses) / len(images)


def step(network: MixtureOfExperts, optimiser: torch.optim.Optimizer, images: torch.Tensor) -> float:
    """Seconds of one training step."""
    began = time.perf_counter()
    optimiser.zero_grad()
    loss_of(network, images).backward()
    optimiser.step()
    return time.perf_counter() - began


def main() -> None:
    """Measure and keep."""
    torch.manual_seed(0)
    manager = ConvEncoder((1, SIDE, SIDE), EXPERTS, 16)
    experts = ParallelAutoencoder(ConvLayout((1, SIDE, SIDE), 8, normalization="group", n_networks=EXPERTS), 14)
    network = MixtureOfExperts(manager, experts).to(memory_format=torch.channels_last)
    images = (torch.rand(BATCH, 1, SIDE, SIDE) > 0.7).float()
    confident(network, images)
    network.eval()
    with torch.no_grad():
        losses = {}
        for name, threshold in {"dense": None, "routed": THRESHOLD}.items():
            network.threshold = threshold
            losses[name] = float(loss_of(network, images))
    network.train()
    optimiser = torch.optim.Adam(network.parameters(), lr=0.0)
    seconds: dict[str, list[float]] = {"dense": [], "routed": []}
    for _ in range(STEPS):
        for name, threshold in {"dense": None, "routed": THRESHOLD}.items():
            network.threshold = threshold
            seconds[name].append(step(network, optimiser, images))
    medians = {name: float(np.median(values[2:])) for name, values in seconds.items()}
    result = {
        "experts": EXPERTS,
        "batch": BATCH,
        "threshold": THRESHOLD,
        "loss": losses,
        "difference": abs(losses["dense"] - losses["routed"]),
        "seconds": medians,
        "ratio": medians["dense"] / medians["routed"],
        "machine": record.machine(),
    }
    record.keep("routing", result)
    print(f"routed is {result['ratio']:.1f} × as fast as dense; the losses differ by {result['difference']:.1e}")


if __name__ == "__main__":
    main()
