"""What the training loop asks of Lightning's Fabric, for one process on the CPU, where nothing is joined or converted.

Fabric brings loggers and the metrics of other packages with it, and takes as long again to import as torch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


class OneDevice:
    """The CPU, in numbers of 32 bits."""

    device = torch.device("cpu")
    global_rank = 0
    world_size = 1

    def backward(self, loss: Tensor) -> None:
        """Compute the gradients of a loss."""
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own has no types

    def clip_gradients(self, module: nn.Module, optimizer: Optimizer, max_norm: float) -> None:
        """Shorten the gradients to a length; one that is no number is an error, as in Fabric."""
        parameters = [each for group in optimizer.param_groups for each in group["params"]]
        nn.utils.clip_grad_norm_(parameters, max_norm, error_if_nonfinite=True)
