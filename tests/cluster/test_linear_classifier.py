from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from facies.cluster import LinearProbe, expected_calibration_error
from facies.cluster.calibration import fit_temperature
from facies.cluster.linear_classifier import _draw_sample
from facies.errors import InputError


def kinds(n: int = 600, k: int = 4, d: int = 16, spread: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, k, n)
    centres = np.random.default_rng(99).normal(size=(k, d)) * 1.5
    return (centres[codes] + spread * rng.normal(size=(n, d))).astype(np.float32), np.array(list("abcdefgh"))[codes]


def test_it_tells_classes_of_images_it_has_not_seen() -> None:
    probe = LinearProbe().fit(*kinds(), stacks=np.arange(600) // 3)
    vectors, names = kinds(seed=1)
    share = (probe.predict(vectors) == names).mean()
    assert share > 0.95
    assert probe.report_.accuracy == pytest.approx(share, abs=0.03)
    assert probe.report_.n_folds == 5
    probabilities = probe.predict_proba(vectors)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_the_vectors_may_have_any_scale() -> None:
    vectors, names = kinds()
    one, other = LinearProbe().fit(vectors, names), LinearProbe().fit(1000 * vectors + 500, names)
    np.testing.assert_allclose(one.predict_proba(vectors), other.predict_proba(1000 * vectors + 500), atol=2e-3)


def test_it_agrees_with_scikit_learn_where_nothing_is_calibrated() -> None:
    from sklearn.linear_model import LogisticRegression

    vectors, names = kinds()
    probe = LinearProbe(C=0.5).fit(vectors, names, stacks=np.zeros(600))
    assert probe.temperature_ == 1
    scaled = (vectors - vectors.mean(0)) / vectors.std(0)
    expected = LogisticRegression(C=0.5, tol=1e-6, max_iter=1000).fit(scaled, names).predict_proba(scaled)
    np.testing.assert_allclose(probe.predict_proba(vectors), expected, atol=0.01)


def test_two_classes_are_two_rows() -> None:
    vectors, names = kinds(k=2)
    probe = LinearProbe().fit(vectors, names)
    assert probe.coef_.shape == (2, 16)
    assert (probe.predict(vectors) == names).mean() > 0.95


def test_grains_of_one_stack_are_never_learnt_from_and_judged_together() -> None:
    rng = np.random.default_rng(0)
    stacks = np.repeat(np.arange(60), 10)
    names = np.array(["a", "b"])[rng.integers(0, 2, 60)][stacks]
    # Nothing tells the class but what marks the stack.
    vectors = rng.normal(size=(60, 40))[stacks] + 0.1 * rng.normal(size=(600, 40))
    by_grain = LinearProbe().fit(vectors, names).report_.accuracy
    by_stack = LinearProbe().fit(vectors, names, stacks).report_.accuracy
    assert by_grain is not None
    assert by_stack is not None
    assert by_grain > 0.8
    assert by_stack < by_grain - 0.15


def test_calibration_makes_too_sure_a_probe_modest() -> None:
    rng = np.random.default_rng(0)
    vectors, names = kinds(400, d=60, spread=2.5)
    names = np.where(rng.random(400) < 0.25, rng.permutation(names), names)
    report = (probe := LinearProbe(C=100.0).fit(vectors, names)).report_
    assert probe.temperature_ > 1.3
    assert report.calibration_before is not None
    assert report.calibration_after is not None
    assert report.calibration_after < 0.6 * report.calibration_before


def test_the_temperature_is_found_again() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20_000, 5)) * 2
    codes = (softmax(logits, axis=1).cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)
    assert fit_temperature(3 * logits, codes, np.ones(20_000, np.float32)) == pytest.approx(3, rel=0.05)


def test_calibration_error_by_hand() -> None:
    assert expected_calibration_error([0.9, 0.9, 0.9, 0.9], [1, 1, 0, 0]) == pytest.approx(0.4)
    assert expected_calibration_error([0.95, 0.55], [1, 0]) == pytest.approx((0.05 + 0.55) / 2)
    assert expected_calibration_error([0.95, 0.55], [1, 0], [3, 1]) == pytest.approx((0.15 + 0.55) / 4)
    assert expected_calibration_error([1.0], [1]) == 0


