"""Corrected shares against known truth, formulas and simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta
from sklearn.metrics import cohen_kappa_score

from facies.errors import InputError
from facies.statistics import (
    audited_ratio,
    audited_shares,
    class_accuracy,
    cohen_kappa,
    confusion_table,
    correct_by_confusion,
    correct_two_classes,
    joint_shares,
)


def audits_of(table):
    """Rows of an audit from {(assigned, true): n}."""
    rows = [pair for pair, n in table.items() for _ in range(n)]
    return pd.DataFrame(rows, columns=["assigned", "true"])


ASSIGNED = {"quartz": 6000, "forams": 3000, "dark": 1000}
AUDITS = audits_of(
    {
        ("quartz", "quartz"): 45,
        ("quartz", "dark"): 5,
        ("forams", "forams"): 40,
        ("forams", "quartz"): 10,
        ("dark", "dark"): 50,
    }
)


def test_corrected_shares_follow_cochran():
    table = audited_shares(ASSIGNED, AUDITS).set_index("class")
    assert table["raw"].to_dict() == pytest.approx({"quartz": 0.6, "forams": 0.3, "dark": 0.1})
    assert table.loc["quartz", "share"] == pytest.approx(0.6 * 0.9 + 0.3 * 0.2)
    assert table.loc["forams", "share"] == pytest.approx(0.3 * 0.8)
    assert table.loc["dark", "share"] == pytest.approx(0.1 + 0.6 * 0.1)
    assert (table["low"] < table["share"]).all()
    assert (table["share"] < table["high"]).all()
    assert table["n_audited"].to_dict() == {"quartz": 50, "forams": 50, "dark": 50}
    variance = 0.3**2 * 0.8 * 0.2 / 49 + (0.3 * 0.8**2 - 0.24**2) / 10_000
    half = (table.loc["forams", "high"] - table.loc["forams", "low"]) / 2
    assert half == pytest.approx(1.96 * variance**0.5, rel=0.15)


def test_equal_seeds_give_equal_intervals_and_the_order_of_rows_does_not_matter():
    first = audited_shares(ASSIGNED, AUDITS, random_state=3)
    assert first.equals(audited_shares(ASSIGNED, AUDITS.sample(frac=1, random_state=1), random_state=3))
    assert not first["low"].equals(audited_shares(ASSIGNED, AUDITS, random_state=4)["low"])


def test_a_class_the_audit_met_has_a_row_and_one_without_audit_stands():
    audits = audits_of({("quartz", "quartz"): 30, ("quartz", "glass"): 10})
    table = audited_shares({"quartz": 800, "dark": 200}, audits).set_index("class")
    assert table.loc["glass"][["n_assigned", "n_audited", "raw"]].to_list() == [0, 0, 0]
    assert table.loc["glass", "share"] == pytest.approx(0.2)
    assert table.loc["dark", "n_audited"] == 0
    assert table.loc["dark", "share"] == pytest.approx(0.2)


def test_an_audit_without_errors_still_leaves_doubt():
    audits = audits_of({("a", "a"): 50, ("b", "b"): 50})
    table = audited_shares({"a": 20_000, "b": 10_000}, audits)
    assert table["share"].to_list() == pytest.approx([2 / 3, 1 / 3])
    assert (table["high"] - table["low"] > 2 * 1.96 * np.sqrt(2 / 9 / 30_000)).all()


def test_when_all_are_audited_and_no_sample_nothing_is_uncertain():
    audits = audits_of({("a", "a"): 7, ("a", "b"): 3, ("b", "b"): 10})
    table = audited_shares({"a": 10, "b": 10}, audits, sampled=False)
    assert table["share"].to_list() == pytest.approx([0.35, 0.65])
    assert table["low"].to_list() == pytest.approx(table["high"].to_list())
    assert (np.diff(audited_shares({"a": 10, "b": 10}, audits)[["low", "high"]]) > 0.1).all()


def simulate(sampled, n=200):
    """How often intervals hold the truth: 5 classes with uneven errors, 5,000 grains, 50 audited a class."""
    truth = np.array([0.45, 0.2, 0.2, 0.1, 0.05])
    rates = np.full((5, 5), 0.0125) + np.eye(5) * (0.95 - 0.0125)
    rates[1] = [0.01, 0.85, 0.12, 0.01, 0.01]
    rng, names = np.random.default_rng(0), list("abcde")
    hits, ratio_hits = np.zeros(5), 0
    for _ in range(n):
        counts = rng.multinomial(5000, (truth[:, None] * rates).ravel()).reshape(5, 5)
        audited = {
            (names[h], names[c]): k
            for h in range(5)
            for c, k in enumerate(rng.multivariate_hypergeometric(counts[:, h], min(50, counts[:, h].sum())))
        }
        assigned = dict(zip(names, counts.sum(axis=0), strict=True))
        target = truth if sampled else counts.sum(axis=1) / 5000
        table = audited_shares(assigned, audits_of(audited), sampled=sampled, n_draws=500)
        hits += (table["low"].to_numpy() <= target) & (target <= table["high"].to_numpy())
        ratio = audited_ratio(assigned, audits_of(audited), ["b"], ["a", "c"], sampled=sampled, n_draws=500)
        ratio_hits += ratio.low <= target[1] / (target[0] + target[2]) <= ratio.high
    return hits / n, ratio_hits / n


@pytest.mark.parametrize("sampled", [True, False])
def test_intervals_cover_the_truth(sampled):
    shares, ratio = simulate(sampled)
    assert 0.93 <= shares.mean() <= 0.97
    assert shares.min() > 0.9
    assert 0.92 <= ratio <= 0.98


def test_ratio_of_corrected_shares():
    ratio = audited_ratio(ASSIGNED, AUDITS, ["quartz", "dark"], ["forams"])
    assert ratio.value == pytest.approx((0.6 + 0.16) / 0.24)
    assert ratio.low < ratio.value < ratio.high
    assert np.isnan(audited_ratio(ASSIGNED, AUDITS, ["glass"], ["ice"])).all()
    assert audited_ratio(ASSIGNED, AUDITS, ["quartz"], ["glass"])[::2] == (np.inf, np.inf)


def test_precision_and_recall():
    table = class_accuracy(ASSIGNED, AUDITS).set_index("class")
    assert table["precision"].to_dict() == pytest.approx({"quartz": 0.9, "forams": 0.8, "dark": 1.0})
    assert table["recall"].to_dict() == pytest.approx({"quartz": 0.54 / 0.6, "forams": 1.0, "dark": 0.1 / 0.16})
    assert (table["precision_low"] < table["precision"]).all()


def test_confusion_and_kappa():
    table = confusion_table(AUDITS)
    assert table.loc["forams", "quartz"] == 10
    assert table.to_numpy().sum() == 150
    assert cohen_kappa(table) == pytest.approx(cohen_kappa_score(AUDITS["assigned"], AUDITS["true"]))
    joint = joint_shares(ASSIGNED, AUDITS)
    assert joint.to_numpy().sum() == pytest.approx(1)
    assert joint.loc["quartz", "dark"] == pytest.approx(0.06)
    assert 0 < cohen_kappa(joint) < 1
    assert cohen_kappa(np.eye(3)) == 1
    assert np.isnan(cohen_kappa([[5]]))


def test_the_two_class_correction_turns_the_note_around():
    observed = 0.05 * 0.95 + 0.95 * 0.02
    assert observed == pytest.approx(0.0665)
    assert correct_two_classes(observed, 0.95, 0.02) == pytest.approx(0.05)
    assert correct_two_classes(0.01, 0.95, 0.02) == 0


def test_the_confusion_correction_gives_back_the_truth():
    rates = np.array([[0.9, 0.08, 0.02], [0.1, 0.85, 0.05], [0.0, 0.1, 0.9]])
    truth = np.array([0.5, 0.3, 0.2])
    assert correct_by_confusion(truth @ rates, 100 * rates) == pytest.approx(truth)
    assert correct_by_confusion([0, 0, 100], rates).min() >= 0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: audited_shares({}, AUDITS), "not all 0"),
        (lambda: audited_shares({"quartz": -1}, AUDITS), "not all 0"),
        (lambda: audited_shares({"ice": 10}, AUDITS), "no audited grain"),
        (lambda: audited_shares(ASSIGNED, AUDITS.drop(columns="true")), "true is missing"),
        (lambda: audited_shares({**ASSIGNED, "dark": 10}, AUDITS, sampled=False), "'dark'"),
        (lambda: audited_shares(ASSIGNED, AUDITS, confidence=95), "between 0 and 1"),
        (lambda: correct_two_classes(0.1, 0.1, 0.2), "FPR|false-positive"),
        (lambda: correct_by_confusion([1, 2], np.eye(3)), "2 × 2"),
        (lambda: correct_by_confusion([1, 2], np.ones((2, 2))), "merge"),
        (lambda: correct_by_confusion([1, 2], [[1, 0], [0, 0]]), "no row"),
        (lambda: cohen_kappa(np.ones((2, 3))), "square"),
    ],
)
def test_bad_input(call, says):
    with pytest.raises(InputError, match=says):
        call()


def test_a_stratum_alone_has_the_interval_of_jeffreys() -> None:
    """Share rightly named of one stratum: the Beta law with half a grain more of either kind, whatever the number of classes."""
    assigned = {"a": 10**9} | {f"other {i}": 0 for i in range(9)}
    audits = pd.DataFrame({"assigned": ["a"] * 30, "true": ["a"] * 27 + ["other 0"] * 3})
    found = audited_shares(assigned, audits, n_draws=200_000).set_index("class").loc["a"]
    assert [found["low"], found["high"]] == pytest.approx(beta.ppf([0.025, 0.975], 27.5, 3.5), abs=2e-3)
