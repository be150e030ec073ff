"""`dac` on pictures of four kinds: what it finds, and how long it learns."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import adjusted_rand_score

from facies.errors import InputError
from facies.methods import load_method, make_method
from facies.methods.dac.dac import DAC

PICTURES = {
    "n_clusters": 4,
    "filters": 4,
    "eta": 0.03,
    "chunk_size": 160,
    "batch_size": 32,
    "random_state": 2,
    "accelerator": "cpu",
}


def quick(**parameters) -> DAC:
    return make_method("dac", "quick", {**PICTURES, **parameters})


@pytest.fixture(scope="module")
def fitted(pixels):
    return quick().fit(pixels)


def test_finds_the_kinds(drawn, pixels, fitted):
    assert adjusted_rand_score(drawn[1], fitted.labels_) >= 0.75
    np.testing.assert_array_equal(fitted.predict(pixels), fitted.labels_)
    alone = np.concatenate([fitted.predict_proba(pixels[row : row + 1]) for row in range(12)])
    np.testing.assert_allclose(alone, fitted.predict_proba(pixels)[:12], atol=1e-5)


def test_more_pairs_are_certain_from_epoch_to_epoch(fitted):
    history = fitted.history_
    assert len(history) == fitted.n_epochs == 14
    certain = history["positives"] + history["negatives"]
    assert certain.iloc[-1] > certain.iloc[0]
    assert certain.iloc[-1] > 0.9
    assert list(fitted.run_arrays()) == ["epoch_labels"]
    assert fitted.run_arrays()["epoch_labels"].shape == (14, 320)
    assert not fitted.has_canonical_pose


def test_saved_and_fitted_again_it_is_the_same(pixels, fitted, tmp_path):
    np.testing.assert_array_equal(clone(fitted).fit(pixels).embedding_, fitted.embedding_)
    fitted.save(tmp_path)
    np.testing.assert_array_equal(load_method(tmp_path).predict(pixels), fitted.labels_)


def test_paper_s_settings_are_the_defaults():
    paper = make_method("dac", "paper")
    assert paper.get_params() == DAC().get_params()
    assert (paper.upper, paper.lower, paper.eta, paper.n_epochs) == (0.95, 0.455, 0.009, 46)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"eta": 0.0}, "eta=0: the thresholds would never meet"),
        ({"n_clusters": 40}, "more groups than a batch holds"),
        ({"image_size": 7}, r"images of 7 × 7 pixels: dac needs 8 or more a side; set image_size=8 or more"),
    ],
)
def test_what_is_refused(pixels, parameters, words):
    with pytest.raises(InputError, match=words):
        quick(**parameters).fit(pixels)
