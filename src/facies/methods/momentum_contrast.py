"""What methods share whose encoder is learnt by momentum contrast: a student, a slow teacher, and a queue (MoCo v2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Lt
from torch import Tensor, nn

from facies.losses import queue_contrast
from facies.methods.fit_context import FitContext
from facies.methods.preprocessing import Preprocessor
from facies.methods.view_encoder import ViewEncoder
from facies.nn import MomentumNetwork, ResidualEncoder
from facies.parameters import Count, Positive, settings
from facies.training import Batch, EMATeacher, StageOutputs, Training, Views, unwrapped

MOST_IN_QUEUE = 4
"""The queue holds one image of so many at most: of more, it would hold the image itself too often."""


@dataclass(kw_only=True, eq=False, repr=False)
class MomentumContrast(ViewEncoder):
    """An encoder that learns to find the view of an image among a queue of others (MoCo v2); a subclass groups what it gives."""

    filters: Count = 32
    """Filters of the first convolution; the embedding has eight times as many numbers. More tell more apart, and take longer."""
    projection_size: Count = 128
    """Numbers in which views are compared; the embedding is taken before them."""
    temperature: Positive = 0.2
    """τ; smaller values push the nearest others away hardest, and split kinds."""
    queue_size: Count = 65_536
    """Views of other images that the queue holds, a quarter of the images at most; more make a harder task."""
    teacher_momentum: Annotated[float, Ge(0), Lt(1)] = 0.999
    """Share of itself that the teacher keeps at each step; closer to 1 it follows more slowly."""
    views: Views = settings(Views, rotation=0.0)
    training: Training = settings(
        Training,
        epochs=800,
        batch_size=256,
        optimizer="sgd",
        learning_rate=0.03,
        weight_decay=1e-4,
        schedule="cosine",
    )

    def build_encoder(self) -> ResidualEncoder:
        """The encoder for images of ``image_shape_``, with random weights."""
        return ResidualEncoder(self.shown_shape, self.filters)

    def learn(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: the encoder, from views."""
        size = min(self.queue_size, max(1, len(fit.images) // MOST_IN_QUEUE))

        def build() -> MomentumNetwork:
            encoder = self.build_encoder()
            return MomentumNetwork(encoder, encoder.features, self.projection_size, size)

        network: MomentumNetwork = fit.trainer.build(build)
        objective = MomentumObjective(self.preprocessor(fit, outputs), self.temperature)
        teacher = EMATeacher("student", "teacher", self.teacher_momentum)
        fit.trainer.fit(network, self.shown(fit), objective, self.settled(self.training, fit), callbacks=[teacher])
        notes = [f"the queue held {size} views, a quarter of the images"] if size < self.queue_size else []
        return {"encoder": dict(network.encoder.state_dict()), "notes": notes}


@dataclass
class MomentumObjective:
    """Of two views of each image, the student's projection of one is to find the teacher's of the other among those of a queue."""

    preprocessor: Preprocessor
    temperature: float

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss`` and ``alignment``, the mean cosine of two views of one image."""
        first, second = self.preprocessor(batch.images)[0], self.preprocessor(batch.images)[0]
        queries, keys = module(first, second)
        network = unwrapped(module)
        loss = queue_contrast(queries, keys, network.queue.clone(), self.temperature)
        network.enqueue(keys)
        with torch.no_grad():
            alignment = torch.cosine_similarity(queries, keys).mean()
        return {"loss": loss, "alignment": alignment}
