"""The indicators of each sample: by number, by area, and corrected by the audit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.grains.indicators import (
    accumulation_rate,
    coarse_fraction,
    depth_van_der_zwaan,
    depth_wright,
    fragmentation,
    grains_per_gram,
    ice_rafted_percent,
    planktic_benthic,
    planktic_percent,
    terrigenous_percent,
)
from facies.grains.report.corrected_shares import GrainAudit
from facies.grains.report.table_settings import GrainSettings
from facies.statistics import Indicator, count_ratio, parse_ratio

if TYPE_CHECKING:
    from facies.annotations import Annotations

INDICATOR_COLUMNS = ["sample", "indicator", "basis", "value", "low", "high", "unit", "n", "definition", "flag"]

Row = tuple[str, Indicator, float]  # basis, indicator, number of grains


@dataclass(frozen=True)
class IndicatorClasses:
    """The classes that each indicator counts, by role; an indicator is left out if it counts none on one of its sides.

    Fragments and whole tests are those of planktic foraminifera: classes with the role *benthic* are left out. With
    `GrainSettings.fragments_as_grains` off, fragments are not biogenic. The user's ratios have the classes over and
    under the stroke.
    """

    fragments: tuple[str, ...]
    whole: tuple[str, ...]
    planktic: tuple[str, ...]
    benthic: tuple[str, ...]
    biogenic: tuple[str, ...]
    terrigenous: tuple[str, ...]
    lithic: tuple[str, ...]
    ratios: dict[str, tuple[tuple[str, ...], tuple[str, ...]]]


def find_indicator_classes(
    annotations: Annotations, classes: Sequence[str], settings: GrainSettings
) -> IndicatorClasses:
    """Find the classes of each side by their roles, and those of the user's ratios by name or role.

    An InputError says that a ratio names what is neither class nor role, or counts a class on both sides.
    """
    known = annotations.classes[annotations.classes["name"].isin(classes)]
    roles = {str(name): set(of) for name, of in zip(known["name"], known["roles"], strict=True)}

    def having(role: str, *without: str) -> tuple[str, ...]:
        return tuple(name for name, of in roles.items() if role in of and not of & set(without))

    return IndicatorClasses(
        fragments=having("fragment", "benthic"),
        whole=having("whole", "benthic"),
        planktic=having("planktic"),
        benthic=having("benthic"),
        biogenic=having("biogenic", *(() if settings.fragments_as_grains else ("fragment",))),
        terrigenous=having("terrigenous"),
        lithic=having("lithic"),
        ratios={text: _user_sides(text, roles) for text in settings.ratios} | _own_ratios(annotations, set(roles)),
    )


def indicator_table(
    grains: pd.DataFrame,
    samples: pd.DataFrame,
    members: IndicatorClasses,
    audit: GrainAudit | None,
    settings: GrainSettings,
) -> pd.DataFrame:
    """Return one row a sample, indicator and basis, as `GrainTables.indicators`.

    The basis is "number", "area", "number, audited" or, for the coarse fraction, "mass".
    """
    rows = []
    for _, sample in samples.iterrows():
        of = grains["sample"] == sample["sample"]
        counter = _Counter(grains[of & grains["counted"]], of, audit, settings)
        for basis, indicator, n in (*_ratios(counter, members), *_of_masses(counter, members, sample)):
            flag = "; ".join(filter(None, (indicator.note, sample["flag"])))
            values = (indicator.value, indicator.low, indicator.high, indicator.unit, n, indicator.definition, flag)
            rows.append((sample["sample"], indicator.name, basis, *values))
    return pd.DataFrame(rows, columns=INDICATOR_COLUMNS)


class _Counter:
    """Counts and areas of the grains of one sample."""

    def __init__(
        self, counted: pd.DataFrame, rows: pd.Series, audit: GrainAudit | None, settings: GrainSettings
    ) -> None:
        self.counted, self.audit, self.settings = counted, audit, settings
        self.assigned = audit.assigned(rows) if audit is not None else {}
        self.strata = audit.stratified(self.assigned) if audit is not None and audit.corrects(self.assigned) else None

    def n(self, *sides: Sequence[str]) -> tuple[int, ...]:
        return tuple(int(self.counted["class"].isin(side).sum()) for side in sides)

    def areas(self, *sides: Sequence[str]) -> tuple[np.ndarray, ...] | None:
        """Return the areas of the grains of each side, or None if outlines are missing."""
        areas = tuple(self.counted.loc[self.counted["class"].isin(side), "area"].to_numpy(float) for side in sides)
        return None if any(np.isnan(side).any() for side in areas) else areas

    def audited(
        self, plain: Indicator, above: Sequence[str], below: Sequence[str], divisor: float = 0
    ) -> Iterator[Row]:
        """Yield the audited value of a/b, or with a divisor of 100 (a/d)/(a/d + b)."""
        if self.audit is None or self.strata is None:
            return
        ratio = self.strata.ratio(above, below, self.settings.confidence)
        if divisor:
            ratio = type(ratio)(*(100.0 if np.isinf(r) else 100 * (r / divisor) / (r / divisor + 1) for r in ratio))
        what = plain.definition.rsplit(";", 1)[0] + "; corrected by the audit, Bayesian bootstrap"
        missing = [name for name in self.audit.unaudited(self.assigned) if name in {*above, *below}]
        note = f"not audited: {', '.join(missing)}" if missing else ""
        changed = replace(plain, value=ratio.value, low=ratio.low, high=ratio.high, definition=what, note=note)
        yield "number, audited", changed, float(sum(self.n(above, below)))


def _ratios(counter: _Counter, members: IndicatorClasses) -> Iterator[Row]:
    if members.fragments and members.whole:
        yield from _fragmentation(counter, members.fragments, members.whole)
    if members.planktic and members.benthic:
        yield from _planktic(counter, members.planktic, members.benthic)
    confidence = counter.settings.confidence
    if members.biogenic and members.terrigenous:
        b, t = counter.n(members.biogenic, members.terrigenous)
        fragments = "" if counter.settings.fragments_as_grains else " without fragments"
        what = f"biogenic{fragments} / terrigenous"
        yield from _any_ratio(counter, "B/T", members.biogenic, members.terrigenous, what)
        plain = terrigenous_percent(t, b, None, confidence)
        yield "number", plain, b + t
        areas = counter.areas(members.terrigenous, members.biogenic)
        if areas is not None:
            yield "area", terrigenous_percent(0, 0, (areas[0], areas[1]), confidence), b + t
        yield from counter.audited(plain, members.terrigenous, members.biogenic, divisor=1)
    if members.lithic and members.planktic:
        lithic, planktic = counter.n(members.lithic, members.planktic)
        plain = ice_rafted_percent(lithic, planktic, confidence)
        yield "number", plain, lithic + planktic
        yield from counter.audited(plain, members.lithic, members.planktic, divisor=1)
    for text, (above, below) in members.ratios.items():
        yield from _any_ratio(counter, text, above, below, f"{' + '.join(above)} / {' + '.join(below)}")


def _fragmentation(counter: _Counter, fragments: Sequence[str], whole: Sequence[str]) -> Iterator[Row]:
    f, w = counter.n(fragments, whole)
    confidence = counter.settings.confidence
    for divisor in counter.settings.divisors:
        plain = fragmentation(f, w, divisor, None, confidence)
        yield "number", plain, f + w
        if divisor == 1:
            areas = counter.areas(fragments, whole)
            if areas is not None:
                by_area = fragmentation(0, 0, 1, (areas[0], areas[1]), confidence)
                yield "area", replace(by_area, name=plain.name), f + w
        yield from counter.audited(plain, fragments, whole, divisor)
    yield from _any_ratio(counter, "whole/fragments", whole, fragments, "whole tests / fragments")


def _planktic(counter: _Counter, planktic: Sequence[str], benthic: Sequence[str]) -> Iterator[Row]:
    p, b = counter.n(planktic, benthic)
    settings = counter.settings
    ratio, percent = planktic_benthic(p, b, settings.confidence), planktic_percent(p, b, settings.confidence)
    yield "number", ratio, p + b
    yield from counter.audited(ratio, planktic, benthic)
    yield "number", percent, p + b
    yield from counter.audited(percent, planktic, benthic, divisor=1)
    if settings.depth_model is not None:
        depth = depth_wright if settings.depth_model == "wright" else depth_van_der_zwaan
        yield "number", depth(percent), p + b


def _any_ratio(counter: _Counter, name: str, above: Sequence[str], below: Sequence[str], what: str) -> Iterator[Row]:
    a, b = counter.n(above, below)
    confidence = counter.settings.confidence
    plain = count_ratio(name, a, b, what, None, confidence)
    if a == 0 and b == 0:
        plain = replace(plain, note="none counted")
    yield "number", plain, a + b
    areas = counter.areas(above, below)
    if areas is not None:
        yield "area", count_ratio(name, 0, 0, what, (areas[0], areas[1]), confidence), a + b
    yield from counter.audited(plain, above, below)


def _of_masses(counter: _Counter, members: IndicatorClasses, sample: pd.Series) -> Iterator[Row]:
    mass = sample.get("dry_mass_g")
    if pd.isna(mass):
        return
    split = 1.0 if pd.isna(sample.get("split")) else float(sample["split"])
    confidence = counter.settings.confidence
    counts = [("grains/g", len(counter.counted))]
    if members.lithic:
        counts.append(("IRD/g", counter.n(members.lithic)[0]))
    for name, n in counts:
        per_gram = grains_per_gram(n, split, mass, name, confidence)
        yield "number", per_gram, n
        if pd.notna(sample.get("lsr_cm_per_ka")) and pd.notna(sample.get("dbd_g_per_cm3")):
            yield "number", accumulation_rate(per_gram, sample["lsr_cm_per_ka"], sample["dbd_g_per_cm3"]), n
    if pd.notna(sample.get("coarse_mass_g")):
        yield "mass", coarse_fraction(sample["coarse_mass_g"], mass), np.nan


def _own_ratios(annotations: Annotations, countable: set[str]) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return the classes on both sides of the ratios that the expert defined in the atlas, with all below them, by name."""
    ratios = {}
    for own in annotations.ratios.to_dict("records"):
        sides = [
            {each: None for name in own[side] for each in annotations.subtrees.get(name, ()) if each in countable}
            for side in ("numerator", "denominator")
        ]
        if not own["gone"] and not set(sides[0]) & set(sides[1]):
            ratios[str(own["name"])] = (tuple(sides[0]), tuple(sides[1]))
    return ratios


