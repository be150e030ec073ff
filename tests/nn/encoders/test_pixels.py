"""The pixels themselves as an encoder."""

from __future__ import annotations

import pytest
import torch

from facies.nn.encoders import PlanesEncoder, load_encoder, rebuild_encoder


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 40, 60), (2, 24, 24), (2, 1, 30, 20)])
def test_images_of_any_shape_become_as_many_numbers_a_pass(shape):
    planes = PlanesEncoder(load_encoder("pixels"), shape)
    found = planes(torch.rand(5, *shape))
    assert found.shape == (5, planes.passes * 3 * 24 * 24)


def test_a_grey_image_of_that_size_is_left_as_it_is():
    image = torch.rand(2, 1, 24, 24)
    found = PlanesEncoder(load_encoder("pixels"), (1, 24, 24))(image)
    torch.testing.assert_close(found, image.expand(-1, 3, -1, -1).flatten(1))


def test_it_is_built_again_from_what_a_model_keeps():
    encoder = load_encoder("pixels")
    again = rebuild_encoder(encoder.description(), encoder.state())
    image = torch.rand(1, 3, 24, 24)
    torch.testing.assert_close(again(image), encoder(image))
