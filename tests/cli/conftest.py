from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.factories import call
from tests.workflows.conftest import registered_methods, source  # noqa: F401 - fixtures
from tests.workflows.factories import make_input

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(scope="session")
def run_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody changes, beside the images it was made of."""
    folder = tmp_path_factory.mktemp("run")
    result = call("cluster", make_input(folder), "-o", folder / "run", "--method", "brightness")
    assert result.exit_code == 0, result.stderr
    return folder / "run"
