"""Statistics of batch normalisation: those of the batch, or those of all images, computed after the training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def normalisations(module: nn.Module) -> list[_BatchNorm]:
    """The batch normalisations of a network, in its order."""
    return [part for part in module.modules() if isinstance(part, _BatchNorm)]


@contextmanager
def use_batch_statistics(module: nn.Module) -> Iterator[None]:
    """Within this context a network normalises by the batch it is given, records no statistics and has no dropout."""
    modes = [(part, part.training) for part in module.modules()]
    normalising = normalisations(module)
    module.eval()
    for each in normalising:
        each.train()
        each.track_running_stats = False
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode
        for each in normalising:
            each.track_running_stats = True


@contextmanager
def preserve_running_statistics(module: nn.Module, idle: Tensor) -> Iterator[None]:
    """Within this context the running statistics of some of K networks side by side stay as they are.

    Parameters
    ----------
    module
        K networks in grouped convolutions: the channels of one lie beside one another.
    idle
        (K,) bool: whose statistics stay.
    """
    parts = [part for part in normalisations(module) if part.training]
    before = [[value.clone() for value in _running_statistics(part)] for part in parts]
    yield
    for part, values in zip(parts, before, strict=True):
        stays = idle.repeat_interleave(part.num_features // len(idle))
        for running, value in zip(_running_statistics(part), values, strict=True):
            # Behind autograd's back, as batch normalisation itself writes them: their gradient is not asked for.
            running.data.copy_(torch.where(stays, value, running))


def _running_statistics(part: _BatchNorm) -> tuple[Tensor, Tensor]:
    assert part.running_mean is not None
    assert part.running_var is not None
    return part.running_mean, part.running_var


@torch.no_grad()
def recompute_batch_norm_statistics(module: nn.Module, batches: Callable[[], Iterator[Tensor]]) -> None:
    """Give batch normalisations the mean and variance of all images, as they are after the training.

    Within each layer, mean and variance of the whole population are put together from those of the batches. The layers
    are normalised by their batch meanwhile, as in training (Wu & Johnson, 2021, section 3: "precise" batch statistics).

    Parameters
    ----------
    module
        Its running statistics are replaced; afterwards it is in evaluation mode.
    batches
        Yields the network's input, all of it, once.
    """
    parts = normalisations(module)
    sums = {part: _Moments() for part in parts}
    hooks = [part.register_forward_pre_hook(sums[part].add) for part in parts]
    try:
        with use_batch_statistics(module):
            for images in batches():
                module(images)
    finally:
        for hook in hooks:
            hook.remove()
    for part in parts:
        for running, value in zip(_running_statistics(part), sums[part].mean_and_variance(), strict=True):
            running.copy_(value)
    module.eval()


class _Moments:
    """Sums of what a layer was given, a channel at a time; in float64 on the CPU, for not every device has it."""

    def __init__(self) -> None:
        self.count = 0
        self.sum = torch.zeros((), dtype=torch.float64)
        self.squares = torch.zeros((), dtype=torch.float64)

    def add(self, _: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        values = arguments[0].detach().float().transpose(0, 1).flatten(1)
        variance, mean = (each.cpu().double() for each in torch.var_mean(values, dim=1, correction=0))
        count = values.shape[1]
        self.count += count
        self.sum = self.sum + count * mean
        self.squares = self.squares + count * (variance + mean.square())

    def mean_and_variance(self) -> tuple[Tensor, Tensor]:
        mean = self.sum / self.count
        return mean, (self.squares / self.count - mean.square()).clamp(min=0.0)
