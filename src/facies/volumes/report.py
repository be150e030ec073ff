"""The report of a segmented volume: slices with their labels, how large the clusters are, how the method learnt."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facies.errors import InputError
from facies.io import atomic_file
from facies.report.galleries import data_uri
from facies.report.palette import group_style
from facies.report.rendering import render_template
from facies.report.svg import new_figure, style_axes, svg_markup
from facies.volumes.blocks import BlockGrid, block_shape
from facies.volumes.geometry import AXES, Box
from facies.volumes.label_colours import label_colours
from facies.volumes.segmentation import Segmentation
from facies.volumes.volume import Volume

if TYPE_CHECKING:
    from markupsafe import Markup

_LONGEST = 640
"""Pixels of the longer side of a slice on the page."""
_OPACITY = 0.45
_BLOCK = (64, 256, 256)


@dataclass(frozen=True)
class _Plane:
    title: str
    grey: str
    labels: str


def write_volume_report(
    segmentation: Segmentation, path: str | Path, *, k: int | None = None, overwrite: bool = False
) -> Path:
    """Write the report of a segmented volume as one HTML file, which loads nothing.

    In it are the middle slice along each axis with the labels over it, the colour and the share of each label, the training curves,
    the parameters, and all notes.

    Parameters
    ----------
    segmentation : Segmentation
        The segmented volume. If the volume itself is no longer where it was, the labels are shown alone, and a note says so.
    path : path
        The file to write, whole or not at all.
    k : int, optional
        Which labels; by default those of 8 clusters, or else the last ones.
    overwrite : bool
        Whether a file of that name is replaced.

    Returns
    -------
    Path
        The file's absolute path.

    Raises
    ------
    InputError
        If there are no labels of so many clusters, or the file exists and may not be replaced.
    """
    labels = segmentation.labels(None if k is None else f"k{k}")
    name = labels.name.rpartition("/")[2]
    output = Path(path).expanduser().absolute()
    described = segmentation.described
    notes = list(described["notes"])
    grey: Volume | None = None
    try:
        grey = segmentation.volume()
    except InputError as error:
        notes.append(f"slices without grey values: {error}")
    n_labels = int(described["labels"][name])
    counts = _counts(labels, n_labels)
    model = _model(segmentation)
    context = {
        "name": segmentation.path.name,
        "css": _css(),
        "described": described,
        "labels": name,
        "shape": " × ".join(f"{size:,}" for size in labels.shape),
        "voxel_size": " × ".join(f"{size:g}" for size in labels.voxel_size_nm),
        "planes": [_plane(labels, grey, described["grey_range"], n_labels, axis) for axis in range(3)],
        "rows": _rows(counts, n_labels, described.get("classes")),
        "n_voxels": int(counts.sum()),
        "n_without": int(counts[0]),
        "history_svg": _history(model.get("history", [])),
        "parameters": {each: _text(value) for each, value in model.get("parameters", {}).items()},
        "notes": notes,
    }
    page = render_template(Path(__file__).parent / "templates" / "volume.html.jinja", context)
    with atomic_file(output, overwrite=overwrite) as temporary:
        temporary.write_text(page, "utf-8")
    return output


def _css() -> Markup:
    from markupsafe import Markup

    import facies.report

    return Markup((Path(facies.report.__file__).parent / "templates" / "report.css").read_text("utf-8"))  # noqa: S704 - ours


def _model(segmentation: Segmentation) -> dict[str, Any]:
    """What ``method.json`` of the model says; nothing where there is no model, as of what clicks taught."""
    file = segmentation.path / "model" / "method.json"
    if not file.is_file():
        return {}
    described: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return described


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _counts(labels: Volume, n_labels: int) -> NDArray[np.int64]:
    """Voxels of each label from 0, counted block by block."""
    counts = np.zeros(n_labels + 1, np.int64)
    grid = BlockGrid(labels.shape, block_shape(labels.shape, _BLOCK))
    for number in range(len(grid)):
        counts += np.bincount(labels.read(grid.box(number)).ravel().astype(np.int64), minlength=n_labels + 1)[
            : n_labels + 1
        ]
    return counts


def _rows(counts: NDArray[np.int64], n_labels: int, classes: list[str] | None) -> list[dict[str, Any]]:
    measured = max(int(counts[1:].sum()), 1)
    return [
        {
            "label": colour["label-value"],
            "colour": "#{:02x}{:02x}{:02x}".format(*colour["rgba"][:3]),
            "name": "" if classes is None else classes[colour["label-value"] - 1],
            "count": int(counts[colour["label-value"]]),
            "share": f"{counts[colour['label-value']] / measured:.1%}",
        }
        for colour in label_colours(n_labels)[1:]
    ]


def _plane(labels: Volume, grey: Volume | None, grey_range: list[float], n_labels: int, axis: int) -> _Plane:
    """The middle slice along an axis, of pixels that are square in nm."""
    middle = labels.shape[axis] // 2
    box = Box(
        tuple(middle if each == axis else 0 for each in range(3)),  # type: ignore[arg-type]  # of three
        tuple(middle + 1 if each == axis else size for each, size in enumerate(labels.shape)),  # type: ignore[arg-type]  # of three
    )
    rest = [each for each in range(3) if each != axis]
    lengths = [labels.shape[each] * labels.voxel_size_nm[each] for each in rest]
    height, width = (max(1, round(_LONGEST * length / max(lengths))) for length in lengths)
    found = labels.read(box).squeeze(axis)
    shown = np.full(found.shape, 128.0)
    if grey is not None:
        low, high = grey_range
        shown = np.clip((grey.voxels.read_undamaged(box)[0].squeeze(axis).astype(float) - low) / (high - low), 0, 1)
        shown *= 255
    colours = np.array([colour["rgba"] for colour in label_colours(n_labels)], float)
    picture = np.repeat(shown[..., None], 3, axis=2)
    opacity = _OPACITY * (found > 0)[..., None]
    over = (1 - opacity) * picture + opacity * colours[np.minimum(found, n_labels)][..., :3]
    title = f"{AXES[rest[0]]} and {AXES[rest[1]]}, at {AXES[axis]} {middle}"
    plain = "" if grey is None else _uri(picture, width, height)
    return _Plane(title, plain, _uri(over, width, height))


def _uri(picture: NDArray[Any], width: int, height: int) -> str:
    image = Image.fromarray(np.rint(picture).astype(np.uint8)).resize((width, height), Image.Resampling.NEAREST)
    return data_uri(image)


def _history(history: list[dict[str, float]]) -> Markup | None:
    if not history:
        return None
    names = [name for name in history[0] if name != "step"]
    figure = new_figure(7.4, 2.6)
    for number, name in enumerate(names):
        axes = figure.add_subplot(1, len(names), number + 1)
        style_axes(axes, title=name, x="step")
        axes.plot(
            [row["step"] for row in history], [row[name] for row in history], color=group_style(number).colour, lw=1.2
        )
    return svg_markup(figure, "Training curves")
