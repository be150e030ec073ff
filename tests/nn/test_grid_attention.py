"""Attention over pixels against a slow loop over edges; smoothing and patches with a mask."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facies.nn.grid_attention import GridAttention, GridAttentionAutoencoder, smooth
from facies.nn.masked_patches import PatchEncoder, PatchGrid, cosine_positions, draw_visible


def mask() -> torch.Tensor:
    measured = torch.ones(5, 6, dtype=torch.bool)
    measured[3:, 4:] = False
    return measured


def test_attention_is_that_over_the_edges_of_a_graph():
    torch.manual_seed(0)
    layer, images, measured = GridAttention(2, 7).double(), torch.randn(1, 2, 5, 6, dtype=torch.float64), mask()
    found = layer(images, layer.attention(images, measured))[0]
    for y, x in np.argwhere(measured.numpy()):
        near = [
            (b, a)
            for b in range(y - 1, y + 2)
            for a in range(x - 1, x + 2)
            if 0 <= b < 5 and 0 <= a < 6 and measured[b, a]
        ]
        wide = {place: layer.weight @ images[0, :, place[0], place[1]] for place in [(y, x), *near]}
        act = torch.nn.functional.leaky_relu
        scores = torch.stack(
            [torch.sigmoid(layer.source @ act(wide[(y, x)]) + layer.target @ act(wide[place])) for place in near]
        ).softmax(0)
        expected = sum(share * wide[place] for share, place in zip(scores, near, strict=True))
        torch.testing.assert_close(found[:, y, x], expected)


def test_unmeasured_pixels_are_not_looked_at():
    torch.manual_seed(0)
    network, images, measured = GridAttentionAutoencoder(1, 16, 4), torch.randn(2, 1, 5, 6), mask()
    other = torch.where(measured, images, 99.0)
    torch.testing.assert_close(network(images, measured), network(other, measured))
    torch.testing.assert_close(smooth(images, measured, 1.0), smooth(other, measured, 1.0))
    assert (network(images, measured)[..., ~measured] == 0).all()


def test_smoothing_keeps_a_constant():
    torch.testing.assert_close(smooth(torch.ones(1, 1, 5, 6), mask(), 1.0)[0, 0], mask().float())


def test_patches_without_a_measured_pixel_are_left_out():
    measured = torch.zeros(10, 9, dtype=torch.bool)
    measured[:4, :8] = True
    grid = PatchGrid(measured, 1)
    patches = grid(torch.arange(90.0).reshape(1, 1, 10, 9))
    assert patches.shape == (1, 2, 16)
    assert patches[0, 1, 0] == 4
    assert grid.inside.all()


def test_before_learning_the_vector_holds_where_things_are():
    grid = PatchGrid(torch.ones(16, 16, dtype=torch.bool), 1)
    torch.manual_seed(0)
    encoder = PatchEncoder(grid, 64, 1, 4)
    images = torch.zeros(4, 1, 16, 16)
    images[0, :, :, :8] = images[1, :, :, :8] = 1
    images[2, :, :8] = images[3, :, :8] = 1
    images += 0.3 * torch.randn(4, 1, 16, 16)
    vectors = torch.nn.functional.normalize(encoder(grid(images)), dim=1)
    alike = vectors @ vectors.T
    assert alike[0, 1] > 0.8
    assert alike[2, 3] > 0.8
    assert alike[0, 2] < 0.7


def test_positions_are_waves_of_their_own():
    places = torch.stack(torch.meshgrid(torch.arange(6), torch.arange(6), indexing="ij"), -1).reshape(-1, 2).float()
    waves = cosine_positions(places, 8)
    gram = waves.T @ waves
    torch.testing.assert_close(gram, torch.diag(gram.diagonal()), atol=1e-4, rtol=0)


def test_a_fifth_of_the_patches_is_shown():
    torch.manual_seed(0)
    visible, masked = draw_visible(3, 50, 0.8, torch.device("cpu"))
    assert visible.shape == (3, 10)
    assert (masked.sum(dim=1) == 40).all()
    assert not masked.gather(1, visible).any()


def test_larger_images_have_larger_patches_and_not_more_of_them():
    """Attention over 30,000 spots in patches of 4 × 4 would take hours."""
    small, large = (PatchGrid(torch.ones(side, side, dtype=torch.bool), 2) for side in (68, 195))
    assert (small.side, len(small.kept)) == (4, 289)
    assert (large.side, len(large.kept)) == (12, 289)
    images = torch.rand(1, 2, 195, 195)
    patches = large(images)
    assert patches.shape == (1, 289, 288)
    assert patches.sum() == pytest.approx(float(images.sum()), rel=1e-5)
    assert (large.inside.sum(), large.inside.shape) == (2 * 195**2, (289, 288))
