from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from facies.methods import METHODS
from tests.cli.factories import call, make_input, register

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(autouse=True, scope="session")
def _methods() -> Iterator[None]:
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
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody changes, beside the images it was made of."""
    folder = tmp_path_factory.mktemp("made")
    result = call("cluster", make_input(folder), "-o", folder / "run", "--method", "brightness")
    assert result.exit_code == 0, result.stderr
    return folder / "run"
