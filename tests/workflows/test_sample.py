from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facies.errors import InputError
from facies.runs import RunFolder
from facies.workflows import sample, write_images
from facies.workflows.sample import contact_sheet
from tests.workflows.factories import K


def test_images_of_a_group(run: RunFolder, tmp_path: Path) -> None:
    images = sample(run, cluster=1, n=5, seed=3)
    assert images.shape == (5, 1, 16, 16)
    np.testing.assert_array_equal(images, sample(run, 1, 5, seed=3))
    assert (images != sample(run, 1, 5, seed=4)).any()
    path = write_images(images, tmp_path / "images.npy")
    np.testing.assert_array_equal(np.load(path), images)
    with pytest.raises(InputError, match="already exists"):
        write_images(images, path)


def test_a_group_that_is_not_there(run: RunFolder) -> None:
    with pytest.raises(InputError, match=f"no group {K}"):
        sample(run, cluster=K)


def test_contact_sheet_in_colour() -> None:
    images = np.zeros((2, 3, 100, 80), np.float32)
    images[1, 2] = 2.0
    sheet = contact_sheet(images, 0.0, 2.0)
    assert sheet.shape == (100, 162, 3)
    assert sheet[50, 100].tolist() == [0, 0, 255]
    assert sheet[50, 81].tolist() == [255, 255, 255]
