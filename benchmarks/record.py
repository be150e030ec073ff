"""Where and when a figure was measured, and the files the figures are kept in."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

import torch

from facies.io import atomic_file

HERE = Path(__file__).parent
RESULTS = HERE / "results"
WORK = HERE / "work"
ABSOLUTE = re.compile(
    r"""(?:file://|(?<!\w)[A-Za-z]:(?=[\\/](?!/))|~(?=/)|\\(?=\\\w)|(?<![\w.~/:-])(?<!GET )(?<!POST ))[\\/]\w[^\s'":,)]*"""
)
"""A path from the root of a disk, of a share or of a home, also inside of a text."""
SHARED = HERE.parent.parent / "shared" / "data"


def machine() -> dict[str, Any]:
    """Processor, cores, GPU, versions, commit and date."""
    cpu = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0] if names else cpu
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=HERE, check=False
    )
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__,
        "commit": commit.stdout.strip(),
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
    }


def where(rows: list[dict[str, Any]]) -> str:
    """Machine, commit and date of the last row."""
    machine = rows[-1]["machine"]
    gpu = f", {machine['gpu']}" if machine["gpu"] else ""
    return f"{machine['cores']} cores of {machine['cpu']}{gpu}; torch {machine['torch']}; commit {machine['commit']}; {machine['date']}."


def load(name: str) -> dict[str, Any]:
    """Read the rows that an earlier call of `keep` wrote under a name."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def keep(name: str, result: dict[str, Any]) -> None:
    """Write the rows of a benchmark, replacing the file in one step; of a path of this machine only its last part."""
    with atomic_file(RESULTS / f"{name}.json", overwrite=True) as temporary:
        temporary.write_text(json.dumps(without_folders(result), indent=2) + "\n")


def without_folders(value: Any) -> Any:
    """Replace every absolute path in a nested value, also one inside of a text, by its last part."""
    if isinstance(value, dict):
        return {without_folders(name): without_folders(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_folders(each) for each in value]
    if isinstance(value, Path):
        return value.name if value.is_absolute() else str(value)
    if not isinstance(value, str):
        return value
    if (value.startswith(("/", "~/")) and "/" in value.strip("/")) or re.match(r"[A-Za-z]:[\\/]", value):
        return re.split(r"[\\/]", value.rstrip("\\/"))[-1]
    return ABSOLUTE.sub(lambda found: re.split(r"[\\/]", found.group().rstrip("\\/"))[-1], value)


def keep_plot(name: str, figure: Any) -> None:
    """Save a figure in the docs; the same figure gives the same file."""
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": "facies"}):
        figure.savefig(HERE.parent / "docs" / "images" / name, metadata={"Date": None})
