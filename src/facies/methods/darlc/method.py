"""`darlc`: dual advancement of representation learning and clustering (Li et al., ACM MM 2024)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Ge, Interval
from numpy.typing import NDArray
from torch import Tensor

from facies.errors import InputError
from facies.images import ImageSet
from facies.methods.base import Method
from facies.methods.darlc.network import DARLCNetwork
from facies.methods.darlc.patterns import PatternTest
from facies.methods.darlc.stages import DARLCStages
from facies.methods.fit_context import FitContext
from facies.methods.weights import load_weights
from facies.parameters import Count, Fraction, Positive, settings
from facies.training import Projection, Stage, StageOutputs, Training

Ablation = Literal[
    "none", "contrast", "attention", "mixture", "student-t", "laplacian", "size", "pretraining", "module-2"
]
IMAGES_PER_GROUP = 30


@dataclass(kw_only=True, eq=False, repr=False)
class DARLC(Method):
    """Dual advancement of representation learning and clustering, for sparse and noisy images such as those of genes.

    Images without a spatial pattern are set aside. A vision transformer learns to draw an image from a fifth of its patches, and
    to tell images apart by a raw and a denoised view; then encoder and a mixture of Student-t distributions learn together.
    Pixels that were not measured (`ImageSet.measured`) count in no loss.

    References
    ----------
    .. [1] W. Li, Y. Xu, X. Zheng, S. Han, J. Wang, X. Sun, "Dual advancement of representation learning and clustering for
       sparse and noisy images", ACM MM 2024, arXiv 2409.01781.
    """

    name: ClassVar[str] = "darlc"
    title: ClassVar[str] = "Dual advancement of representation learning and clustering"
    reference: ClassVar[str] = (
        "W. Li, Y. Xu, X. Zheng, S. Han, J. Wang, X. Sun, Dual advancement of representation learning and clustering for sparse "
        "and noisy images. ACM Multimedia 2024."
    )
    citation: ClassVar[str] = "Li et al., 2024"
    summary: ClassVar[str] = (
        "Images whose spatial autocorrelation ({0.patterns.title}) had a false discovery rate above {0.patterns.q:g} were left "
        "unassigned. A vision transformer was "
        "trained to draw the standardised images from {0.mask_ratio:.0%} masked patches and by contrast of raw and denoised "
        "views; then the encoder and a mixture of Student-t distributions in {0.latent_size} dimensions were refined together."
    )
    estimates_n_clusters: ClassVar[bool] = True
    former_parameters: ClassVar[Mapping[str, str | tuple[str, ...]]] = {"pattern_q": "patterns.q"}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "quick": {
            "attention_width": 64, "denoising.epochs": 10, "pretraining.epochs": 5, "training.epochs": 5, "decay": 0.99,
        },
    }  # fmt: skip
    test_parameters: ClassVar[Mapping[str, Any]] = {
        "n_clusters": 4, "width": 16, "depth": 1, "latent_size": 8, "attention_width": 8, "denoising.epochs": 2,
        "pretraining.epochs": 2, "training.epochs": 2, "pretraining.batch_size": 20, "training.batch_size": 20,
        "denoising.batch_size": 20,
    }  # fmt: skip

    n_clusters: Annotated[int, Ge(2)] | Literal["auto", "eigen-gap"] = "auto"
    """Number of groups; ``auto`` makes one for 30 images, as the paper does, and ``eigen-gap`` reads it from the spectrum of the
    images' correlations, up to 100."""
    patterns: PatternTest = settings(PatternTest)
    """Which images are set aside, for they have no spatial pattern."""
    denoiser: Literal["auto", "registered", "per-image", "gaussian"] = "auto"
    """What makes the denoised view: graph attention over all images of one grid, over each image by itself, or a Gaussian.
    ``auto`` takes ``registered`` where the images have a mask of measured pixels, as those of one tissue do."""
    attention_width: Count = 512
    """Hidden numbers a pixel of the denoiser; more follow the images more closely."""
    width: Annotated[int, Ge(4)] = 64
    """Numbers in a token of the transformer, a multiple of four and of `heads`; more hold more of an image."""
    depth: Count = 4
    """Blocks of the transformer."""
    heads: Count = 4
    """Attention heads in a block."""
    mask_ratio: Annotated[float, Interval(ge=0, le=0.95)] = 0.8
    """Share of the patches that are hidden; with more, an image has to be guessed from less."""
    thinning: Annotated[float, Interval(ge=0, lt=1)] | None = None
    """Share of its pixels that each view of the contrast loses at random, so that images are told apart by what they show and not
    by which of its pixels are there; null is a half for images without a mask of measured pixels, and none for those of one tissue."""
    temperature: Positive = 0.5
    """Of the contrast; a smaller one looks at the most similar other images alone."""
    decay: Fraction = 0.999
    """Share of its weights that the slow copy of the encoder keeps at a step."""
    latent_size: Annotated[int, Ge(2)] = 32
    """Dimensions of the space in which the mixture is fitted."""
    tolerance: Fraction = 0.001
    """The joint training ends once no larger share of the images has changed its group in an epoch."""
    ablation: Ablation = "none"
    """Leave out one piece, to measure what it is worth: ``contrast``; ``attention`` (Gaussian smoothing in its place);
    ``mixture`` (k-means at the end); ``student-t`` (a Gaussian mixture); ``laplacian``; ``size``; ``pretraining``; ``module-2``
    (no joint training)."""
    denoising: Training = settings(Training, epochs=30, batch_size=64)
    """How the denoiser is trained; it ends before it copies the images, noise and all."""
    pretraining: Training = settings(Training, epochs=50, batch_size=128)
    """How module I is trained."""
    training: Training = settings(Training, epochs=50, batch_size=128, learning_rate=1e-4)
    """How encoder and mixture are trained together."""
    projection: Projection = settings(Projection)
    """The map."""

    @property
    def asked_n_clusters(self) -> int | None:
        """How many groups the user asked for."""
        return self.n_clusters if isinstance(self.n_clusters, int) else None

    def check(self, images: ImageSet) -> None:
        """Refuse also too few images, and a transformer that cannot be built."""
        super().check(images)
        if self.width % 4 or self.width % self.heads:
            raise InputError(
                f"width={self.width}: give a multiple of 4 and of heads={self.heads}, such as {16 * self.heads}"
            )
        least = self.n_clusters if isinstance(self.n_clusters, int) else 4
        if len(images) < least:
            raise InputError(
                f"{len(images)} images are fewer than the {least} groups asked for; "
                f"give more images, or set n_clusters={max(2, len(images) // 10)}"
            )

    def stages(self, fit: FitContext) -> list[Stage]:
        """Patterns, denoiser, modules I and II, and the groups."""
        steps = DARLCStages(self)
        return [
            fit.stage("patterns", steps.find_patterns),
            fit.stage("denoise", steps.denoise),
            fit.stage("pretrain", steps.pretrain),
            fit.stage("advance", steps.advance),
            fit.stage("assign", self.assign),
            fit.stage("projection", lambda fit, outputs: fit.project(outputs, self.projection)),
        ]

    def assign(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: embedding, probabilities and group of every image; images without a pattern are −1."""
        made = super().assign(fit, outputs)
        patterned = outputs["patterned"].astype(bool)
        made["labels_"] = np.where(patterned, made["labels_"], -1)
        made["notes"] = [*outputs["notes"], *DARLCStages(self).group_notes(fit, made["labels_"])]
        return made

    def model_state(self, outputs: StageOutputs) -> StageOutputs:
        """The network, the mask, the groups that are left, and from which p-value an image has no pattern."""
        return {name: outputs[name] for name in ("n_clusters", "network", "measured", "kept", "largest_p")}

    def load_state(self, state: StageOutputs) -> None:
        """Build the network."""
        self.measured_: NDArray[np.bool_] = state["measured"].astype(bool)
        self.network_ = load_weights(
            self.build(self.image_shape_[0], self.measured_, len(state["kept"])), state["network"], self.device_
        )
        self.kept_ = torch.from_numpy(state["kept"].astype(bool)).to(self.device_)

    def build(self, channels: int, measured: NDArray[np.bool_], n_clusters: int) -> DARLCNetwork:
        """Make the network, with weights drawn at random."""
        return DARLCNetwork(
            torch.from_numpy(measured), channels, self.width, self.depth, self.heads, self.latent_size, n_clusters
        )

    def embed(self, pixels: Tensor) -> Tensor:
        """Code of each image in the space of the mixture."""
        return self.network_.codes(self.network_.scale(pixels))

    def cluster_probabilities(self, pixels: Tensor) -> Tensor:
        """Posterior of the mixture."""
        return self.embed_and_cluster(pixels)[1]

    def embed_and_cluster(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Code, and posterior of the mixture."""
        codes = self.embed(pixels)
        return codes, self.network_.mixture.joint(codes)[:, self.kept_].softmax(dim=1)

    def predict(self, images: Any) -> NDArray[np.int64]:
        """Most probable group, −1 for images without a pattern: (N,) int64."""
        return np.asarray(self.predict_table(images)["group"], np.int64)

    def predict_table(self, images: Any) -> dict[str, NDArray[Any]]:
        """Group and probability; the group of an image without a pattern is −1."""
        table = super().predict_table(images)
        largest = float(self.state_["largest_p"])
        if largest < 1:
            table["group"] = np.where(self._pattern_p(images) <= largest, table["group"], -1)
        return table

    def _pattern_p(self, images: Any) -> NDArray[np.float64]:
        inside = torch.from_numpy(self.measured_).to(self.device_)
        values = self._apply(lambda pixels: pixels.mean(dim=1)[:, inside], images)
        return self.patterns.measure([values], self.measured_, self.random_state)[0]
