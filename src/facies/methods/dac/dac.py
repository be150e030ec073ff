"""`dac`: deep adaptive clustering with two thresholds that close in, and an all-convolutional network."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from facies.errors import InputError
from facies.images import ImageSet
from facies.losses import n_epochs_until_thresholds_meet
from facies.methods.dac.base import DACBase
from facies.methods.dac.losses import DACObjective, Shown
from facies.nn import AllConvolutionalNetwork


class DAC(DACBase):
    """Deep adaptive clustering.

    A network says to which of K groups an image belongs, and learns from its own pairs: images of which it says nearly the
    same are alike, those of which it says very different things are not, and others do not count yet. From epoch to epoch
    more pairs count, until all do.

    Parameters
    ----------
    image_size : int or None, default=None
        Longer side to which images are downsample for the network; None, or more than they have, leaves them as they are.
    filters : int, default=64
        Of the first three convolutions; the next three have twice as many.
    n_clusters : int, default=10
        K.
    upper, lower : float, default=0.95, 0.455
        Likeness beyond which two images are alike, and below which they are not, in the first epoch.
    eta : float, default=0.009
        By how much the two close in: the training ends when they meet, with the default after 46 epochs.
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
    batch_size : int, default=128
        Images a step.
    learning_rate : float, default=1e-3
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
    .. [1] J. Chang, L. Wang, G. Meng, S. Xiang, C. Pan, "Deep adaptive image clustering", ICCV 2017.
    """

    name: ClassVar[str] = "dac"
    title: ClassVar[str] = "Deep adaptive clustering"
    reference: ClassVar[str] = (
        "J. Chang, L. Wang, G. Meng, S. Xiang, C. Pan, Deep adaptive image clustering. ICCV 2017, 5879–5887."
    )
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {},
        "quick": {"filters": 8, "eta": 0.04, "batch_size": 64, "restarts": 2},
    }

    def __init__(
        self,
        *,
        image_size: int | None = None,
        filters: int = 64,
        n_clusters: int = 10,
        upper: float = 0.95,
        lower: float = 0.455,
        eta: float = 0.009,
        chunk_size: int = 1000,
        rotation: float = 10.0,
        zoom: float = 0.05,
        shift: float = 0.1,
        flip: bool = False,
        channel_shift: float = 0.05,
        factor: float = 0.975,
        batch_size: int = 128,
        learning_rate: float = 1e-3,
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
        self.image_size = image_size
        self.filters = filters
        self.n_clusters = n_clusters
        self.upper = upper
        self.lower = lower
        self.eta = eta
        self.chunk_size = chunk_size
        self.rotation = rotation
        self.zoom = zoom
        self.shift = shift
        self.flip = flip
        self.channel_shift = channel_shift
        self.factor = factor
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
        """Until the thresholds meet."""
        return n_epochs_until_thresholds_meet(self.eta, self.upper, self.lower)

    def check(self, images: ImageSet) -> None:
        """Refuse also thresholds that never meet."""
        if self.eta <= 0:
            raise InputError(
                f"eta={self.eta:g}: the thresholds would never meet; give more than 0 (the paper has 0.009)"
            )
        super().check(images)

    def build(self, image_shape: tuple[int, ...]) -> AllConvolutionalNetwork:
        """The network for images of this shape, with random weights."""
        return AllConvolutionalNetwork(self.seen_shape(image_shape), self.n_clusters, filters=self.filters)

    def objective(self, shown: Shown) -> DACObjective:
        """The certain pairs."""
        return DACObjective(shown, self.augment(), self.eta, self.upper, self.lower)
