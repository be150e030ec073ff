"""Counts, shares and ratios of the classes, with their confidence intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.annotations import ROLES, STATES, Annotations
from facies.atlas.state.columns import Column
from facies.atlas.state.image_states import EXCLUDED, ImageStates
from facies.errors import InputError
from facies.report.sections import RoleRatio
from facies.statistics import Indicator, StratifiedAudit, count_ratio, parse_ratio, wilson_interval

MIN_AUDITED = 20
"""Corrected shares are shown once so many images of each class were audited, or all of a smaller one: with fewer, their
intervals would be far wider than the audit warrants (the benchmark *intervals*)."""
MIN_SAMPLE_SIZE = 300
"""Shares of samples with fewer counted images are flagged (Patterson & Fishbein, 1989)."""
_MAX_SAMPLES = 2000


def count_all(
    states: ImageStates,
    predictions: NDArray[np.uint16] | None,
    samples: Column | None = None,
    ratios: Sequence[str] = (),
    role_ratios: Sequence[RoleRatio] = (),
) -> dict[str, Any]:
    """Count the images of each class; return the tables as the page receives them.

    An image counts for its class if it is predicted or validated, not if it is dubious or excluded. Shares are of all
    images that count, with Wilson's 95 % interval. Audited shares have the interval of
    `facies.statistics.audited_shares`, and are there once `MIN_AUDITED` images of each class were audited: the images of
    a class that nobody audited would count as rightly named, and one audited image as the whole truth of its class.
    Images without a class are counted apart by what the classifier predicts for
    them, ``predictions`` of shape (N,); with a column of categories as ``samples``, the images of each category, too.
    ``role_ratios`` are those that the domain of the run is asked for; ``ratios`` are further ones of classes or roles,
    such as ``quartz/foraminifera``; see `_classes_named`. Those that the expert defined come last.

    A class that others lie under is also counted together with all below it: ``n_all``, ``share_all`` and so on.
    """
    classes = states.annotations.classes
    numbers, names = classes["id"].to_numpy(np.int64), classes["name"].tolist()
    excluded = states.states == EXCLUDED
    by_class = states.counts[[STATES["predicted"], STATES["validated"]]].sum(axis=0)
    by_class[0] = 0
    table = _class_rows(states, numbers, names, by_class, predictions)
    audit = _Audit(table, states.annotations.audits)
    _add_shares(table, audit)
    _add_rolled_up(table, states.annotations, audit)
    return {
        "revision": states.revision,
        "n": len(states.states),
        "n_excluded": int(excluded.sum()),
        "n_counted": int(by_class.sum()),
        "n_dubious": int((states.states == STATES["dubious"]).sum()),
        "excluded": _excluded_by_reason(states, excluded),
        "unnamed": int(((states.classes == 0) & ~excluded).sum()),
        "classes": table,
        "ratios": _ratios(states.annotations, by_class, ratios, role_ratios, audit),
        "samples": [] if samples is None else _by_sample(states, samples, numbers, excluded),
        "notes": _notes(audit),
    }


def _excluded_by_reason(states: ImageStates, excluded: NDArray[np.bool_]) -> dict[str, int]:
    texts = ["", *states.reason_texts]
    counts = np.bincount(states.reasons[excluded], minlength=len(texts))
    return {texts[i] or "other": int(counts[i]) for i in np.flatnonzero(counts)}


def _class_rows(
    states: ImageStates,
    numbers: NDArray[np.int64],
    names: Sequence[str],
    by_class: NDArray[np.int64],
    predictions: NDArray[np.uint16] | None,
) -> list[dict[str, Any]]:
    width = len(by_class)
    counts = states.counts
    parents = states.annotations.classes["parent"].tolist()
    proposed = np.zeros(width, np.int64)
    if predictions is not None:
        unnamed = (states.classes == 0) & (states.states != EXCLUDED)
        proposed = np.bincount(predictions[unnamed], minlength=width)
    n = int(by_class.sum())
    counted = states.annotations.is_counted & states.looked_at
    looked_at = np.bincount(states.classes[counted], minlength=width)
    low, high = wilson_interval(by_class[numbers], n)
    return [
        {
            "class": int(number),
            "name": names[i],
            "n": int(by_class[number]),
            "validated": int(counts[STATES["validated"], number]),
            "predicted": int(counts[STATES["predicted"], number]),
            "dubious": int(counts[STATES["dubious"], number]),
            "looked_at": int(looked_at[number]),
            "probe": int(proposed[number]),
            "share": by_class[number] / n if n else None,
            "low": low[i],
            "high": high[i],
            "audited": 0,
            "audit_missing": 0,
            "audited_share": None,
            "audited_low": None,
            "audited_high": None,
            "parent": parents[i],
        }
        for i, number in enumerate(numbers.tolist())
    ]


class _Audit:
    """The audit of the classes as they are now; of an image that was audited twice, the later audit counts."""

    def __init__(self, table: Sequence[Mapping[str, Any]], audits: pd.DataFrame) -> None:
        self.assigned = {row["name"]: row["n"] for row in table if row["n"]}
        latest = audits.drop_duplicates("row", keep="last")
        latest = latest[latest["assigned"].isin(list(self.assigned))].replace({"true": {"": "(no class)"}})
        self.audits = latest[["assigned", "true"]]
        done = self.audits["assigned"].value_counts()
        self.audited = {name: int(done.get(name, 0)) for name in self.assigned}
        self.missing = {name: max(0, min(MIN_AUDITED, n) - self.audited[name]) for name, n in self.assigned.items()}

    @property
    def is_enough(self) -> bool:
        """Whether the shares can be corrected."""
        return bool(self.audited) and not any(self.missing.values())

    @cached_property
    def strata(self) -> StratifiedAudit | None:
        """What the audit says; None while too few images were audited."""
        return StratifiedAudit(self.assigned, self.audits) if self.is_enough else None

    def shares(self) -> pd.DataFrame | None:
        """Corrected shares by class name; None while too few images were audited."""
        return None if self.strata is None else self.strata.shares().set_index("class")

    def ratio(self, numerator: Sequence[str], denominator: Sequence[str]) -> dict[str, float | None]:
        """Corrected ratio of two sums of classes; its values are None while too few images were audited."""
        if self.strata is None:
            return dict.fromkeys(("audited_value", "audited_low", "audited_high"))
        ratio = self.strata.ratio(numerator, denominator)
        return {"audited_value": ratio.value, "audited_low": ratio.low, "audited_high": ratio.high}


def _add_shares(table: list[dict[str, Any]], audit: _Audit) -> None:
    for row in table:
        row["audited"], row["audit_missing"] = audit.audited.get(row["name"], 0), audit.missing.get(row["name"], 0)
    shares = audit.shares()
    if shares is None:
        return
    for row in table:
        if row["name"] in shares.index:
            share = shares.loc[row["name"]]
            row["audited_share"], row["audited_low"], row["audited_high"] = share["share"], share["low"], share["high"]


def _add_rolled_up(table: list[dict[str, Any]], annotations: Annotations, audit: _Audit) -> None:
    """Count each class together with all below it in the tree of classes."""
    n_of, total = {row["name"]: row["n"] for row in table}, sum(row["n"] for row in table)
    for row in table:
        below = annotations.subtrees[row["name"]]
        n = sum(n_of[name] for name in below)
        low, high = wilson_interval(n, total)
        row |= {"n_below": len(below) - 1, "n_all": n, "share_all": n / total if total else None}
        row |= {"low_all": float(low), "high_all": float(high)}
        together = None if audit.strata is None or len(below) == 1 else audit.strata.share_of(below)
        values = [row["audited_share"], row["audited_low"], row["audited_high"]] if together is None else [*together]
        row |= dict(zip(("audited_share_all", "audited_low_all", "audited_high_all"), values, strict=True))


def _ratios(
    annotations: Annotations,
    by_class: NDArray[np.int64],
    more: Sequence[str],
    role_ratios: Sequence[RoleRatio],
    audit: _Audit,
) -> list[dict[str, Any]]:
    classes, below = annotations.classes, annotations.subtrees
    names = {role: [str(r["name"]) for r in classes.to_dict("records") if role in r["roles"]] for role in ROLES}
    by_name = dict(zip(classes["name"].tolist(), by_class[classes["id"].to_numpy(np.int64)].tolist(), strict=True))

    def ratio_of(title: str, numerator: list[str], denominator: list[str]) -> dict[str, Any]:
        a, b = (sum(by_name[name] for name in side) for side in (numerator, denominator))
        return {**_to_json(count_ratio(title, a, b, title), a, b), **audit.ratio(numerator, denominator)}

    entries = []
    for pair in role_ratios:
        a, b = pair.numerator, pair.denominator
        if not names[a] or not names[b]:
            entries.append(_missing_role(a, b, {role for role, members in names.items() if members}))
            continue
        ratio = ratio_of(f"{a} / {b}", names[a], names[b])
        entries += [ratio, _to_json(pair.percentage(ratio["a"], ratio["b"]), ratio["a"], ratio["b"])]
    for text in more:
        parsed = parse_ratio(text)
        numerator, denominator = (
            _with_below([name for word in side for name in _classes_named(word, by_name, names)], below)
            for side in (parsed.numerator, parsed.denominator)
        )
        entries.append(ratio_of(str(parsed), numerator, denominator))
    for own in annotations.ratios.to_dict("records"):
        over, under = ([str(name) for name in own[side]] for side in ("numerator", "denominator"))
        if own["gone"]:
            entry = _empty_ratio(str(own["name"]), f"there is no class {own['gone'][0]} any more: define it anew")
        else:
            numerator, denominator = _with_below(over, below), _with_below(under, below)
            what = f"{' + '.join(over)} / {' + '.join(under)}"
            both = sorted({*numerator} & {*denominator})
            why = f"{both[0]} is over and under the stroke now: define it anew" if both else ""
            entry = (
                _empty_ratio(str(own["name"]), why)
                if why
                else {**ratio_of(what, numerator, denominator), "name": str(own["name"])}
            )
        entries.append({**entry, "own": True, "numerator": over, "denominator": under})
    return entries


def _with_below(names: Sequence[str], below: Mapping[str, list[str]]) -> list[str]:
    """Return classes and all that lie below them, each once."""
    return list(dict.fromkeys(each for name in names for each in below[name]))


def _classes_named(name: str, by_name: Mapping[str, int], by_role: Mapping[str, list[str]]) -> list[str]:
    """The classes that a word of a ratio stands for: the one of that name, or those of that role."""
    known = {other.casefold(): other for other in by_name}
    if name.casefold() in known:
        return [known[name.casefold()]]
    if by_role.get(name):
        return by_role[name]
    raise InputError(
        f"{name[:40]!r} is neither a class nor a role that a class has: there are {', '.join(by_name) or 'none yet'}"
    )


def _to_json(indicator: Indicator, a: int, b: int) -> dict[str, Any]:
    entry = asdict(indicator)
    note = entry.pop("note")
    return {**entry, "a": a, "b": b, "why": note or ("none of either is counted yet" if a + b == 0 else None)}


def _missing_role(a: str, b: str, with_role: set[str]) -> dict[str, Any]:
    missing = " or ".join(role for role in (a, b) if role not in with_role)
    return _empty_ratio(f"{a} / {b}", f"no class has the role {missing}: set it in the class's menu")


def _empty_ratio(name: str, why: str) -> dict[str, Any]:
    empty = dict.fromkeys(("a", "b", "value", "low", "high", "audited_value", "audited_low", "audited_high"))
    return {"name": name, **empty, "unit": "", "definition": name, "why": why}


def _by_sample(
    states: ImageStates,
    samples: Column,
    numbers: NDArray[np.int64],
    excluded: NDArray[np.bool_],
) -> list[dict[str, Any]]:
    if samples.kind != "category":
        raise InputError(f"counts are told by a column of words: {samples.name} holds numbers")
    if len(samples.categories) > _MAX_SAMPLES:
        raise InputError(f"{samples.name} has {len(samples.categories):,} different values: choose a column of samples")
    categories, codes = ["", *samples.categories], samples.entries.astype(np.int64)
    width = states.counts.shape[1]
    counted = states.annotations.is_counted
    cells = np.bincount(codes[counted] * width + states.classes[counted], minlength=len(categories) * width)
    table = cells.reshape(len(categories), width)[:, numbers]
    n = table.sum(axis=1)
    table = _rolled_up(table, numbers, states.annotations)
    totals = np.bincount(codes, minlength=len(categories))
    n_excluded = np.bincount(codes[excluded], minlength=len(categories))
    low, high = wilson_interval(table, n[:, None])
    return [
        {
            "sample": categories[i],
            "n": int(totals[i]),
            "n_counted": int(n[i]),
            "n_excluded": int(n_excluded[i]),
            "small": bool(n[i] < MIN_SAMPLE_SIZE),
            "counts": {str(number): int(table[i, j]) for j, number in enumerate(numbers.tolist())},
            "shares": {
                str(number): [table[i, j] / n[i] if n[i] else None, low[i, j], high[i, j]]
                for j, number in enumerate(numbers.tolist())
            },
        }
        for i in np.flatnonzero(totals)
    ]


def _rolled_up(table: NDArray[np.int64], numbers: NDArray[np.int64], annotations: Annotations) -> NDArray[np.int64]:
    """Return counts (samples × classes) in which each class holds all below it."""
    names = annotations.classes["name"].tolist()
    column = {name: position for position, name in enumerate(names)}
    if len(numbers) == 0:
        return table
    return np.stack([table[:, [column[each] for each in annotations.subtrees[name]]].sum(axis=1) for name in names], 1)


def _notes(audit: _Audit) -> list[str]:
    notes = ["Shares are of the images that have a class, without dubious and excluded ones."]
    if audit.is_enough:
        notes.append(
            "Corrected shares hold what the audit found wrong; their 95 % intervals are of naming and counting."
        )
        return notes
    notes.append(
        "The 95 % intervals (Wilson) are those of counting alone: images under a wrong name are not in them, and an audit "
        "tells how many there are."
    )
    if any(audit.audited.values()):
        missing = ", ".join(f"{name} ({n} more)" for name, n in audit.missing.items() if n)
        notes.append(
            f"Corrected shares appear once {MIN_AUDITED} images of each class, or all of a smaller one, were audited. "
            f"Still missing: {missing}."
        )
    return notes
