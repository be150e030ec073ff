"""Optimisers by name, and groups of parameters that learn at rates of their own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn

from facies.training.settings import Training


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters of a network that learn in their own way.

    Parameters
    ----------
    parameters
        The parameters.
    rate
        Factor of the learning rate, such as 0.1 for a pretrained backbone.
    weight_decay
        In place of that of the training; None is that of the training.
    """

    parameters: Iterable[nn.Parameter]
    rate: float = 1.0
    weight_decay: float | None = None


@runtime_checkable
class HasParameterGroups(Protocol):
    """A network that says how its parameters are grouped; any other network is one group."""

    def parameter_groups(self) -> list[ParameterGroup]:
        """The groups; parameters that are in none do not learn."""


def make_optimizer(module: nn.Module, training: Training, device: torch.device) -> torch.optim.Optimizer:
    """Make the optimiser that `training` names, over the parameter groups of a network.

    The factor of a group is kept in it under ``rate``, for `set_learning_rate`.
    """
    groups = (
        module.parameter_groups() if isinstance(module, HasParameterGroups) else [ParameterGroup(module.parameters())]
    )
    parts: list[dict[str, Any]] = []
    for group in groups:
        decay = training.weight_decay if group.weight_decay is None else group.weight_decay
        parts.append({"params": list(group.parameters), "rate": group.rate, "weight_decay": decay})
    fused = device.type in ("cpu", "cuda")
    rate = training.learning_rate
    match training.optimizer:
        case "adam":
            return torch.optim.Adam(parts, lr=rate, fused=fused)
        case "amsgrad":
            return torch.optim.Adam(parts, lr=rate, amsgrad=True, fused=fused)
        case "adamw":
            return torch.optim.AdamW(parts, lr=rate, fused=fused)
        case "sgd":
            return torch.optim.SGD(parts, lr=rate, momentum=training.momentum, fused=fused)
        case "rmsprop":
            return torch.optim.RMSprop(parts, lr=rate)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every group its share of a learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["rate"]


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """The moments of an optimiser as named tensors, for a checkpoint."""
    return {
        f"{number}/{name}": value
        for number, moments in optimizer.state_dict()["state"].items()
        for name, value in moments.items()
        if isinstance(value, torch.Tensor)
    }


def load_optimizer_state(optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    """Give an optimiser the moments that `optimizer_state` took from one like it."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        number, name = key.split("/", 1)
        state.setdefault(int(number), {})[name] = _with_layout_of(parameters[int(number)], tensor)
    whole = optimizer.state_dict()
    optimizer.load_state_dict({"state": state, "param_groups": whole["param_groups"]})


def _with_layout_of(parameter: torch.Tensor, moment: torch.Tensor) -> torch.Tensor:
    """Order a moment in memory as its parameter is: fused optimisers pair them by their place there."""
    return torch.empty_like(parameter, dtype=moment.dtype).copy_(moment) if moment.shape == parameter.shape else moment
