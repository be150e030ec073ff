"""The paragraph that says what was done, for the methods section of a paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from facies.report.formatting import format_count, format_share, format_value

_PROGRAMS = {"torch": "PyTorch", "scikit-learn": "scikit-learn", "python": "Python"}
_READING = {
    "size": "brought to {}",
    "channels": "read as {}",
    "range": "scaled from the range {}",
    "value_range": "scaled from the range {}",
    "pages": "read with the pages of a file as {}",
}
"""How options of the reading are said; others are given by their names."""


def methods_paragraph(
    manifest: Mapping[str, Any],
    dimensions: int,
    partition: Mapping[str, Any],
    projection: Mapping[str, Any] | None,
    sizes: tuple[int, int],
    curves: pd.DataFrame | None = None,
) -> str:
    """Return a paragraph in plain text for the methods section of a paper.

    Of the parameters it names those that are not the preset's; the report lists all of them in its settings.

    Parameters
    ----------
    manifest : mapping
        ``run.json``. A run of a version before 0.3, which has no ``description`` in it, is described as it was then.
    dimensions : int
        Of the embedding.
    partition, projection : mapping
        The ``meta`` of `RunFolder.partition` and `RunFolder.projection`.
    sizes : (int, int)
        The numbers of groups and of images in none.
    curves : DataFrame, optional
        `RunFolder.training_curves`.
    """
    images = manifest["input"]
    if not manifest.get("description"):
        return _earlier_paragraph(manifest, dimensions, partition, projection, sizes)
    sentences = [
        _what(manifest),
        *_reading(images),
        manifest["description"]["text"],
        _training(curves),
        f"Each image was represented by {format_count(dimensions, 'number')} (the embedding).",
        _partition(manifest, partition),
        _groups(*sizes, images["n_images"]),
        _parameters(manifest),
        *_left_out(len(manifest["left_out"])),
    ]
    if manifest["notes"]:
        sentences.append(f"To be noted: {'; '.join(note.rstrip('.') for note in manifest['notes'])}.")
    sentences += _ending(manifest, projection)
    return " ".join(sentence for sentence in sentences if sentence)


def plain_methods(paragraphs: list[str], references: list[str]) -> str:
    """Return the paragraphs and the references as plain text, to be copied into a manuscript."""
    listed = ["References\n" + "\n".join(references)] if references else []
    return "\n\n".join([*paragraphs, *listed])


def _what(manifest: Mapping[str, Any]) -> str:
    images, described, versions = manifest["input"], manifest["description"], manifest["versions"]
    title = f"{described['title'][:1].lower()}{described['title'][1:]}"
    method = f"{manifest['method']} ({'; '.join(filter(None, [title, described['citation']]))})"
    programs = ", ".join(f"{name} {versions[key]}" for key, name in _PROGRAMS.items() if key in versions)
    low, high = images.get("value_range") or (None, None)
    values = "" if low is None else f", values from {format_value(low)} to {format_value(high)}"
    return (
        f"{format_count(images['n_images'], 'image')} of {_image_shape(images['image_shape'])} ({images['dtype']}{values}) were "
        f"grouped without labels by {method} as in Facies {manifest['version']}{f' ({programs})' if programs else ''}."
    )


def _image_shape(shape: list[int]) -> str:
    *layers, channels, height, width = shape
    pixels = f"{height} × {width} pixels" + (", one channel" if channels == 1 else f", {channels} channels")
    return pixels + (f", {layers[0]} focal layers" if layers else "")


def _reading(images: Mapping[str, Any]) -> list[str]:
    options = {key: x for key, x in (images["origin"].get("options") or {}).items() if x is not None}
    if "size" not in options:
        options.pop("fit", None)
    if not options:
        return []
    how = {"resize": "by resizing", "pad": "by padding"}.get(str(options.pop("fit", "")), "")
    said = []
    for key, x in options.items():
        value = " × ".join(map(str, x)) + " pixels" if key == "size" and isinstance(x, list) else _plain(x)
        words = _READING[key].format(value) if key in _READING else f"read with {key} = {value}"
        said.append(f"{words} {how}".strip() if key == "size" else words)
    return [f"They were {_listed(said)}."]


def _plain(x: Any) -> str:
    return " to ".join(map(format_value, x)) if isinstance(x, list) and len(x) == 2 else format_value(x)


def _listed(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def _training(curves: pd.DataFrame | None) -> str:
    if curves is None or curves.empty or not {"stage", "epoch"} <= set(curves.columns):
        return ""
    epochs = curves.groupby("stage", sort=False)["epoch"].max()
    return f"Epochs of training: {', '.join(f'{stage} {int(n):,}' for stage, n in epochs.items())}."


def _partition(manifest: Mapping[str, Any], partition: Mapping[str, Any]) -> str:
    """How the reported groups came about, where the method alone does not say so."""
    if partition["name"] == manifest["partition"] and not partition.get("parameters"):
        return ""
    return f"The partition “{partition['name']}” was made by {_provenance(partition)}."


def _provenance(meta: Mapping[str, Any]) -> str:
    """Return how a projection or a partition came about: its method with its parameters and its seed."""
    settings = [f"{key} = {format_value(x)}" for key, x in (meta.get("parameters") or {}).items()]
    if meta.get("seed") is not None:
        settings.append(f"seed {meta['seed']}")
    return str(meta.get("method") or meta["name"]) + (f" ({'; '.join(settings)})" if settings else "")


def _parameters(manifest: Mapping[str, Any]) -> str:
    seed = f"; random seed {manifest['seed']}" if manifest["seed"] is not None else ""
    preset = f"those of the preset “{manifest['preset']}”" if manifest["preset"] else "the defaults"
    changed = "; ".join(f"{key} = {format_value(x)}" for key, x in manifest["description"]["changed"].items())
    return f"The parameters were {preset}{f', but for {changed}' if changed else ''}{seed}."


def _left_out(n: int) -> list[str]:
    return [f"{format_count(n, 'file')} could not be used and {'was' if n == 1 else 'were'} left out."] if n else []


def _groups(n_groups: int, n_noise: int, n_images: int) -> str:
    noise = f"{format_count(n_noise, 'image')} ({format_share(n_noise, n_images)}) {'was' if n_noise == 1 else 'were'}"
    rest = f"{noise} assigned to no group" if n_noise else "every image was assigned to a group"
    return f"{format_count(n_groups, 'group')} {'was' if n_groups == 1 else 'were'} found; {rest}."


def _earlier_paragraph(
    manifest: Mapping[str, Any],
    dimensions: int,
    partition: Mapping[str, Any],
    projection: Mapping[str, Any] | None,
    sizes: tuple[int, int],
) -> str:
    """The paragraph of a run that did not record what its method does, nor which parameters are not the preset's."""
    images = manifest["input"]
    preset = f", preset “{manifest['preset']}”" if manifest["preset"] else ""
    seed = f", random seed {manifest['seed']}" if manifest["seed"] is not None else ""
    versions = manifest["versions"]
    torch = f" (PyTorch {versions['torch']})" if "torch" in versions else ""
    sentences = [
        f"{format_count(images['n_images'], 'image')} of {_image_shape(images['image_shape'])} ({images['dtype']}) were clustered "
        f"without labels by the method {manifest['method']} of Facies {manifest['version']}{torch}{preset}{seed}.",
        f"Each image was represented by {format_count(dimensions, 'number')} (the embedding).",
        f"The partition “{partition['name']}” was made by {_provenance(partition)}.",
    ]
    if manifest["parameters"]:
        settings = "; ".join(f"{key} = {format_value(x)}" for key, x in manifest["parameters"].items())
        sentences.append(f"The method’s parameters were {settings}.")
    sentences += [_groups(*sizes, images["n_images"]), *_left_out(len(manifest["left_out"]))]
    return " ".join([*sentences, *_ending(manifest, projection)])


def _ending(manifest: Mapping[str, Any], projection: Mapping[str, Any] | None) -> list[str]:
    sentences = []
    if projection is not None:
        sentences.append(f"For display the embedding was projected to two dimensions by {_provenance(projection)}.")
    if manifest["input"]["labelled"]:
        sentences.append("Known labels served for evaluation alone.")
    return [*sentences, f"The SHA-256 fingerprint of the images begins with {manifest['input']['fingerprint'][:16]}."]
