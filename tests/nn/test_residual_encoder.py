"""The shortcut of a residual block against the convolution that it stands for."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from facies.nn.residual_encoder import ResidualEncoder, _ThinnedConv2d


@pytest.mark.parametrize("side", [7, 8])
@pytest.mark.parametrize("channels", [1, 3, 4, 8])
def test_a_shortcut_gives_what_a_strided_convolution_gives(channels: int, side: int) -> None:
    """In channels-last, of fewer than eight maps, the gradient of the strided one writes past its memory (oneDNN, issue 6035)."""
    torch.manual_seed(0)
    strided, thinned = nn.Conv2d(channels, 6, 1, 2, bias=False), _ThinnedConv2d(channels, 6, 1, 2, bias=False)
    thinned.load_state_dict(strided.state_dict())
    maps = torch.randn(5, channels, side, side)
    first, second = maps.clone().requires_grad_(), maps.to(memory_format=torch.channels_last).requires_grad_()
    wanted, found = strided(first), thinned.to(memory_format=torch.channels_last)(second)
    torch.testing.assert_close(found, wanted)
    weights = torch.randn(wanted.shape)
    (wanted * weights).sum().backward()
    for _ in range(20):
        thinned.zero_grad()
        (thinned(second) * weights).sum().backward()
    torch.testing.assert_close(thinned.weight.grad, strided.weight.grad)
    torch.testing.assert_close(second.grad / 20, first.grad)


def test_weights_of_runs_from_before_still_fit() -> None:
    names = set(ResidualEncoder((1, 16, 16), 4).state_dict())
    assert "layers.3.shortcut.0.weight" in names
    assert not any("shortcut.0.bias" in name for name in names)
