"""What `pip install 'facies[…]'` brings is used."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

import facies

SOURCE = Path(facies.__file__).parent
EXTRAS = tomllib.loads((SOURCE.parents[1] / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]


def imported_names() -> set[str]:
    """Every part of the name of every module that the source imports, also inside functions and by its name as an argument."""
    names: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {part for alias in node.names for part in alias.name.split(".")}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names |= set(node.module.split("."))
            elif isinstance(node, ast.Call):  # a function that imports what it is given, such as import_module
                names |= {
                    each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)
                }
    return names


@pytest.mark.parametrize("extra", EXTRAS)
def test_each_extra_is_imported_by_something(extra: str) -> None:
    packages = {re.split(r"[<>=!~\[; ]", requirement)[0].replace("-", "_") for requirement in EXTRAS[extra]}
    assert packages & imported_names(), f"nothing imports {', '.join(sorted(packages))}: take the extra out"