def _user_sides(text: str, roles: dict[str, set[str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    ratio = parse_ratio(text)
    all_roles = {role for of in roles.values() for role in of}

    def classes(names: Sequence[str]) -> tuple[str, ...]:
        members: list[str] = []
        for name in names:
            if name in roles:
                members.append(name)
            elif name in all_roles:
                members += [known for known, of in roles.items() if name in of]
            else:
                raise InputError(
                    f"the ratio {text!r} names {name!r}, which is no class that counts and no role of one: there are "
                    f"{', '.join([*roles, *sorted(all_roles)]) or 'none'}"
                )
        return tuple(dict.fromkeys(members))

    above, below = classes(ratio.numerator), classes(ratio.denominator)
    both = set(above) & set(below)
    if both:
        raise InputError(
            f"the ratio {text!r} counts {sorted(both)[0]!r} on both sides: write it with classes of one side only"
        )
    return above, below


def indicator_notes(members: IndicatorClasses, settings: GrainSettings) -> tuple[str, ...]:
    """Return the sentences to print under the indicators."""
    notes = []
    if members.fragments and members.whole:
        notes.append(
            f"Fragmentation: F are {', '.join(members.fragments)}; W are {', '.join(members.whole)}. How many fragments make one "
            "test is an assumption (Suárez-Ibarra et al., 2021): never quote an index without its definition."
        )
    if members.planktic and members.benthic:
        notes.append(f"Planktic: {', '.join(members.planktic)}. Benthic: {', '.join(members.benthic)}.")
    if members.biogenic and members.terrigenous:
        counts = "Each fragment counts as a grain." if settings.fragments_as_grains else "Fragments are left out."
        notes.append(
            f"Biogenic: {', '.join(members.biogenic)}. Terrigenous: {', '.join(members.terrigenous)}. {counts}"
        )
    if members.lithic:
        notes.append(f"Lithic: {', '.join(members.lithic)}.")
    notes.append("By area: the areas of cut grains are those of the part seen, and grains that touch have one outline.")
    return tuple(notes)
