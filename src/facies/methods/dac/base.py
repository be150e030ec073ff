"""What `st-dac` and `dac` have in common: their stages, how they place images, and what they refuse."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Literal

from numpy.typing import NDArray
from torch import Tensor, nn

from facies.errors import InputError
from facies.images import ImageSet, RandomAffine
from facies.methods.autoencoder import channels_shape
from facies.methods.base import Method, load_weights
from facies.methods.dac.losses import PairObjective, Shown, set_upright
from facies.methods.dac.stages import DACStages
from facies.methods.downsample import downsampled_shape
from facies.nn import PixelNormalizer, probabilities
from facies.training import Results, Stage, Trainer

SMALLEST_SIDE = 8
FEWEST_IN_BATCH = 4


class DACBase(Method):
    """A network whose softmax over K groups learns from the pairs that it finds alike itself.

    A subclass builds its network (`build`) and its `objective`, and says for how long it learns (`n_epochs`).
    """

    supported_inputs: ClassVar[tuple[str, ...]] = ("images", "focal stacks")

    image_size: int | None
    n_clusters: int
    filters: int
    chunk_size: int
    rotation: float
    zoom: float
    shift: float
    flip: bool
    channel_shift: float
    factor: float
    batch_size: int
    learning_rate: float
    schedule: Literal["constant", "one-cycle"]
    gradient_clip: float | None
    batch_statistics: Literal["population", "running"]
    n_init: int
    restarts: int
    upper: float
    lower: float
    n_neighbors: int
    min_dist: float

    @property
    @abstractmethod
    def n_epochs(self) -> int:
        """Epochs of the training."""

    @abstractmethod
    def build(self, image_shape: tuple[int, ...]) -> nn.Module:
        """The network for images of this shape, with random weights."""

    @abstractmethod
    def objective(self, shown: Shown) -> PairObjective:
        """What the training minimises."""

    def seen_shape(self, image_shape: tuple[int, ...]) -> tuple[int, int, int]:
        """(L·C, H, W) that the network sees of images of this shape."""
        return channels_shape(downsampled_shape(image_shape, self.image_size))

    def augment(self) -> RandomAffine:
        """How images are shown in training; ranges are shares of [0, 1], what comes in from outside is the border's."""
        return RandomAffine(
            self.rotation,
            self.zoom,
            self.shift,
            flip=self.flip,
            padding="border",
            channel_shift=self.channel_shift,
            factor=self.factor,
        )

    def check(self, images: ImageSet) -> None:
        """Refuse numbers that make no sense, and images too small or too few."""
        self._check_numbers()
        self._check_size(images.image_shape)
        if len(images) < self.n_clusters:
            raise InputError(
                f"{len(images)} images are fewer than the {self.n_clusters} groups asked for; "
                "give more images, or a smaller n_clusters"
            )

    def _check_numbers(self) -> None:
        smallest = {
            "filters": 1,
            "n_clusters": 2,
            "batch_size": FEWEST_IN_BATCH,
            "n_neighbors": 2,
            "n_init": 1,
            "restarts": 0,
        }
        for name, least in smallest.items():
            if getattr(self, name) < least:
                raise InputError(f"{name}={getattr(self, name)}: give {least} or more")
        share = self.batch_size // self.devices
        if self.n_clusters > share:
            each = f" on each of {self.devices} devices" if self.devices > 1 else ""
            raise InputError(
                f"n_clusters={self.n_clusters}: more groups than a batch holds images ({share}{each}); "
                f"set batch_size={self.devices * 3 * self.n_clusters}, or fewer groups"
            )
        if self.chunk_size < self.batch_size:
            raise InputError(
                f"chunk_size={self.chunk_size}: a chunk holds at least a batch; give {self.batch_size} or more"
            )
        if not 0 < self.lower <= self.upper < 1:
            raise InputError(
                f"upper={self.upper:g}, lower={self.lower:g}: thresholds lie between 0 and 1, and lower is not above upper"
            )
        try:
            self.augment()
        except ValueError as error:
            raise InputError(f"{error}; mend this parameter") from error

    def _check_size(self, image_shape: tuple[int, ...]) -> None:
        _, height, width = self.seen_shape(image_shape)
        if min(height, width) < SMALLEST_SIDE:
            small = self.image_size is not None and min(image_shape[-2:]) >= SMALLEST_SIDE
            mend = f"set image_size={SMALLEST_SIDE} or more" if small else "enlarge them"
            fits = self._size_hint((height, width))
            raise InputError(
                f"images of {height} × {width} pixels: {self.name} needs {SMALLEST_SIDE} or more a side{fits}; {mend}"
            )

    def _size_hint(self, size: tuple[int, int]) -> str:  # noqa: ARG002 - for those who have transformers
        """Words on which of the network's parts would still fit images too small."""
        return ""

    def stages(self, images: ImageSet, trainer: Trainer) -> list[Stage]:
        """Scale, the network, its statistics, the groups, and a map."""
        fit = DACStages(self, images, trainer)
        gather = [Stage("statistics", fit.gather)] if self.batch_statistics == "population" else []
        return [
            Stage("prepare", fit.prepare),
            Stage("learn", fit.learn),
            *gather,
            Stage("assign", fit.assign),
            Stage("map", fit.project),
        ]

    def learnt(self, found: Results) -> Results:
        """Network and scale of the pixels; how the groups came about stays with this object."""
        names = ("epoch_labels", "epoch_examples", "example_rows")
        self.course_: dict[str, NDArray[Any]] = {name: found[name] for name in names if name in found}
        return {name: found[name] for name in ("n_clusters", "intensity", "whole_numbers", "network")}

    def restore(self, state: Results) -> None:
        """Build the network."""
        intensity = load_weights(PixelNormalizer(likelihood="gaussian"), state["intensity"], self.device_)
        self.shown_ = Shown(intensity, self.seen_shape(self.image_shape_), bool(state["whole_numbers"]))
        self.network_ = load_weights(self.build(self.image_shape_), state["network"], self.device_)

    def embed(self, pixels: Tensor) -> Tensor:
        """The K numbers of which the softmax is taken, before they are rectified."""
        logits: Tensor = self.network_.logits(self.shown_(pixels))
        return logits

    def cluster_probabilities(self, pixels: Tensor) -> Tensor:
        """Softmax of the network."""
        return probabilities(self.embed(pixels))

    def upright(self, pixels: Tensor) -> Tensor:
        """As the transformer at the input sets them."""
        return set_upright(self.network_, self.shown_, pixels)

    def run_arrays(self) -> dict[str, NDArray[Any]]:
        """``epoch_labels`` (epochs, N); where it has_canonical_pose also ``epoch_examples`` (2, n, *image_shape) and ``example_rows``."""
        return dict(getattr(self, "course_", {}))
