"""The report: one HTML file that needs nothing else, on the screen and on paper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.annotations import read_annotations
from facies.errors import InputError
from facies.io import atomic_file, atomic_folder
from facies.report import figures, galleries
from facies.report.annotated_partition import annotated_partition, class_names_of_groups
from facies.report.canonical_figures import canonical_figures
from facies.report.class_counts import count_classes
from facies.report.doubts import doubts
from facies.report.encoder_facts import encoder_facts
from facies.report.exporters.tables import save_csv
from facies.report.formatting import METRICS, format_count
from facies.report.group_tables import contingency_table, group_table
from facies.report.methods_text import methods_paragraph, plain_methods
from facies.report.palette import Style, group_style
from facies.report.rendering import render_template
from facies.report.run_settings import settings_tables
from facies.report.sections import ReportOptions, SectionContent, applying_sections, find_section
from facies.report.selection import selection_of
from facies.report.svg import svg_markup
from facies.report.view_figure import view_figure
from facies.runs import RunFolder

if TYPE_CHECKING:
    from markupsafe import Markup

MAX_LEFT_OUT_ROWS = 500
"""Of the files that were left out at most this many are listed; the others are counted."""


@dataclass(frozen=True)
class _Picture:
    uri: str
    name: str
    style: str = ""


@dataclass(frozen=True)
class _Group:
    number: int
    class_name: str
    size: int
    share: float
    probability: float
    distance: float
    style: Style
    strips: list[tuple[str, list[_Picture]]]

    @property
    def title(self) -> str:
        title = "No group (noise)" if self.number < 0 else f"Group {self.number}"
        return f"{title} · {self.class_name}" if self.class_name else title

    @property
    def anchor(self) -> str:
        return "noise" if self.number < 0 else f"group-{self.number}"


def write_report(
    run: RunFolder,
    path: str | Path,
    *,
    partition: str | None = None,
    ratios: Sequence[str] = (),
    sections: Mapping[str, Any] | None = None,
    tables: str | Path | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the report of a run as one HTML file, which holds its pictures and its style, no script, and loads nothing.

    In it are what was done in words, the sections of the domain of the images (`ReportSection`) or else counts and ratios
    of the classes, the projection, the groups with galleries and generated samples, the agreement with known labels, the
    training curves, all settings, notes, and what was left out and why.

    Parameters
    ----------
    run : RunFolder
        The run.
    path : str or Path
        The file to write, whole or not at all.
    partition : str, optional
        The partition that is reported; without it the newest.
    ratios : sequence of str
        Ratios of classes to report, such as ``"quartz+dark/foraminifera"``.
    sections : mapping of str to object, optional
        The options of single sections, by the section's name; of grains
        ``{"grains": facies.grains.report.GrainOptions(...)}``.
    tables : str or Path, optional
        A folder into which the tables, the figures and their numbers are written as files too.
    overwrite : bool
        Whether a file of that name, or a folder that an earlier report wrote, is replaced.

    Returns
    -------
    Path
        The file's absolute path.

    Raises
    ------
    InputError
        If the file or the folder exists and may not be replaced, the run is damaged or has no such partition, options do
        not fit it, or the disk is full.
    """
    output = Path(path).expanduser().absolute()
    folder = None if tables is None else Path(tables).expanduser().absolute()
    _check_folder(folder, overwrite=overwrite)
    context = _context(run, partition)
    contents = _section_contents(run, ReportOptions(partition, tuple(ratios), sections or {}))
    paragraphs = [context["paragraph"], *filter(None, (content.methods_paragraph() for content in contents))]
    context["paragraphs"] = paragraphs
    context["plain_methods"] = plain_methods(paragraphs, run.manifest["references"])
    page = render_template(Path(__file__).parent / "templates" / "report.html.jinja", {**context, "sections": contents})
    with atomic_file(output, overwrite=overwrite) as temporary:
        temporary.write_bytes(page.encode("utf-8", "backslashreplace"))
        if folder is not None:
            _write_tables(contents, folder, run, overwrite=overwrite)
    return output


