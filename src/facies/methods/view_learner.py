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
from facies.methods.features import ImageEncoder, assumptions, encoder_about, find_encoder, shown_notes, weights_note
from facies.methods.fit_context import FitContext
from facies.methods.preprocessing import Preprocessor, channels_shape, learn_normalizer, normalizer_outputs
from facies.methods.view_objective import (
    EXAMPLES,
    RatedViewNetwork,
    ViewLoss,
    ViewObjective,
    automatic_epochs,
    example_views,
)
from facies.methods.weights import load_weights
from facies.nn import PixelNormalizer, ResidualEncoder
from facies.nn.encoders import PlanesEncoder, rebuild_encoder
from facies.parameters import Count, Fraction, Positive, settings
from facies.training import Callback, EMATeacher, Stage, StageOutputs, Training, Views

LEAST_SIDE = 8
LEAST_BATCH = 8


@dataclass(kw_only=True, eq=False, repr=False)
class ViewLearner(EmbeddingMethod):
    """An encoder that learns from views of the images; a subclass groups what it gives."""

    encoder: str | None = None
    """A pretrained encoder to go on from, by its name, folder or file as of ``pretrained``, such as ``efficientnet-lite0``;
    null begins a small network with random weights."""
    encoder_rate: Fraction = 0.1
    """Share of the learning rate at which a pretrained `encoder` learns on; 0 leaves it as it is."""
    image_size: Annotated[int, Ge(LEAST_SIDE)] | None = 64
    """Longer side, in pixels, to which larger images are reduced, and to which they are brought for a pretrained `encoder`;
    null leaves them, or takes the size that it was made for. Larger ones show finer detail, and take longer by the square."""
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
        if self.encoder is not None:
            self._check_encoder(images, self.encoder)

    def _check_encoder(self, images: ImageSet, name: str) -> None:
        encoder = find_encoder(name)
        PlanesEncoder(encoder, images.image_shape, self.image_size)
        if self.learns and not encoder.is_trainable:
            raise InputError(f"encoder={name}: it cannot learn on; set encoder_rate=0, or take another")

    @property
    def learns(self) -> bool:
        """Whether the encoder learns from views; a pretrained one may be left as it is."""
        return self.encoder is None or self.encoder_rate > 0

    def encoder_stages(self, fit: FitContext) -> list[Stage]:
        """Scale of the pixels, and the encoder."""
        second = fit.stage("learn", self.learn) if self.learns else fit.stage("load", self.take_encoder)
        return [fit.stage("scale", self.scale), second]

    def scale(self, fit: FitContext, _: StageOutputs) -> StageOutputs:
        """Stage: scale of the pixels, and examples of what the network is to see as the same."""
        images = self._shown(fit)
        small = self.encoder is None
        normalizer = learn_normalizer(images, "gaussian") if small else PixelNormalizer(*images.value_range())
        outputs = {**normalizer_outputs(normalizer), "whole_numbers": fit.images.dtype == np.uint8}
        if not self.learns:
            return outputs
        rows = np.unique(np.linspace(0, len(images) - 1, min(EXAMPLES, len(images))).astype(np.int64))
        examples = example_views(self.preprocessor(fit, outputs), images.__getitems__(rows), fit.trainer.seed("views"))
        return {**outputs, "views": examples, "view_rows": rows}

    def learn(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: the encoder, from views."""
        teacher = self.loss != "simclr"
        rate = 1.0 if self.encoder is None else self.encoder_rate

        def build() -> RatedViewNetwork:
            encoder = self.build_encoder()
            return RatedViewNetwork(rate, encoder, encoder.features, self.projection_size, teacher=teacher)

        network: RatedViewNetwork = fit.trainer.build(build)
        objective = ViewObjective(self.preprocessor(fit, outputs), self.loss, self.temperature)
        callbacks: list[Callback] = [EMATeacher("student", "teacher", self.teacher_momentum)] if teacher else []
        training = self.training.with_epochs(automatic_epochs(len(fit.images)))
        fit.trainer.fit(network, self._shown(fit), objective, training, callbacks=callbacks)
        return {**_kept(network.encoder), "notes": self._notes(network.encoder)}

    def take_encoder(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: the pretrained encoder, as it is."""
        encoder = self.build_encoder()
        return {**_kept(encoder), "notes": self._notes(encoder)}

    def _notes(self, encoder: Any) -> list[str]:
        if not isinstance(encoder, PlanesEncoder):
            return []
        return [
            weights_note(encoder.encoder.weights, f"was {self._use}"),
            *shown_notes(encoder, self.image_shape_),
        ]

    @property
    def _use(self) -> str:
        """What became of the encoder, in words."""
        if self.encoder is None:
            return "learnt from views of these images, from random weights"
        return (
            f"learnt on from views, at {self.encoder_rate:g} of the learning rate" if self.learns else "left as it is"
        )

    def _shown(self, fit: FitContext) -> ImageSet:
        """The images that views are made of: reduced ones, but for a pretrained encoder, which brings them to its own size."""
        return fit.downsampled(self.image_size) if self.encoder is None else fit.images

    def preprocessor(self, fit: FitContext, outputs: StageOutputs) -> Preprocessor:
        """Draws views of reduced images, and scales them."""
        normalizer = load_weights(self._normalizer(), outputs["intensity"], torch.device("cpu"))
        views = self.views.transform(fit.background, float(normalizer.low), float(normalizer.span))
        return Preprocessor(normalizer, views)

    def build_encoder(self) -> ResidualEncoder | PlanesEncoder:
        """The encoder for images of ``image_shape_``: the pretrained one, or a small one with random weights."""
        if self.encoder is not None:
            return PlanesEncoder(find_encoder(self.encoder), self.image_shape_, self.image_size)
        return ResidualEncoder(channels_shape(downsampled_shape(self.image_shape_, self.image_size)), self.filters)

    def encoder_state(self, outputs: StageOutputs) -> StageOutputs:
        """Encoder and scale of the pixels; the examples stay with this object."""
        self.examples_: dict[str, NDArray[Any]] = {
            name: outputs[name] for name in ("views", "view_rows") if name in outputs
        }
        names = ("encoder", "encoder_about", "intensity", "whole_numbers")
        return {name: outputs[name] for name in names if name in outputs}

    def load_encoder(self, state: StageOutputs) -> None:
        """Build the encoder."""
        normalizer = load_weights(self._normalizer(), state["intensity"], self.device_)
        self.normalizer_: PixelNormalizer = normalizer
        if "encoder_about" in state:
            encoder = rebuild_encoder(state["encoder_about"], state["encoder"])
            planes = PlanesEncoder(encoder, self.image_shape_, self.image_size).to(self.device_).eval()
            self.preprocessor_, self.encoder_ = Preprocessor(normalizer), ImageEncoder(planes, normalizer)
            return
        size = downsampled_shape(self.image_shape_, self.image_size)[-2:]
        self.preprocessor_ = Preprocessor(normalizer, size=size, whole_numbers=bool(state["whole_numbers"]))
        self.encoder_ = load_weights(self.build_encoder(), state["encoder"], self.device_)

    def _normalizer(self) -> PixelNormalizer:
        return PixelNormalizer(likelihood="gaussian" if self.encoder is None else "bernoulli")

    def embed(self, pixels: Tensor) -> Tensor:
        """What the encoder makes of images: the mean of its last map."""
        shown = pixels if self.encoder is not None else self.preprocessor_.transform(pixels)
        return self.encoder_(shown)

    def run_values(self) -> dict[str, Any]:
        """``encoder``: name, hash, licence and source of the weights it began with, and what it was shown."""
        if isinstance(self.encoder_, ImageEncoder):
            planes = self.encoder_.planes
            about = {**encoder_about(planes), "assumed": assumptions(planes, self.image_shape_)}
        else:
            size = downsampled_shape(self.image_shape_, self.image_size)[-2:]
            about = {"name": f"residual network of {self.filters} filters", "image_size": list(size)}
            about |= {"features": self.encoder_.features}
        return {"encoder": {**about, "use": self._use}}

    def run_arrays(self) -> dict[str, NDArray[Any]]:
        """``views`` ``(n, 8, *reduced shape)``, of which the first is the image itself, and ``view_rows``."""
        return dict(getattr(self, "examples_", {}))


def _kept(encoder: Any) -> StageOutputs:
    """What a model keeps of an encoder."""
    if isinstance(encoder, PlanesEncoder):
        return {"encoder": dict(encoder.encoder.state()), "encoder_about": encoder.encoder.description()}
    return {"encoder": dict(encoder.state_dict())}
