"""What methods share whose encoder learns from augmented views of the images themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.images import ImageSet
from facies.methods.fit_context import FitContext
from facies.methods.learnt_encoder import LEAST_IMAGES, LearntEncoder
from facies.methods.preprocessing import Preprocessor
from facies.methods.view_objective import EXAMPLES, automatic_epochs, example_views
from facies.parameters import settings
from facies.training import StageOutputs, Training, Views


@dataclass(kw_only=True, eq=False, repr=False)
class ViewEncoder(LearntEncoder):
    """An encoder that learns from views of the images; a subclass says how (`learn`)."""

    views: Views = settings(Views)
    """What the network is to see as the same."""
    training: Training = settings(Training)
    """Training of the encoder; ``auto`` epochs are 15,000/N^⅔, between 10 and 300, and two fifths of that, 10 at least, for
    images that are shown with 32 pixels a side or more."""

    def check_count(self, images: ImageSet) -> None:
        """Refuse batches in which views cannot be told apart, and hues of images without colour."""
        channels = images.image_shape[-3]
        if self.views.hue and channels != 3:
            raise InputError(
                f"views.hue={self.views.hue:g}: the images have {channels} channels, and hues are of three; set it to 0"
            )
        if self.training.batch_size < LEAST_IMAGES or len(images) < LEAST_IMAGES:
            raise InputError(
                f"training.batch_size={self.training.batch_size}, {len(images)} images: views are told apart within a batch; "
                f"give {LEAST_IMAGES} or more of both"
            )
        super().check_count(images)

    def scale(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: scale of the pixels, and examples of what the network is to see as the same."""
        found = super().scale(fit, outputs)
        return {**found, **self.examples(fit, found)}

    def examples(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Views of some images, for the report."""
        images = self.shown(fit)
        rows = np.unique(np.linspace(0, len(images) - 1, min(EXAMPLES, len(images))).astype(np.int64))
        preprocessor = self.preprocessor(fit, outputs)
        return {
            "views": example_views(preprocessor, images.__getitems__(rows), fit.trainer.seed("views")),
            "view_rows": rows,
        }

    def preprocessor(self, fit: FitContext, outputs: StageOutputs) -> Preprocessor:
        """Draws views of reduced images, and scales them."""
        preprocessor = super().preprocessor(fit, outputs)
        normalizer = preprocessor.normalizer
        preprocessor.augmentation = self.views.transform(fit.background, float(normalizer.low), float(normalizer.span))
        return preprocessor

    def settled(self, training: Training, fit: FitContext) -> Training:
        """A training with ``auto`` epochs made definite."""
        return training.with_epochs(automatic_epochs(len(fit.images), min(self.shown_shape[1:])))

    def encoder_state(self, outputs: StageOutputs) -> StageOutputs:
        """Encoder and scale of the pixels; the examples stay with this object."""
        self.examples_: dict[str, NDArray[Any]] = {
            name: outputs[name] for name in ("views", "view_rows") if name in outputs
        }
        return super().encoder_state(outputs)

    def run_arrays(self) -> dict[str, NDArray[Any]]:
        """``views`` ``(n, 8, *reduced shape)``, of which the first is the image itself, and ``view_rows``."""
        return dict(getattr(self, "examples_", {}))