def _write_tables(contents: Sequence[SectionContent], folder: Path, run: RunFolder, *, overwrite: bool) -> None:
    if not contents:
        raise InputError(
            f"no class of {run.path.name} has been named, so there are no tables to write: use `facies name`"
        )
    with atomic_folder(folder, overwrite=overwrite) as new:
        files = [file for content in contents for file in content.write_tables(new)]
        save_csv(pd.DataFrame(files, columns=["file", "says"]), new / "index.csv")


def _check_folder(folder: Path | None, *, overwrite: bool) -> None:
    if folder is None or not folder.exists():
        return
    if not overwrite:
        raise InputError(f"{folder} already exists: give another folder, or --overwrite to replace it")
    if not folder.is_dir() or (any(folder.iterdir()) and not (folder / "index.csv").is_file()):
        raise InputError(f"{folder} was not written by a report (it has no index.csv), so it is not overwritten")


def _section_contents(run: RunFolder, options: ReportOptions) -> list[SectionContent]:
    """Return the sections of the run's domain; if none of them counts the classes, the general one too."""
    applying = applying_sections(run)
    for name in options.sections:
        if name not in applying:
            section = find_section(name)
            raise InputError(f"{run.path.name} {section.does_not_apply}")
    annotations = read_annotations(run)
    contents = [section.prepare(run, annotations, options) for section in applying.values()]
    if not any(section.counts_classes for section in applying.values()):
        counts = count_classes(annotations, options.ratios)
        if counts is not None:
            contents.append(counts)
        elif options.ratios:
            raise InputError(
                f"no class of {run.path.name} has been named yet: name some with `facies name {run.path.name} 12=quartz`"
            )
    return contents


def _context(run: RunFolder, name: str | None) -> dict[str, Any]:
    partition, meta = annotated_partition(run, name)
    numbers = partition["group"].to_numpy(np.int64)
    groups = _groups(run, partition, samples=meta["name"] == run.manifest["partition"])
    points, projection = run.projection() if run.projections() else (None, None)
    n_noise = int((numbers < 0).sum())
    n_groups = int(np.unique(numbers[numbers >= 0]).size)
    return {
        "name": run.path.name,
        "manifest": run.manifest,
        "n_images": len(run),
        "n_groups": n_groups,
        "n_noise": n_noise,
        "partition": meta,
        "paragraph": methods_paragraph(
            run.manifest, run.embedding.shape[1], meta, projection, (n_groups, n_noise), run.training_curves
        ),
        "doubts": doubts(run.manifest, run.path.name) if meta["name"] == run.manifest["partition"] else [],
        "projection": projection,
        "projection_svg": None if points is None else _projection_svg(points, numbers, n_groups),
        "n_drawn": min(len(run), figures.MAX_POINTS),
        "selection": selection_of(run),
        "groups": groups,
        "largest": max((group.size for group in groups), default=1),
        "pixelated": max(run.manifest["input"]["image_shape"][-2:]) <= 32,
        "metrics": _metrics(run, numbers),
        "contingency": _contingency(run, numbers),
        "class_of_group": class_names_of_groups(partition),
        "history_svg": _history_svg(run.training_curves),
        "has_canonical_images": run.canonical_thumbnails is not None,
        "encoder": encoder_facts(run.manifest),
        "view_figure": view_figure(run),
        "canonical_figures": [(figure, figure.markup()) for figure in canonical_figures(run, numbers)],
        "settings": settings_tables(run.manifest, run.embedding.shape[1], meta, projection),
        "path": str(run.path),
        "left_out": run.manifest["left_out"][:MAX_LEFT_OUT_ROWS],
    }


