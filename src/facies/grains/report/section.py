"""Grains as the report and the atlas know them: what `facies.report.sections` asks of a domain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from facies.annotations import Annotations
from facies.grains.indicators import fragmentation, planktic_percent, terrigenous_percent
from facies.grains.morphometry import shape_measures
from facies.grains.morphometry.shape import AREAS, LENGTHS
from facies.grains.report.exported_grains import exported_grains
from facies.grains.report.extraction_record import is_grain_run
from facies.grains.report.grain_report import GrainReport, make_grain_report
from facies.grains.report.table_settings import GrainSettings
from facies.report.exporters.exported_objects import ExportedObjects
from facies.report.sections import Measure, ReportOptions, ReportSection, RoleRatio
from facies.runs import RunFolder


@dataclass(frozen=True, eq=False)
class GrainOptions:
    """What the user chose for the section on grains.

    Attributes
    ----------
    settings : GrainSettings
        Choices behind the tables: scale, diameter, ratios and more.
    samples : DataFrame, optional
        What is known of the samples beside the photographs (`read_sample_metadata`).
    """

    settings: GrainSettings = field(default_factory=GrainSettings)
    samples: pd.DataFrame | None = None


class GrainSection(ReportSection):
    """Counts, indicators, sizes, shapes, the audit, figures and plates of grains."""

    does_not_apply = (
        "is no run of grains, so it has neither samples nor sizes: leave out the options for them, or begin with "
        "`facies extract`"
    )
    counts_classes = True
    has_native_sizes = True
    role_ratios = (
        RoleRatio("whole", "fragment", lambda whole, fragments: fragmentation(fragments, whole)),
        RoleRatio("planktic", "benthic", planktic_percent),
        RoleRatio("biogenic", "terrigenous", lambda biogenic, terrigenous: terrigenous_percent(terrigenous, biogenic)),
    )

    def applies(self, run: RunFolder) -> bool:
        """Return whether the images of a run are grains that were cut out of photographs."""
        return is_grain_run(run)

    def prepare(self, run: RunFolder, annotations: Annotations, options: ReportOptions) -> GrainReport:
        """Count, measure and draw the grains of a run; its own options are `GrainOptions`."""
        own: GrainOptions = options.sections.get("grains") or GrainOptions()
        ratios = tuple(dict.fromkeys((*own.settings.ratios, *options.ratios)))
        return make_grain_report(
            run,
            annotations,
            samples=own.samples,
            settings=replace(own.settings, ratios=ratios),
            partition=options.partition,
        )

    def exported_objects(self, run: RunFolder) -> ExportedObjects | None:
        """Return outlines and measures of the grains of a run, for COCO and EcoTaxa."""
        return exported_grains(run)

    def image_measures(self, run: RunFolder, row: int) -> Mapping[str, Measure]:
        """Return size and shape of a grain, from its outline: in µm where the scale is known, else in pixels."""
        table = run.companion("outlines")
        if table is None:
            return {}
        outlines = table.loc[table["id"] == run.images["id"].iloc[row], "outline"]
        if outlines.empty:
            return {}
        um_per_px = run.manifest["input"].get("um_per_px")
        unit = "µm" if um_per_px else "px"
        units = {**dict.fromkeys(LENGTHS, unit), **dict.fromkeys(AREAS, f"{unit}²")}
        measures = shape_measures(np.asarray(outlines.iloc[0], np.float64).reshape(-1, 2), um_per_px)
        return {name: Measure(value, units.get(name, "")) for name, value in measures.items()}


SECTION = GrainSection()
