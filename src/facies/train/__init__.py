"""The one training loop: stages, batches, checkpoints, progress and curves."""

from facies.train.batches import Batch
from facies.train.hardware import Hardware
from facies.train.history import history_table, write_tensorboard
from facies.train.loop import ChunkObjective, Course, Objective, Recipe, Seen, Watch
from facies.train.progress import BarProgress, LineProgress, Progress, SilentProgress
from facies.train.seeds import derive_seed
from facies.train.store import Results, StageStore
from facies.train.trainer import Stage, Trainer

__all__ = [
    "BarProgress",
    "Batch",
    "ChunkObjective",
    "Course",
    "Hardware",
    "LineProgress",
    "Objective",
    "Progress",
    "Recipe",
    "Results",
    "Seen",
    "SilentProgress",
    "Stage",
    "StageStore",
    "Trainer",
    "Watch",
    "derive_seed",
    "history_table",
    "write_tensorboard",
]
