from __future__ import annotations

import pytest

from facies.errors import InputError
from facies.methods.fit_context import check_input


def test_focal_stacks_are_refused_where_a_method_takes_images_alone() -> None:
    check_input("dec", ("images", "focal stacks"), (6, 1, 8, 8))
    check_input("own", ("images",), (1, 8, 8))
    with pytest.raises(InputError, match=r"own works on images, .* focal stacks of 6 layers: .*--pages channels"):
        check_input("own", ("images",), (6, 1, 8, 8))
