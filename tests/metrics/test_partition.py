"""Agreement of partitions with labels, against counts written out by hand."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, permutations
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facies.errors import InputError
from facies.metrics import accuracy, ari, labelled_fraction, match_groups, nmi, purity


def slow_matching(labels, groups):
    """Try every one-to-one matching; None stands for 'no class'."""
    names = sorted({g for g in groups if g != -1})
    classes = sorted(set(labels)) + [None] * len(names)
    best, matching = -1, {}
    for chosen in set(permutations(classes, len(names))):
        trial = dict(zip(names, chosen, strict=True))
        hits = sum(1 for y, g in zip(labels, groups, strict=True) if g != -1 and trial[g] == y)
        if hits > best:
            best, matching = hits, trial
    return best, matching


def slow_nmi(labels, groups):
    n = len(labels)
    both, first, second = Counter(zip(labels, groups, strict=True)), Counter(labels), Counter(groups)
    information = sum(c / n * log(c * n / (first[y] * second[g])) for (y, g), c in both.items())
    entropies = [-sum(c / n * log(c / n) for c in counts.values()) for counts in (first, second)]
    return 2 * information / sum(entropies) if sum(entropies) > 0 else 1.0


def slow_ari(labels, groups):
    """Pair by pair: Hubert and Arabie's a, b, c, d."""
    together = same_class = same_group = pairs = 0
    for i, j in combinations(range(len(labels)), 2):
        pairs += 1
        same_class += labels[i] == labels[j]
        same_group += groups[i] == groups[j]
        together += labels[i] == labels[j] and groups[i] == groups[j]
    expected = same_class * same_group / pairs
    largest = (same_class + same_group) / 2
    return (together - expected) / (largest - expected) if largest != expected else 1.0


def columns(lowest_group):
    row = st.tuples(st.integers(0, 3), st.integers(lowest_group, 3))
    return st.lists(row, min_size=2, max_size=25).map(lambda rows: tuple(map(list, zip(*rows, strict=True))))


@settings(max_examples=60, deadline=None)
@given(columns(-1))
def test_equal_to_slow_references(pair):
    labels, groups = pair
    hits, _ = slow_matching(labels, groups)
    assert accuracy(labels, groups) == pytest.approx(hits / len(labels))
    assert nmi(labels, groups) == pytest.approx(slow_nmi(labels, groups), abs=1e-9)
    assert ari(labels, groups) == pytest.approx(slow_ari(labels, groups), abs=1e-9)
    commonest = sum(
        max(Counter(y for y, h in zip(labels, groups, strict=True) if h == g).values()) for g in set(groups) - {-1}
    )
    assert purity(labels, groups) == pytest.approx(commonest / len(labels))


