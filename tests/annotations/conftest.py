from __future__ import annotations

from pathlib import Path

import pytest

from facies.runs import RunFolder, write_run
from tests.runs.factories import make_contents, make_images


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return write_run(tmp_path / "a run", make_contents(make_images(tmp_path)))
