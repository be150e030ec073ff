"""What every method of the registry must do; a method's own tests hold only what is its own."""

from __future__ import annotations

import dataclasses
import inspect
import math
import typing

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits

from facies.errors import InputError
from facies.methods import METHODS, Method, load_method, make_method, method_class
from facies.parameters import _bounds, _members, check_parameters, parameters_of
from facies.training import loop as training_loop
from facies.training import trainer as training_trainer

pytestmark = pytest.mark.filterwarnings("ignore::facies.errors.FaciesWarning")  # so short fits collapse, and say so

N = 60
MAX_FIELDS = 20
MIN_TEXT = 20

FITTED = ("labels_", "embedding_", "probabilities_", "projection_")


class Interrupted(Exception):
    """Stands for a kill."""


def images(start: int = 0, stop: int = N) -> np.ndarray:
    digits = load_digits().images[start:stop].astype(np.float32)
    return np.kron(digits, np.ones((1, 2, 2), np.float32))


def small(name: str, **parameters) -> Method:
    return make_method(name, "quick", {**method_class(name).test_parameters, **parameters})


def assert_same_fit(one: Method, other: Method) -> None:
    for attribute in FITTED:
        np.testing.assert_array_equal(getattr(one, attribute), getattr(other, attribute), err_msg=attribute)
    assert one.n_clusters_ == other.n_clusters_
    assert one.notes_ == other.notes_
    drop = ["seconds"]
    assert one.history_.drop(columns=drop).equals(other.history_.drop(columns=drop))


@pytest.fixture(scope="module", params=METHODS)
def name(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def fitted(name) -> Method:
    return small(name).fit(images())


def test_a_method_says_what_it_is(name) -> None:
    cls = method_class(name)
    assert issubclass(cls, Method)
    assert cls.name == name
    assert cls.title
    assert cls.reference
    assert {"quick", "paper"} <= set(cls.presets)
    assert cls.test_parameters


def test_parameters_are_few_documented_and_keyword_only(name) -> None:
    cls = method_class(name)
    assert dataclasses.is_dataclass(cls)
    assert len(dataclasses.fields(cls)) <= MAX_FIELDS
    assert all(each.kind is each.KEYWORD_ONLY for each in inspect.signature(cls).parameters.values())
    for parameter in parameters_of(cls).values():
        assert len(parameter.text) >= MIN_TEXT or parameter.text.endswith("."), parameter.name
        assert parameter.text, parameter.name
    assert "random_state" in parameters_of(cls)


def test_presets_and_former_names_are_parameters(name) -> None:
    cls = method_class(name)
    known = set(parameters_of(cls))
    for preset in cls.presets:
        check_parameters(make_method(name, preset))
    for today in cls.former_parameters.values():
        assert {today} if isinstance(today, str) else set(today) <= known


def test_two_fits_with_one_seed_are_equal_and_a_clone_fits_equally(fitted) -> None:
    assert_same_fit(clone(fitted).fit(images()), fitted)


def test_nested_parameters_by_scikit_learns_names(name) -> None:
    method = small(name)
    copy = clone(method).set_params(hardware__precision="32-true", random_state=5)
    assert (copy.hardware.precision, copy.random_state) == ("32-true", 5)
    assert (method.hardware.precision, method.random_state) == ("auto", 0)
    assert method.get_params()["hardware__devices"] == 1


def test_what_a_fit_gives(fitted) -> None:
    count = fitted.n_clusters_
    assert fitted.labels_.shape == (N,)
    assert fitted.labels_.dtype == np.int64
    assert set(fitted.labels_.tolist()) <= {-1, *range(count)}
    assert fitted.embedding_.dtype == fitted.projection_.dtype == fitted.probabilities_.dtype == np.float32
    assert fitted.projection_.shape == (N, 2)
    assert fitted.probabilities_.shape == (N, count)
    np.testing.assert_allclose(fitted.probabilities_.sum(axis=1), 1, atol=1e-4)
    assert np.isfinite(fitted.embedding_).all()
    assert list(fitted.partitions())[-1] == fitted.name
    assert {"stage", "epoch", "seconds"} <= set(fitted.history_)
    assert "loss" in fitted.history_ or not len(fitted.history_)  # of a method that trains no network


def test_predict_of_the_images_learnt_from_is_labels(fitted) -> None:
    np.testing.assert_array_equal(fitted.predict(images()), fitted.labels_)


def test_new_images(fitted) -> None:
    new = images(N, 2 * N)
    probabilities, table = fitted.predict_proba(new), fitted.predict_table(new)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), fitted.predict(new))
    np.testing.assert_array_equal(table["group"], fitted.predict(new))
    np.testing.assert_allclose(table["probability"], probabilities.max(axis=1), atol=1e-5)
    assert set(fitted.predict(new).tolist()) <= set(range(fitted.n_clusters_))
    whole = fitted.transform(new)
    assert whole.dtype == np.float32
    assert whole.shape == (N, fitted.embedding_.shape[1])
    scale = np.abs(whole).max()
    np.testing.assert_allclose(fitted.transform(new[7:19]), whole[7:19], atol=1e-5 * scale, rtol=1e-4)
    np.testing.assert_allclose(fitted.transform(new[::-1])[::-1], whole, atol=1e-5 * scale, rtol=1e-4)


