from __future__ import annotations

from pathlib import Path

import pytest

from facies.images import ImageSet
from facies.runs import RunFolder, write_run
from tests.runs.factories import make_contents, make_images


@pytest.fixture
def images(tmp_path: Path) -> ImageSet:
    return make_images(tmp_path)


@pytest.fixture
def run(tmp_path: Path, images: ImageSet) -> RunFolder:
    return write_run(tmp_path / "a run", make_contents(images))
