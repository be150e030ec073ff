"""What a blind audit says of counts by a classifier: corrected shares and ratios with intervals, agreement.

With 30,000 grains the error of the classifier is larger than that of the count. The audit is stratified: of the grains
*assigned* to each class some are drawn at random and looked at without their label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from facies.errors import InputError
from facies.statistics.intervals import RatioInterval, wilson_interval, z_value

Array = NDArray[np.float64]
Counts = Mapping[str, int] | pd.Series


class StratifiedAudit:
    """A blind audit of grains that a classifier counted, ready to be asked for shares and ratios.

    The parameters are those of `audited_shares`, which says how shares are corrected.

    Attributes
    ----------
    classes : list of str
        Those assigned, then those that the audit alone met, by name.
    assigned : ndarray, shape (C,)
        Grains assigned to each.
    audited : ndarray, shape (C, C)
        Audited grains, assigned × true.
    """

    def __init__(
        self, assigned: Counts, audits: pd.DataFrame, sampled: bool = True, n_draws: int = 1000, random_state: int = 0
    ) -> None:
        _check_audits(audits)
        counts = pd.Series(dict(assigned), dtype=np.float64)
        if not (np.isfinite(counts).all() and (counts >= 0).all() and counts.sum() > 0):
            raise InputError("corrected shares need the number of grains assigned to each class, not all 0")
        usable = audits[audits["assigned"].isin(counts.index[counts > 0])]
        if usable.empty:
            raise InputError("no audited grain is of a class that was counted: audit those classes first")
        classes = pd.Index([*counts.index, *sorted(set(usable["true"]) - set(counts.index))])
        self.audited: Array = np.zeros((len(classes), len(classes)))
        np.add.at(self.audited, (classes.get_indexer(usable["assigned"]), classes.get_indexer(usable["true"])), 1)
        self.classes = [str(name) for name in classes]
        self.assigned: Array = counts.reindex(classes, fill_value=0).to_numpy()
        self.sampled, self.n_draws, self.random_state = sampled, n_draws, random_state

    @cached_property
    def joint(self) -> Array:
        """W_h n_hc/n_h: estimated share of all grains assigned to h and truly c, (C, C)."""
        n = self.audited.sum(axis=1, keepdims=True)
        # A class without audit is taken as it is.
        rates = np.where(n > 0, self.audited / np.maximum(n, 1), np.eye(len(n)))
        return np.asarray(self.assigned[:, None] / self.assigned.sum() * rates, np.float64)

    @cached_property
    def drawn(self) -> Array:
        """Draws of the shares of the true classes, (n_draws, C)."""
        generator = np.random.default_rng(self.random_state)
        n_classes = len(self.classes)
        n = self.audited.sum(axis=1)
        rates = generator.standard_gamma(self.audited + _prior(n_classes), (self.n_draws, n_classes, n_classes))
        rates /= np.maximum(rates.sum(axis=2, keepdims=True), 1e-300)
        rates[:, n == 0] = np.eye(n_classes)[n == 0]
        if self.sampled:
            weights = generator.standard_gamma(self.assigned, (self.n_draws, n_classes))
            weights /= weights.sum(axis=1, keepdims=True)
            return np.asarray(np.einsum("dh,dhc->dc", weights, rates), np.float64)
        rest = self.assigned - n
        if (rest < 0).any():
            name = self.classes[int(np.argmax(rest < 0))]
            raise InputError(
                f"more grains of {name!r} were audited than counted: give the counts of the whole audited set"
            )
        unseen = generator.multinomial(rest.astype(np.int64), rates / rates.sum(axis=2, keepdims=True))
        return np.asarray((self.audited.sum(axis=0) + unseen.sum(axis=1)) / self.assigned.sum(), np.float64)

    def shares(self, confidence: float = 0.95) -> pd.DataFrame:
        """Return what `audited_shares` returns."""
        shares = self.joint.sum(axis=0)
        low, high = np.quantile(self.drawn, _tails(confidence), axis=0)
        return pd.DataFrame(
            {
                "class": self.classes,
                "n_assigned": self.assigned.astype(np.int64),
                "n_audited": self.audited.sum(axis=1).astype(np.int64),
                "raw": self.assigned / self.assigned.sum(),
                "share": shares,
                "low": np.minimum(low, shares),
                "high": np.maximum(high, shares),
            }
        )

    def share_of(self, names: Sequence[str], confidence: float = 0.95) -> RatioInterval:
        """Return the corrected share of several classes together, in [0, 1], with the interval of `audited_shares`."""
        together = np.isin(self.classes, list(names))
        share = float(self.joint.sum(axis=0)[together].sum())
        low, high = np.quantile(self.drawn[:, together].sum(axis=1), _tails(confidence))
        return RatioInterval(share, min(float(low), share), max(float(high), share))

    def ratio(self, numerator: Sequence[str], denominator: Sequence[str], confidence: float = 0.95) -> RatioInterval:
        """Return what `audited_ratio` returns."""
        above, below = (np.isin(self.classes, list(names)) for names in (numerator, denominator))
        shares = self.joint.sum(axis=0)
        a, b = float(shares[above].sum()), float(shares[below].sum())
        if a == 0 and b == 0:
            return RatioInterval(np.nan, np.nan, np.nan)
        value = a / b if b > 0 else np.inf
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = self.drawn[:, above].sum(axis=1) / self.drawn[:, below].sum(axis=1)
        # Infinite ratios cannot be averaged with their neighbours, so that the ends are draws themselves.
        low, high = np.quantile(ratios[~np.isnan(ratios)], _tails(confidence), method="nearest")
        return RatioInterval(float(value), min(float(low), value), max(float(high), value))


def audited_shares(
    assigned: Counts,
    audits: pd.DataFrame,
    confidence: float = 0.95,
    sampled: bool = True,
    n_draws: int = 1000,
    random_state: int = 0,
) -> pd.DataFrame:
    """Return the share of each class, corrected by a stratified audit.

    With W_h the share assigned to class h, n_h of it audited and n_hc of these truly c, the share of c is
    p_c = Σ_h W_h n_hc/n_h (Cochran, 1977, chapter 5; Olofsson et al., 2014): without bias, whatever the classifier does.

    The interval is that of a Bayesian bootstrap by strata. In each draw the rates of stratum h come from a Dirichlet law with
    parameters n_hc + a_hc, and with `sampled` the W_h from one with parameters N_h. The prior is that of Jeffreys for the
    share of stratum h that is rightly named, a_hh = ½ and Σ a_hc = ½ over the other classes (Brown, Cai & DasGupta, 2001),
    spread evenly, a_hc = ½/(C − 1): in all one grain's worth of doubt a stratum. The prior of Perks (1947), a_hc = 1/C, takes
    most of a stratum for wrong before anything is seen, so that its intervals are too wide where few were audited. The plain
    interval p ± z √(Σ W_h² q(1 − q)/(n_h − 1)) has no width where an audit found no error, and covers too seldom for rare
    classes. What each of them covers is in the benchmark *intervals*; with fewer than 20 audited grains a class this one is
    wider than it need be.

    Parameters
    ----------
    assigned : mapping or Series of int
        Grains assigned to each class.
    audits : DataFrame
        Columns ``assigned`` and ``true``: one row an audited grain. Classes with no row in `assigned` are left out.
    confidence : float
        In (0, 1).
    sampled : bool
        Whether the grains counted are themselves a sample, of the sediment, whose error is to be included. If not, the
        shares are of exactly the grains counted, and those audited are known.
    n_draws, random_state : int
        Number of draws, and their seed. More draws make the ends of the intervals more exact.

    Returns
    -------
    DataFrame
        One row a class: ``class``, ``n_assigned``, ``n_audited`` (of those assigned to it; a class with 0 is taken as it
        stands), ``raw``, ``share``, ``low``, ``high``, all shares in [0, 1].

    Raises
    ------
    InputError
        If nothing is assigned, a column is missing, no audited grain is of an assigned class, or without `sampled` more are
        audited than assigned.
    """
    return StratifiedAudit(assigned, audits, sampled, n_draws, random_state).shares(confidence)


def audited_ratio(
    assigned: Counts,
    audits: pd.DataFrame,
    numerator: Sequence[str],
    denominator: Sequence[str],
    confidence: float = 0.95,
    sampled: bool = True,
    n_draws: int = 1000,
    random_state: int = 0,
) -> RatioInterval:
    """Return the ratio of the sums of corrected shares of two sets of classes, with the interval of `audited_shares`."""
    return StratifiedAudit(assigned, audits, sampled, n_draws, random_state).ratio(numerator, denominator, confidence)


def class_accuracy(assigned: Counts, audits: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """Return how far each class can be trusted, from what `audited_shares` takes.

    Returns
    -------
    DataFrame
        One row a class: ``class``, ``n_audited``, ``n_right``, ``precision`` n_hh/n_h ("user's accuracy") with its Wilson
        interval ``precision_low`` and ``precision_high``, and ``recall`` W_c q_cc/p_c ("producer's accuracy", estimated). NaN
        where nothing is known.
    """
    strata = StratifiedAudit(assigned, audits)
    n = strata.audited.sum(axis=1)
    right = np.diag(strata.audited)
    low, high = wilson_interval(right, n, confidence)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision, recall = right / n, np.diag(strata.joint) / strata.joint.sum(axis=0)
    return pd.DataFrame(
        {
            "class": strata.classes,
            "n_audited": n.astype(np.int64),
            "n_right": right.astype(np.int64),
            "precision": precision,
            "precision_low": low,
            "precision_high": high,
            "recall": recall,
        }
    )


def confusion_table(audits: pd.DataFrame) -> pd.DataFrame:
    """Count audited grains by assigned class (index) and true class (columns), over all classes of either."""
    _check_audits(audits)
    classes = sorted({*audits["assigned"], *audits["true"]})
    table = pd.crosstab(audits["assigned"], audits["true"]).reindex(index=classes, columns=classes, fill_value=0)
    return table.rename_axis(index="assigned", columns="true")


def joint_shares(assigned: Counts, audits: pd.DataFrame) -> pd.DataFrame:
    """Return the estimated share of all grains by assigned class (index) and true class (columns), summing to 1."""
    strata = StratifiedAudit(assigned, audits)
    return pd.DataFrame(
        strata.joint,
        index=pd.Index(strata.classes, name="assigned"),
        columns=pd.Index(strata.classes, name="true"),
    )


def cohen_kappa(table: ArrayLike | pd.DataFrame) -> float:
    """Return the agreement beyond chance, (p_o − p_e)/(1 − p_e) (Cohen, 1960): 1 if full, NaN if only one class occurs.

    Parameters
    ----------
    table : array_like, shape (C, C)
        Counts or shares, assigned × true in the same order of classes. The grains of a stratified audit are not a plain
        sample: give it `joint_shares`, not `confusion_table`.

    Raises
    ------
    InputError
        If the table is not square, negative or empty.
    """
    counts = np.asarray(table, np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not (counts >= 0).all() or counts.sum() == 0:
        raise InputError(f"agreement needs a square table of counts, not all 0: one of shape {counts.shape} was given")
    share = counts / counts.sum()
    observed, expected = np.trace(share), share.sum(axis=1) @ share.sum(axis=0)
    return float((observed - expected) / (1 - expected)) if expected < 1 else float("nan")


def correct_two_classes(observed: ArrayLike, true_positive_rate: float, false_positive_rate: float) -> Array:
    """Return the true share of a class from the observed one: (p_obs − FPR)/(TPR − FPR), clipped to [0, 1].

    A class of 5 %, recognised with a sensitivity of 0.95 and a false-positive rate of 0.02 is reported as 6.65 %. A
    classifier that does no better than chance (TPR ≤ FPR) cannot be corrected.
    """
    if not 0 <= false_positive_rate < true_positive_rate <= 1:
        raise InputError(
            "the correction needs 0 ≤ false-positive rate < true-positive rate ≤ 1: "
            f"{false_positive_rate} and {true_positive_rate} were given"
        )
    observed = np.asarray(observed, np.float64)
    return np.clip((observed - false_positive_rate) / (true_positive_rate - false_positive_rate), 0, 1)


def correct_by_confusion(observed: ArrayLike, confusion: ArrayLike) -> Array:
    """Return true shares from observed ones: p = (Cᵀ)⁻¹ p_obs (Solow, Davis & Hu, 2001).

    Its C comes from grains of known class, such as a training set; for audited grains `audited_shares` is steadier. Shares
    below 0 become 0, and the rest is scaled to the sum of 1.

    Parameters
    ----------
    observed : array_like, shape (C,)
        Shares or counts by class.
    confusion : array_like, shape (C, C)
        Counts or rates, *true* × assigned, in the same order; rows are normalised.

    Raises
    ------
    InputError
        If the shapes differ, a row is empty, or two classes are confused so wholly that there is no solution.
    """
    counts, matrix = np.asarray(observed, np.float64), np.asarray(confusion, np.float64)
    if counts.ndim != 1 or matrix.shape != (len(counts), len(counts)):
        raise InputError(
            f"{len(counts)} classes need a {len(counts)} × {len(counts)} confusion matrix: {matrix.shape} was given"
        )
    if not ((counts >= 0).all() and counts.sum() > 0 and (matrix >= 0).all() and (matrix.sum(axis=1) > 0).all()):
        raise InputError("shares and confusion matrix are counts from 0 on, no row of them all 0: others were given")
    rates = matrix / matrix.sum(axis=1, keepdims=True)
    if np.linalg.cond(rates) > 1e6:
        raise InputError("two classes are confused so wholly that their shares cannot be told apart: merge them")
    shares = np.clip(np.linalg.solve(rates.T, counts / counts.sum()), 0, None)
    return np.asarray(shares / shares.sum(), np.float64)


def _prior(n_classes: int) -> Array:
    """Parameters of the Dirichlet law of each stratum before the audit: half a grain right, half a grain wrong."""
    if n_classes == 1:
        return np.ones((1, 1))
    prior = np.full((n_classes, n_classes), 0.5 / (n_classes - 1))
    np.fill_diagonal(prior, 0.5)
    return prior


def _check_audits(audits: pd.DataFrame) -> None:
    for column in ("assigned", "true"):
        if column not in audits.columns:
            raise InputError(f"an audit has the columns assigned and true: {column} is missing")


def _tails(confidence: float) -> tuple[float, float]:
    z_value(confidence)
    return (1 - confidence) / 2, (1 + confidence) / 2
