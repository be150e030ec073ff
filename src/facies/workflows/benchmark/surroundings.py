"""What a figure was measured on: machine, versions, commit."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import facies

PACKAGES = ("facies", "torch", "numpy", "scikit-learn", "umap-learn", "hdbscan")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide what a fit gives."""
    installed = {name: _version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **{name: found for name, found in installed.items() if found}}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return facies.__version__ if package == "facies" else None


def commit() -> str | None:
    """The commit of the source of Facies, with ``-dirty`` where it was changed since; None of an installed package."""
    folder = Path(facies.__file__).parent
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12", "--exclude", "*"]
    try:
        tracked = subprocess.run(  # noqa: S603 - the words are ours
            ["git", "-C", str(folder), "ls-files", "--error-unmatch", "__init__.py"],  # noqa: S607 - git of the user
            capture_output=True, check=False, timeout=20,
        )  # fmt: skip
        if tracked.returncode:
            return None
        said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)  # noqa: S603 - as above
    except (OSError, subprocess.TimeoutExpired):
        return None
    return said.stdout.strip() or None


def machine() -> dict[str, Any]:
    """Processor, cores, GPU and system; no name and no path of this machine."""
    import torch

    return {
        "cpu": _processor(),
        "cores": usable_cores(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "system": f"{platform.system()} {platform.machine()}",
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def peak_bytes(process: int | None = None) -> int | None:
    """The most memory a process alone has held, in bytes: this one, or that of an id; None where the system does not say.

    Linux counts it from the start of the program. The maximum of ``getrusage`` would begin with the size of the process
    that started this one.
    """
    status = Path(f"/proc/{process or 'self'}/status")
    with contextlib.suppress(OSError):  # another system, or a process that has just ended
        for line in status.read_text("ascii", "replace").splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    if process is None and sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None
