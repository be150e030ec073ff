"""Necks in points whose kinds are known."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from facies.cluster.density import density_groups
from facies.cluster.hdbscan_tree import HDBSCANTree, assign_noise
from facies.cluster.neighbours import self_neighbours
from facies.cluster.split_bottlenecks import (
    GraphCut,
    bisect,
    cut_between,
    is_separated,
    merge_parts,
    neighbour_graph,
    split_at_density_valleys,
)

NEIGHBOURS = 10


def two(apart, width=4, n=2000, seed=0):
    """Two equal normal distributions, `apart` standard deviations from mean to mean."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    points = rng.normal(size=(n, width))
    points[:, 0] += apart * truth
    return points.astype(np.float32), truth


def disc(width, n=2000, seed=0):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, width))
    points *= (rng.random(n) ** (1 / width) / np.linalg.norm(points, axis=1))[:, None]
    return points.astype(np.float32)


def elongated(width, n=2000, seed=0):
    return (np.random.default_rng(seed).normal(size=(n, width)) * [6, *[1] * (width - 1)]).astype(np.float32)


def crescent(width, n=2000, seed=0):
    rng = np.random.default_rng(seed)
    angle, points = np.pi * rng.random(n), 0.15 * rng.normal(size=(n, width))
    points[:, :2] += np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return points.astype(np.float32)


def graph_of(points):
    return neighbour_graph(self_neighbours(points, NEIGHBOURS + 1, "manhattan")[0])


def parts_of(points, smallest):
    """Leaves of the tree; two bisect across the first axis where it has fewer than two."""
    leaves = assign_noise(points, HDBSCANTree(points, 10).cut(smallest, "leaf").labels)
    return leaves if leaves.max() > 0 else (points[:, 0] > np.median(points[:, 0])).astype(np.int64)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("width", [4, 10])
