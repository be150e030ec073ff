"""The report of a segmented volume: slices with their labels, how large the clusters are, how the method learnt."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facies.errors import InputError
from facies.io import atomic_file
from facies.methods.voxels.model import VoxelModel
from facies.report.galleries import data_uri
from facies.report.rendering import render_template
from facies.volumes.blocks import BlockGrid, block_shape
from facies.volumes.evaluation import kept_evaluation
from facies.volumes.geometry import AXES, Box
from facies.volumes.invariance import transformed_copies
from facies.volumes.label_colours import label_colours
from facies.volumes.report_figures import draw_codes, draw_confusion, draw_history
from facies.volumes.segmentation import Segmentation
from facies.volumes.value_range import GreyRange
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
    segmentation: Segmentation,
    path: str | Path,
    *,
    k: int | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write the report of a segmented volume as one HTML file, which loads nothing.

    In it are the middle slice along each axis with the labels over it, the colour and the share of each label, a map of codes with
    transformed copies and how invariant they are, clusters against classes once `facies evaluate` knows these, the training curves, the
    parameters, and all notes.

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
    progress : callable, optional
        Called with how many voxels were transformed, and their total.

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
    codes = None
    if grey is not None and (segmentation.path / "model").is_dir():
        try:
            codes = _codes(segmentation, grey, name, progress)
        except InputError as error:
            notes.append(f"without a map of codes: {error}")
    n_labels = int(described["labels"][name])
    counts = _counts(labels, n_labels)
    described_model = _model(segmentation)
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
        "history_svg": draw_history(described_model.get("history", [])),
        "codes": codes,
        "confusion": _confusion(segmentation, name),
        "parameters": {each: _text(value) for each, value in described_model.get("parameters", {}).items()},
        "notes": notes,
    }
    page = render_template(Path(__file__).parent / "templates" / "volume.html.jinja", context)
    with atomic_file(output, overwrite=overwrite) as temporary:
        temporary.write_text(page, "utf-8")
    return output


def _codes(
    segmentation: Segmentation, grey: Volume, name: str, progress: Callable[[int, int], None] | None
) -> dict[str, Any]:
    """The map of codes, and how invariant they are."""
    model = VoxelModel.load(segmentation.path / "model")
    grey_range = GreyRange(*segmentation.described["grey_range"])
    copies = transformed_copies(grey, model.method, grey_range, progress=progress)
    svg = draw_codes(grey, model, grey_range, copies, int(segmentation.described["labels"][name]))
    return {
        "svg": svg, "n": len(copies.codes), "ratio": copies.ratio, "ratio_of_others": copies.ratio_of_others,
        "n_clustered": copies.n_clustered,
    }  # fmt: skip


def _confusion(segmentation: Segmentation, name: str) -> dict[str, Any] | None:
    kept = kept_evaluation(segmentation)
    if kept is None:
        return None
    own = kept["by_k"][name.removeprefix("k")]
    svg = draw_confusion(np.asarray(own["confusion"]), kept["classes"])
    return {"svg": svg, "labels": kept["labels"], "hungarian": own["dice_hungarian"], "majority": own["dice_majority"]}


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