def test_of_many_images_a_fair_part_is_drawn() -> None:
    codes = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [9000, 900, 20]))
    rows, weights = _draw_sample(codes, 1000, 0)
    assert np.bincount(codes[rows]).tolist() == [490, 490, 20]
    counted = np.bincount(codes[rows], weights)
    np.testing.assert_allclose(counted / counted.sum(), np.array([9000, 900, 20]) / 9920, rtol=1e-5)
    assert weights.mean() == pytest.approx(1)
    rows, weights = _draw_sample(codes, None, 0)
    assert len(rows) == 9920
    assert (weights == 1).all()


def test_a_draw_does_not_shift_the_shares() -> None:
    rng = np.random.default_rng(0)
    vectors, names = kinds(8000, k=2, d=4, spread=3.0)
    keep = (names == "a") | (rng.random(8000) < 0.1)
    vectors, names = vectors[keep], names[keep]
    probe = LinearProbe(most_images=800).fit(vectors, names)
    assert probe.report_.n_drawn == 800
    assert probe.predict_proba(vectors)[:, 1].mean() == pytest.approx((names == "b").mean(), abs=0.02)


def test_equal_fits_are_equal_and_saving_keeps_all(tmp_path: Path) -> None:
    vectors, names = kinds()
    one, other = LinearProbe(most_images=300).fit(vectors, names), LinearProbe(most_images=300).fit(vectors, names)
    np.testing.assert_array_equal(one.coef_, other.coef_)
    one.save(tmp_path / "probe")
    loaded = LinearProbe.load(tmp_path / "probe")
    np.testing.assert_array_equal(loaded.predict_proba(vectors), one.predict_proba(vectors))
    assert loaded.predict(vectors).tolist() == one.predict(vectors).tolist()
    assert loaded.report_ == one.report_
    assert sorted(path.name for path in (tmp_path / "probe").iterdir()) == ["probe.json", "probe.safetensors"]


def test_too_few_names_are_said_clearly() -> None:
    vectors = np.random.default_rng(0).normal(size=(6, 3))
    with pytest.raises(InputError, match=r"two images of each of two classes at least \('a': 6\): name another class"):
        LinearProbe().fit(vectors, ["a"] * 6)
    with pytest.raises(InputError, match="two images of each of two classes"):
        LinearProbe().fit(vectors, list("aaaaab"))
    with pytest.raises(InputError, match=r"\(none\)"):
        LinearProbe().fit(np.zeros((0, 3)), [])


def test_a_class_of_one_image_and_one_of_few_stacks_are_noted() -> None:
    vectors, names = kinds(100, k=3)
    names = names.astype(object)
    names[0] = "single"
    stacks = np.where(names == "a", 0, 1 + np.arange(100) // 5)
    probe = LinearProbe().fit(vectors, names, stacks)
    assert "single" not in probe.classes_
    assert any("single image: single" in note for note in probe.notes_)
    assert any("few stacks: a (1 stack)" in note for note in probe.notes_)
    assert probe.report_.recall["a"] == 0.0


def test_one_stack_gives_no_accuracy_and_says_so() -> None:
    vectors, names = kinds()
    probe = LinearProbe().fit(vectors, names, ["s"] * 600)
    assert probe.report_.accuracy is None
    assert any("one stack" in note for note in probe.notes_)
    assert (probe.predict(vectors) == names).mean() > 0.9


def test_vectors_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    vectors, names = kinds()
    with pytest.raises(InputError, match="NaN"):
        LinearProbe().fit(np.where(vectors > 3, np.nan, vectors), names)
    with pytest.raises(InputError, match="600 names"):
        LinearProbe().fit(vectors, names[:5])
    probe = LinearProbe().fit(vectors, names)
    with pytest.raises(InputError, match="16 dimensions"):
        probe.predict(vectors[:, :5])


def test_damaged_probes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no whole probe"):
        LinearProbe.load(tmp_path)
    LinearProbe().fit(*kinds()).save(tmp_path)
    plain = json.loads((tmp_path / "probe.json").read_text())
    (tmp_path / "probe.json").write_text(json.dumps({**plain, "format": 9}))
    with pytest.raises(InputError, match="format 9"):
        LinearProbe.load(tmp_path)
    (tmp_path / "probe.json").write_text(json.dumps({**plain, "classes": ["a"]}))
    with pytest.raises(InputError, match="shape"):
        LinearProbe.load(tmp_path)
    (tmp_path / "probe.json").write_text(json.dumps(plain))
    (tmp_path / "probe.safetensors").write_bytes(b"x" * 40)
    with pytest.raises(InputError, match="no whole probe"):
        LinearProbe.load(tmp_path)
