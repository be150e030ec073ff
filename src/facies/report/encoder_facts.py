"""What the report says of the encoder that looked at the images: where its weights are from, and what it was shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class EncoderFacts:
    """The encoder of a run.

    Parameters
    ----------
    facts
        Values by name.
    assumed
        What was assumed of the channels, size and range of the images, one sentence each.
    """

    facts: dict[str, str]
    assumed: list[str]


def encoder_facts(manifest: Mapping[str, Any]) -> EncoderFacts | None:
    """Read of ``run.json`` what it says of the encoder; None where it names none."""
    about = (manifest.get("method_values") or {}).get("encoder")
    if not about:
        return None
    size = about.get("image_size")
    facts = {
        "name": about.get("name"),
        "in this run": about.get("use"),
        "weights from": about.get("source"),
        "licence of the weights": about.get("licence"),
        "SHA-256 of the weights": about.get("sha256"),
        "images shown at": size and f"{size[0]} × {size[1]} pixels",
        "looks an image": about.get("passes"),
        "features an image": f"{about['features']:,}" if about.get("features") else None,
        "computed in": about.get("arithmetic") and f"{about['arithmetic']} on {about.get('device')}",
        "images a second": about.get("images_per_second") and f"{about['images_per_second']:,}",
    }
    return EncoderFacts({name: str(each) for name, each in facts.items() if each}, list(about.get("assumed", [])))
