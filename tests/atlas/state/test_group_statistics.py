from __future__ import annotations

import numpy as np
import pytest

from facies.atlas.state import group_statistics as module
from facies.atlas.state.group_statistics import N_EXAMPLES, measure_groups, total_variance

RNG = np.random.default_rng(0)
GROUPS = RNG.integers(-1, 4, 300).astype(np.int32)
EMBEDDING = (RNG.normal(size=(300, 5)) + 6 * np.eye(5)[GROUPS]).astype(np.float32)
POINTS = EMBEDDING[:, :2].copy()


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK_BYTES", 2048)


def test_the_facts_are_those_of_the_formulas() -> None:
    variance = total_variance(EMBEDDING)
    assert variance == pytest.approx(((EMBEDDING - EMBEDDING.mean(0)) ** 2).sum(1).mean(), rel=1e-5)
    facts = measure_groups(EMBEDDING, POINTS, GROUPS, variance)
    assert sorted(facts) == [-1, 0, 1, 2, 3]
    for group, fact in facts.items():
        members = np.flatnonzero(group == GROUPS)
        vectors = EMBEDDING[members]
        apart = np.linalg.norm(vectors - vectors.mean(0), axis=1)
        assert fact.size == len(members)
        np.testing.assert_allclose(fact.centre, vectors.mean(0), rtol=1e-4, atol=1e-5)
        assert fact.distance == pytest.approx(apart.mean(), rel=1e-4)
        assert fact.homogeneity == pytest.approx(1 - (apart**2).mean() / variance, rel=1e-4)
        assert (fact.x, fact.y) == pytest.approx(tuple(np.median(POINTS[members], axis=0)))
        assert fact.examples.tolist() == members[np.argsort(apart, kind="stable")][:N_EXAMPLES].tolist()


def test_some_groups_alone_are_as_among_all() -> None:
    variance = total_variance(EMBEDDING)
    whole = measure_groups(EMBEDDING, POINTS, GROUPS, variance)
    rows = np.flatnonzero(np.isin(GROUPS, [1, 3]))
    part = measure_groups(EMBEDDING, POINTS, GROUPS, variance, rows)
    assert sorted(part) == [1, 3]
    for group, fact in part.items():
        assert fact.homogeneity == pytest.approx(whole[group].homogeneity)
        assert fact.examples.tolist() == whole[group].examples.tolist()


def test_equal_images_are_homogeneous() -> None:
    same = np.ones((4, 3), np.float32)
    facts = measure_groups(same, same[:, :2], np.zeros(4, np.int32), total_variance(same))
    assert facts[0].homogeneity == 1.0
    assert measure_groups(same, same[:, :2], np.zeros(4, np.int32), 1.0, np.zeros(0, np.int64)) == {}