def test_saved_and_loaded_it_answers_the_same(fitted, tmp_path) -> None:
    fitted.save(tmp_path / "model")
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["model.json", "model.safetensors"]
    loaded, new = load_method(tmp_path / "model"), images(N, N + 20)
    assert type(loaded) is type(fitted)
    ours, theirs = (
        {key: value for key, value in each.parameters().items() if not key.startswith("hardware.")}
        for each in (fitted, loaded)
    )
    assert {key: list(value) if isinstance(value, tuple) else value for key, value in ours.items()} == theirs
    for ask in ("predict", "predict_proba", "transform"):
        np.testing.assert_array_equal(getattr(loaded, ask)(new), getattr(fitted, ask)(new), err_msg=ask)
    if fitted.is_generative:
        drawn = fitted.sample(2, cluster=0, random_state=3)
        np.testing.assert_array_equal(loaded.sample(2, cluster=0, random_state=3), drawn)
        assert drawn.shape == (2, *fitted.image_shape_)
    if fitted.has_canonical_pose:
        np.testing.assert_array_equal(loaded.canonical(new), fitted.canonical(new))


def test_images_of_another_shape_are_refused_by_a_fitted_method(fitted) -> None:
    with pytest.raises(InputError, match="the model learnt from"):
        fitted.predict(images()[:, :12])


def test_duplicates_keep_two_fits_equal_and_lie_together(name) -> None:
    twice = np.concatenate([images(0, 30)] * 2)
    one, other = small(name).fit(twice), small(name).fit(twice)
    assert_same_fit(one, other)
    np.testing.assert_array_equal(one.labels_[:30], one.labels_[30:])


def test_killed_in_each_stage_and_resumed_it_is_as_unbroken(name, fitted, tmp_path, monkeypatch) -> None:
    """Each stage is killed at its second step, if it trains, and again when all its work is done and nothing is written."""
    monkeypatch.setattr(training_loop, "SECONDS_BETWEEN_SAVES", 0.0)
    step, run_stage = training_loop.TrainingLoop._step, training_trainer.Trainer._run_stage
    kills: set[tuple[str, str]] = set()
    steps = 0

    def killed_step(self, *arguments):
        nonlocal steps
        steps += 1
        if steps == 2 and ("step", self.name) not in kills:
            kills.add(("step", self.name))
            raise Interrupted
        return step(self, *arguments)

    def killed_stage(self, number, stage, outputs):
        nonlocal steps
        steps = 0
        run = stage.run

        def killed(given):
            result = run(given)
            if ("stage", stage.name) not in kills:
                kills.add(("stage", stage.name))
                raise Interrupted
            return result

        return run_stage(self, number, dataclasses.replace(stage, run=killed), outputs)

    monkeypatch.setattr(training_loop.TrainingLoop, "_step", killed_step)
    monkeypatch.setattr(training_trainer.Trainer, "_run_stage", killed_stage)
    for _ in range(60):
        try:
            resumed = small(name).fit(images(), work_folder=tmp_path / "work")
            break
        except Interrupted:
            continue
    stages = list(fitted.timings_)
    assert {stage for kind, stage in kills if kind == "stage"} == set(stages)
    assert any(kind == "step" for kind, _ in kills) == bool(len(fitted.history_))
    assert_same_fit(resumed, fitted)


