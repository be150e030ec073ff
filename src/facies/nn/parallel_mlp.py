"""Several fully connected networks of one shape side by side, each with weights of its own."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class ParallelLinear(nn.Module):
    """K linear layers: (K, B, inputs), or (B, inputs) for all of them, → (K, B, outputs)."""

    def __init__(self, n_networks: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = inputs**-0.5
        self.weight = nn.Parameter(torch.empty(n_networks, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(n_networks, 1, outputs).uniform_(-bound, bound))

    def forward(self, rows: Tensor) -> Tensor:
        """Apply each layer to rows of its own, or to the same rows."""
        return rows @ self.weight + self.bias


class ParallelMLP(nn.Sequential):
    """K perceptrons with an activation between their layers.

    Parameters
    ----------
    n_networks
        K.
    sizes
        Numbers that go in, of each hidden layer, and that come out.
    activation
        Between the layers.

    Examples
    --------
    >>> import torch
    >>> ParallelMLP(3, [16, 8, 2])(torch.rand(5, 16)).shape
    torch.Size([3, 5, 2])
    """

    def __init__(self, n_networks: int, sizes: Sequence[int], activation: type[nn.Module] = nn.ReLU) -> None:
        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(sizes):
            layers += [ParallelLinear(n_networks, inputs, outputs), activation()]
        super().__init__(*layers[:-1])
        self.n_networks = n_networks

    def own(self, rows: Tensor, networks: Tensor) -> Tensor:
        """Each row through one network alone: (B, inputs) and the number of the network of each, (B,), → (B, outputs)."""
        order = networks.argsort(stable=True)
        parts = torch.split(rows[order], torch.bincount(networks, minlength=self.n_networks).tolist())
        for layer in self:
            if isinstance(layer, ParallelLinear):
                each = zip(parts, layer.weight.unbind(), layer.bias.unbind(), strict=True)
                parts = tuple(part @ weight + bias for part, weight, bias in each)
            else:
                parts = tuple(layer(part) for part in parts)
        return torch.cat(parts)[order.argsort()]
