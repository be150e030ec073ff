"""`idec`: improved deep embedded clustering (Guo, Gao, Liu & Yin, IJCAI 2017): DEC that keeps the reconstruction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from facies.losses import gaussian_reconstruction
from facies.methods.dec import DEC, DECObjective
from facies.methods.preprocessing import Preprocessor
from facies.parameters import Weight, settings
from facies.training import Batch, Callback, Training


@dataclass(kw_only=True, eq=False, repr=False)
class IDEC(DEC):
    """DEC with the reconstruction as a second term, so that the code goes on describing the images."""

    name: ClassVar[str] = "idec"
    title: ClassVar[str] = "Improved deep embedded clustering"
    reference: ClassVar[str] = (
        "X. Guo et al., Improved deep embedded clustering with local structure preservation. IJCAI 2017."
    )
    citation: ClassVar[str] = "Guo et al., 2017"
    summary: ClassVar[str] = (
        "An autoencoder ({0.network}) was trained to reproduce the images by way of a code of {0.code_length} numbers. The centres of "
        "the groups, found in the codes by {0.initialisation}, and the encoder were then refined together: the assignments by "
        "Student’s t were brought towards a sharpened target distribution (weight {0.gamma:g}), while the decoder kept reproducing "
        "the images."
    )
    standardise: ClassVar[bool] = False
    trains_decoder: ClassVar[bool] = True
    gamma: Weight = 0.1
    """Weight γ of the clustering term beside the reconstruction; 0 is an autoencoder alone."""
    training: Training = settings(Training, epochs=200, batch_size=256)

    def objective(self, preprocessor: Preprocessor, callbacks: Sequence[Callback]) -> DECObjective:
        """MSE + γ·KL(P ‖ Q) (eq. 8)."""
        return IDECObjective(**vars(super().objective(preprocessor, callbacks)), gamma=self.gamma)


@dataclass
class IDECObjective(DECObjective):
    """MSE + γ·KL(P ‖ Q); the reconstruction of a view should equal the view (eq. 8)."""

    gamma: float

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss``, ``reconstruction`` and ``divergence``."""
        view, target = self.preprocessor(batch.images)
        codes, reconstruction = module(view)
        error = gaussian_reconstruction(reconstruction, target).mean()
        divergence = self.divergence(module, codes, batch)
        return {"loss": error + self.gamma * divergence, "reconstruction": error, "divergence": divergence}
