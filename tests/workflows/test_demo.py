from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from facies.images import open_images
from facies.workflows.demo import write_digits


def test_digits(tmp_path: Path) -> None:
    digits = load_digits()
    images = open_images(write_digits(tmp_path / "digits.npz"))
    assert images.image_shape == (1, 8, 8)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images[5][0].numpy(), digits.images[5])
    np.testing.assert_array_equal(images.labels, digits.target)
