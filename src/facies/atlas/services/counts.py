"""The table of counts and ratios with their intervals, from how things stand now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.annotations import ROLES, STATES
from facies.atlas.state.columns import Column
from facies.atlas.state.image_states import EXCLUDED, ImageStates
from facies.errors import InputError
from facies.statistics import (
    Indicator,
    audited_ratio,
    audited_shares,
    count_ratio,
    fragmentation,
    parse_ratio,
    planktic_percent,
    terrigenous_percent,
    wilson_interval,
)

__all__ = ["count_all"]

FEW = 300
"""Images of a sample below which its shares are flagged (Patterson & Fishbein, 1989)."""
_MOST_SAMPLES = 2000
_PAIRS = (("whole", "fragment"), ("planktic", "benthic"), ("biogenic", "terrigenous"))


def count_all(
    standing: ImageStates,
    predictions: NDArray[np.uint16] | None,
    samples: Column | None = None,
    ratios: Sequence[str] = (),
) -> dict[str, Any]:
    """Count all images.

    An image counts for its class if it is predicted or validated; dubious and excluded ones do not. Shares are of all that
    count, with Wilson's interval; audited shares with that of `facies.statistics.audited_shares`.

    Parameters
    ----------
    standing : ImageStates
        How things stand.
    predictions : ndarray of uint16, shape (N,), optional
        The classifier's class of each image; those of images without a class are told beside the counts.
    samples : Column, optional
        A column of words by which the counts are told too.
    ratios : sequence of str
        More ratios, such as ``quartz/foraminifera``, of classes or roles.

    Returns
    -------
    dict
        What the atlas shows.

    Raises
    ------
    InputError
        If a ratio cannot be read, or names neither a class nor a role.
    """
    classes = standing.decisions.classes
    numbers, names = classes["id"].to_numpy(np.int64), classes["name"].tolist()
    excluded = standing.states == EXCLUDED
    by_class = standing.numbers[[STATES["predicted"], STATES["validated"]]].sum(axis=0)
    by_class[0] = 0
    table = _class_rows(standing, numbers, names, by_class, predictions)
    _add_shares(table, standing.decisions.audits)
    texts = ["", *standing.reason_texts]
    reasons = np.bincount(standing.reasons[excluded], minlength=len(texts))
    return {
        "revision": standing.revision,
        "n": len(standing.states),
        "n_excluded": int(excluded.sum()),
        "n_counted": int(by_class.sum()),
        "n_dubious": int((standing.states == STATES["dubious"]).sum()),
        "excluded": {texts[i] or "other": int(reasons[i]) for i in np.flatnonzero(reasons)},
        "unnamed": int(((standing.classes == 0) & ~excluded).sum()),
        "classes": table,
        "ratios": _ratios(classes, by_class, ratios, _Audited(table, standing.decisions.audits)),
        "samples": [] if samples is None else _by_sample(standing, samples, numbers, excluded),
        "notes": _notes(standing),
    }


def _class_rows(
    standing: ImageStates,
    numbers: NDArray[np.int64],
    names: Sequence[str],
    by_class: NDArray[np.int64],
    predictions: NDArray[np.uint16] | None,
) -> list[dict[str, Any]]:
    width = len(by_class)
    by_state = standing.numbers
    proposed = np.zeros(width, np.int64)
    if predictions is not None:
        without = (standing.classes == 0) & (standing.states != EXCLUDED)
        proposed = np.bincount(predictions[without], minlength=width)
    n = int(by_class.sum())
    low, high = wilson_interval(by_class[numbers], n)
    return [
        {
            "class": int(number),
            "name": names[i],
            "n": int(by_class[number]),
            "validated": int(by_state[STATES["validated"], number]),
            "predicted": int(by_state[STATES["predicted"], number]),
            "dubious": int(by_state[STATES["dubious"], number]),
            "probe": int(proposed[number]),
            "share": by_class[number] / n if n else None,
            "low": low[i],
            "high": high[i],
            "audited": 0,
            "audited_share": None,
            "audited_low": None,
            "audited_high": None,
        }
        for i, number in enumerate(numbers.tolist())
    ]


class _Audited:
    """The audit of what is assigned now; of an image that was audited twice the later word counts."""

    def __init__(self, table: Sequence[Mapping[str, Any]], audits: pd.DataFrame) -> None:
        self.assigned = {row["name"]: row["n"] for row in table if row["n"]}
        latest = audits.drop_duplicates("row", keep="last")
        latest = latest[latest["assigned"].isin(list(self.assigned))].replace({"true": {"": "(no class)"}})
        self.audits = latest[["assigned", "true"]]

    def shares(self) -> pd.DataFrame | None:
        """Corrected shares by class name, or None without an audit."""
        return audited_shares(self.assigned, self.audits).set_index("class") if len(self.audits) else None

    def ratio(self, numerator: Sequence[str], denominator: Sequence[str]) -> dict[str, float | None]:
        """The corrected ratio of two sums of classes; nothing without an audit."""
        if not len(self.audits):
            return dict.fromkeys(("audited_value", "audited_low", "audited_high"))
        found = audited_ratio(self.assigned, self.audits, numerator, denominator)
        return {"audited_value": found.value, "audited_low": found.low, "audited_high": found.high}


def _add_shares(table: list[dict[str, Any]], audits: pd.DataFrame) -> None:
    shares = _Audited(table, audits).shares()
    if shares is None:
        return
    for row in table:
        if row["name"] in shares.index:
            found = shares.loc[row["name"]]
            row["audited"] = int(found["n_audited"])
            row["audited_share"], row["audited_low"], row["audited_high"] = found["share"], found["low"], found["high"]


def _ratios(
    classes: pd.DataFrame, by_class: NDArray[np.int64], more: Sequence[str], audited: _Audited
) -> list[dict[str, Any]]:
    names = {role: [str(r["name"]) for r in classes.to_dict("records") if role in r["roles"]] for role in ROLES}
    by_name = dict(zip(classes["name"].tolist(), by_class[classes["id"].to_numpy(np.int64)].tolist(), strict=True))
    told = []
    for a, b in _PAIRS:
        if not names[a] or not names[b]:
            told.append(_without_role(a, b, {role for role, known in names.items() if known}))
            continue
        n_a, n_b = (sum(by_name[name] for name in names[role]) for role in (a, b))
        ratio = _indicator(count_ratio(f"{a} / {b}", n_a, n_b, f"{a} / {b}"), n_a, n_b)
        told.append({**ratio, **audited.ratio(names[a], names[b])})
        told.append(_indicator(_percent(a, n_a, n_b), n_a, n_b))
    for text in more:
        ratio_asked = parse_ratio(text)
        sides = (ratio_asked.numerator, ratio_asked.denominator)
        a_names, b_names = ([known for name in side for known in _meant(name, by_name, names)] for side in sides)
        n_a, n_b = (sum(by_name[name] for name in side) for side in (a_names, b_names))
        ratio = _indicator(count_ratio(str(ratio_asked), n_a, n_b, str(ratio_asked)), n_a, n_b)
        told.append({**ratio, **audited.ratio(a_names, b_names)})
    return told


def _percent(role: str, a: int, b: int) -> Indicator:
    """The percentage that belongs to a ratio."""
    if role == "whole":
        return fragmentation(b, a)
    return planktic_percent(a, b) if role == "planktic" else terrigenous_percent(b, a)


def _meant(name: str, by_name: Mapping[str, int], by_role: Mapping[str, list[str]]) -> list[str]:
    """The classes that a word of a ratio means: the one of that name, or those of that role."""
    known = {other.casefold(): other for other in by_name}
    if name.casefold() in known:
        return [known[name.casefold()]]
    if by_role.get(name):
        return by_role[name]
    raise InputError(
        f"{name[:40]!r} is neither a class nor a role that a class has: there are {', '.join(by_name) or 'none yet'}"
    )


def _indicator(found: Indicator, a: int, b: int) -> dict[str, Any]:
    return {
        "name": found.name,
        "a": a,
        "b": b,
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "unit": found.unit,
        "definition": found.definition,
        "why": found.note or ("none of either is counted yet" if a + b == 0 else None),
    }


def _without_role(a: str, b: str, with_role: set[str]) -> dict[str, Any]:
    lacking = " or ".join(role for role in (a, b) if role not in with_role)
    nothing = dict.fromkeys(("a", "b", "value", "low", "high", "audited_value", "audited_low", "audited_high"))
    why = f"no class has the role {lacking}: set it in the class's menu"
    return {"name": f"{a} / {b}", **nothing, "unit": "", "definition": f"{a} / {b}", "why": why}


def _by_sample(
    standing: ImageStates,
    samples: Column,
    numbers: NDArray[np.int64],
    excluded: NDArray[np.bool_],
) -> list[dict[str, Any]]:
    if samples.kind != "category":
        raise InputError(f"counts are told by a column of words: {samples.name} holds numbers")
    if len(samples.words) > _MOST_SAMPLES:
        raise InputError(f"{samples.name} has {len(samples.words):,} different values: choose a column of samples")
    words, codes = ["", *samples.words], samples.entries.astype(np.int64)
    width = standing.numbers.shape[1]
    counted = standing.decisions.counted
    cells = np.bincount(codes[counted] * width + standing.classes[counted], minlength=len(words) * width)
    table = cells.reshape(len(words), width)[:, numbers] if len(numbers) else np.zeros((len(words), 0), np.int64)
    totals, gone = np.bincount(codes, minlength=len(words)), np.bincount(codes[excluded], minlength=len(words))
    n = table.sum(axis=1)
    low, high = wilson_interval(table, n[:, None])
    return [
        {
            "sample": words[i],
            "n": int(totals[i]),
            "n_counted": int(n[i]),
            "n_excluded": int(gone[i]),
            "small": bool(n[i] < FEW),
            "counts": {str(number): int(table[i, j]) for j, number in enumerate(numbers.tolist())},
            "shares": {
                str(number): [table[i, j] / n[i] if n[i] else None, low[i, j], high[i, j]]
                for j, number in enumerate(numbers.tolist())
            },
        }
        for i in np.flatnonzero(totals)
    ]


def _notes(standing: ImageStates) -> list[str]:
    notes = [
        "Shares are of the images that have a class, without dubious and excluded ones; intervals are 95 % (Wilson)."
    ]
    if not len(standing.decisions.audits):
        notes.append(
            "Without an audit the shares hold the errors of naming; audit some images of each class to correct them."
        )
    return notes
