"""All that was set and recorded in a run, as tables of names and values."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from facies.report.formatting import format_duration, format_metric, format_value


def settings_tables(
    manifest: Mapping[str, Any], dimensions: int, partition: Mapping[str, Any], projection: Mapping[str, Any] | None
) -> list[tuple[str, dict[str, str]]]:
    """Return the tables of the report's section on settings, each a title and values by name; empty ones are left out."""
    tables = [
        ("Run", _run(manifest, dimensions)),
        ("Input", _input(manifest["input"])),
        ("Parameters", {key: format_value(x) for key, x in manifest["parameters"].items()}),
        (f"Partition “{partition['name']}”", _made(partition)),
        (f"Projection “{projection['name']}”", _made(projection)) if projection else ("", {}),
        ("Time by stage", _timings(manifest["timings"])),
        ("Versions", dict(manifest["versions"])),
        ("Machine", {key: format_value(x) for key, x in manifest["machine"].items()}),
        ("Metrics recorded by the run", {key: _metric(x) for key, x in _flat(manifest["metrics"]).items()}),
    ]
    return [(title, table) for title, table in tables if table]


def _run(manifest: Mapping[str, Any], dimensions: int) -> dict[str, str]:
    command = manifest["command"]
    facts = {
        "method": manifest["method"],
        "preset": manifest["preset"],
        "seed": manifest["seed"],
        "command": shlex.join(map(str, command)) if isinstance(command, list) else command,
        "made (UTC)": _moment(manifest["created"]),
        "embedding": f"{dimensions} dimensions",
    }
    return {key: format_value(x) for key, x in facts.items() if x is not None}


def _made(meta: Mapping[str, Any]) -> dict[str, str]:
    provenance = {key: x for key, x in meta.items() if key not in ("name", "created", "parameters", "n_groups")}
    facts = {**provenance, **(meta.get("parameters") or {}), "made (UTC)": _moment(meta["created"])}
    return {key: format_value(x) for key, x in facts.items() if x is not None}


def _moment(created: str) -> str:
    return created[:19].replace("T", " ")


def _input(described: Mapping[str, Any]) -> dict[str, str]:
    origin = described["origin"]
    facts = {
        "images": f"{described['n_images']:,}",
        "shape": " × ".join(map(str, described["image_shape"])),
        "type": described["dtype"],
        "from": origin.get("path") or "memory",
        "kind": origin.get("kind"),
        **{key: x for key, x in (origin.get("options") or {}).items() if x is not None},
        "true labels": "known" if described["labelled"] else "not known",
        "fingerprint (SHA-256)": described["fingerprint"],
    }
    return {key: format_value(x) for key, x in facts.items() if x is not None}


def _timings(timings: Mapping[str, float]) -> dict[str, str]:
    stages = {stage: format_duration(seconds) for stage, seconds in timings.items()}
    if len(stages) > 1 and "total" not in stages:
        stages["all"] = format_duration(sum(timings.values()))
    return stages


def _flat(mapping: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, x in mapping.items():
        flat |= _flat(x, f"{above}{key} · ") if isinstance(x, Mapping) else {above + key: x}
    return flat


def _metric(x: Any) -> str:
    return format_metric(x) if isinstance(x, (int, float)) and not isinstance(x, bool) else format_value(x)
