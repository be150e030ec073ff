"""``facies doctor``: what this machine has for Facies, and what is missing."""

from __future__ import annotations

from typing import Any

import typer

from facies.cli.console import print_json, print_line, print_table
from facies.cli.options import Json


def doctor(as_json: Json = False) -> None:
    """Tell what this machine has for Facies, and what is missing."""
    from facies.workflows.doctor import examine

    facts = examine()
    if as_json:
        print_json(facts)
    else:
        _print(facts)
    if not facts["self_test"]["passed"]:
        raise typer.Exit(1)


def _print(facts: dict[str, Any]) -> None:
    machine, test = facts["machine"], facts["self_test"]
    memory = f"{machine['memory_gb']:g} GB" if machine["memory_gb"] is not None else "unknown"
    gpus = [gpu["name"] + (f" ({gpu['memory_gb']:g} GB)" if gpu["memory_gb"] else "") for gpu in facts["gpus"]]
    passed = f"passed on {', '.join(test['devices'])}" if test["passed"] else f"FAILED: {test.get('reason')}"
    rows = [
        ("facies", facts["facies"]),
        ("python", facts["python"]),
        *((name, version or "missing") for name, version in facts["versions"].items()),
        ("system", machine["system"]),
        ("CPU cores", str(machine["cpus"])),
        ("memory", memory),
        ("GPUs", ", ".join(gpus) or "none that torch can use"),
        ("temporary folder", f"{facts['temporary']['folder']} ({facts['temporary']['free_gb']:g} GB free)"),
        ("self-test", passed),
    ]
    print_table(rows)
    extras = [
        (
            extra,
            ", ".join(f"{name} {version or 'missing'}" for name, version in packages.items()),
            _install_command(extra, packages),
        )
        for extra, packages in facts["extras"].items()
    ]
    if extras:
        print_table(extras, headings=("extra", "packages", "to install"))
    for fault in facts["warnings"]:
        print_line(f"warning: {fault}")


def _install_command(extra: str, packages: dict[str, str | None]) -> str:
    return "" if all(packages.values()) else f"pip install 'facies[{extra}]'"