def test_a_work_folder_of_other_parameters_is_refused(name, tmp_path) -> None:
    (tmp_path / "work").mkdir()
    method = small(name)
    method._check_work_folder(tmp_path / "work", _image_set())
    other = small(name, random_state=9)
    with pytest.raises(InputError, match="other images or parameters"):
        other._check_work_folder(tmp_path / "work", _image_set())


def test_too_few_images_and_pixels_that_are_no_numbers_are_refused(name) -> None:
    with pytest.raises(InputError):
        small(name).fit(images()[:2])
    broken = images()
    broken[7, 3, 3] = np.nan
    with pytest.raises(InputError, match=r"(?i)nan|no number|not a number|finite"):
        small(name).fit(broken)


def test_a_value_out_of_range_names_the_parameter(name) -> None:
    with pytest.raises(InputError, match=r"hardware\.devices=0: give a whole number of 1 or more; the nearest is 1"):
        small(name, **{"hardware.devices": 0}).fit(images())


def numbers_out_of_range(hint) -> list[float]:
    """Numbers just beyond each end of what a parameter takes, if it takes numbers."""
    outside: list[float] = []
    for each in _members(hint):
        kind = typing.get_args(each)[0] if typing.get_origin(each) is typing.Annotated else each
        if kind in (int, float):
            assert typing.get_origin(each) is typing.Annotated, "no range"
            (low, low_open), (high, high_open) = _bounds(each)
            assert math.isfinite(low), "no lower end"
            outside += [kind(low) - (not low_open), kind(low) - 3]
            outside += [kind(high) + (not high_open), kind(high) + 3] if math.isfinite(high) else []
            outside += [math.nan, math.inf] if kind is float else []
    return outside


def test_every_number_has_a_range_and_is_refused_beyond_it_before_the_fit(name) -> None:
    given, checked = _image_set(), 0
    for parameter in parameters_of(method_class(name)).values():
        for value in numbers_out_of_range(parameter.type):
            with pytest.raises(InputError, match=rf"^{parameter.name}=.*: give ") as caught:
                small(name, **{parameter.name: value}).check(given)
            assert "\n" not in str(caught.value)
            checked += 1
    assert checked > MAX_FIELDS


@pytest.mark.parametrize("parameter", ["hardware.accelerator", "hardware.precision"])
def test_hardware_that_there_is_not_is_refused_before_the_fit(name, parameter) -> None:
    with pytest.raises(InputError, match=rf"^{parameter}='nonsense' is not known; choose from auto, "):
        small(name, **{parameter: "nonsense"}).check(_image_set())


def test_focal_stacks_where_they_are_supported(name) -> None:
    if "focal stacks" not in method_class(name).supported_inputs:
        pytest.skip("plain images alone")
    plain = images()
    stacks = np.stack([plain, np.roll(plain, 1, axis=2)], axis=1)[:, :, None]
    method = small(name).fit(stacks)
    assert method.image_shape_ == (2, 1, 16, 16)
    np.testing.assert_array_equal(method.predict(stacks), method.labels_)


def _image_set():
    from facies.images import open_images

    return open_images(images())
