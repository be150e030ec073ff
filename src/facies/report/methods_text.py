"""The paragraph that says what was done, for the methods section of a paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from facies.report.formatting import format_count, format_share, format_value


def _image_shape(shape: list[int]) -> str:
    *layers, channels, height, width = shape
    pixels = f"{height} × {width} pixels" + (", one channel" if channels == 1 else f", {channels} channels")
    return pixels + (f", {layers[0]} focal layers" if layers else "")


def _provenance(meta: Mapping[str, Any]) -> str:
    """Return how a projection or a partition came about: its method with its parameters and its seed."""
    settings = [f"{key} = {format_value(x)}" for key, x in (meta.get("parameters") or {}).items()]
    if meta.get("seed") is not None:
        settings.append(f"seed {meta['seed']}")
    return str(meta.get("method") or meta["name"]) + (f" ({'; '.join(settings)})" if settings else "")


def methods_paragraph(
    manifest: Mapping[str, Any],
    dimensions: int,
    partition: Mapping[str, Any],
    projection: Mapping[str, Any] | None,
    sizes: tuple[int, int],
) -> str:
    """Return a paragraph in plain text for the methods section of a paper.

    `partition` and `projection` are the ``meta`` of `RunFolder.partition` and `RunFolder.projection`; `sizes` are the
    numbers of groups and of images in none.
    """
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
    sentences.append(_groups_sentence(*sizes, images["n_images"]))
    left_out = len(manifest["left_out"])
    if left_out:
        were = "was" if left_out == 1 else "were"
        sentences.append(f"{format_count(left_out, 'file')} could not be used and {were} left out.")
    if projection is not None:
        sentences.append(f"For display the embedding was projected to two dimensions by {_provenance(projection)}.")
    if images["labelled"]:
        sentences.append("Known labels served for evaluation alone.")
    digits = images["fingerprint"][:16]
    sentences.append(f"The SHA-256 fingerprint of the images begins with {digits}.")
    return " ".join(sentences)


def _groups_sentence(n_groups: int, n_noise: int, n_images: int) -> str:
    noise = f"{format_count(n_noise, 'image')} ({format_share(n_noise, n_images)}) {'was' if n_noise == 1 else 'were'}"
    rest = f"{noise} assigned to no group" if n_noise else "every image was assigned to a group"
    return f"{format_count(n_groups, 'group')} {'was' if n_groups == 1 else 'were'} found; {rest}."
