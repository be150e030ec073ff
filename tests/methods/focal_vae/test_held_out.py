"""Images that the autoencoder of `focal-vae` does not learn from: whole stacks, and their error in the history."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facies.errors import InputError
from facies.images import open_images
from facies.methods.focal_vae.held_out import held_out_rows
from tests.methods.focal_vae.test_focal_vae import digits, tiny

N = 80
QUICK = {"training.epochs": 2, "held_out": 0.25}

pytestmark = pytest.mark.filterwarnings("ignore:the code has collapsed")  # after two epochs


def grains(pixels=None):
    """Digits as the grains of 20 stacks of photographs, four of each, in no order."""
    images = open_images(digits(0, N)[0] if pixels is None else pixels)
    images.table["stack"] = [f"S{number:02d}" for number in np.random.default_rng(5).permutation(np.arange(N) % 20)]
    return images


def test_a_stack_is_never_on_both_sides():
    images = grains()
    held = held_out_rows(images, 0.25, 3)
    assert held.sum() == 20
    inside, outside = (set(images.table["stack"][rows]) for rows in (held, ~held))
    assert len(inside) == 5
    assert not inside & outside
    assert (held_out_rows(images, 0.25, 3) == held).all()
    assert (held_out_rows(images, 0.25, 4) != held).any()
    assert held_out_rows(images, 1e-6, 3).sum() == 4, "one stack at least"


def test_without_stacks_each_image_is_its_own():
    images = open_images(digits(0, 40)[0])
    assert held_out_rows(images, 0.1, 0).sum() == 4


def test_too_few_stacks_are_refused_before_the_fit():
    images = grains()
    images.table["stack"] = "S00"
    with pytest.raises(InputError, match=r"held_out=0\.25: of 1 stack none would be left to learn from"):
        tiny(**QUICK).fit(images)
    with pytest.raises(InputError, match="held_out"):
        tiny(held_out=1.0).fit(images)


@pytest.fixture(scope="module")
def fitted():
    return tiny(**QUICK).fit(grains())


def test_the_error_of_what_was_held_out_is_in_the_history(fitted):
    images = grains()
    row = fitted.history_.set_index("stage").loc["held-out"]
    assert fitted.held_out_["images"] == 20
    assert fitted.held_out_["stacks"] == 5
    assert (row["held_out"], row["learnt"]) == (fitted.held_out_["held_out"], fitted.held_out_["learnt"])
    errors = fitted.reconstruction_error(images)
    assert row["held_out"] * 20 + row["learnt"] * 60 == pytest.approx(errors.sum(), rel=1e-4)
    assert [note for note in fitted.notes_ if note.startswith("held out of the training: 20 images of 5 stacks")]
    assert len(fitted.labels_) == N, "they are grouped as all others"


def test_what_is_held_out_is_not_learnt_from(fitted):
    """Other pixels in the images held out, of the same range, leave the network as it was; in the others they do not."""
    pixels = digits(0, N)[0]
    held = _held_by_error(fitted, pixels)
    for rows, same in ((held, True), (~held, False)):
        other = pixels.copy()
        other[rows] = other[rows][::-1]
        found = tiny(**QUICK).fit(grains(other)).autoencoder_.state_dict()
        equal = all(torch.equal(value, found[name]) for name, value in fitted.autoencoder_.state_dict().items())
        assert equal is same


def _held_by_error(fitted, pixels):
    """The rows held out of a fit: the ones of which the draw with its seed says so, checked by their mean error."""
    from facies.training import derive_seed

    held = held_out_rows(grains(), 0.25, derive_seed(fitted.random_state, "held-out"))
    assert fitted.reconstruction_error(pixels[held]).mean() == pytest.approx(fitted.held_out_["held_out"], rel=1e-4)
    return held


def test_nothing_is_held_out_unless_asked():
    plain = tiny(**{"training.epochs": 1}).fit(digits(0, 40)[0])
    assert plain.held_out_ == {}
    assert "held-out" not in plain.timings_
