"""`dac`: deep adaptive clustering, with the two thresholds of the paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from facies.errors import InputError
from facies.images import ImageSet
from facies.losses import n_epochs_until_thresholds_meet
from facies.methods.dac.base import DACBase, PairTraining
from facies.methods.dac.losses import DACObjective
from facies.methods.dac.regroup import Regrouping
from facies.methods.preprocessing import Preprocessor
from facies.nn import AllConvolutionalNetwork
from facies.parameters import Positive, settings


@dataclass(kw_only=True, eq=False, repr=False)
class DAC(DACBase):
    """Deep adaptive clustering.

    A network says to which of K groups an image belongs, and learns from its own pairs: those it is sure are alike, and those
    it is sure are not. As it learns, two thresholds close in on the pairs between, until none is left out.

    References
    ----------
    .. [1] J. Chang, L. Wang, G. Meng, S. Xiang, C. Pan, "Deep adaptive image clustering", ICCV 2017.
    """

    name: ClassVar[str] = "dac"
    title: ClassVar[str] = "Deep adaptive clustering"
    reference: ClassVar[str] = (
        "J. Chang, L. Wang, G. Meng, S. Xiang, C. Pan, Deep adaptive image clustering. ICCV 2017, 5879–5887."
    )
    citation: ClassVar[str] = "Chang et al., 2017"
    summary: ClassVar[str] = (
        "A convolutional network was trained to give each image a vector of memberships: pairs of images whose vectors have a cosine "
        "above an upper threshold (from {0.upper:g} on) were drawn together and pairs below a lower one (from {0.lower:g} on) apart, "
        "while the thresholds closed and ever more pairs were learnt from. An image belongs to the group of its largest membership."
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "quick": {"filters": 8, "eta": 0.04, "training.batch_size": 64, "restarts": 2},
    }

    test_parameters: ClassVar[Mapping[str, Any]] = {
        "n_clusters": 3,
        "filters": 4,
        "eta": 0.2,
        "training.batch_size": 16,
        "training.pairing_batch_size": 32,
    }

    eta: Positive = 0.009
    """Speed η at which the thresholds close in; larger values end the training sooner (46 epochs at 0.009)."""
    training: PairTraining = settings(PairTraining, epochs="auto")
    """Training of the network, until the thresholds meet."""

    def check(self, images: ImageSet) -> None:
        """Refuse also a number of epochs."""
        super().check(images)
        if self.training.epochs != "auto":
            raise InputError(
                f"training.epochs={self.training.epochs}: dac learns until its thresholds meet; set eta in its place "
                "(a larger one ends sooner)"
            )

    def n_epochs(self) -> int:
        """Until the thresholds meet."""
        return n_epochs_until_thresholds_meet(self.eta, self.upper, self.lower)

    def build(self, shape: tuple[int, int, int]) -> AllConvolutionalNetwork:
        """The network for inputs of this shape (L·C, H, W), with random weights."""
        return AllConvolutionalNetwork(shape, self.n_clusters, filters=self.filters)

    def objective(self, preprocessor: Preprocessor, regrouping: Regrouping | None) -> DACObjective:
        """The certain pairs."""
        augmentation, size = self.augmentation.transform(), self.training.pairing_batch_size
        return DACObjective(preprocessor, augmentation, size, self.eta, self.upper, self.lower, regrouping=regrouping)
