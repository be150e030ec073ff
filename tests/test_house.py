"""The rules by which the source is laid out (docs/house.md), measured."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import grimp
import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

import facies

SOURCE = Path(facies.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
DOMAINS = {"grains", "genes", "volumes"}
ABOVE_DOMAINS = {"cli", "pl", "tl"}
"""A command may import the domain that it is of; so may the two modules that scanpy's users look for."""

MAX_FILE_LINES = 400
MAX_BODY_LINES = 50
"""Lines of a function below its signature and its docstring."""
MAX_ARGUMENTS = 14
"""What belongs together is a dataclass; of options of the command line, an `OptionGroup`."""
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}


@pytest.fixture(scope="module")
def imports() -> list[tuple[str, str]]:
    """Each import of a module of Facies by another, also those for type checking and those inside functions."""
    graph = grimp.build_graph("facies", exclude_type_checking_imports=False, cache_dir=None)
    return [(one, other) for one in graph.modules for other in graph.find_modules_directly_imported_by(one)]


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_no_modules_import_each_other_in_a_circle(imports):
    names, ends = np.unique(imports, return_inverse=True)
    ends = ends.reshape(-1, 2)
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(len(names), len(names)))
    _, component = connected_components(graph, directed=True, connection="strong")
    circles = [names[component == number].tolist() for number in np.flatnonzero(np.bincount(component) > 1)]
    assert circles == []


def test_no_general_room_imports_a_domain(imports):
    wrong = [
        f"{one} -> {other}"
        for one, other in imports
        if room(other) in DOMAINS and room(one) not in {room(other), *ABOVE_DOMAINS}
    ]
    assert wrong == []


def test_no_file_is_longer_than_one_can_hold_in_mind():
    lengths = {str(path.relative_to(SOURCE)): len(path.read_text("utf-8").splitlines()) for path in FILES}
    assert {path: length for path, length in lengths.items() if length > MAX_FILE_LINES} == {}


def test_no_function_is_long():
    lengths = {
        f"{path.relative_to(SOURCE)}:{node.name}": body_lines(node)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: length for name, length in lengths.items() if length > MAX_BODY_LINES} == {}


def test_no_function_has_many_arguments():
    counts = {
        f"{path.relative_to(SOURCE)}:{node.name}": len(node.args.posonlyargs + node.args.args + node.args.kwonlyargs)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: count for name, count in counts.items() if count > MAX_ARGUMENTS} == {}


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def test_names_of_files_and_folders_say_what_is_in_them():
    names = {part for path in FILES for part in path.relative_to(SOURCE).with_suffix("").parts}
    assert {name for name in names if name.strip("_") in VAGUE_NAMES} == set()


def test_what_a_class_asks_of_its_base_is_there():
    """mypy does not say so of classes with an untyped base, and an override of what no longer exists is never called."""
    missing = []
    for path in FILES:
        classes = [node for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.ClassDef)]
        if not any(asked_of_base(node) for node in classes):
            continue
        module = importlib.import_module(".".join(path.relative_to(SOURCE.parent).with_suffix("").parts))
        for node in classes:
            bases = getattr(module, node.name).__mro__[1:]
            missing += [
                f"{path.name}: {node.name}.{name}"
                for name in asked_of_base(node)
                if not any(hasattr(base, name) for base in bases)
            ]
    assert missing == []


def test_no_private_method_is_never_called():
    """A decorated one may be called by the library of its decorator."""
    trees = [ast.parse(path.read_text("utf-8")) for path in FILES]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    own = {
        method.name
        for node in nodes
        if isinstance(node, ast.ClassDef)
        for method in node.body
        if isinstance(method, ast.FunctionDef) and not method.decorator_list and re.fullmatch("_.*(?<!__)", method.name)
    }
    called = {node.attr for node in nodes if isinstance(node, ast.Attribute) and not is_super(node.value)}
    assert own - called == set()


def asked_of_base(node: ast.ClassDef) -> set[str]:
    """Names that are looked up by `super()` in a class."""
    return {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute) and is_super(each.value)}


def is_super(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"
