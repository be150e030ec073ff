"""Learning from views: what a view keeps the network sees as the same, the three losses, the examples, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facies.errors import InputError
from facies.methods.view_objective import automatic_epochs
from facies.nn import ResidualEncoder, ViewNetwork
from facies.training import Views
from tests.methods.test_contract import images, small


@pytest.mark.parametrize("loss", ["simclr", "byol"])
def test_views_of_one_image_come_together(loss):
    """Turned copies of a digit lie nearer to it than other digits do, after a training with turns alone."""
    shown = images()
    off = dict.fromkeys(("shift", "zoom", "brightness", "contrast", "blur", "noise"), 0.0)
    training = {"training.epochs": 60, "training.batch_size": 32, "filters": 8}
    method = small("contrastive", loss=loss, **training, **{f"views.{name}": value for name, value in off.items()})
    method.fit(shown)
    assert method.history_["alignment"].iloc[-1] > method.history_["alignment"].iloc[0]
    own, turned = (torch.from_numpy(method.transform(each)) for each in (shown, np.rot90(shown, axes=(1, 2)).copy()))
    pair = torch.cosine_similarity(own - own.mean(dim=0), turned - own.mean(dim=0)).mean()
    other = torch.cosine_similarity(own - own.mean(dim=0), turned.roll(7, dims=0) - own.mean(dim=0)).mean()
    assert pair > other + 0.2


def test_examples_of_views_go_to_the_run():
    method = small("contrastive").fit(images())
    arrays = method.run_arrays()
    assert arrays["views"].shape[:2] == (6, 8)
    rows = arrays["view_rows"]
    np.testing.assert_array_equal(arrays["views"][:, 0].reshape(6, 16, 16), images()[rows])
    assert not np.array_equal(arrays["views"][:, 1], arrays["views"][:, 0])


def test_no_change_is_asked_for_and_none_is_made():
    off = Views(rotation=0, flip=False, zoom=0, shift=0, brightness=0, contrast=0, blur=0, noise=0)
    pixels = torch.rand(3, 1, 8, 8)
    assert off.transform(0.0, 0.0, 1.0)(pixels) is pixels


@pytest.mark.parametrize("side", [8, 16, 31, 64])
def test_the_encoder_takes_images_of_any_side(side):
    encoder = ResidualEncoder((2, side, side + 3), 4).eval()
    assert encoder(torch.rand(2, 2, side, side + 3)).shape == (2, encoder.features) == (2, 32)


def test_a_teacher_begins_as_its_student_and_learns_nothing_itself():
    network = ViewNetwork(ResidualEncoder((1, 16, 16), 4), 32, 8, teacher=True)
    assert network.teacher is not None
    for name, value in network.student.state_dict().items():
        torch.testing.assert_close(network.teacher.state_dict()[name], value)
    one, _, target, _ = network(torch.rand(4, 1, 16, 16), torch.rand(4, 1, 16, 16))
    (one.square().sum() + target.square().sum()).backward()
    assert all(parameter.grad is None for parameter in network.teacher.parameters())
    assert all(parameter.grad is not None for parameter in network.student.parameters())


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"views.hue": 20.0}, "the images have 1 channels, and hues are of three"),
        ({"training.batch_size": 4}, "views are told apart within a batch"),
    ],
)
def test_what_cannot_be_is_refused(parameters, message):
    with pytest.raises(InputError, match=message):
        small("contrastive", **parameters).fit(images())


def test_images_that_are_too_small_are_refused():
    with pytest.raises(InputError, match="6 × 16 pixels: contrastive needs 8 or more"):
        small("contrastive").fit(images()[:, :6])


def test_more_images_are_shown_fewer_times_and_more_often_in_all():
    epochs = [automatic_epochs(n) for n in (100, 1500, 10_000, 10**6)]
    assert epochs == sorted(epochs, reverse=True)
    assert epochs[2] * 10_000 > epochs[1] * 1500
    assert (epochs[0], epochs[-1]) == (300, 10)


def test_images_of_32_pixels_have_two_fifths_of_the_epochs():
    assert [automatic_epochs(1500, side) for side in (28, 31, 32, 64)] == [114, 114, 46, 46]
    assert [automatic_epochs(n, 32) for n in (100, 10**6)] == [120, 10]


@pytest.mark.parametrize(
    ("asked", "encoder", "shown"),
    [("auto", None, 32), ("auto", "efficientnet-lite0", 64), (48, None, 48), (48, "efficientnet-lite0", 48)],
)
def test_the_automatic_size_is_larger_for_a_pretrained_encoder(asked, encoder, shown):
    large = np.repeat(np.repeat(images()[:16], 6, axis=1), 6, axis=2)
    method = small("contrastive", encoder=encoder, image_size=asked).fit(large)
    assert method.run_values()["encoder"]["image_size"] == [shown, shown]
