"""Losses of darlc against slow and obvious references, values and gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array, triu
from scipy.stats import multivariate_t

from facies.cluster.correlation_graph import normalised_adjacency
from facies.losses.contrast import cross_view_contrast
from facies.methods.darlc.losses import (
    UncertaintyWeights,
    best_weight,
    laplacian_loss,
    size_loss,
    student_t_log_density,
)


def test_student_t_is_that_of_scipy():
    rng = np.random.default_rng(0)
    codes, means, scales, degrees = (
        rng.normal(size=(7, 3)),
        rng.normal(size=(2, 3)),
        rng.uniform(0.5, 2, (2, 3)),
        [3.0, 20.0],
    )
    found = student_t_log_density(*(torch.tensor(np.asarray(each)) for each in (codes, means, scales, degrees)))
    for k in range(2):
        expected = multivariate_t(means[k], np.diag(scales[k]), df=degrees[k]).logpdf(codes)
        np.testing.assert_allclose(found[:, k], expected, rtol=1e-6)


def test_laplacian_is_the_trace_of_its_definition():
    rng = np.random.default_rng(1)
    similarity = np.triu(rng.uniform(size=(6, 6)) * (rng.uniform(size=(6, 6)) < 0.6), 1)
    similarity += similarity.T
    codes = torch.tensor(rng.normal(size=(6, 4)), requires_grad=True)
    degrees = similarity.sum(axis=1)
    laplacian = np.eye(6) - similarity / np.sqrt(np.outer(degrees, degrees))
    upper = triu(normalised_adjacency(csr_array(similarity)), 1).tocoo()
    edges, weights = torch.tensor(np.stack(upper.coords).astype(np.int64)), torch.tensor(upper.data)
    loss = laplacian_loss(codes, edges, weights)
    z = codes.detach().numpy()
    assert float(loss) == pytest.approx(np.trace(z.T @ laplacian @ z) / 6)
    loss.backward()
    np.testing.assert_allclose(codes.grad, 2 * laplacian @ z / 6, rtol=1e-6)


def test_small_groups_are_raised_and_large_ones_exempt():
    posteriors = torch.tensor([[0.05, 0.95], [0.03, 0.97]], dtype=torch.float64, requires_grad=True)
    loss = size_loss(posteriors, limit=0.1)
    assert float(loss) == pytest.approx(0.04 * math.log(0.04) + 1 / math.e)
    loss.backward()
    assert (posteriors.grad[:, 0] < 0).all()  # a larger share lowers the loss
    assert (posteriors.grad[:, 1] == 0).all()


@pytest.mark.parametrize("value", [0.0, 0.01, 1.0, 40.0])
def test_the_best_weight_minimises_the_weighted_loss(value):
    spread = np.linspace(0.05, 60, 200_000)
    best = spread[(value / (2 * spread) + np.log1p(spread)).argmin()]
    assert float(best_weight(torch.tensor(value))) == pytest.approx(1 / (2 * best), rel=1e-2)


def test_uncertainty_weights_cannot_run_to_minus_infinity():
    weights = UncertaintyWeights(2)
    with torch.no_grad():
        weights.spread.fill_(0.0)
    assert float(weights(torch.tensor(0.0), torch.tensor(0.0))) >= 0


def test_contrast_is_that_of_its_definition_and_stops_at_the_target():
    rng = np.random.default_rng(2)
    u, v = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))

    def s(a, b):
        return math.exp(a @ b / np.linalg.norm(a) / np.linalg.norm(b) / 0.5)

    def one_way(a, b):
        return [
            -math.log(
                s(a[i], b[i]) / (sum(s(a[i], b[j]) for j in range(5)) + sum(s(a[i], a[j]) for j in range(5) if j != i))
            )
            for i in range(5)
        ]

    online, target = torch.tensor(u, requires_grad=True), torch.tensor(v, requires_grad=True)
    loss = cross_view_contrast(online, target)
    assert float(loss) == pytest.approx(np.mean(np.add(one_way(u, v), one_way(v, u))))
    loss.backward()
    assert target.grad is None
    assert torch.isfinite(online.grad).all()
