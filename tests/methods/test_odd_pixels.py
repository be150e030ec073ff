"""Pixels that are no measurement must not decide a fit; `tests/images/test_value_range.py` has the range itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facies.methods import Method, load_method, make_method
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
    clean = with_pixel(float(pictures(10)[0].min()))
    return tuple(make_method(request.param, "quick", SMALL[request.param]).fit(images) for images in (clean, with_pixel(-9999)))  # fmt: skip


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
