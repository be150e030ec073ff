"""`st-dac`: deep adaptive clustering with spatial transformers, which set images upright while the groups are learnt."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from facies.errors import InputError
from facies.images import ImageSet
from facies.methods.dac.base import DACBase
from facies.methods.dac.losses import Shown, STDACObjective
from facies.nn import STDACNetwork, ThetaInit, map_sizes
from facies.nn.spatial_transformer import SMALLEST_SIDE

PLACES = ("at the input", "after block 1", "after block 2", "after block 3")


class STDAC(DACBase):
    """Deep adaptive clustering with spatial transformers.

    A network says to which of K groups an image belongs, and learns from its own pairs: images of which it says nearly the
    same are alike, all others are not. Spatial transformers in it turn, shift and enlarge what it sees.

    Parameters
    ----------
    n_transformers : int, default=2
        How many spatial transformers, 0 to 3.
    transformer_places : tuple of int, default=(0, 2, 3)
        Where they stand, the first `n_transformers` of these: 0 is the input, b after the convolution of block b.
    theta_init : {"tanh_identity", "identity"}, default="tanh_identity"
        Where transformers begin: enlarging 1.31 times, as in the authors' code, or leaving images as they are.
    image_size : int or None, default=None
        Longer side to which images are downsample for the network; None, or more than they have, leaves them as they are.
    filters : int, default=64
        Of the first convolution; the second has twice, the third four times as many.
    hidden_size : int, default=3096
        Numbers of the dense layer.
    dropout : float, default=0.5
        Share of them left out in a training step.
    n_clusters : int, default=10
        K.
    upper, lower : float, default=0.99, 0.8
        Likeness beyond which two images are alike, in the first epoch, and after the last.
    consistency : float, default=10.0
        Weight of the loss that holds an image as shown to what it was untouched.
    pose_consistency : bool, default=False
        With the same weight, hold also the map that a transformer at the input says of an image as shown to what it says of the
        image untouched; where there is no such transformer, there is nothing to hold.
    chunk_size : int, default=1000
        Images that are compared with one another at once.
    rotation : float, default=10.0
        Degrees by which images are shown turned.
    zoom : float, default=0.05
        Part by which they are shown larger or smaller.
    shift : float, default=0.1
        Part of their sides by which they are shown shifted.
    flip : bool, default=False
        Show every second image mirrored.
    channel_shift : float, default=0.05
        Part of the range of the pixels by which channels are shown brighter or darker.
    factor : float, default=0.975
        By which the pixels of what is shown are multiplied.
    epochs : int, default=10
        Of the training.
    batch_size : int, default=32
        Images a step.
    learning_rate : float, default=1e-4
        Of Adam; with ``one-cycle`` the highest.
    schedule : {"constant", "one-cycle"}, default="constant"
        Of the learning rate.
    gradient_clip : float or None, default=None
        Largest norm of a gradient.
    batch_statistics : {"population", "running"}, default="population"
        What normalises images that are placed: mean and variance of all images learnt from, gathered after the training, or
        the moving averages of the training. In training it is the batch.
    n_init : int, default=1
        Trainings from different beginnings, of which the one with the least loss is kept.
    restarts : int, default=0
        How often to begin anew where the groups collapse.
    n_neighbors : int, default=15
        Of the map.
    min_dist : float, default=0.1
        Of the map.
    random_state : int, default=0
        Seed.
    accelerator, devices, strategy, precision
        What to compute on (see `facies.training.Hardware`).

    References
    ----------
    .. [1] T. V. M. Souza, C. Zanchettin, "Improving deep image clustering with spatial transformer layers", ICANN 2019,
       arXiv:1902.05401.
    """

    name: ClassVar[str] = "st-dac"
    title: ClassVar[str] = "Deep adaptive clustering with spatial transformers"
    reference: ClassVar[str] = (
        "T. V. M. Souza, C. Zanchettin, Improving deep image clustering with spatial transformer layers. ICANN 2019, "
        "arXiv:1902.05401."
    )
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {},
        "quick": {
            "filters": 16,
            "hidden_size": 256,
            "learning_rate": 1e-3,
            "schedule": "one-cycle",
            "n_init": 4,
            "restarts": 2,
        },
    }

    def __init__(
        self,
        *,
        n_transformers: int = 2,
        transformer_places: tuple[int, ...] = (0, 2, 3),
        theta_init: ThetaInit = "tanh_identity",
        image_size: int | None = None,
        filters: int = 64,
        hidden_size: int = 3096,
        dropout: float = 0.5,
        n_clusters: int = 10,
        upper: float = 0.99,
        lower: float = 0.8,
        consistency: float = 10.0,
        pose_consistency: bool = False,
        chunk_size: int = 1000,
        rotation: float = 10.0,
        zoom: float = 0.05,
        shift: float = 0.1,
        flip: bool = False,
        channel_shift: float = 0.05,
        factor: float = 0.975,
        epochs: int = 10,
        batch_size: int = 32,
        learning_rate: float = 1e-4,
        schedule: Literal["constant", "one-cycle"] = "constant",
        gradient_clip: float | None = None,
        batch_statistics: Literal["population", "running"] = "population",
        n_init: int = 1,
        restarts: int = 0,
        n_neighbors: int = 15,
        min_dist: float = 0.1,
        random_state: int = 0,
        accelerator: str = "auto",
        devices: int = 1,
        strategy: str = "auto",
        precision: str = "auto",
    ) -> None:
        self.n_transformers = n_transformers
        self.transformer_places = transformer_places
        self.theta_init = theta_init
        self.image_size = image_size
        self.filters = filters
        self.hidden_size = hidden_size
        self.dropout = dropout
        self.n_clusters = n_clusters
        self.upper = upper
        self.lower = lower
        self.consistency = consistency
        self.pose_consistency = pose_consistency
        self.chunk_size = chunk_size
        self.rotation = rotation
        self.zoom = zoom
        self.shift = shift
        self.flip = flip
        self.channel_shift = channel_shift
        self.factor = factor
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.gradient_clip = gradient_clip
        self.batch_statistics = batch_statistics
        self.n_init = n_init
        self.restarts = restarts
        self.n_neighbors = n_neighbors
        self.min_dist = min_dist
        self.random_state = random_state
        self.accelerator = accelerator
        self.devices = devices
        self.strategy = strategy
        self.precision = precision

    @property
    def n_epochs(self) -> int:
        """`epochs`."""
        return self.epochs

    @property
    def places(self) -> tuple[int, ...]:
        """Where transformers stand."""
        return tuple(self.transformer_places[: self.n_transformers])

    @property
    def has_canonical_pose(self) -> bool:
        """Whether a transformer stands at the input."""
        return 0 in self.places

    def check(self, images: ImageSet) -> None:
        """Refuse also transformers that do not fit."""
        for name in ("hidden_size", "epochs"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}={getattr(self, name)}: give 1 or more")
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout={self.dropout:g}: give 0 or more, and less than 1")
        if self.consistency < 0:
            raise InputError(f"consistency={self.consistency:g}: give 0 or more (the authors' code has 10)")
        if not 0 <= self.n_transformers <= len(self.transformer_places):
            raise InputError(
                f"n_transformers={self.n_transformers}: give 0 to {len(self.transformer_places)}, as many as transformer_places names"
            )
        wrong = [place for place in self.transformer_places if place not in range(len(PLACES))]
        if wrong or len(set(self.transformer_places)) < len(self.transformer_places):
            raise InputError(
                f"transformer_places={list(self.transformer_places)}: give different numbers from 0 (the input) to 3 (after block 3)"
            )
        super().check(images)

    def _check_size(self, image_shape: tuple[int, ...]) -> None:
        super()._check_size(image_shape)
        size = self.seen_shape(image_shape)[-2:]
        fitting = fitting_places(size)
        for place in self.places:
            if place not in fitting:
                height, width = map_sizes(size)[place]
                raise InputError(
                    f"images of {size[0]} × {size[1]} pixels: the transformer {PLACES[place]} would see {height} × {width}, and "
                    f"needs {SMALLEST_SIDE} or more a side; transformers fit {_listed(fitting)}: "
                    "set transformer_places or n_transformers"
                )

    def _size_hint(self, size: tuple[int, int]) -> str:
        """Which transformers would fit."""
        fitting = fitting_places(size)
        return f" (transformers would fit {_listed(fitting)})" if fitting else " (no transformer would fit)"

    def build(self, image_shape: tuple[int, ...]) -> STDACNetwork:
        """The network for images of this shape, with random weights."""
        return STDACNetwork(
            self.seen_shape(image_shape),
            self.n_clusters,
            filters=self.filters,
            hidden_size=self.hidden_size,
            dropout=self.dropout,
            transformers=self.places,
            theta_init=self.theta_init,
        )

    def objective(self, shown: Shown) -> STDACObjective:
        """DAC* with consistency."""
        pose = self.pose_consistency and self.has_canonical_pose
        return STDACObjective(shown, self.augment(), self.epochs, self.upper, self.lower, self.consistency, pose)


def fitting_places(size: tuple[int, int]) -> list[int]:
    """Where transformers fit in the network of images of this height and width."""
    return [place for place, each in enumerate(map_sizes(size)) if min(each) >= SMALLEST_SIDE]


def _listed(places: list[int]) -> str:
    words = [PLACES[place] for place in places]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
