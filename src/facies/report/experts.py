"""The section on experts, of runs whose method has an autoencoder for each group: sizes, entropies, what each has learnt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from facies.annotations import Annotations
from facies.report.exporters.tables import save_csv
from facies.report.formatting import format_number
from facies.report.galleries import data_uri
from facies.report.palette import group_style
from facies.report.rendering import render_template
from facies.report.sections import ReportOptions, ReportSection, SectionContent
from facies.report.svg import ReportFigure, figure_bytes, new_figure, style_axes
from facies.runs import RunFolder, to_thumbnails

if TYPE_CHECKING:
    from markupsafe import Markup

COLUMNS_OF_MAPS = 4
TITLE = "Experts"


@dataclass(frozen=True)
class ExpertPictures:
    """Images that one expert draws, as data URIs: what it makes of a white image, and a walk along a dimension of its code."""

    group: int
    white: str
    dimension: int
    walk: Sequence[str]


@dataclass(frozen=True)
class ExpertContent(SectionContent):
    """Sizes and entropies of groups, and what their experts draw.

    The columns of `table` are ``group``, ``n_images_by_density``, ``shannon_entropy`` (bits), ``latent_size`` (found) and
    ``expert_latent_size``; `whole` has the latent size and the entropy of all images.
    """

    table: pd.DataFrame
    whole: dict[str, Any]
    pictures: Sequence[ExpertPictures]
    maps: ReportFigure | None
    pixelated: bool

    def table_of_contents(self) -> Sequence[tuple[str, str]]:
        """Return the one entry of this section."""
        return [("experts", TITLE)]

    def html(self) -> Markup:
        """Return the table, the pictures and the maps."""
        rows = [
            (
                f"{row['group']}",
                f"{row['n_images_by_density']:,}",
                format_number(row["shannon_entropy"]),
                f"{row['latent_size']}",
                f"{row['expert_latent_size']}",
            )
            for row in self.table.to_dict("records")
        ]
        context = {
            "rows": rows,
            "latent_size": self.whole["latent_size"],
            "entropy": format_number(self.whole["shannon_entropy"]),
            "pictures": self.pictures,
            "maps": self.maps,
            "pixelated": self.pixelated,
        }
        return render_template(Path(__file__).parent / "templates" / "experts.html.jinja", context)

    def write_tables(self, folder: Path) -> list[tuple[str, str]]:
        """Write ``experts.csv``, and the maps with their coordinates."""
        save_csv(self.table, folder / "experts.csv")
        files = [("experts.csv", "one row a group: images by density, entropy and latent sizes")]
        if self.maps is not None:
            save_csv(self.maps.data, folder / "expert-maps.csv")
            (folder / "expert-maps.png").write_bytes(figure_bytes(self.maps.figure))
            files += [
                ("expert-maps.csv", "one row an image: its place on the map of its group's expert"),
                ("expert-maps.png", "maps of the latent spaces of the experts"),
            ]
        return files


class ExpertSection(ReportSection):
    """Of runs whose ``run.json`` has the values of groups that a method with experts gives."""

    does_not_apply = "has no experts: leave out the options for them"

    def applies(self, run: RunFolder) -> bool:
        """Return whether the method of a run gave each group an expert."""
        return bool(_values(run).get("groups"))

    def prepare(self, run: RunFolder, annotations: Annotations, options: ReportOptions) -> ExpertContent:
        """Read what the method wrote of its experts."""
        whole = _values(run)
        table = pd.DataFrame(whole["groups"])
        table.insert(0, "group", np.arange(len(table)))
        return ExpertContent(
            table, whole, _pictures(run), _maps(run), max(run.manifest["input"]["image_shape"][-2:]) <= 32
        )


def _values(run: RunFolder) -> dict[str, Any]:
    values: dict[str, Any] = run.manifest.get("method_values") or {}
    return values


def _pictures(run: RunFolder) -> list[ExpertPictures]:
    walks, white, dimensions = (run.method_array(name) for name in ("expert_walks", "expert_white", "walk_dimensions"))
    if walks is None or white is None or dimensions is None:
        return []
    whites = _uris(white)
    return [
        ExpertPictures(group, whites[group], int(dimension), _uris(walk))
        for group, (dimension, walk) in enumerate(zip(dimensions, walks, strict=True))
    ]


def _uris(images: NDArray[np.float32]) -> list[str]:
    import torch

    thumbnails = to_thumbnails(torch.from_numpy(np.array(images)), 0.0, 1.0)
    return [data_uri(Image.fromarray(array)) for array in thumbnails]


def _maps(run: RunFolder) -> ReportFigure | None:
    """Draw the latent space of each expert, with the images of its group."""
    maps = run.method_array("expert_maps")
    if maps is None or not np.isfinite(maps).any():
        return None
    rows = np.flatnonzero(np.isfinite(maps).all(axis=1))
    groups = run.partition(run.manifest["partition"])[0]["group"].to_numpy()[rows]
    drawn = np.unique(groups).tolist()
    columns = min(COLUMNS_OF_MAPS, len(drawn))
    lines = -(-len(drawn) // columns)
    figure = new_figure(1.85 * columns, 1.9 * lines)
    for number, group in enumerate(drawn):
        axes = figure.add_subplot(lines, columns, number + 1)
        style_axes(axes, title=f"group {group}")
        axes.set(xticks=[], yticks=[])
        style, points = group_style(group), maps[rows[groups == group]]
        axes.scatter(
            points[:, 0],
            points[:, 1],
            s=5,
            c=style.colour,
            marker=style.marker,
            alpha=0.8,
            linewidths=0,
            rasterized=True,
        )
    data = pd.DataFrame(
        {"id": run.images["id"].to_numpy()[rows], "group": groups, "x": maps[rows, 0], "y": maps[rows, 1]}
    )
    caption = (
        "The latent space of each expert, laid out in two dimensions by UMAP: each point is an image of its group. Clumps within a "
        "map may be kinds that one expert has learnt together, or parts of one that the layout tore apart."
    )
    return ReportFigure("expert-maps", "Latent spaces of the experts", caption, figure, data)


SECTION = ExpertSection()
