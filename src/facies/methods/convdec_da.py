"""`convdec-da`: deep embedded clustering with data augmentation (Guo, Zhu, Liu & Yin, ACML 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Lt

from facies.methods.autoencoder_clustering import ClusteringNetwork
from facies.methods.dec import DEC
from facies.nn import StridedAutoencoder
from facies.parameters import Count, settings
from facies.training import Augmentation, Training


@dataclass(kw_only=True, eq=False, repr=False)
class ConvDECDA(DEC):
    """DEC with a convolutional network that learns from views; the target is that of the images themselves.

    References
    ----------
    .. [1] X. Guo, E. Zhu, X. Liu, J. Yin, "Deep embedded clustering with data augmentation", ACML 2018.
    """

    standardise: ClassVar[bool] = False
    name: ClassVar[str] = "convdec-da"
    title: ClassVar[str] = "Deep embedded clustering with data augmentation"
    reference: ClassVar[str] = (
        "X. Guo, E. Zhu, X. Liu, J. Yin, Deep embedded clustering with data augmentation. ACML 2018, 550–565."
    )
    citation: ClassVar[str] = "Guo et al., 2018"
    summary: ClassVar[str] = (
        "An autoencoder ({0.network}) was trained to reproduce random views of the images by way of a code of {0.code_length} numbers. "
        "The centres of the groups, found in the codes by {0.initialisation}, and the encoder were then refined together: the "
        "assignments of views by Student’s t were brought towards a sharpened target distribution of the images themselves."
    )

    network: Literal["mlp", "conv"] = "conv"
    """Convolutional, or fully connected (500-500-2000 and mirrored)."""
    filters: Count = 32
    """Filters of the first convolution of ``conv``, of which the second has twice and the third four times as many."""
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0
    """Share of the pixels that ``mlp`` must do without while it is pretrained."""
    augmentation: Augmentation = settings(Augmentation, zoom=0.0)
    """Views from which the network learns; the target is always that of the images themselves."""
    pretraining: Training = settings(Training, epochs=500, batch_size=256)
    training: Training = settings(Training, epochs=200, batch_size=256)

    def build_network(self, dropout: float = 0.0) -> ClusteringNetwork:
        """The plain convolutional autoencoder of the paper, or a fully connected one."""
        if self.network == "mlp":
            return super().build_network(dropout)
        filters = [self.filters * factor for factor in (1, 2, 4)]
        return self.with_groups(StridedAutoencoder(self.shown_shape, self.code_length, filters))
