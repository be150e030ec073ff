"""`dac` on pictures of four kinds: what it finds, and how long it learns."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from facies.errors import InputError
from facies.methods import make_method
from facies.methods.dac.dac import DAC

PICTURES = {
    "n_clusters": 4,
    "filters": 4,
    "eta": 0.03,
    "training.pairing_batch_size": 160,
    "training.batch_size": 32,
    "random_state": 2,
    "hardware.accelerator": "cpu",
}


def quick(**parameters) -> DAC:
    """Finds the kinds; parameters by their dotted names."""
    return make_method("dac", "quick", {**PICTURES, **parameters})


@pytest.fixture(scope="module")
def fitted(pixels):
    return quick().fit(pixels)


def test_finds_the_kinds(drawn, fitted):
    assert adjusted_rand_score(drawn[1], fitted.labels_) >= 0.75


def test_an_image_alone_is_what_it_is_among_others(pixels, fitted):
    alone = np.concatenate([fitted.predict_proba(pixels[row : row + 1]) for row in range(12)])
    np.testing.assert_allclose(alone, fitted.predict_proba(pixels)[:12], atol=1e-5)


def test_more_pairs_are_certain_from_epoch_to_epoch(fitted):
    history = fitted.history_
    assert len(history) == fitted.n_epochs() == 14
    certain = history["positives"] + history["negatives"]
    assert certain.iloc[-1] > certain.iloc[0]
    assert certain.iloc[-1] > 0.9
    assert list(fitted.run_arrays()) == ["epoch_labels"]
    assert fitted.run_arrays()["epoch_labels"].shape == (14, 320)
    assert not fitted.has_canonical_pose


def test_paper_s_settings_are_the_defaults():
    paper = make_method("dac", "paper")
    assert paper.parameters() == DAC().parameters()
    assert (paper.upper, paper.lower, paper.eta, paper.n_epochs()) == (0.95, 0.455, 0.009, 46)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"eta": 0.0}, "eta=0.0: give a number of more than 0"),
        ({"training.epochs": 5}, r"training.epochs=5: dac learns until its thresholds meet; set eta in its place"),
        ({"n_clusters": 40}, "more groups than a batch holds"),
        ({"image_size": 7}, r"images of 7 × 7 pixels: dac needs 8 or more a side; set image_size=8 or more"),
    ],
)
def test_what_is_refused(pixels, parameters, words):
    with pytest.raises(InputError, match=words):
        quick(**parameters).fit(pixels)
