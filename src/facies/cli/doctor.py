"""``facies doctor``: what this machine has for Facies, and what is missing.

It stands apart from `facies.workflows`, which imports packages that may be missing or broken.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import typer

from facies._version import __version__
from facies.cli.console import print_json, print_line, print_table
from facies.cli.options import Json

_PACKAGES = ("torch", "lightning", "numpy", "scipy", "scikit-learn", "pandas", "umap-learn", "hdbscan", "numba", "zarr")
_GIGABYTE = 1e9


def doctor(as_json: Json = False) -> None:
    """Tell what this machine has for Facies, and what is missing."""
    facts = examine()
    if as_json:
        print_json(facts)
    else:
        _print(facts)
    if not facts["self_test"]["passed"]:
        raise typer.Exit(1)


def _print(facts: dict[str, Any]) -> None:
    machine, temporary, test = facts["machine"], facts["temporary"], facts["self_test"]
    gpus = [gpu["name"] + (f" ({gpu['memory_gb']:g} GB)" if gpu["memory_gb"] else "") for gpu in facts["gpus"]]
    passed = f"passed on {', '.join(test['devices'])}" if test["passed"] else f"FAILED: {test.get('reason')}"
    rows = [
        ("facies", facts["facies"]),
        ("python", facts["python"]),
        *((name, version or "missing") for name, version in facts["versions"].items()),
        ("system", machine["system"]),
        ("CPU cores", str(machine["cpus"])),
        ("memory", "unknown" if machine["memory_gb"] is None else f"{machine['memory_gb']:g} GB"),
        ("GPUs", ", ".join(gpus) or "none that torch can use"),
        ("temporary folder", f"{temporary['folder']} ({temporary['free_gb']:g} GB free)"),
        ("self-test", passed),
    ]
    print_table(rows)
    extras = []
    for extra, packages in facts["extras"].items():
        versions = ", ".join(f"{name} {version or 'missing'}" for name, version in packages.items())
        extras.append((extra, versions, "" if all(packages.values()) else f"pip install 'facies[{extra}]'"))
    if extras:
        print_table(extras, headings=("extra", "packages", "to install"))
    for fault in facts["warnings"]:
        print_line(f"warning: {fault}")


def examine() -> dict[str, Any]:
    """Examine the machine and the installed packages; fit for JSON."""
    temporary = tempfile.gettempdir()
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "python": platform.python_version(),
        "facies": __version__,
        "versions": {name: version_of(name) for name in _PACKAGES},
        "machine": {"system": platform.platform(), "cpus": cpus, "memory_gb": memory_in_gigabytes()},
        "gpus": find_gpus(),
        "temporary": {"folder": temporary, "free_gb": round(shutil.disk_usage(temporary).free / _GIGABYTE, 1)},
        "extras": {extra: {name: version_of(name) for name in names} for extra, names in packages_of_extras().items()},
        "self_test": self_test(),
        "warnings": find_faults(),
    }


def version_of(package: str) -> str | None:
    """Version of an installed package, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def packages_of_extras() -> dict[str, list[str]]:
    """Packages that each extra of Facies brings, by its own metadata."""
    extras: dict[str, list[str]] = {}
    for requirement in importlib.metadata.requires("facies") or []:
        match = re.match(r"""([\w.-]+)[^;]*;.*\bextra\s*==\s*['"]([\w.-]+)['"]""", requirement)
        if match is not None:
            extras.setdefault(match.group(2), []).append(match.group(1))
    return extras


def memory_in_gigabytes() -> float | None:
    """Memory of the machine or, where it is less, of the container."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.is_file() else "max"
    return round(min(memory, int(text) if text.isdecimal() else memory) / _GIGABYTE, 1)


def find_gpus() -> list[dict[str, Any]]:
    """Name the GPUs that torch can use."""
    import torch

    devices = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
    gpus = [{"name": device.name, "memory_gb": round(device.total_memory / _GIGABYTE, 1)} for device in devices]
    return [*gpus, {"name": "Apple GPU (mps)", "memory_gb": None}] if torch.backends.mps.is_available() else gpus


def self_test() -> dict[str, Any]:
    """Convolve an image on each device, and compare the result with the right one."""
    import torch
    from torch import nn

    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    began = time.perf_counter()
    try:
        for device in devices:
            layer = nn.Conv2d(1, 8, 3, padding=1, bias=False, device=device)
            nn.init.ones_(layer.weight)
            with torch.no_grad():
                out = layer(torch.ones(1, 1, 32, 32, device=device)).cpu()
            if out.shape != (1, 8, 32, 32) or abs(float(out[0, 0, 16, 16]) - 9) > 0.1:
                raise ArithmeticError(f"a convolution on {device} gives a wrong result")
    except Exception as error:
        return {"passed": False, "devices": devices, "reason": " ".join(f"{type(error).__name__}: {error}".split())}
    return {"passed": True, "devices": devices, "seconds": round(time.perf_counter() - began, 3)}


def find_faults() -> list[str]:
    """Return what is known to make Facies fail or slow, one sentence with the remedy for each."""
    import torch

    faults = []
    if version_of("torchvision") is not None and torch.version.cuda is None:
        faults.append(
            "torchvision is installed beside a torch for CPUs, and may break what imports it; "
            "Facies does not need it: pip uninstall torchvision"
        )
    if not any(map(is_writable, numba_cache_folders())):
        faults.append(
            "numba has no folder to keep what it compiles in, so that every run compiles UMAP anew (half a minute): "
            "set NUMBA_CACHE_DIR to a folder that you may write to"
        )
    if not is_writable(Path(tempfile.gettempdir())):
        faults.append(f"the temporary folder {tempfile.gettempdir()} cannot be written: set TMPDIR")
    return faults


def numba_cache_folders() -> list[Path]:
    """Folders in which numba may keep the compiled parts of UMAP; one that can be written is enough."""
    if os.environ.get("NUMBA_CACHE_DIR"):
        return [Path(os.environ["NUMBA_CACHE_DIR"])]
    spec = importlib.util.find_spec("pynndescent")
    beside = [Path(spec.origin).parent / "__pycache__"] if spec is not None and spec.origin is not None else []
    on_mac = sys.platform == "darwin"
    cache = Path.home() / "Library/Caches" if on_mac else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return [*beside, cache / "numba"]


def is_writable(folder: Path) -> bool:
    """Return whether a file can be made in a folder, or in the nearest one above it that exists."""
    existing = next((parent for parent in (folder, *folder.parents) if parent.exists()), folder)
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
