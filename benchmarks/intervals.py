"""Do 95 % intervals hold the truth 95 times of 100? Simulated samples, Wilson and audit-corrected.

    .venv/bin/python benchmarks/intervals.py [--samples 2000] [--seed 0]

Beside the audit's Bayesian bootstrap stands the plain interval of Cochran, p ± 1.96 √variance. The last part are sessions in
the atlas: groups that are named by what most of their images are, 95 % on average, and an audit of some images of each
class. Their intervals are those that the atlas shows, once so many were audited that it shows any.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import record
from scipy.stats import binom

from facies.atlas.services.counts import MIN_AUDITED
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


SEDIMENTS = {
    "5 kinds alike": np.full(5, 0.2),
    "5 kinds, 5 to 45 %": FIVE,
    "10 kinds alike": np.full(10, 0.1),
    "10 kinds, 1 to 35 %": CASES[-1].truth,
}
PURITY = 0.95
IMAGES, AUDITS = 5000, (10, 20, 50, 200)


def named_by_group(shares: np.ndarray, neighbours: bool, rng: np.random.Generator) -> np.ndarray:
    """Rates of named × true: each name is 91 to 99 % right, 95 % on average, in an order by chance.

    The wrong images are of all other kinds by their shares, or of the two kinds that look most like it.
    """
    n = len(shares)
    wrong = 1 - rng.permutation(np.linspace(2 * PURITY - 0.99, 0.99, n))
    rates = np.zeros((n, n))
    for kind in range(n):
        of = np.zeros(n)
        of[[(kind + 1) % n, (kind - 1) % n]] = 0.7, 0.3
        of = of if neighbours else np.where(np.arange(n) == kind, 0, shares)
        rates[kind] = wrong[kind] * of / of.sum()
        rates[kind, kind] = 1 - wrong[kind]
    return rates


def session_coverage(sediment: str, neighbours: bool, audited: int, n_samples: int, seed: int) -> dict[str, Any]:
    """Coverage of the corrected shares in sessions of one kind; of the raw ones, too."""
    rng = np.random.default_rng(seed)
    shares = SEDIMENTS[sediment]
    names = [f"kind {i}" for i in range(len(shares))]
    pairs = pd.MultiIndex.from_product([names, names], names=["assigned", "true"])
    held, raw, width = np.zeros(len(names)), np.zeros(len(names)), 0.0
    for _ in range(n_samples):
        rates = named_by_group(shares, neighbours, rng)
        truth = shares @ rates
        images = rng.multinomial(IMAGES, (shares[:, None] * rates).ravel()).reshape(rates.shape)
        n_named = images.sum(axis=1)
        drawn = [rng.multivariate_hypergeometric(of, min(audited, of.sum())) for of in images]
        audits = pairs.repeat(np.array(drawn).ravel()).to_frame(index=False)
        table = audited_shares(dict(zip(names, n_named, strict=True)), audits)
        held += (table["low"] <= truth) & (truth <= table["high"])
        width += float((table["high"] - table["low"]).mean()) / n_samples
        low, high = wilson_interval(n_named, IMAGES)
        raw += (low <= truth) & (truth <= high)
    return {
        "sediment": sediment,
        "wrong": "of two kinds" if neighbours else "of all kinds",
        "audited": audited,
        "shown": audited >= MIN_AUDITED,
        "coverage": (held / n_samples).tolist(),
        "raw": (raw / n_samples).tolist(),
        "width": width,
    }


def sessions(n_samples: int, seed: int) -> list[dict[str, Any]]:
    """All sessions; those that an earlier call has kept are not done again."""
    kept = record.load("intervals-sessions")
    rows = kept.get("rows", []) if (kept.get("samples"), kept.get("seed")) == (n_samples, seed) else []
    for sediment in SEDIMENTS:
        for neighbours in (False, True):
            for audited in AUDITS:
                wrong = "of two kinds" if neighbours else "of all kinds"
                if any((row["sediment"], row["wrong"], row["audited"]) == (sediment, wrong, audited) for row in rows):
                    continue
                rows.append(session_coverage(sediment, neighbours, audited, n_samples, seed))
                kept = {"samples": n_samples, "seed": seed, "rows": rows, "machine": record.machine()}
                record.keep("intervals-sessions", kept)
                print(
                    f"session {sediment}, wrong {wrong}, {audited} audited a class: {np.mean(rows[-1]['coverage']):.3f}, "
                    f"{min(rows[-1]['coverage']):.3f}–{max(rows[-1]['coverage']):.3f}; raw {np.mean(rows[-1]['raw']):.3f}",
                    flush=True,
                )
    return rows


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
    parser.add_argument("--sessions", action="store_true", help="only the sessions in the atlas")
    arguments = parser.parse_args()
    for audited in AUDITS if sessions(arguments.samples, arguments.seed) else ():
        rows = [row for row in record.load("intervals-sessions")["rows"] if row["audited"] == audited]
        print(f"sessions, {audited} audited a class: {np.mean([np.mean(row['coverage']) for row in rows]):.3f}")
    if arguments.sessions:
        return
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
