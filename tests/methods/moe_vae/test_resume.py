"""Equal seeds give equal fits, and a fit that was killed goes on as if it had not been."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from facies.methods.moe_vae.method import MoEVAE
from facies.training import Stage
from facies.training import loop as training_loop
from tests.methods.factories import tiny

# Every stage there is, with several trainings in one of them.
WHOLE = {
    "align": True,
    "align_epochs": 2,
    "retrain": True,
    "expert_size": "fresh",
    "grouping": "gaussian-mixture",
    "n_clusters": 3,
    "layout_dimensions": 2,
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


def assert_same(model, wanted, images):
    for name in ("labels_", "density_labels_", "embedding_", "probabilities_", "projection_"):
        np.testing.assert_array_equal(getattr(model, name), getattr(wanted, name), err_msg=name)
    assert model.expert_sizes_ == wanted.expert_sizes_
    assert model.latent_size_ == wanted.latent_size_
    mine, theirs = (m.history_.drop(columns="seconds") for m in (model, wanted))
    assert mine.equals(theirs)
    np.testing.assert_array_equal(model.predict_proba(images), wanted.predict_proba(images))
    np.testing.assert_array_equal(model.sample(2, 0), wanted.sample(2, 0))
    assert list(model.timings_) == list(wanted.timings_)


def test_two_fits_of_one_seed_are_equal(images, unbroken):
    assert_same(method().fit(images), unbroken, images)


def test_another_seed_gives_another_fit(images, unbroken):
    other = method().set_params(random_state=1).fit(images)
    assert not np.array_equal(other.embedding_, unbroken.embedding_)


def test_killed_after_each_stage(images, unbroken, tmp_path, monkeypatch):
    stages = MoEVAE.stages
    plan, ran = {"stop in": ""}, []

    def interrupted(self, images, trainer):
        def wrap(stage):
            def run(found):
                results = stage.run(found)
                ran.append(stage.name)
                if stage.name == plan["stop in"]:
                    raise Interrupted
                return results

            return Stage(stage.name, run)

        return [wrap(stage) for stage in stages(self, images, trainer)]

    monkeypatch.setattr(MoEVAE, "stages", interrupted)
    names = list(unbroken.timings_)
    assert len(names) == 12
    for name in names:
        plan["stop in"] = name
        with pytest.raises(Interrupted):
            method().fit(images, work_folder=tmp_path)
    plan["stop in"] = ""
    resumed = method().fit(images, work_folder=tmp_path)
    assert_same(resumed, unbroken, images)
    # Each stage was run once and killed before its results were kept, and once more by the fit after.
    assert ran == ["intensity", *[name for pair in itertools.pairwise(names) for name in pair], "assign"]
    ran.clear()
    assert_same(method().fit(images, work_folder=tmp_path), unbroken, images)
    assert ran == []


def test_killed_every_few_steps(images, unbroken, tmp_path, monkeypatch):
    monkeypatch.setattr(training_loop, "SECONDS_BETWEEN_SAVES", 0.0)
    step = training_loop.Training._step
    left = 0

    def counted(self, *arguments):
        nonlocal left
        if left == 0:
            raise Interrupted
        left -= 1
        return step(self, *arguments)

    monkeypatch.setattr(training_loop.Training, "_step", counted)
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
