"""Do 95 % intervals hold the truth 95 times of 100? Simulated samples, Wilson and audit-corrected.

    .venv/bin/python benchmarks/intervals.py [--samples 2000] [--seed 0]

Beside the audit's Bayesian bootstrap stands the plain interval of Cochran, p ± 1.96 √variance.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import record
from scipy.stats import binom

from facies.statistics import audited_ratio, audited_shares, ratio_interval, wilson_interval


@dataclass(frozen=True)
class Case:
    """A sediment, a classifier, a count and an audit."""

    name: str
    truth: np.ndarray  # (C,) shares
    rates: np.ndarray  # (C, C) true × assigned
    n_grains: int
    n_audited: int  # a class


def even(n_classes: int, right: float) -> np.ndarray:
    rates = np.full((n_classes, n_classes), (1 - right) / (n_classes - 1))
    np.fill_diagonal(rates, right)
    return rates


def uneven() -> np.ndarray:
    """Whole tests and fragments are confused with each other more than with quartz."""
    rates = even(5, 0.95)
    rates[1] = [0.01, 0.85, 0.12, 0.01, 0.01]
    rates[2] = [0.0, 0.08, 0.92, 0.0, 0.0]
    return rates


FIVE = np.array([0.45, 0.2, 0.2, 0.1, 0.05])
CASES = (
    Case("4 classes, 90 % right", np.array([0.5, 0.3, 0.15, 0.05]), even(4, 0.9), 300, 50),
    Case("5 classes, tests and fragments confused", FIVE, uneven(), 5000, 50),
    Case("5 classes, tests and fragments confused", FIVE, uneven(), 5000, 100),
    Case("6 classes, 95 % right", np.array([0.4, 0.25, 0.15, 0.1, 0.07, 0.03]), even(6, 0.95), 30_000, 50),
    Case(
        "10 classes, 90 % right",
        np.array([0.35, 0.2, 0.12, 0.1, 0.08, 0.05, 0.04, 0.03, 0.02, 0.01]),
        even(10, 0.9),
        30_000,
        50,
    ),
)


def cochran(counts: np.ndarray, audited: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """p ± 1.96 √(Σ W² q(1 − q)/(n − 1) + Σ W (q − p)²/N)."""
    n, weights = audited.sum(axis=1, keepdims=True), counts.sum(axis=0)[:, None] / counts.sum()
    q = audited / n
    p = (weights * q).sum(axis=0)
    variance = (weights**2 * q * (1 - q) / (n - 1)).sum(axis=0) + (weights * (q - p) ** 2).sum(axis=0) / counts.sum()
    return p - 1.96 * np.sqrt(variance), p + 1.96 * np.sqrt(variance)


def audited_coverage(case: Case, n_samples: int, rng: np.random.Generator) -> dict[str, Any]:
    """Coverage by class of both intervals, and of the ratio of the first two classes, for the sediment's shares."""
    names = [f"class {i}" for i in range(len(case.truth))]
    ours, plain, ratios = np.zeros(len(names)), np.zeros(len(names)), 0
    pairs = pd.MultiIndex.from_product([names, names], names=["assigned", "true"])
    for _ in range(n_samples):
        counts = rng.multinomial(case.n_grains, (case.truth[:, None] * case.rates).ravel()).reshape(case.rates.shape)
        drawn = [rng.multivariate_hypergeometric(of, min(case.n_audited, of.sum())) for of in counts.T]
        audited = np.array(drawn)
        audits = pairs.repeat(audited.ravel()).to_frame(index=False)
        assigned = dict(zip(names, counts.sum(axis=0), strict=True))
        table = audited_shares(assigned, audits)
        ours += (table["low"] <= case.truth) & (case.truth <= table["high"])
        low, high = cochran(counts, audited)
        plain += (low <= case.truth) & (case.truth <= high)
        ratio = audited_ratio(assigned, audits, names[:1], names[1:2])
        ratios += ratio.low <= case.truth[0] / case.truth[1] <= ratio.high
    return {
        "case": case.name,
        "grains": case.n_grains,
        "audited": case.n_audited,
        "coverage": (ours / n_samples).tolist(),
        "plain": (plain / n_samples).tolist(),
        "ratio": ratios / n_samples,
    }


def wilson_coverage(p: float, n: int, n_samples: int, rng: np.random.Generator) -> dict[str, Any]:
    """Coverage in simulated samples, and the exact one."""
    low, high = wilson_interval(np.arange(n + 1), n)
    holds = (low <= p) & (p <= high)
    return {
        "share": p,
        "grains": n,
        "coverage": float(holds[rng.binomial(n, p, n_samples)].mean()),
        "exact": float(binom.pmf(np.arange(n + 1), n, p)[holds].sum()),
    }


def ratio_coverage(a: float, b: float, n: int, n_samples: int, rng: np.random.Generator) -> dict[str, Any]:
    counts = rng.multinomial(n, [a, b, 1 - a - b], n_samples)
    found = [ratio_interval(*pair) for pair in counts[:, :2]]
    return {"a": a, "b": b, "grains": n, "coverage": float(np.mean([low <= a / b <= high for _, low, high in found]))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    n = arguments.samples
    wilson = [wilson_coverage(p, grains, n, rng) for grains in (300, 1000) for p in (0.5, 0.3, 0.1, 0.05, 0.02)]
    for row in wilson:
        print("Wilson  {share:5.0%} of {grains:5}: {coverage:.3f} (exact {exact:.3f})".format(**row))
    ratios = [ratio_coverage(*abn, n, rng) for abn in ((0.6, 0.3, 300), (0.6, 0.05, 300), (0.3, 0.1, 1000))]
    for row in ratios:
        print("ratio   {a:.0%}/{b:.0%} of {grains:5}: {coverage:.3f}".format(**row))
    audit = []
    for case in CASES:
        row = audited_coverage(case, n, rng)
        audit.append(row)
        print(
            f"audit   {row['case']}, {row['grains']} grains, {row['audited']} audited a class: mean {np.mean(row['coverage']):.3f}, "
            f"classes {min(row['coverage']):.3f}–{max(row['coverage']):.3f}; plain {np.mean(row['plain']):.3f}, "
            f"{min(row['plain']):.3f}–{max(row['plain']):.3f}; ratio {row['ratio']:.3f}"
        )
    record.keep(
        "intervals",
        {
            "samples": n,
            "seed": arguments.seed,
            "wilson": wilson,
            "ratio": ratios,
            "audit": audit,
            "machine": record.machine(),
        },
    )


if __name__ == "__main__":
    main()
