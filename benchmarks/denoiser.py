"""The graph-attention denoiser of `darlc` beside the same network in torch-geometric: images a second, in one process, in turns.

    pip install --target benchmarks/work/torch-geometric --no-deps torch-geometric xxhash psutil aiohttp pyparsing tqdm \
        multidict yarl propcache frozenlist aiosignal attrs aiohappyeyeballs requests
    python benchmarks/denoiser.py

Both sides have the same weights, the same images and the same neighbours, and give the same images to 1e-4, or nothing is
measured. A step is forward and backward; on both sides at a batch of its own, the quickest of those that were tried.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

import numpy as np
import record
import torch
from torch import Tensor, nn
from torch.nn import functional

from facies.nn.grid_attention import OFFSETS, GridAttentionAutoencoder

SIDES, BATCHES, TURNS, HIDDEN, CODE = (32, 48), (1, 4, 16), 3, 512, 30
LIBRARY = record.WORK / "torch-geometric"


def graph_of(height: int, width: int, images: int) -> Tensor:
    """Edges from each of the nine neighbours to a pixel, over several images: (2, E)."""
    place = torch.arange(height * width).view(height, width)
    pairs = []
    for down, right in OFFSETS:
        rows = slice(max(0, -down), height - max(0, down)), slice(max(0, -right), width - max(0, right))
        others = slice(max(0, down), height - max(0, -down)), slice(max(0, right), width - max(0, -right))
        pairs.append(torch.stack([place[others].reshape(-1), place[rows].reshape(-1)]))
    one = torch.cat(pairs, dim=1)
    return torch.cat([one + number * height * width for number in range(images)], dim=1)


def geometric_network(ours: GridAttentionAutoencoder) -> Any:
    """The same network of torch-geometric's message passing, on the same weights: nodes (B·H·W, C) and edges."""
    from torch_geometric.nn import MessagePassing
    from torch_geometric.utils import softmax

    class Passing(MessagePassing):  # type: ignore[misc]  # the library has no types
        def __init__(self) -> None:
            super().__init__(aggr="add", node_dim=0)

        def forward(self, nodes: Tensor, edges: Tensor, shares: Tensor) -> Tensor:
            found: Tensor = self.propagate(edges, x=nodes, shares=shares)
            return found

        def message(self, x_j: Tensor, shares: Tensor) -> Tensor:
            return x_j * shares[:, None]

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attend, self.encode, self.passing = ours.attend, ours.encode, Passing()

        def forward(self, nodes: Tensor, edges: Tensor) -> Tensor:
            weight = self.attend.weight
            wide = nodes @ weight.T
            bent = functional.leaky_relu(wide)
            scores = torch.sigmoid((bent @ self.attend.source)[edges[1]] + (bent @ self.attend.target)[edges[0]])
            shares = softmax(scores, edges[1], num_nodes=len(nodes))
            codes = functional.leaky_relu(self.passing(wide, edges, shares)) @ self.encode.T
            again = functional.leaky_relu(self.passing(codes @ self.encode, edges, shares))
            return again @ weight

    return Network()


def seconds(step: Any) -> float:
    """Seconds of a forward and backward pass."""
    began = time.perf_counter()
    step().square().mean().backward()
    return time.perf_counter() - began


def measure(side: int) -> dict[str, Any]:
    """Images a second of both sides, each at its best batch."""
    torch.manual_seed(0)
    ours, measured = GridAttentionAutoencoder(1, HIDDEN, CODE), torch.ones(side, side, dtype=torch.bool)
    theirs, pace = geometric_network(ours), {"facies": {}, "torch_geometric": {}}
    for batch in BATCHES:
        images, edges = torch.rand(batch, 1, side, side), graph_of(side, side, batch)
        nodes = images.permute(0, 2, 3, 1).reshape(-1, 1)
        with torch.no_grad():
            other = theirs(nodes, edges).view(batch, side, side, 1).permute(0, 3, 1, 2)
            difference = float((ours(images, measured) - other).abs().max())
        if difference > 1e-4:
            sys.exit(f"the two networks differ by {difference:.2g}: nothing is measured")
        steps = {"facies": lambda x=images: ours(x, measured), "torch_geometric": lambda n=nodes, e=edges: theirs(n, e)}
        taken = [{name: seconds(step) for name, step in steps.items()} for _ in range(TURNS + 1)][1:]
        for name in steps:
            pace[name][batch] = batch / statistics.median(each[name] for each in taken)
    best = {name: max(by_batch.values()) for name, by_batch in pace.items()}
    return {"side": side, "images_per_s": best, "by_batch": pace, "ratio": best["facies"] / best["torch_geometric"]}


def main() -> None:
    """Measure, and keep the rows."""
    if not LIBRARY.exists():
        sys.exit(f"{LIBRARY.relative_to(record.WORK.parent)} is missing: see the first lines of this file")
    sys.path.append(str(LIBRARY))
    import torch_geometric

    rows = [measure(side) for side in SIDES]
    for row in rows:
        print(row, flush=True)
    record.keep(
        "denoiser",
        {
            "hidden": HIDDEN,
            "code": CODE,
            "turns": TURNS,
            "threads": torch.get_num_threads(),
            "torch_geometric": torch_geometric.__version__,
            "numpy": np.__version__,
            "rows": rows,
            "machine": record.machine(),
        },
    )


if __name__ == "__main__":
    main()