def _groups(run: RunFolder, partition: pd.DataFrame, *, samples: bool) -> list[_Group]:
    rows = group_table(partition).to_dict("records")
    chosen = {int(row["group"]): galleries.choose_images(partition, int(row["group"])) for row in rows}
    pictures = _pictures(run, chosen.values())
    classes = class_names_of_groups(partition)
    return [
        _Group(
            number=int(row["group"]),
            class_name=classes.get(int(row["group"]), ""),
            size=int(row["size"]),
            share=float(row["share"]),
            probability=float(row["probability"]),
            distance=float(row["distance"]),
            style=group_style(int(row["group"])),
            strips=_strips(run, int(row["group"]), chosen[int(row["group"])], pictures, samples=samples),
        )
        for row in rows
    ]


def _pictures(run: RunFolder, chosen: Iterable[galleries.Gallery]) -> dict[int, _Picture]:
    ids = run.images["id"].tolist()
    # In order, so that each sheet is decoded once.
    rows = sorted({row for gallery in chosen for row in (*gallery.nearest, *gallery.random, *gallery.farthest)})
    styles = _native_styles(run)
    return {row: _Picture(galleries.data_uri(run.thumbnails.image(row)), ids[row], styles.get(row, "")) for row in rows}


def _native_styles(run: RunFolder) -> dict[int, str]:
    """Return how the thumbnails of images that were stretched to one shape get their proportions back."""
    if not any(section.has_native_sizes for section in applying_sections(run).values()):
        return {}
    sides = run.images[["width", "height"]].clip(lower=1).itertuples(index=False)
    return {
        row: f"width:{100 * min(1.0, width / height):.1f}%;aspect-ratio:{int(width)}/{int(height)}"
        for row, (width, height) in enumerate(sides)
    }


def _strips(
    run: RunFolder, group: int, chosen: galleries.Gallery, pictures: dict[int, _Picture], *, samples: bool
) -> list[tuple[str, list[_Picture]]]:
    if set(chosen.nearest) == set(chosen.farthest) == set(chosen.random):  # a small group is pictured whole
        strips = [("all", chosen.nearest)]
    else:
        strips = [("nearest", chosen.nearest), ("at random", chosen.random), ("farthest", chosen.farthest)]
    generated = galleries.generated_images(run, group) if samples else []
    pictured = [
        *((title, [pictures[row] for row in rows]) for title, rows in strips),
        ("generated", [_Picture(galleries.data_uri(image), "generated by the model") for image in generated]),
    ]
    return [(title, images) for title, images in pictured if images]


def _projection_svg(points: NDArray[np.float32], numbers: NDArray[np.int64], n_groups: int) -> Markup:
    label = (
        f"Projection of {format_count(len(numbers), 'image')} to two dimensions, in {format_count(n_groups, 'group')}"
    )
    return svg_markup(figures.projection_figure(points, numbers), label)


def _history_svg(history: pd.DataFrame) -> Markup | None:
    figure = figures.history_figure(history)
    return None if figure is None else svg_markup(figure, "Training curves")


def _metrics(run: RunFolder, numbers: NDArray[np.int64]) -> list[tuple[str, float, str]]:
    from facies.metrics import evaluate_partition

    measured = evaluate_partition(numbers, labels=run.labels, labelled=run.labelled, embedding=run.embedding)
    return [(title, measured[key], meaning) for key, (title, meaning) in METRICS.items() if key in measured]


def _contingency(run: RunFolder, numbers: NDArray[np.int64]) -> dict[str, Any] | None:
    labels, labelled = run.labels, run.labelled
    if labels is None or labelled is None:
        return None
    table = contingency_table(numbers[labelled], labels[labelled], run.label_names)
    rows = [
        (int(group), [(int(n), float(n) / max(1, int(counts.sum()))) for n in counts], int(counts.sum()))
        for group, counts in zip(table.index, table.to_numpy(), strict=True)
    ]
    return {"labels": [str(label) for label in table.columns], "rows": rows}
