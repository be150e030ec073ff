"""What methods share that learn from two fixed views of each image: the image, and a smoothed one or its edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Interval
from torch import Tensor

from facies.methods.autoencoder import baseline_epochs
from facies.methods.fit_context import FitContext
from facies.methods.learnt_encoder import LearntEncoder
from facies.nn.paired_views import PairedAutoencoder, SecondView, SecondViewKind
from facies.parameters import Count, settings
from facies.training import Training


@dataclass(kw_only=True, eq=False, repr=False)
class PairedViews(LearntEncoder):
    """Two autoencoders, of an image and of its second view; a subclass says what they learn of one another, and groups the codes."""

    standardise: ClassVar[bool] = False

    second_view: SecondViewKind = "smoothed"
    """What stands beside the image: ``smoothed`` (its coarse shape), or ``edges`` (how steep it is at each pixel)."""
    smoothing: Annotated[float, Interval(ge=0.01, le=0.5)] = 0.05
    """Standard deviation of ``smoothed``, as a share of the shorter side; larger values leave coarser shapes."""
    hidden_size: Count = 1024
    """Units of the hidden layers; more can tell more apart, and take longer by the square."""
    latent_size: Count = 128
    """Numbers in the code of each view."""
    training: Training = settings(Training)
    """Training of the networks; ``auto`` epochs are 12,000/N^⅔, between 8 and 500, and 16/side of that for
    images of 32 pixels a side or more; never fewer than 8."""

    def make_second_view(self) -> SecondView:
        """What makes the second view of a reduced image."""
        return SecondView(self.second_view, max(0.3, self.smoothing * min(self.shown_shape[1:])))

    def embed(self, pixels: Tensor) -> Tensor:
        """The codes of both views, one after the other."""
        assert isinstance(self.encoder_, PairedAutoencoder)
        return self.encoder_.embed(self.preprocessor_.transform(pixels))

    def settled(self, training: Training, fit: FitContext) -> Training:
        """A training with ``auto`` epochs made definite."""
        return training.with_epochs(baseline_epochs(len(fit.images), max(self.shown_shape[1:])))
