"""Weights that have been learnt, put into a network that is to be applied."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def load_weights(module: torch.nn.Module, state: dict[str, Tensor], device: torch.device) -> Any:
    """Load weights into a network: on the device, in evaluation mode."""
    module.load_state_dict(state)
    return module.to(device).eval()
