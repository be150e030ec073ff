"""What a layout costs the next process."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from facies.cluster.umap import COMPILED, UMAPLayout


@pytest.mark.parametrize(("module", "name"), COMPILED)
def test_what_is_compiled_for_a_layout_is_kept_for_the_next_process(module: str, name: str) -> None:
    points = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    UMAPLayout(points, 10).layout(2)
    function = getattr(importlib.import_module(module), name)
    assert function.signatures, "no layout calls it"
    assert function.stats.cache_path
