"""What happens beside the steps of a training, with a state that is saved and resumed with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from facies.training.batches import Batch

CallbackState = dict[str, Tensor]
"""The state of a callback: named tensors."""


class Callback:
    """Called at fixed moments of a training; a subclass overrides what it needs.

    A training that goes on after a kill gives the callback its state of the last checkpoint first (`load_state_dict`), and
    then calls `on_fit_start` again. With several processes each has a copy of its own, and all must do the same.
    """

    def on_fit_start(self, module: nn.Module) -> None:
        """Before the first step; `module` is on its device."""

    def on_step_end(self, module: nn.Module, batch: Batch) -> None:
        """After each step of the optimiser."""

    def on_epoch_end(self, module: nn.Module, epoch: int, row: Mapping[str, Any]) -> bool:
        """After each epoch.

        Parameters
        ----------
        module
            The network.
        epoch
            Epochs that are done, from 1.
        row
            Means of the loss terms over the epoch, as in the training curves.

        Returns
        -------
        bool
            True ends the training.
        """
        return False

    def state_dict(self) -> CallbackState:
        """What must survive a kill."""
        return {}

    def load_state_dict(self, state: CallbackState) -> None:
        """Take up a state that `state_dict` gave."""


class EMATeacher(Callback):
    """Lets a teacher follow its student: θ_t ← m·θ_t + (1 − m)·θ_s after each step (He et al., 2020, eq. 2).

    The teacher's buffers, such as running statistics, are copied. Its weights are part of the module, and so are saved with
    it; they should not require a gradient.

    Parameters
    ----------
    student, teacher
        Names of the two submodules, of the same architecture.
    momentum
        m in [0, 1]; the closer to 1, the slower the teacher follows.
    """

    def __init__(self, student: str, teacher: str, momentum: float = 0.99) -> None:
        self.student, self.teacher, self.momentum = student, teacher, momentum

    @torch.no_grad()
    def on_step_end(self, module: nn.Module, batch: Batch) -> None:
        """Move the teacher towards the student."""
        student, teacher = module.get_submodule(self.student), module.get_submodule(self.teacher)
        for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
            slow.lerp_(fast.to(slow.dtype), 1 - self.momentum)
        for followed, current in zip(teacher.buffers(), student.buffers(), strict=True):
            followed.copy_(current)
