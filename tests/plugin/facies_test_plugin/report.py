"""An exporter of ids, and a section on brightness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from facies.annotations import Annotations
from facies.report import Exporter, ReportOptions, ReportSection, SectionContent
from facies.report.sections import Measure
from facies.runs import RunFolder


def write_ids(run: RunFolder, partition: pd.DataFrame, path: Path) -> None:
    path.write_text("".join(f"{row.id} {row.group}\n" for row in partition.itertuples()))


@dataclass
class BrightnessContent(SectionContent):
    mean: float

    def table_of_contents(self) -> Sequence[tuple[str, str]]:
        return [("brightness", "Brightness")]

    def html(self) -> Markup:
        return Markup('<section id="brightness"><h2>Brightness</h2><p>The mean is {:.1f}.</p></section>').format(
            self.mean
        )

    def write_tables(self, folder: Path) -> list[tuple[str, str]]:
        (folder / "brightness.csv").write_text(f"mean\n{self.mean}\n")
        return [("brightness.csv", "mean brightness of all tiles")]


class BrightnessSection(ReportSection):
    does_not_apply = "holds no tiles"

    def applies(self, run: RunFolder) -> bool:
        return run.manifest["input"]["origin"]["kind"] == "tiles"

    def prepare(self, run: RunFolder, annotations: Annotations, options: ReportOptions) -> BrightnessContent:
        images = run.image_set()
        return BrightnessContent(sum(float(image.mean()) for image in images) / len(images))

    def image_measures(self, run: RunFolder, row: int) -> Mapping[str, Measure]:
        return {"brightness": Measure(float(run.image_set()[row].mean()), "")} if self.applies(run) else {}


EXPORTER = Exporter("one line an image: id and group", ".txt", write_ids)
SECTION = BrightnessSection()
