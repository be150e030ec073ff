"""The Student-t mixture: scikit-learn's contract, the formulas against scipy, and outliers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_t
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.utils.estimator_checks import parametrize_with_checks

from facies.cluster import StudentTMixture
from facies.cluster.scale_matrices import KINDS

TYPES = list(KINDS)


@parametrize_with_checks([StudentTMixture(2), StudentTMixture(2, covariance_type="diag", prior_weight=0.5)])
def test_sklearn_checks(estimator, check):
    check(estimator)


def drawn(n=1500, *, degrees=(4.0, 8.0, 30.0), features=3, apart=9.0, seed=0):
    """Rows of three Student-t distributions with their kinds."""
    rng = np.random.default_rng(seed)
    rows, kinds = [], []
    for kind, freedom in enumerate(degrees):
        turn = np.linalg.qr(rng.normal(size=(features, features)))[0]
        scale = turn @ np.diag(np.linspace(0.3, 2.0, features)) @ turn.T
        mean = apart * rng.normal(size=features) / np.sqrt(features)
        rows.append(multivariate_t(mean, scale, freedom, seed=rng).rvs(n // len(degrees)))
        kinds += [kind] * (n // len(degrees))
    return np.concatenate(rows), np.array(kinds)


def with_full_scales(mixture):
    """The scale matrices of each component, whatever their kind."""
    n_components, n_features = mixture.means_.shape
    scales = mixture.scales_
    return {
        "full": lambda: scales,
        "tied": lambda: np.broadcast_to(scales, (n_components, n_features, n_features)),
        "diag": lambda: np.stack([np.diag(row) for row in scales]),
        "spherical": lambda: np.stack([np.eye(n_features) * value for value in scales]),
    }[mixture.covariance_type]()


@pytest.mark.parametrize("covariance_type", TYPES)
def test_densities_are_those_of_scipy(covariance_type):
    rows, _ = drawn(300)
    mixture = StudentTMixture(3, covariance_type=covariance_type, max_iter=5, tol=0).fit(rows)
    fresh = np.random.default_rng(1).normal(size=(40, 3)) * 6
    joint = np.stack(
        [
            np.log(weight) + multivariate_t(mean, scale, freedom).logpdf(fresh)
            for weight, mean, scale, freedom in zip(
                mixture.weights_, mixture.means_, with_full_scales(mixture), mixture.degrees_of_freedom_, strict=True
            )
        ],
        axis=1,
    )
    np.testing.assert_allclose(mixture.score_samples(fresh), logsumexp(joint, axis=1), rtol=1e-9)
    np.testing.assert_allclose(
        mixture.predict_proba(fresh), np.exp(joint - logsumexp(joint, axis=1, keepdims=True)), atol=1e-9
    )
    np.testing.assert_array_equal(mixture.predict(fresh), joint.argmax(axis=1))


@pytest.mark.parametrize("degrees", ["each", "shared", 5.0])
@pytest.mark.parametrize("covariance_type", TYPES)
def test_the_posterior_never_falls(covariance_type, degrees):
    rows, _ = drawn(300)
    settings = {"covariance_type": covariance_type, "degrees_of_freedom": degrees, "tol": 0, "reg_covar": 0}
    bounds = [StudentTMixture(3, max_iter=n, **settings).fit(rows).lower_bound_ for n in range(1, 12)]
    assert (np.diff(bounds) > -1e-9).all()
    assert bounds[-1] > bounds[0]


@pytest.mark.parametrize("covariance_type", TYPES)
def test_parts_of_the_rows_give_the_same_sums(covariance_type, monkeypatch):
    rows, _ = drawn(300)
    whole = StudentTMixture(3, covariance_type=covariance_type, max_iter=4, tol=0).fit(rows)
    monkeypatch.setattr("facies.cluster.student_t._NUMBERS_AT_ONCE", 200)
    parts = StudentTMixture(3, covariance_type=covariance_type, max_iter=4, tol=0).fit(rows)
    np.testing.assert_allclose(parts.means_, whole.means_)
    np.testing.assert_allclose(parts.scales_, whole.scales_)
    np.testing.assert_array_equal(parts.labels_, whole.labels_)


def test_drawn_mixtures_are_found_again():
    rows, kinds = drawn(9000)
    mixture = StudentTMixture(3, n_init=3, tol=1e-6, max_iter=500).fit(rows)
    assert mixture.converged_
    assert adjusted_rand_score(kinds, mixture.labels_) > 0.95
    order = [np.bincount(mixture.labels_[kinds == kind]).argmax() for kind in range(3)]
    freedom = mixture.degrees_of_freedom_[order]
    assert freedom[0] == pytest.approx(4, rel=0.25)
    assert freedom[1] == pytest.approx(8, rel=0.35)
    assert freedom[2] > 15
    for kind, component in enumerate(order):
        own = np.median(rows[kinds == kind], axis=0)
        np.testing.assert_allclose(mixture.means_[component], own, atol=0.15)


def test_with_many_degrees_and_no_prior_it_is_a_gaussian_mixture():
    rows, kinds = drawn(900, degrees=(100.0, 100.0, 100.0), apart=20)
    ours = StudentTMixture(3, degrees_of_freedom=100.0, prior_weight=0, tol=1e-8, max_iter=300).fit(rows)
    theirs = GaussianMixture(3, tol=1e-8, max_iter=300, random_state=0).fit(rows)
    assert adjusted_rand_score(theirs.predict(rows), ours.labels_) == 1
    order = [np.linalg.norm(ours.means_ - mean, axis=1).argmin() for mean in theirs.means_]
    np.testing.assert_allclose(ours.means_[order], theirs.means_, atol=0.05)
    assert adjusted_rand_score(kinds, ours.labels_) == 1


def test_outliers_do_not_move_it_where_they_move_a_gaussian_mixture():
    rng = np.random.default_rng(3)
    rows, kinds = drawn(600, degrees=(50.0, 50.0, 50.0), apart=8, seed=1)
    far = rng.uniform(-150, 150, (30, 3))
    both = np.concatenate([rows, far])
    ours = StudentTMixture(3).fit(both)
    theirs = GaussianMixture(3, random_state=0).fit(both)
    assert adjusted_rand_score(kinds, ours.predict(rows)) > 0.95
    assert adjusted_rand_score(kinds, theirs.predict(rows)) < 0.8
    assert ours.score_samples(far).max() < np.quantile(ours.score_samples(rows), 0.02)


def test_equal_rows_and_a_constant_feature_are_no_trouble():
    rows = np.repeat(np.eye(3), 20, axis=0)
    rows[:, 2] = 7
    mixture = StudentTMixture(3, covariance_type="diag").fit(rows)
    assert np.isfinite(mixture.scales_).all()
    assert len(np.unique(mixture.labels_)) == 3
    assert np.isfinite(mixture.score_samples(rows)).all()


def test_the_criterion_finds_the_number_of_components():
    rows, _ = drawn(900, apart=14)
    found = [StudentTMixture(k, n_init=2).fit(rows).bic(rows) for k in range(1, 6)]
    assert int(np.argmin(found)) + 1 == 3


def test_a_warm_start_goes_on():
    rows, _ = drawn(600, apart=3)
    once = StudentTMixture(3, max_iter=20, tol=0).fit(rows)
    steps = StudentTMixture(3, max_iter=5, tol=0, warm_start=True)
    for _ in range(4):
        steps.fit(rows)
    np.testing.assert_allclose(steps.means_, once.means_)
    np.testing.assert_allclose(steps.degrees_of_freedom_, once.degrees_of_freedom_)


def test_drawn_rows_have_the_mixture_s_means():
    rows, _ = drawn(900, apart=14)
    mixture = StudentTMixture(3).fit(rows)
    fresh, component = mixture.sample(6000)
    assert fresh.shape == (6000, 3)
    for k in range(3):
        np.testing.assert_allclose(np.median(fresh[component == k], axis=0), mixture.means_[k], atol=0.2)
    np.testing.assert_allclose(np.bincount(component) / 6000, mixture.weights_, atol=0.03)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"n_components": 20}, "must be at least n_components=20"),
        ({"covariance_type": "round"}, "covariance_type must be one of full, diag, tied, spherical"),
        ({"degrees_of_freedom": 0.5}, "from 1 to 100"),
        ({"degrees_of_freedom": "own"}, "'each', 'shared' or a number"),
        ({"prior_weight": -1}, "prior_weight must be at least 0"),
    ],
)
def test_parameters_out_of_range(settings, said):
    with pytest.raises(ValueError, match=said):
        StudentTMixture(**{"n_components": 2, **settings}).fit(np.eye(10))
