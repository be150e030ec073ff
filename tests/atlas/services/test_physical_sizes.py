from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from facies.atlas.services.physical_sizes import physical_sizes, scale_to_json
from facies.runs import RunFolder


class Folder:
    """As much of a run folder as says how large its images are."""

    def __init__(self, table: dict[str, Any], um_per_px: Any = 2.0, **options: Any) -> None:
        self.images = pd.DataFrame(table)
        self.manifest = {"input": {"um_per_px": um_per_px, "image_shape": [1, 30, 40], "origin": {"options": options}}}


def sizes_of(table: dict[str, Any], um_per_px: Any = 2.0, **options: Any) -> Any:
    return physical_sizes(cast(RunFolder, Folder(table, um_per_px, **options)))


def test_images_that_kept_their_pixels_are_alike() -> None:
    sizes = sizes_of({"id": ["a", "b"]})
    assert sizes.tolist() == [[80, 60], [80, 60]]
    assert scale_to_json(sizes) == {"width_um": 80.0, "height_um": 60.0}


def test_stretched_images_have_the_size_that_they_had() -> None:
    sizes = sizes_of({"id": ["a", "b", "c"], "width": [10, 400, 0], "height": [20, 100, 5]})
    assert sizes[:2].tolist() == [[20, 40], [800, 200]]
    assert np.isnan(sizes[2, 0])
    assert scale_to_json(sizes) == {"width_um": None, "height_um": None}


def test_padded_images_show_a_border_at_the_same_scale() -> None:
    # The first is smaller than 40 × 30 and kept its scale; the second was made four times smaller.
    sizes = sizes_of({"id": ["a", "b"], "width": [10, 160], "height": [20, 60]}, fit="pad", size=[30, 40])
    assert sizes.tolist() == [[80, 60], [320, 240]]


def test_a_scale_of_each_image_goes_before_that_of_all() -> None:
    assert sizes_of({"id": ["a", "b"], "pixel_size_um": [1.0, np.nan]}).tolist() == [[40, 30], [80, 60]]
    assert sizes_of({"id": ["a", "b"], "pixel_size_um": [1.0, np.nan]}, None)[0].tolist() == [40, 30]


@pytest.mark.parametrize("scale", [None, 0, -1.0, float("nan"), float("inf"), "2", [2.0]])
def test_what_is_no_scale_is_unknown(scale: Any) -> None:
    assert sizes_of({"id": ["a"]}, scale) is None
    assert scale_to_json(None) is None


def test_resized_from_nobody_knows_what_is_unknown() -> None:
    assert sizes_of({"id": ["a"]}, 2.0, size=[30, 40], fit="resize") is None
