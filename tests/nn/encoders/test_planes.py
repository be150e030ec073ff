import numpy as np
import pytest
import torch
from PIL import Image

from facies.errors import InputError
from facies.nn.encoders import EncoderLoader, FunctionEncoder, PlanesEncoder, load_encoder, register_encoder
from facies.nn.encoders.planes import resizing


def mean_colour(side: int = 8) -> FunctionEncoder:
    return FunctionEncoder("mean-colour", lambda images: images.mean(dim=(-2, -1)), version="1", usual_side=side)


def test_grey_images_are_shown_in_three_channels_and_colours_as_they_are():
    grey = PlanesEncoder(mean_colour(), (1, 8, 8))
    assert grey(torch.full((2, 1, 8, 8), 0.25)).tolist() == [[0.25] * 3] * 2
    colour = torch.tensor([0.1, 0.2, 0.3]).view(1, 3, 1, 1).expand(1, 3, 8, 8)
    torch.testing.assert_close(PlanesEncoder(mean_colour(), (3, 8, 8))(colour), torch.tensor([[0.1, 0.2, 0.3]]))


@pytest.mark.parametrize("channels", [2, 4])
def test_other_channels_are_shown_one_by_one_and_joined(channels):
    values = torch.arange(channels) / 10
    found = PlanesEncoder(mean_colour(), (channels, 8, 8))(values.view(1, channels, 1, 1).expand(1, channels, 8, 8))
    torch.testing.assert_close(found, values.repeat_interleave(3)[None])


def test_focal_layers_are_shown_one_by_one_and_joined():
    stacks = torch.stack([torch.full((1, 8, 8), 0.2), torch.full((1, 8, 8), 0.7)])[None]
    encoder = PlanesEncoder(mean_colour(), (2, 1, 8, 8))
    torch.testing.assert_close(encoder(stacks), torch.tensor([[0.2] * 3 + [0.7] * 3]))
    assert encoder.passes == 2


def test_the_longer_side_becomes_that_of_the_encoder_and_small_images_are_enlarged():
    encoder = PlanesEncoder(mean_colour(16), (3, 4, 8))
    assert encoder.size == (8, 16)
    assert encoder.enlarges
    assert not PlanesEncoder(mean_colour(16), (3, 20, 40)).enlarges
    assert PlanesEncoder(load_encoder("efficientnet-lite0"), (1, 4, 400), 64).size == (32, 64)


@pytest.mark.parametrize(("given", "made"), [(40, 16), (16, 40), (7, 7), (33, 32)])
def test_resizing_is_pillows_bilinear(given, made):
    pixels = np.random.default_rng(0).random((given, given)).astype(np.float32)
    expected = np.asarray(Image.fromarray(pixels).resize((made, made), Image.Resampling.BILINEAR))
    weights = resizing(given, made)
    np.testing.assert_allclose(weights @ torch.from_numpy(pixels) @ weights.T, expected, atol=1e-5)


def test_images_of_endless_planes_are_refused():
    with pytest.raises(InputError, match="looked at 300 times each"):
        PlanesEncoder(mean_colour(), (300, 8, 8))


def test_an_encoder_of_ones_own_is_had_by_its_name_and_no_other_name():
    register_encoder(EncoderLoader("mean-colour", mean_colour))
    assert load_encoder("mean-colour").features == 3
    with pytest.raises(InputError, match="cannot be called"):
        register_encoder(EncoderLoader("efficientnet-lite0", mean_colour))
    with pytest.raises(InputError, match="did you mean 'mean-colour'"):
        load_encoder("mean-color")


def test_a_function_that_gives_no_vectors_is_refused():
    with pytest.raises(InputError, match="it is to return a tensor"):
        FunctionEncoder("maps", lambda images: images, usual_side=8)


def first_rows(side: int = 8) -> FunctionEncoder:
    return FunctionEncoder(
        "first-rows", lambda images: images[:, 0, :2].mean(dim=1)[:, :4], version="1", usual_side=side
    )


@pytest.mark.parametrize(("turns", "count"), [(1, 1), (4, 4), (8, 8)])
def test_an_image_and_a_turned_one_are_the_same_once_all_turns_are_shown(turns, count):
    images = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    planes = PlanesEncoder(first_rows(), (1, 8, 8), turns=turns)
    assert len(planes.orientations) == count
    same = [torch.allclose(planes(images), planes(images.rot90(by, (2, 3))), atol=1e-6) for by in (1, 2, 3)]
    assert same == [turns > 1] * 3
    assert torch.allclose(planes(images), planes(images.flip(3)), atol=1e-6) == (turns == 8)


def test_rectangles_are_turned_whole():
    images = torch.rand(2, 1, 4, 8, generator=torch.Generator().manual_seed(0))
    planes = PlanesEncoder(mean_colour(8), (1, 4, 8), turns=4)
    torch.testing.assert_close(planes(images), PlanesEncoder(mean_colour(8), (1, 4, 8))(images))


def test_an_encoder_of_fixed_rectangles_sees_the_half_turns_alone():
    encoder = first_rows()
    encoder.input_size = lambda size, side=None: (4, 8)
    planes = PlanesEncoder(encoder, (1, 4, 8), turns=4)
    assert planes.orientations == [(0, False), (2, False)]
