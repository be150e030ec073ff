from __future__ import annotations

from pathlib import Path

import pytest

from facies.runs import RunFolder, write_run
from tests.runs.factories import make_contents, make_images


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Give a run that no test changes."""
    folder: Path = tmp_path_factory.mktemp("run")
    return write_run(folder / "a run", make_contents(make_images(folder)))
