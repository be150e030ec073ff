"""The one training loop: settings, stages, batches, callbacks, checkpoints, progress and curves."""

from __future__ import annotations

from facies.training.batches import Batch, Examples
from facies.training.callbacks import Callback, CallbackState, EMATeacher
from facies.training.checkpoints import StageCheckpoints, StageOutputs
from facies.training.loop import LargeBatchObjective, Objective, TrainingResult, unwrapped
from facies.training.optimizers import ParameterGroup
from facies.training.progress import BarProgress, LineProgress, Progress, SilentProgress
from facies.training.seeds import derive_seed
from facies.training.settings import Augmentation, Epochs, Hardware, Projection, Training
from facies.training.trainer import Stage, Trainer, apply_in_batches
from facies.training.training_curves import history_table, write_tensorboard
from facies.training.view_settings import Views

__all__ = [
    "Augmentation",
    "BarProgress",
    "Batch",
    "Callback",
    "CallbackState",
    "EMATeacher",
    "Epochs",
    "Examples",
    "Hardware",
    "LargeBatchObjective",
    "LineProgress",
    "Objective",
    "ParameterGroup",
    "Progress",
    "Projection",
    "SilentProgress",
    "Stage",
    "StageCheckpoints",
    "StageOutputs",
    "Trainer",
    "Training",
    "TrainingResult",
    "Views",
    "apply_in_batches",
    "derive_seed",
    "history_table",
    "unwrapped",
    "write_tensorboard",
]
