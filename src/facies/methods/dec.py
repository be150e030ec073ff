"""`dec`: deep embedded clustering (Xie, Girshick & Farhadi, ICML 2016)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from facies.losses import assignment_divergence, student_t_assignment
from facies.methods.autoencoder_clustering import AutoencoderClustering
from facies.methods.fit_context import FitContext
from facies.methods.preprocessing import Preprocessor
from facies.methods.target_distribution import TargetDistribution
from facies.parameters import Count, Fraction, Positive, settings
from facies.training import Batch, Callback, Training, unwrapped


@dataclass(kw_only=True, eq=False, repr=False)
class DEC(AutoencoderClustering):
    """Deep embedded clustering: soft assignments to centres are drawn towards a sharpened target.

    An autoencoder learns the images, k-means finds centres in its code, and then encoder and centres learn together, so that
    assignments that are already sure become surer. The decoder is no longer used by then.

    References
    ----------
    .. [1] J. Xie, R. Girshick, A. Farhadi, "Unsupervised deep embedding for clustering analysis", ICML 2016.
    """

    trains_decoder: ClassVar[bool] = False
    name: ClassVar[str] = "dec"
    title: ClassVar[str] = "Deep embedded clustering"
    reference: ClassVar[str] = (
        "J. Xie, R. Girshick, A. Farhadi, Unsupervised deep embedding for clustering analysis. ICML 2016, 478–487."
    )
    citation: ClassVar[str] = "Xie et al., 2016"
    summary: ClassVar[str] = (
        "An autoencoder ({0.network}) was trained to reproduce the images by way of a code of {0.code_length} numbers. The centres of "
        "the groups, found in the codes by {0.initialisation}, and the encoder were then refined together: the assignments by "
        "Student’s t were brought towards a sharpened target distribution."
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "quick": {"image_size": 32, "pretraining.epochs": "auto", "training.epochs": 50, "update_interval": 30},
    }

    alpha: Positive = 1.0
    """Degrees of freedom of Student's t; smaller values let far images count more."""
    update_interval: Count = 140
    """Steps after which the target is computed anew from all images."""
    tolerance: Fraction = 0.001
    """The training ends once no larger share of the images has changed its group from one target to the next."""
    training: Training = settings(Training, epochs=200, batch_size=256, optimizer="sgd", learning_rate=0.01)

    def assignments(self, codes: Tensor, centres: Tensor) -> Tensor:
        """Student's t (eq. 1)."""
        return student_t_assignment(codes, centres, self.alpha)

    def callbacks(self, fit: FitContext, preprocessor: Preprocessor) -> list[Callback]:
        """The target, renewed every `update_interval` steps (eq. 3)."""
        return [TargetDistribution(self.shown(fit), preprocessor, self.alpha, self.update_interval, self.tolerance)]

    def objective(self, preprocessor: Preprocessor, callbacks: Sequence[Callback]) -> DECObjective:
        """KL(P ‖ Q) (eq. 2)."""
        (target,) = callbacks
        assert isinstance(target, TargetDistribution)
        return DECObjective(preprocessor, target, self.alpha)


@dataclass
class DECObjective:
    """KL(P ‖ Q) between the target and the assignments of a batch (eq. 2)."""

    preprocessor: Preprocessor
    target: TargetDistribution
    alpha: float

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Term ``loss``."""
        view, _ = self.preprocessor(batch.images)
        codes, _ = module(view, decode=False)
        return {"loss": self.divergence(module, codes, batch)}

    def divergence(self, module: nn.Module, codes: Tensor, batch: Batch) -> Tensor:
        """KL of the assignments of codes (B, D) from the target of their images."""
        assignments = student_t_assignment(codes, unwrapped(module).centres, self.alpha)
        return assignment_divergence(self.target.for_batch(batch), assignments)
