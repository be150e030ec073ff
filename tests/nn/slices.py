"""One network out of a stack of them."""

from __future__ import annotations

import torch
from torch import nn


def copy_slice(stacked: nn.Module, single: nn.Module, number: int) -> None:
    """Give `single` the weights and statistics of network `number` of the stack."""
    wanted = single.state_dict()
    for name, tensor in stacked.state_dict().items():
        own = wanted[name]
        if own.dim():
            assert tensor.shape[0] % own.shape[0] == 0
            tensor = tensor[number * own.shape[0] : (number + 1) * own.shape[0]]
        wanted[name] = tensor.clone()
    single.load_state_dict(wanted)


def slice_of_gradient(parameter: nn.Parameter, own: nn.Parameter, number: int) -> torch.Tensor:
    return parameter.grad[number * own.shape[0] : (number + 1) * own.shape[0]]
