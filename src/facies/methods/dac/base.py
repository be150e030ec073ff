"""What `st-dac` and `dac` have in common: parameters, stages, and what they refuse."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Interval, Le, Lt
from numpy.typing import NDArray
from torch import Tensor, nn

from facies.errors import FaciesWarning, InputError
from facies.images import ImageSet, RandomAffine
from facies.methods.base import Method
from facies.methods.dac.frame import Frame, FramedPreprocessor, learn_frame
from facies.methods.dac.losses import PairObjective
from facies.methods.dac.monitor import PairMonitor, read_in_order, set_upright
from facies.methods.dac.regroup import Regrouping
from facies.methods.dac.restarts import Restart, Restarts
from facies.methods.downsample import downsampled_shape
from facies.methods.fit_context import FitContext
from facies.methods.partition import refuse_more_groups_than_images
from facies.methods.preprocessing import Preprocessor, channels_shape, learn_normalizer
from facies.methods.weights import load_weights
from facies.nn import PixelNormalizer, probabilities, recompute_batch_norm_statistics
from facies.parameters import Count, Fraction, Positive, Settings, settings
from facies.training import Callback, Projection, Stage, StageOutputs, Training

MIN_SIDE = 8
MIN_BATCH_SIZE = 4
MAX_EXAMPLES = 32


@dataclass(kw_only=True)
class DACAugmentation(Settings):
    """Random views of the scaled images; what comes in from outside of an image is the value of its border."""

    rotation: Annotated[float, Interval(ge=0, le=180)] = 10.0
    """Largest turn in degrees, either way."""
    zoom: Annotated[float, Ge(0), Lt(1)] = 0.05
    """Largest change of size, as a share."""
    shift: Fraction = 0.1
    """Largest shift along each side, as a share of the side."""
    flip: bool = False
    """Mirror every second view; only where a mirrored thing is of the same kind."""
    channel_shift: Fraction = 0.05
    """Largest change of brightness of a channel, as a share of the range of the pixels."""
    factor: Positive = 0.975
    """Factor of all pixels of a view."""
    margin: Annotated[float, Ge(0), Le(1)] = 0.0
    """Margin on each side, as a share of the shorter one, that images get whose contents reach the border of a plain ground; others,
    and photographs without a ground, get none. So nothing is out of sight where views are shifted and enlarged."""

    def transform(self) -> RandomAffine:
        """The random map of a batch of images."""
        return RandomAffine(
            self.rotation,
            self.zoom,
            self.shift,
            flip=self.flip,
            padding="border",
            channel_shift=self.channel_shift,
            factor=self.factor,
        )


@dataclass(kw_only=True)
class PairTraining(Training):
    """Training by pairs of images."""

    pairing_batch_size: Count = 1000
    """Images that are compared with one another at once; more find more pairs, and need a matrix of their square."""


FORMER_PARAMETERS = {
    **{name: f"augmentation.{name}" for name in ("rotation", "zoom", "shift", "flip", "channel_shift", "factor")},
    **{name: f"training.{name}" for name in ("batch_size", "learning_rate", "schedule", "gradient_clip")},
    **{name: f"projection.{name}" for name in ("n_neighbors", "min_dist")},
    "chunk_size": "training.pairing_batch_size",
}
"""Names of format 1."""

Threshold = Annotated[float, Gt(0), Lt(1)]


@dataclass(kw_only=True, eq=False, repr=False)
class DACBase(Method):
    """A network whose softmax over K groups learns from the pairs that it finds alike itself.

    A subclass builds its network (`build`) and its `objective`, and says for how long it learns (`n_epochs`).
    """

    supported_inputs: ClassVar[tuple[str, ...]] = ("images", "focal stacks")
    former_parameters: ClassVar[Mapping[str, str | tuple[str, ...]]] = FORMER_PARAMETERS

    n_clusters: Annotated[int, Ge(2)] = 10
    """Number of groups, K."""
    image_size: Count | None = None
    """Longer side, in pixels, to which larger images are reduced for the network; null leaves them as they are."""
    filters: Count = 64
    """Filters of the first convolution; later ones have up to four times as many."""
    upper: Threshold = 0.95
    """Likeness beyond which two images are alike at the beginning; larger values begin with fewer and surer pairs."""
    lower: Threshold = 0.455
    """The other end of the threshold; never above `upper`."""
    augmentation: DACAugmentation = settings(DACAugmentation)
    """Views from which the network learns."""
    training: PairTraining = settings(PairTraining)
    """Training of the network."""
    batch_statistics: Literal["population", "running"] = "population"
    """What normalises new images: mean and variance of all images learnt from, computed after the training, or the moving
    averages of the training. In training it is the batch."""
    n_init: Count = 1
    """Trainings from different beginnings, of which the one with the least loss is kept."""
    restarts: Annotated[int, Ge(0)] = 0
    """How often to begin anew where the groups collapse."""
    projection: Projection = settings(Projection)
    """The map."""

    @abstractmethod
    def n_epochs(self) -> int:
        """Epochs of the training."""

    @abstractmethod
    def build(self, shape: tuple[int, int, int]) -> nn.Module:
        """The network for inputs of this shape (L·C, H, W), with random weights."""

    @abstractmethod
    def objective(self, preprocessor: Preprocessor, regrouping: Regrouping | None) -> PairObjective:
        """What the training minimises."""

    def regrouping(
        self, images: ImageSet, preprocessor: Preprocessor, order: NDArray[np.int64], seed: int
    ) -> Regrouping | None:
        """What puts the images into groups anew in a training; None for nothing."""
        return None

    def network_shape(self, image_shape: tuple[int, ...]) -> tuple[int, int, int]:
        """(L·C, H, W) of what the network is given of images of this shape."""
        return channels_shape(downsampled_shape(image_shape, self.image_size))

    def check(self, images: ImageSet) -> None:
        """Refuse also numbers that contradict one another, and images too small or too few."""
        super().check(images)
        self.n_epochs()
        self._check_numbers()
        self._check_size(images.image_shape)
        refuse_more_groups_than_images(self.n_clusters, len(images))

    def _check_numbers(self) -> None:
        size, devices = self.training.batch_size, self.hardware.devices
        if size < MIN_BATCH_SIZE:
            raise InputError(f"training.batch_size={size}: give {MIN_BATCH_SIZE} or more")
        if self.n_clusters > size // devices:
            each = f" on each of {devices} devices" if devices > 1 else ""
            raise InputError(
                f"n_clusters={self.n_clusters}: more groups than a batch holds images ({size // devices}{each}); "
                f"set training.batch_size={devices * 3 * self.n_clusters}, or fewer groups"
            )
        pairing = self.training.pairing_batch_size
        if pairing < size:
            raise InputError(f"training.pairing_batch_size={pairing}: it holds at least a batch; give {size} or more")
        if self.lower > self.upper:
            raise InputError(f"upper={self.upper:g}, lower={self.lower:g}: lower is never above upper")

    def _check_size(self, image_shape: tuple[int, ...]) -> None:
        _, height, width = self.network_shape(image_shape)
        if min(height, width) < MIN_SIDE:
            small = self.image_size is not None and min(image_shape[-2:]) >= MIN_SIDE
            mend = f"set image_size={MIN_SIDE} or more" if small else "enlarge them"
            hint = self._size_hint((height, width))
            raise InputError(
                f"images of {height} × {width} pixels: {self.name} needs {MIN_SIDE} or more a side{hint}; {mend}"
            )

    def _size_hint(self, size: tuple[int, int]) -> str:
        """Words on which of the network's parts would still fit images too small."""
        return ""

    def stages(self, fit: FitContext) -> list[Stage]:
        """Scale, the network, its statistics, the groups, and a map."""
        statistics = (
            [fit.stage("statistics", self.recompute_batch_norm)] if self.batch_statistics == "population" else []
        )
        return [
            fit.stage("scale", self.scale),
            fit.stage("learn", self.learn),
            *statistics,
            fit.stage("assign", self.assign),
            fit.stage("projection", lambda fit, outputs: fit.project(outputs, self.projection)),
        ]

    def scale(self, fit: FitContext, _: StageOutputs) -> StageOutputs:
        """Stage: scale of the pixels to [0, 1], less their mean, and the margin that they need."""
        scale = learn_normalizer(self._network_images(fit), "gaussian")
        low, span = float(scale.low), float(scale.span)
        size = self.network_shape(fit.images.image_shape)[-2:]
        frame = learn_frame(fit.images, (low, low + span), size, self.augmentation.margin)
        mean = frame.mean(float(scale.mean), (low, span), size)
        normalizer = PixelNormalizer(low, low + span, mean, 1.0, "gaussian")
        return {
            "intensity": dict(normalizer.state_dict()),
            "whole_numbers": fit.images.dtype == np.uint8,
            "margin": frame.margin,
            "ground": np.array(frame.ground, dtype=np.float32),
            "notes": frame.notes(size),
        }

    def learn(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: the network, by the pairs that it finds itself; the best, if asked, of several trainings."""
        rows = np.unique(np.linspace(0, len(fit.images) - 1, min(MAX_EXAMPLES, len(fit.images))).astype(np.int64))
        restarts = Restarts(self.n_clusters, self.n_init, self.restarts)
        best = restarts.best_of(lambda number: self._train(fit, outputs, restarts.max_positives, number, rows))
        collapse = restarts.collapse_notes()
        if restarts.all_collapsed:
            warnings.warn(collapse[0], FaciesWarning, stacklevel=2)
        learned: StageOutputs = {"network": best.weights, "epoch_labels": best.monitor.epoch_labels}
        learned["notes"] = outputs["notes"] + collapse + restarts.choice_notes(best) + best.notes
        if self.has_canonical_pose:
            examples = [best.monitor.state["examples first"], best.monitor.state["examples last"]]
            learned |= {"epoch_examples": torch.stack(examples).numpy(), "example_rows": rows}
        return learned

    def _train(
        self, fit: FitContext, outputs: StageOutputs, max_positives: float, number: int, rows: NDArray[np.int64]
    ) -> Restart:
        images, preprocessor = self._network_images(fit), self._preprocessor(fit.images.image_shape, outputs)
        shape = preprocessor.network_shape(fit.images.image_shape)
        network: nn.Module = fit.trainer.build(lambda: self.build(shape))
        examples = fit.images.__getitems__(rows) if self.has_canonical_pose else None
        monitor = PairMonitor(images, preprocessor, self._order(fit), max_positives, examples)
        regrouping = self.regrouping(images, preprocessor, self._order(fit), fit.trainer.seed("regroup", number))
        callbacks: list[Callback] = [monitor] if regrouping is None else [monitor, regrouping]
        objective, training = self.objective(preprocessor, regrouping), self.training.with_n_epochs(self.n_epochs())
        result = fit.trainer.fit(network, images, objective, training, callbacks=callbacks)
        if number > 1:
            for row in result.rows:
                row["stage"] = f"{row['stage']} {number}"
        weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        return Restart(result, weights, monitor, [] if regrouping is None else regrouping.notes)

    def recompute_batch_norm(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: mean and variance of all images in each normalisation, in place of those of a batch."""
        preprocessor = self._preprocessor(fit.images.image_shape, outputs).to(self.device_)
        shape = preprocessor.network_shape(fit.images.image_shape)
        network = load_weights(self.build(shape), outputs["network"], self.device_)
        images = self._network_images(fit)
        with fit.trainer.progress("statistics", len(images), "images") as progress:

            def batches() -> Iterator[Tensor]:
                for batch in read_in_order(images, self._order(fit), self.device_):
                    yield preprocessor.transform(batch.images)
                    progress.advance(len(batch.images))

            recompute_batch_norm_statistics(network, batches)
        return {"network": dict(network.state_dict())}

    def assign(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: probabilities and group of each image."""
        assigned = super().assign(fit, {**outputs, "n_clusters": self.n_clusters})
        n_used = len(np.unique(assigned["labels_"]))
        notes = list(outputs["notes"])
        if n_used < self.n_clusters:
            notes.append(f"{n_used} of the {self.n_clusters} groups hold images; the others are empty")
        return {**assigned, "n_clusters": self.n_clusters, "notes": notes}

    def model_state(self, outputs: StageOutputs) -> StageOutputs:
        """Network and scale of the pixels; how the groups came about stays with this object."""
        course = ("epoch_labels", "epoch_examples", "example_rows")
        self.course_: dict[str, NDArray[Any]] = {name: outputs[name] for name in course if name in outputs}
        names = ("n_clusters", "intensity", "whole_numbers", "margin", "ground", "network")
        return {name: outputs[name] for name in names}

    def load_state(self, state: StageOutputs) -> None:
        """Build the network."""
        self.preprocessor_ = self._preprocessor(self.image_shape_, state).to(self.device_)
        shape = self.preprocessor_.network_shape(self.image_shape_)
        self.network_ = load_weights(self.build(shape), state["network"], self.device_)

    def embed(self, pixels: Tensor) -> Tensor:
        """The K numbers of which the softmax is taken, before they are rectified."""
        logits: Tensor = self.network_.logits(self.preprocessor_.transform(pixels))
        return logits

    def cluster_probabilities(self, pixels: Tensor) -> Tensor:
        """Softmax of the network."""
        return probabilities(self.embed(pixels))

    def embed_and_cluster(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Both, in one pass."""
        logits = self.embed(pixels)
        return logits, probabilities(logits)

    def to_canonical(self, pixels: Tensor) -> Tensor:
        """As the transformer at the input sets them."""
        if not self.has_canonical_pose:
            return super().to_canonical(pixels)
        return set_upright(self.network_, self.preprocessor_, pixels)

    def run_arrays(self) -> dict[str, NDArray[Any]]:
        """``epoch_labels`` (epochs, N); where images are set upright also ``epoch_examples`` (2, n, *image_shape) and
        ``example_rows``.
        """
        return dict(getattr(self, "course_", {}))

    def _order(self, fit: FitContext) -> NDArray[np.int64]:
        """Images in no order, for passes that normalise by batch statistics: sorted ones would make batches of one kind."""
        return np.random.default_rng(fit.trainer.seed("order")).permutation(len(fit.images))

    def _preprocessor(self, image_shape: tuple[int, ...], state: StageOutputs) -> FramedPreprocessor:
        normalizer = load_weights(PixelNormalizer(likelihood="gaussian"), state["intensity"], torch.device("cpu"))
        size = self.network_shape(image_shape)[-2:]
        # Version 0.2 and earlier saved no margin.
        frame = Frame(int(state.get("margin", 0)), tuple(float(value) for value in state.get("ground", ())))
        return FramedPreprocessor(normalizer, size=size, whole_numbers=bool(state["whole_numbers"]), frame=frame)

    def _network_images(self, fit: FitContext) -> ImageSet:
        """The images at the size of the network."""
        same = self.network_shape(fit.images.image_shape)[-2:] == fit.images.image_shape[-2:]
        return fit.images if same else fit.downsampled(self.image_size)
