"""The paragraph on grains for the methods section of a paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from facies.report.formatting import format_count, format_value

if TYPE_CHECKING:
    from facies.annotations import Annotations
    from facies.grains.report.sample_tables import GrainTables

_DIAMETERS = {
    "equivalent": "the diameter of the circle of its area",
    "feret_min": "its least Feret diameter",
    "feret_max": "its greatest Feret diameter",
}


def grain_paragraph(
    tables: GrainTables, annotations: Annotations, users: Sequence[str], notes: Mapping[str, Any], layers: int
) -> str:
    """Return how the grains were cut out, counted and measured, for the methods section of a paper.

    The users are those who decided; the notes are the content of ``grains.json``, or empty; layers is 1 for none.
    """
    sentences = [*_cut_out(notes, len(tables.grains), tables.grains["sample"].nunique(), layers)]
    sentences += [*_named(tables, annotations, users), *_measured(tables)]
    return " ".join(sentences)


def _cut_out(notes: Mapping[str, Any], n_grains: int, n_samples: int, layers: int) -> list[str]:
    stacks = f", photographed in {layers} focal layers," if layers > 1 else ""
    sentences = [
        f"{format_count(n_grains, 'grain')} of {format_count(n_samples, 'sample')}{stacks} were cut out of photographs."
    ]
    thresholds = notes.get("thresholds") or {}
    if thresholds:
        backgrounds = {"green": "a saturated plate", "dark": "a dark ground", "light": "a light ground"}
        background = backgrounds.get(str(thresholds.get("ground")), "a plain ground")
        level = thresholds.get("level")
        at = f" at {level:.0f} of 255" if isinstance(level, (int, float)) else ""
        how = f" ({thresholds['how']})" if thresholds.get("how") else ""
        sentences.append(
            f"They lay on {background}, from which they were told by one threshold for the whole session{at}{how}."
        )
    settings = notes.get("settings") or {}
    if settings:
        sentences.append(
            "Settings of the extraction: "
            + "; ".join(f"{key} = {format_value(x)}" for key, x in settings.items())
            + "."
        )
    return sentences


def _named(tables: GrainTables, annotations: Annotations, users: Sequence[str]) -> list[str]:
    grains = tables.grains
    states = grains["state"].value_counts()
    by = f" by {_listed(users)}" if users else ""
    sentences = [
        f"Groups of grains were named{by} as {format_count(len(annotations.classes), 'class', 'classes')}: "
        f"{format_count(int(states.get('validated', 0)), 'grain')} validated, {int(states.get('predicted', 0)):,} predicted by a "
        f"classifier, {int(states.get('dubious', 0)):,} dubious, {int(states.get('excluded', 0)):,} excluded, "
        f"{int((grains['class'] == '').sum()):,} not named; {int(grains['counted'].sum()):,} were counted."
    ]
    if len(annotations.audits):
        right = int((annotations.audits["assigned"] == annotations.audits["true"]).sum())
        n = len(annotations.audits)
        sentences.append(
            f"In a blind audit of {format_count(n, 'grain')}, stratified by class, {right:,} were of the class assigned; "
            "audited shares are corrected by it (Cochran, 1977)."
        )
    return sentences


def _measured(tables: GrainTables) -> list[str]:
    n = int(tables.grains["measured"].sum())
    unit = f"{format_value(tables.um_per_px)} µm a pixel" if tables.um_per_px else "in pixels, the scale being unknown"
    confidence = f"{100 * tables.settings.confidence:g} %"
    return [
        f"Size and shape of {format_count(n, 'grain')} were measured on native outlines ({unit}); "
        f"the size of a grain is {_DIAMETERS[tables.settings.diameter]}.",
        f"Intervals are of {confidence}.",
    ]


def _listed(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
