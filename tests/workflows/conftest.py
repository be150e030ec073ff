from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from facies.methods import METHODS
from facies.runs import RunFolder
from facies.workflows import cluster
from tests.workflows.factories import make_input, register


@pytest.fixture(autouse=True, scope="session")
def registered_methods() -> Iterator[None]:
    """Let Facies know the methods of the tests."""
    before = dict(METHODS)
    register()
    yield
    METHODS.clear()
    METHODS.update(before)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """An .npz file of 60 labelled images of three kinds."""
    return make_input(tmp_path)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that no test changes, beside ``images.npz`` of which it was made."""
    folder = tmp_path_factory.mktemp("run")
    return cluster(make_input(folder), folder / "run", method="brightness", parameters={"random_state": 0})
