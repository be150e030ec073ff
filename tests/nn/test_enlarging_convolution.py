"""Enlargement and convolution in one step against the two steps."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from facies.nn import ConvDecoder
from facies.nn.enlarging_convolution import EnlargingConv2d


@pytest.mark.parametrize("groups", [1, 3])
def test_it_equals_enlarging_first(groups):
    generator = torch.Generator().manual_seed(0)
    one = EnlargingConv2d(2 * groups, 5 * groups, groups).double()
    two = nn.Sequential(
        nn.UpsamplingNearest2d(scale_factor=2),
        nn.Conv2d(2 * groups, 5 * groups, 3, padding=1, groups=groups, bias=False).double(),
    )
    two[1].load_state_dict(one.state_dict())
    given = torch.randn(3, 2 * groups, 4, 7, dtype=torch.float64, generator=generator)
    slope = torch.randn(3, 5 * groups, 8, 14, dtype=torch.float64, generator=generator)
    found = []
    for layer in (one, two):
        maps = given.clone().requires_grad_()
        made = layer(maps)
        (made * slope).sum().backward()
        found.append((made.detach(), maps.grad, next(layer.parameters()).grad))
    torch.testing.assert_close(found[0], found[1])


def decoder_of(side):
    torch.manual_seed(0)
    return ConvDecoder((1, side, side), 4, 2).eval()


def test_decoders_of_larger_images_do_it_in_one_step_with_weights_by_the_former_names(monkeypatch):
    now, small = decoder_of(33), decoder_of(31)
    monkeypatch.setattr("facies.nn.conv_autoencoder.LARGE_SIDE", 34)
    former = decoder_of(33)
    for decoder, kind in ((now, EnlargingConv2d), (former, nn.UpsamplingNearest2d), (small, nn.UpsamplingNearest2d)):
        kinds = [type(part) for part in decoder.blocks]
        assert kind in kinds
        assert len({EnlargingConv2d, nn.UpsamplingNearest2d} & set(kinds)) == 1
    torch.testing.assert_close(now.state_dict(), former.state_dict(), rtol=0, atol=0)
    codes = torch.randn(3, 4)
    torch.testing.assert_close(now(codes), former(codes), rtol=1e-4, atol=1e-5)
