"""The one training loop: stages, batches, checkpoints, progress and curves."""

from facies.training.batches import Batch
from facies.training.checkpoints import Results, StageStore
from facies.training.hardware import Hardware
from facies.training.loop import ChunkObjective, Course, Objective, Recipe, Seen, Watch
from facies.training.progress import BarProgress, LineProgress, Progress, SilentProgress
from facies.training.seeds import derive_seed
from facies.training.trainer import Stage, Trainer
from facies.training.training_curves import history_table, write_tensorboard

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
