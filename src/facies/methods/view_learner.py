"""What methods share whose encoder, a small or a pretrained one, learns to tell the views of an image from those of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge, Lt
from torch import Tensor

from facies.errors import InputError
from facies.images import ImageSet
from facies.methods.features import ImageEncoder, assumptions, encoder_about, find_encoder, shown_notes, weights_note
from facies.methods.fit_context import FitContext
from facies.methods.preprocessing import Preprocessor
from facies.methods.reduced_images import ImageSize
from facies.methods.view_encoder import ViewEncoder
from facies.methods.view_objective import RatedViewNetwork, ViewLoss, ViewObjective
from facies.methods.weights import load_weights
from facies.nn import PixelNormalizer, ResidualEncoder
from facies.nn.encoders import PlanesEncoder, rebuild_encoder
from facies.parameters import Count, Fraction, Positive, settings
from facies.training import Callback, EMATeacher, Stage, StageOutputs, Training

PRETRAINED_SIDE = 64


@dataclass(kw_only=True, eq=False, repr=False)
class ViewLearner(ViewEncoder):
    """An encoder that learns from views of the images; a subclass groups what it gives."""

    encoder: str | None = None
    """A pretrained encoder to go on from, by its name, folder or file as of ``pretrained``, such as ``efficientnet-lite0``;
    null begins a small network with random weights."""
    encoder_rate: Fraction = 0.1
    """Share of the learning rate at which a pretrained `encoder` learns on; 0 leaves it as it is."""
    image_size: ImageSize = 64
    """Longer side, in pixels, to which larger images are reduced, and to which they are brought for a pretrained `encoder`;
    null leaves them, or takes the size that it was made for, and ``auto`` is 32, or 64 for a pretrained one. Larger ones show
    finer detail, and take longer by the square."""
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
    training: Training = settings(
        Training,
        epochs=500,
        batch_size=256,
        optimizer="adamw",
        learning_rate=2e-3,
        weight_decay=1e-4,
        schedule="one-cycle",
    )

    def check(self, images: ImageSet) -> None:
        """Refuse also a pretrained encoder that is not there, cannot look at such images, or cannot learn on."""
        super().check(images)
        if self.encoder is None:
            return
        encoder = find_encoder(self.encoder)
        PlanesEncoder(encoder, images.image_shape, self.longer_side)
        if self.learns and not encoder.is_trainable:
            raise InputError(f"encoder={self.encoder}: it cannot learn on; set encoder_rate=0, or take another")

    @property
    def learns(self) -> bool:
        """Whether the encoder learns from views; a pretrained one may be left as it is."""
        return self.encoder is None or self.encoder_rate > 0

    @property
    def longer_side(self) -> int | None:
        """`image_size`, with ``auto`` made definite."""
        return PRETRAINED_SIDE if self.image_size == "auto" and self.encoder is not None else super().longer_side

    def input_notes(self) -> list[str]:
        """As of its base; what a pretrained encoder is shown is said with it."""
        return super().input_notes() if self.encoder is None else []

    def encoder_stages(self, fit: FitContext) -> list[Stage]:
        """Scale of the pixels, and the encoder."""
        second = fit.stage("learn", self.learn) if self.learns else fit.stage("load", self.take_encoder)
        return [fit.stage("scale", self.scale), second]

    def examples(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Views of some images, where the network learns from views."""
        return super().examples(fit, outputs) if self.learns else {}

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
        fit.trainer.fit(network, self.shown(fit), objective, self.settled(self.training, fit), callbacks=callbacks)
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

    def shown(self, fit: FitContext) -> ImageSet:
        """The images that views are made of: reduced ones, but for a pretrained encoder, which brings them to its own size."""
        return super().shown(fit) if self.encoder is None else fit.images

    def find_normalizer(self, images: ImageSet) -> PixelNormalizer:
        """Standardised pixels, and for a pretrained encoder those in [0, 1]."""
        return super().find_normalizer(images) if self.encoder is None else PixelNormalizer(*images.value_range())

    def empty_normalizer(self) -> PixelNormalizer:
        """A scale into which a saved one is loaded."""
        return PixelNormalizer(likelihood="gaussian" if self.encoder is None else "bernoulli")

    def build_encoder(self) -> ResidualEncoder | PlanesEncoder:
        """The encoder for images of ``image_shape_``: the pretrained one, or a small one with random weights."""
        if self.encoder is not None:
            return PlanesEncoder(find_encoder(self.encoder), self.image_shape_, self.longer_side)
        return ResidualEncoder(self.shown_shape, self.filters)

    def encoder_state(self, outputs: StageOutputs) -> StageOutputs:
        """Encoder and scale of the pixels, and what a pretrained encoder is."""
        about = {name: outputs[name] for name in ("encoder_about",) if name in outputs}
        return {**super().encoder_state(outputs), **about}

    def load_encoder(self, state: StageOutputs) -> None:
        """Build the encoder."""
        if "encoder_about" not in state:
            return super().load_encoder(state)
        self.normalizer_ = load_weights(self.empty_normalizer(), state["intensity"], self.device_)
        encoder = rebuild_encoder(state["encoder_about"], state["encoder"])
        planes = PlanesEncoder(encoder, self.image_shape_, self.longer_side).to(self.device_).eval()
        self.preprocessor_, self.encoder_ = Preprocessor(self.normalizer_), ImageEncoder(planes, self.normalizer_)
        return None

    def embed(self, pixels: Tensor) -> Tensor:
        """What the encoder makes of images: the mean of its last map."""
        if self.encoder is None:
            return super().embed(pixels)
        embedding: Tensor = self.encoder_(pixels)
        return embedding

    def run_values(self) -> dict[str, Any]:
        """``encoder``: name, hash, licence and source of the weights it began with, and what it was shown."""
        encoder: Any = self.encoder_
        if isinstance(encoder, ImageEncoder):
            planes = encoder.planes
            about = {**encoder_about(planes), "assumed": assumptions(planes, self.image_shape_)}
        else:
            about = {"name": f"residual network of {self.filters} filters", "image_size": list(self.shown_size)}
            about |= {"features": encoder.features}
        return {"encoder": {**about, "use": self._use}}


def _kept(encoder: Any) -> StageOutputs:
    """What a model keeps of an encoder."""
    if isinstance(encoder, PlanesEncoder):
        return {"encoder": dict(encoder.encoder.state()), "encoder_about": encoder.encoder.description()}
    return {"encoder": dict(encoder.state_dict())}