def test_two_kinds_with_a_valley_between_stay_apart(width, seed):
    points, truth = two(5, width, seed=seed)
    parts = merge_parts(points, parts_of(points, len(points) // 30), graph_of(points))
    assert parts.max() == 1
    assert adjusted_rand_score(truth, parts) > 0.9


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("width", [2, 4])
@pytest.mark.parametrize("kind", [disc, elongated, crescent])
def test_one_kind_becomes_one_part(kind, width, seed):
    points = kind(width, seed=seed)
    parts = parts_of(points, len(points) // 30)
    assert parts.max() >= 1
    np.testing.assert_array_equal(merge_parts(points, parts, graph_of(points)), 0)


def test_distributions_too_close_for_two_peaks_become_one_part():
    points, truth = two(2)
    np.testing.assert_array_equal(merge_parts(points, truth, graph_of(points)), 0)


def test_three_kinds_cut_into_six_become_three():
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(3), 400)
    points = (rng.normal(size=(1200, 4)) + 6 * np.eye(4)[truth]).astype(np.float32)
    parts = 2 * truth + (points[:, 3] > 0)
    found = merge_parts(points, parts, graph_of(points))
    assert sorted(np.unique(found)) == [0, 1, 2]
    assert adjusted_rand_score(truth, found) == 1.0


def glued():
    """Two kinds with a density valley between and, far from both, a third; with the cut that glues the two."""
    points, truth = two(5, n=1600)
    third = np.random.default_rng(1).normal(size=(800, 4)) + 40
    points = np.concatenate([points, third]).astype(np.float32)
    truth = np.concatenate([truth, np.full(800, 2)])
    labels = np.where(truth == 2, 1, 0)
    labels[:20] = -1
    soft = np.stack([labels != 1, labels == 1], axis=1) * 0.6 + 0.2
    return points, truth, labels, soft.astype(np.float32)


def test_a_glued_group_is_split_and_shares_out_its_memberships():
    points, truth, labels, soft = glued()
    neighbours = self_neighbours(points, NEIGHBOURS, "manhattan")[0]
    found, shared = split_at_density_valleys(HDBSCANTree(points, 10), labels, soft, len(points) // 30, neighbours)
    kept = labels >= 0
    assert found.max() == 2
    np.testing.assert_array_equal(found < 0, ~kept)
    np.testing.assert_array_equal(found == 1, labels == 1)
    assert adjusted_rand_score(truth[kept], found[kept]) > 0.9
    assert shared.shape == (len(points), 3)
    np.testing.assert_allclose(shared[:, 1], soft[:, 1], rtol=1e-5)
    np.testing.assert_allclose(shared[:, 0] + shared[:, 2], soft[:, 0], rtol=1e-5)
    assert (shared[kept].argmax(axis=1) == found[kept]).mean() > 0.95


def test_equal_input_gives_equal_groups():
    points, _, labels, soft = glued()
    neighbours = self_neighbours(points, NEIGHBOURS, "manhattan")[0]
    one, other = (split_at_density_valleys(HDBSCANTree(points, 10), labels, soft, 80, neighbours) for _ in range(2))
    np.testing.assert_array_equal(one[0], other[0])
    np.testing.assert_array_equal(one[1], other[1])


def test_without_a_valley_nothing_changes():
    points = np.concatenate([disc(2, 900), disc(2, 900, seed=1) + 9])
    neighbours = self_neighbours(points, NEIGHBOURS, "manhattan")[0]
    labels = np.repeat([0, 1], 900)
    soft = np.eye(2, dtype=np.float32)[labels]
    found, shared = split_at_density_valleys(HDBSCANTree(points, 10), labels, soft, 60, neighbours)
    np.testing.assert_array_equal(found, labels)
    np.testing.assert_array_equal(shared, soft)


def test_density_groups_asks_for_valleys_where_neighbours_are_given():
    points, _ = two(4, n=1600)
    third = np.random.default_rng(1).normal(size=(800, 4)) + 60
    points = np.concatenate([points, third]).astype(np.float32)
    neighbours = self_neighbours(points, NEIGHBOURS, "manhattan")[0]
    assert density_groups(points).n_groups == 2
    groups = density_groups(points, neighbours=neighbours)
    assert groups.n_groups == groups.memberships.shape[1] == 3
    np.testing.assert_allclose(groups.memberships.sum(axis=1), 1.0, rtol=1e-5)
    assert density_groups(points, "eom", 400, neighbours=neighbours).n_groups == 2


def test_crossing_counts_links_and_their_spread():
    neighbours = np.array([[0, 1], [1, 2], [2, 1], [3, 0]])
    graph = neighbour_graph(neighbours)
    expected = np.zeros((4, 4))
    for own, others in enumerate(neighbours):
        for other in others:
            if other != own:
                expected[own, other] += 1
                expected[other, own] += 1
    np.testing.assert_array_equal(graph.toarray(), expected)
    cut = cut_between(graph, np.array([0, 2]), np.array([1, 3]))
    degrees = [2, 2, 3, 1]
    assert cut == GraphCut(4.0, float(np.square(degrees).sum()))


def test_halves_lie_on_either_side_of_the_longest_axis():
    points = elongated(3, 500)
    rows = np.arange(100, 401)
    one, other = bisect(points, rows)
    assert abs(len(one) - len(other)) == 1
    np.testing.assert_array_equal(np.sort(np.concatenate([one, other])), rows)
    low, high = sorted((points[one, 0], points[other, 0]), key=np.mean)
    assert np.quantile(low, 0.95) < np.quantile(high, 0.05)


@pytest.mark.parametrize(("links", "separated"), [(0, True), (600, True), (700, False), (1000, False), (1500, False)])
def test_few_links_between_separate(links, separated):
    assert is_separated(GraphCut(links, 4 * links), GraphCut(800, 3200), GraphCut(1200, 4800)) is separated


def test_few_links_prove_no_separation():
    assert not is_separated(GraphCut(5, 20), GraphCut(10, 40), GraphCut(10, 40))
    assert not is_separated(GraphCut(0, 0), GraphCut(0, 0), GraphCut(0, 0))


def test_many_points_are_quick_and_take_little_memory():
    rng = np.random.default_rng(0)
    n = 70_000
    truth = rng.integers(0, 8, n)
    points = (rng.normal(size=(n, 10)) + 6 * np.eye(10)[truth]).astype(np.float32)
    # Neighbours drawn from the own kind stand in for a search, which is not what is timed here.
    order = np.argsort(truth, kind="stable")
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(n)
    neighbours = order[np.clip(place[:, None] + rng.integers(-40, 41, (n, 10)), 0, n - 1)]
    graph = neighbour_graph(neighbours)
    tracemalloc.start()
    began = time.monotonic()
    assert merge_parts(points, truth, graph).max() == 7
    assert time.monotonic() - began < 30
    assert tracemalloc.get_traced_memory()[1] < 6 * sum(a.nbytes for a in (graph.data, graph.indices, graph.indptr))
    tracemalloc.stop()
