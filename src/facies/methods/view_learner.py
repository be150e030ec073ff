"""What methods share whose encoder learns from augmented views of the images themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge, Lt
from numpy.typing import NDArray
from torch import Tensor

from facies.errors import InputError
from facies.images import ImageSet
from facies.methods.downsample import downsampled_shape
from facies.methods.embedding_clustering import EmbeddingMethod
from facies.methods.fit_context import FitContext
from facies.methods.preprocessing import Preprocessor, channels_shape, learn_normalizer, normalizer_outputs
from facies.methods.view_objective import EXAMPLES, ViewLoss, ViewObjective, automatic_epochs, example_views
from facies.methods.weights import load_weights
from facies.nn import PixelNormalizer, ResidualEncoder, ViewNetwork
from facies.parameters import Count, Positive, settings
from facies.training import Callback, EMATeacher, Stage, StageOutputs, Training, Views

LEAST_SIDE = 8
LEAST_BATCH = 8


@dataclass(kw_only=True, eq=False, repr=False)
class ViewLearner(EmbeddingMethod):
    """An encoder that learns from views of the images; a subclass groups what it gives."""

    image_size: Annotated[int, Ge(LEAST_SIDE)] | None = 64
    """Longer side, in pixels, to which larger images are reduced; null leaves them. Larger ones show finer detail, and take
    longer by the square."""
    filters: Count = 32
    """Filters of the first convolution; the embedding has eight times as many numbers. More tell more apart, and take longer."""
    loss: ViewLoss = "simclr"
    """``simclr`` (other images of the batch are pushed away), ``moco`` (the same, against a slow teacher), or ``byol`` (a
    teacher alone, nothing is pushed away: for sets in which most images are alike)."""
    temperature: Positive = 0.2
    """τ of ``simclr`` and ``moco``; smaller values push the nearest others away hardest, and split kinds."""
    teacher_momentum: Annotated[float, Ge(0), Lt(1)] = 0.99
    """Share of itself that the teacher of ``moco`` and ``byol`` keeps at each step; closer to 1 it follows more slowly."""
    projection_size: Count = 64
    """Numbers in which views are compared; the embedding is taken before them."""
    views: Views = settings(Views)
    """What the network is to see as the same."""
    training: Training = settings(
        Training,
        epochs=500,
        batch_size=256,
        optimizer="adamw",
        learning_rate=2e-3,
        weight_decay=1e-4,
        schedule="one-cycle",
    )
    """Training of the encoder; ``auto`` epochs are 15,000/N^⅔, between 10 and 300."""

    def check(self, images: ImageSet) -> None:
        """Refuse also images too small or too few, and hues of images without colour."""
        super().check(images)
        channels, height, width = images.image_shape[-3:]
        if min(height, width) < LEAST_SIDE:
            raise InputError(
                f"images of {height} × {width} pixels: {self.name} needs {LEAST_SIDE} or more a side; enlarge them"
            )
        if self.views.hue and channels != 3:
            raise InputError(
                f"views.hue={self.views.hue:g}: the images have {channels} channels, and hues are of three; set it to 0"
            )
        if self.training.batch_size < LEAST_BATCH or len(images) < LEAST_BATCH:
            raise InputError(
                f"training.batch_size={self.training.batch_size}, {len(images)} images: views are told apart within a batch; "
                f"give {LEAST_BATCH} or more of both"
            )

    def encoder_stages(self, fit: FitContext) -> list[Stage]:
        """Scale of the pixels, and the encoder."""
        return [fit.stage("scale", self.scale), fit.stage("learn", self.learn)]

    def scale(self, fit: FitContext, _: StageOutputs) -> StageOutputs:
        """Stage: scale of the pixels, and examples of what the network is to see as the same."""
        images = fit.downsampled(self.image_size)
        outputs = {
            **normalizer_outputs(learn_normalizer(images, "gaussian")),
            "whole_numbers": fit.images.dtype == np.uint8,
        }
        rows = np.unique(np.linspace(0, len(images) - 1, min(EXAMPLES, len(images))).astype(np.int64))
        examples = example_views(self.preprocessor(fit, outputs), images.__getitems__(rows), fit.trainer.seed("views"))
        return {**outputs, "views": examples, "view_rows": rows}

    def learn(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: the encoder, from views."""
        teacher = self.loss != "simclr"
        network: ViewNetwork = fit.trainer.build(
            lambda: ViewNetwork(
                encoder := self.build_encoder(), encoder.features, self.projection_size, teacher=teacher
            )
        )
        objective = ViewObjective(self.preprocessor(fit, outputs), self.loss, self.temperature)
        callbacks: list[Callback] = [EMATeacher("student", "teacher", self.teacher_momentum)] if teacher else []
        training = self.training.with_epochs(automatic_epochs(len(fit.images)))
        fit.trainer.fit(network, fit.downsampled(self.image_size), objective, training, callbacks=callbacks)
        return {"encoder": dict(network.encoder.state_dict())}

    def preprocessor(self, fit: FitContext, outputs: StageOutputs) -> Preprocessor:
        """Draws views of reduced images, and scales them."""
        normalizer = load_weights(PixelNormalizer(likelihood="gaussian"), outputs["intensity"], torch.device("cpu"))
        views = self.views.transform(fit.background, float(normalizer.low), float(normalizer.span))
        return Preprocessor(normalizer, views)

    def build_encoder(self) -> ResidualEncoder:
        """The encoder for images of ``image_shape_``, with random weights."""
        return ResidualEncoder(channels_shape(downsampled_shape(self.image_shape_, self.image_size)), self.filters)

    def encoder_state(self, outputs: StageOutputs) -> StageOutputs:
        """Encoder and scale of the pixels; the examples stay with this object."""
        self.examples_: dict[str, NDArray[Any]] = {name: outputs[name] for name in ("views", "view_rows")}
        return {name: outputs[name] for name in ("encoder", "intensity", "whole_numbers")}

    def load_encoder(self, state: StageOutputs) -> None:
        """Build the encoder."""
        self.normalizer_ = load_weights(PixelNormalizer(likelihood="gaussian"), state["intensity"], self.device_)
        size = downsampled_shape(self.image_shape_, self.image_size)[-2:]
        self.preprocessor_ = Preprocessor(self.normalizer_, size=size, whole_numbers=bool(state["whole_numbers"]))
        self.encoder_: ResidualEncoder = load_weights(self.build_encoder(), state["encoder"], self.device_)

    def embed(self, pixels: Tensor) -> Tensor:
        """The mean of the encoder's last map."""
        return self.encoder_(self.preprocessor_.transform(pixels))

    def run_arrays(self) -> dict[str, NDArray[Any]]:
        """``views`` (n, 8, *reduced shape), of which the first is the image itself, and ``view_rows``."""
        return dict(getattr(self, "examples_", {}))
