"""The dictionary of all metrics."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facies import metrics
from facies.errors import InputError
from facies.metrics import evaluate_partition

BASIC = {"n_groups", "n_images", "labelled_fraction"}
WITH_LABELS = {"accuracy", "accuracy_labelled", "nmi", "ari", "purity"}
WITH_EMBEDDING = {"silhouette", "davies_bouldin"}


def test_everything():
    rng = np.random.default_rng(0)
    groups, labels = rng.integers(-1, 3, size=40), rng.integers(0, 4, size=40)
    embedding = rng.normal(size=(40, 3)).astype(np.float32)
    found = evaluate_partition(groups, labels=labels, embedding=embedding)
    assert found == {
        "n_groups": 3,
        "n_images": 40,
        "labelled_fraction": float((groups >= 0).mean()),
        "accuracy": metrics.accuracy(labels, groups),
        "accuracy_labelled": metrics.accuracy(labels, groups, noise="ignore"),
        "nmi": metrics.nmi(labels, groups),
        "ari": metrics.ari(labels, groups),
        "purity": metrics.purity(labels, groups),
        "silhouette": metrics.silhouette(embedding, groups),
        "davies_bouldin": metrics.davies_bouldin(embedding, groups),
    }
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert set(evaluate_partition(groups)) == BASIC
    assert set(evaluate_partition(groups, labels=labels)) == BASIC | WITH_LABELS
    assert set(evaluate_partition(groups, embedding=embedding)) == BASIC | WITH_EMBEDDING


@pytest.mark.parametrize(
    ("groups", "missing"),
    [
        ([0, 0, 0, 0], WITH_EMBEDDING),
        ([0, 0, -1, -1], WITH_EMBEDDING),
        ([-1, -1, -1, -1], WITH_EMBEDDING | {"accuracy_labelled"}),
        ([0, 1, 2, 3], WITH_EMBEDDING),
        ([0, 0, 1, 1], {"davies_bouldin"}),  # both centres in one point
    ],
)
def test_what_is_undefined_is_left_out(groups, missing):
    embedding = np.array([[0.0], [1.0], [0.0], [1.0]])
    found = evaluate_partition(groups, labels=[0, 0, 1, 1], embedding=embedding)
    assert set(found) == (BASIC | WITH_LABELS | WITH_EMBEDDING) - missing


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(-1, 2), st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=12))
def test_never_raises_and_is_always_json(rows):
    groups, labels, places = (list(column) for column in zip(*rows, strict=True))
    found = evaluate_partition(groups, labels=labels, embedding=np.array(places, dtype=float)[:, None])
    json.dumps(found, allow_nan=False)
    assert (BASIC | {"accuracy", "nmi", "ari", "purity"}) <= set(found)
    assert all(type(value) in (int, float) for value in found.values())


def test_user_faults_are_still_told():
    with pytest.raises(InputError, match="groups is empty"):
        evaluate_partition([])
    with pytest.raises(InputError, match="labels has 1 rows"):
        evaluate_partition([0, 1], labels=[0])
    with pytest.raises(InputError, match="embedding has 3 rows"):
        evaluate_partition([0, 1], embedding=np.ones((3, 2)))
