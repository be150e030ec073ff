"""The short version of ``benchmarks/atlas_kill.py``."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def benchmark() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "atlas_kill.py"
    spec = importlib.util.spec_from_file_location("atlas_kill", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["atlas_kill"] = module
    spec.loader.exec_module(module)
    return module


def test_all_that_was_acknowledged_is_there_after_a_kill(tmp_path: Path) -> None:
    kills = benchmark().kill_many(tmp_path, times=2, count=25)
    assert all(kill.is_well for kill in kills), kills
    assert any(kill.acknowledged > 0 for kill in kills)
