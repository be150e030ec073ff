from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from facies.atlas import Atlas
from facies.runs import RunFolder
from tests.atlas.factories import Browser, make_run


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that no test writes to."""
    return make_run(tmp_path_factory.mktemp("pristine"))


@pytest.fixture
def run(pristine: RunFolder, tmp_path: Path) -> RunFolder:
    """A copy of it."""
    import shutil

    return RunFolder(shutil.copytree(pristine.path, tmp_path / "run"))


@pytest.fixture
def atlas(run: RunFolder) -> Iterator[Atlas]:
    with Atlas([run.path]) as opened:
        yield opened


@pytest.fixture
def browser(atlas: Atlas) -> Browser:
    return Browser(atlas)
