from __future__ import annotations

from pathlib import Path

import pytest

from facies.data import ImageSet
from facies.run import RunFolder, write_run
from run.making import make_contents, make_images


@pytest.fixture
def images(tmp_path: Path) -> ImageSet:
    return make_images(tmp_path)


@pytest.fixture
def run(tmp_path: Path, images: ImageSet) -> RunFolder:
    return write_run(tmp_path / "a run", make_contents(images))