@settings(max_examples=40, deadline=None)
@given(columns(-1), st.permutations([0, 1, 2, 3]))
def test_group_numbers_do_not_matter(pair, renamed):
    labels, groups = pair
    others = [g if g == -1 else renamed[g] + 70 for g in groups]
    for metric in (accuracy, nmi, ari, purity):
        assert metric(labels, groups) == pytest.approx(metric(labels, others), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(columns(-1))
def test_noise_wrong_and_ignored(pair):
    labels, groups = pair
    share = labelled_fraction(groups)
    assert share == pytest.approx(sum(g != -1 for g in groups) / len(groups))
    if share == 0:
        for metric in (accuracy, purity):
            with pytest.raises(InputError, match="all noise"):
                metric(labels, groups, noise="ignore")
        assert accuracy(labels, groups) == 0.0 == purity(labels, groups)
        return
    kept = [i for i, g in enumerate(groups) if g != -1]
    cut = [labels[i] for i in kept], [groups[i] for i in kept]
    for metric in (accuracy, purity):
        assert metric(labels, groups, noise="ignore") == pytest.approx(metric(*cut))
        assert metric(labels, groups) == pytest.approx(metric(*cut) * share)


@pytest.mark.parametrize(
    ("labels", "groups", "expected"),
    [
        ([0, 0, 1, 1], [5, 5, 9, 9], 1.0),
        ([0, 0, 1, 1], [5, 6, 7, 8], 0.5),  # more groups than classes
        ([0, 0, 1, 1, 2], [3, 3, 3, 3, 3], 0.4),  # fewer
        (["a", "a", "b"], [1, 1, 0], 1.0),
        (["a", "a", "b"], ["x", "y", "y"], 2 / 3),
        ([0.0, 0.0, 1.0], [True, True, False], 1.0),
        ([-1, -1, 0], [0, 0, 1], 1.0),  # a label -1 is a class
        (["a", "b"], [-1, "g"], 0.5),  # noise among names
    ],
)
def test_accuracy_known_values(labels, groups, expected):
    assert accuracy(labels, groups) == pytest.approx(expected)


def test_greedy_matching_would_be_worse():
    # 5 of (0, 0), then only 0 of (1, 1): the best matching gives group 0 to class 1.
    counts = {(0, 0): 5, (0, 1): 4, (1, 0): 4}
    labels = [y for (y, _), c in counts.items() for _ in range(c)]
    groups = [g for (_, g), c in counts.items() for _ in range(c)]
    assert accuracy(labels, groups) == pytest.approx(8 / 13)
    assert match_groups(labels, groups) == {0: 1, 1: 0}


def test_noise_is_a_group_of_its_own_in_nmi_and_ari():
    labels, with_noise, renumbered = [0, 0, 1, 1, 2], [0, 0, 1, -1, -1], [0, 0, 1, 7, 7]
    assert nmi(labels, with_noise) == pytest.approx(nmi(labels, renumbered))
    assert ari(labels, with_noise) == pytest.approx(ari(labels, renumbered))


def test_match_groups_names_and_left_overs():
    labels = np.array(["quartz", "quartz", "shell", "shell", "shell"])
    groups = np.array([4, 4, 2, 2, -1], dtype=np.int32)
    matching = match_groups(labels, groups)
    assert matching == {4: "quartz", 2: "shell"}
    assert all(type(k) is int and type(v) is str for k, v in matching.items())
    assert match_groups([0, 0], [1, 2]) in ({1: 0}, {2: 0})
    # group 2 could only be paired with class 1, of which it has no image
    assert match_groups([0, 0, 0, 1], [1, 1, 2, -1]) == {1: 0}


@settings(max_examples=40, deadline=None)
@given(columns(-1))
def test_match_groups_reaches_the_accuracy(pair):
    labels, groups = pair
    matching = match_groups(labels, groups)
    assert len(set(matching.values())) == len(matching)
    hits = sum(matching.get(g, object()) == y for y, g in zip(labels, groups, strict=True))
    assert hits == slow_matching(labels, groups)[0]


@pytest.mark.parametrize("metric", [accuracy, nmi, ari, purity, match_groups])
@pytest.mark.parametrize(
    ("labels", "groups", "message"),
    [
        ([0, 1], [0, 1, 2], "labels has 2 rows and groups has 3"),
        ([], [], "labels is empty"),
        ([0.0, np.nan], [0, 1], "missing values .NaN., the first at row 1"),
        ([0, 1], [0, np.nan], "groups has missing values"),
        (["a", None], [0, 1], "labels has missing values"),
        (["a", np.nan], [0, 1], "labels has missing values"),
        ([0, 1], [0.5, 1], "groups has values that are not whole"),
        ([0, 1], [0, np.inf], "not whole"),
        ([[0, 1]], [0, 1], r"labels has shape \(1, 2\)"),
        ([[0, 1], [0]], [0, 1], "labels is not one row of values"),
    ],
)
def test_bad_input(metric, labels, groups, message):
    with pytest.raises(InputError, match=message) as caught:
        metric(labels, groups)
    assert "\n" not in str(caught.value)


def test_unknown_noise_rule_and_empty_groups():
    with pytest.raises(InputError, match="'wrong' or 'ignore'"):
        accuracy([0, 1], [0, 1], noise="drop")
    with pytest.raises(InputError, match="groups is empty"):
        labelled_fraction([])
