"""The graph of correlations, and the number of groups that its spectrum shows."""

from __future__ import annotations

import numpy as np
import pytest

from facies.cluster import correlation_graph as module
from facies.cluster.correlation_graph import correlation_graph, eigengap_n_clusters, normalised_adjacency, standardised


def patterns(n_groups: int, each: int = 25) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (
        rng.normal(size=(n_groups, 60))[np.repeat(np.arange(n_groups), each)] + rng.normal(size=(n_groups * each, 60))
    ).astype(np.float32)


@pytest.mark.parametrize("n_groups", [2, 3, 7, 12])
@pytest.mark.parametrize("dense", [10_000, 1])
def test_the_number_of_groups_is_that_of_the_patterns(n_groups, dense, monkeypatch):
    """The paper's equation 25 gives one too many."""
    monkeypatch.setattr(module, "_DENSE", dense)
    assert eigengap_n_clusters(correlation_graph(patterns(n_groups), 15), 20) == n_groups


def test_it_stays_within_the_limit():
    assert eigengap_n_clusters(correlation_graph(patterns(12), 15), 5) <= 5


def test_the_graph_holds_the_most_correlated():
    values = patterns(3, 6)
    graph = correlation_graph(values, 3).toarray()
    expected = np.corrcoef(values)
    np.fill_diagonal(expected, -1)
    for number in range(len(values)):
        nearest = expected[number].argmax()
        assert graph[number, nearest] == pytest.approx(max(expected[number, nearest], 0), abs=1e-4)
    np.testing.assert_allclose(graph, graph.T)
    assert (graph.diagonal() == 0).all()


def test_rows_are_normalised_as_a_laplacian_needs_it():
    graph = correlation_graph(patterns(2, 5), 3)
    degrees = graph.toarray().sum(axis=1)
    np.testing.assert_allclose(
        normalised_adjacency(graph).toarray(), graph.toarray() / np.sqrt(np.outer(degrees, degrees)), rtol=1e-5
    )


def test_an_image_of_one_value_becomes_zero():
    assert (standardised(np.full((1, 9), 4.0, np.float32)) == 0).all()
