"""Pixels that are no measurement must not decide a fit; `tests/images/test_value_range.py` has the range itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facies.methods import METHODS, Method, load_method, make_method, method_class
from tests.methods.factories import pictures

DARKEST = (0, 0, 0)
SMALL = {
    "dec": {"n_clusters": 4, "network": "conv", "filters": 2, "pretraining.epochs": 1, "training.epochs": 1},
    "dac": {"n_clusters": 4, "filters": 2, "image_size": 12, "training.batch_size": 16, "restarts": 0},
}


def with_pixel(value: float) -> np.ndarray:
    images = pictures(10)[0].astype(np.float32)
    images[DARKEST] = value
    return images


@pytest.fixture(scope="module", params=SMALL)
def fitted(request: pytest.FixtureRequest) -> tuple[Method, Method]:
    """Fits of the same images, clean and with one pixel of -9999."""
    clean, odd = (with_pixel(value) for value in (float(pictures(10)[0].min()), -9999))
    one, other = (make_method(request.param, "quick", SMALL[request.param]).fit(images) for images in (clean, odd))
    return one, other


@pytest.mark.filterwarnings("ignore::facies.errors.FaciesWarning")
def test_a_pixel_of_no_data_changes_nothing_and_a_note_says_so(fitted: tuple[Method, Method], tmp_path: Path) -> None:
    clean, odd = fitted
    np.testing.assert_array_equal(odd.labels_, clean.labels_)
    np.testing.assert_array_equal(odd.embedding_, clean.embedding_)
    assert [note for note in odd.notes_ if "-9999 stands for no data" in note]
    assert not [note for note in clean.notes_ if "clipped" in note]
    odd.save(tmp_path / "model")
    again = load_method(tmp_path / "model")
    for value in (-9999, 3.4e38):  # as it was learnt, and as it was not
        np.testing.assert_array_equal(again.predict(with_pixel(value))[1:], clean.labels_[1:])
    np.testing.assert_array_equal(again.transform(with_pixel(-9999)), clean.embedding_)


def copies_and_blanks() -> np.ndarray:
    """Sixty images: 25 blank, 20 copies of one, 15 others."""
    others = pictures(4)[0][:16]
    return np.concatenate([np.zeros((25, 16, 16), np.uint8), np.repeat(others[:1], 20, axis=0), others[1:]])


@pytest.mark.filterwarnings("ignore::facies.errors.FaciesWarning")
@pytest.mark.parametrize("name", METHODS)
def test_copies_and_blank_images_are_a_group_like_any_other(name: str) -> None:
    images = copies_and_blanks()
    fitted = make_method(name, "quick", method_class(name).test_parameters).fit(images)
    for attribute in ("embedding_", "probabilities_", "projection_"):
        assert np.isfinite(getattr(fitted, attribute)).all(), attribute
    assert len(np.unique(fitted.labels_[:25])) == len(np.unique(fitted.labels_[25:45])) == 1
    assert "43 images are copies of others, pixel by pixel (2 groups of equal images)" in fitted.notes_
