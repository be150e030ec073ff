from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facies.atlas.services import search
from facies.atlas.services.search import argsort_page, distances_to, mean_embedding, nearest_to_any

RNG = np.random.default_rng(0)
EMBEDDING = RNG.normal(3, 1, (500, 7)).astype(np.float32)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_BLOCK_BYTES", 2048)


def test_centre_and_distances_are_those_of_numpy() -> None:
    rows = np.sort(RNG.choice(500, 333, replace=False))
    centre = mean_embedding(EMBEDDING, rows)
    np.testing.assert_allclose(centre, EMBEDDING[rows].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(
        distances_to(EMBEDDING, rows, centre), np.linalg.norm(EMBEDDING[rows] - centre, axis=1), rtol=1e-5
    )


@pytest.mark.parametrize("n_queries", [1, 3, 200])
def test_nearest_to_any_is_exact(n_queries: int) -> None:
    queries = np.sort(RNG.choice(500, n_queries, replace=False))
    rows, distances = nearest_to_any(EMBEDDING, queries, np.arange(500), 40)
    apart = np.linalg.norm(EMBEDDING[:, None] - EMBEDDING[queries][None], axis=2).min(axis=1)
    apart[queries] = np.inf
    np.testing.assert_array_equal(rows, np.argsort(apart, kind="stable")[:40])
    np.testing.assert_allclose(distances, np.sort(apart)[:40], atol=2e-3)


def test_of_many_queries_some_are_taken_and_none_is_found() -> None:
    queries = np.arange(0, 450)
    rows, _ = nearest_to_any(EMBEDDING, queries, np.arange(500), 100)
    assert set(rows.tolist()) == set(range(450, 500))


@settings(max_examples=200)
@given(
    st.lists(st.one_of(st.integers(-3, 3).map(float), st.just(float("nan"))), max_size=40),
    st.integers(1, 50),
    st.integers(0, 20),
    st.booleans(),
)
def test_argsort_page_is_a_page_of_the_sorted(values: list[float], count: int, offset: int, descending: bool) -> None:
    array = np.array(values, np.float32)
    whole = np.argsort(-array if descending else array, kind="stable")
    np.testing.assert_array_equal(
        argsort_page(array, count, descending=descending, offset=offset), whole[offset : offset + count]
    )
