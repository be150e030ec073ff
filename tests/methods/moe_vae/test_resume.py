"""A fit with every stage there is, some with several trainings, goes on after a kill as if there had been none."""

from __future__ import annotations

import numpy as np
import pytest

from facies.training import loop as training_loop
from tests.methods.factories import THREE_GROUPS, tiny

WHOLE = {
    "align": True,
    "alignment.epochs": 2,
    "autoencoder.retrain": True,
    "experts.latent_size_from": "fresh",
    **THREE_GROUPS,
}


class Interrupted(Exception):
    """Stands for a kill."""


def method():
    return tiny(**WHOLE)


@pytest.fixture(scope="module")
def images(pixels):
    return pixels[:120]


@pytest.fixture(scope="module")
def unbroken(images):
    return method().fit(images)


def assert_same(model, expected, images):
    for name in ("labels_", "density_labels_", "embedding_", "probabilities_", "projection_"):
        np.testing.assert_array_equal(getattr(model, name), getattr(expected, name), err_msg=name)
    assert model.expert_sizes_ == expected.expert_sizes_
    assert model.latent_size_ == expected.latent_size_
    mine, theirs = (m.history_.drop(columns="seconds") for m in (model, expected))
    assert mine.equals(theirs)
    np.testing.assert_array_equal(model.predict_proba(images), expected.predict_proba(images))
    np.testing.assert_array_equal(model.sample(2, 0), expected.sample(2, 0))
    assert list(model.timings_) == list(expected.timings_)


def test_killed_every_few_steps(images, unbroken, tmp_path, monkeypatch):
    monkeypatch.setattr(training_loop, "SECONDS_BETWEEN_SAVES", 0.0)
    step = training_loop.TrainingLoop._step
    left = 0

    def counted(self, *arguments):
        nonlocal left
        if left == 0:
            raise Interrupted
        left -= 1
        return step(self, *arguments)

    monkeypatch.setattr(training_loop.TrainingLoop, "_step", counted)
    kills = 0
    while True:
        left = 5
        try:
            resumed = method().fit(images, work_folder=tmp_path)
            break
        except Interrupted:
            kills += 1
    assert kills >= 6
    assert_same(resumed, unbroken, images)
