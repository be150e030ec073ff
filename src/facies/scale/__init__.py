"""Work that is cut into blocks, done by processes of this machine or by the workers of a Dask cluster."""

from __future__ import annotations

from facies.scale.engine_choice import ENGINES, make_engine
from facies.scale.engines import Engine
from facies.scale.ordered import results_in_order
from facies.scale.plan import BlockPlan, read_plan
from facies.scale.runner import BlockReport, run_blocks

__all__ = [
    "ENGINES",
    "BlockPlan",
    "BlockReport",
    "Engine",
    "make_engine",
    "read_plan",
    "results_in_order",
    "run_blocks",
]
