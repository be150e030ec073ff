"""What the stages of `darlc` read of its parameters."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facies.methods.darlc.network import DARLCNetwork
from facies.methods.darlc.patterns import PatternTest
from facies.training import Training


class Settings(Protocol):
    """The parameters of `DARLC`."""

    n_clusters: int | str
    patterns: PatternTest
    denoiser: str
    attention_width: int
    width: int
    mask_ratio: float
    thinning: float | None
    temperature: float
    decay: float
    latent_size: int
    tolerance: float
    ablation: str
    denoising: Training
    pretraining: Training
    training: Training
    random_state: int

    def build(self, channels: int, measured: NDArray[np.bool_], n_clusters: int) -> DARLCNetwork:
        """Make the network."""
