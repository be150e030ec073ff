"""`st-dac`: deep adaptive clustering with spatial transformers, which set images upright while the groups are learnt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge, Gt, Interval, Lt
from numpy.typing import NDArray

from facies.errors import InputError
from facies.images import ImageSet
from facies.methods.dac.base import FORMER_PARAMETERS, DACBase, PairTraining
from facies.methods.dac.losses import STDACObjective
from facies.methods.dac.regroup import Regrouping
from facies.methods.preprocessing import Preprocessor
from facies.nn import STDACNetwork, ThetaInit, map_sizes
from facies.nn.spatial_transformer import MIN_SIDE
from facies.parameters import Count, Weight, settings

PLACES = ("at the input", "after block 1", "after block 2", "after block 3")


@dataclass(kw_only=True)
class STDACTraining(PairTraining):
    """Training by pairs of images, which are regrouped meanwhile."""

    regroup: tuple[Annotated[float, Gt(0), Lt(1)], ...] = ()
    """After these shares of the epochs all images are put into groups anew, by what the convolutions say of them. Keeps large
    kinds from being split and small ones from being glued together."""


@dataclass(kw_only=True, eq=False, repr=False)
class STDAC(DACBase):
    """Deep adaptive clustering with spatial transformers.

    A network says to which of K groups an image belongs, and learns from its own pairs: images of which it says nearly the
    same are alike, all others are not. Spatial transformers in it turn, shift and enlarge what it sees.

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
    citation: ClassVar[str] = "Souza and Zanchettin, 2019"
    summary: ClassVar[str] = (
        "A convolutional network with {0.n_transformers} spatial transformers, which set the images upright, was trained to give each "
        "image a vector of memberships: pairs of images whose vectors have a cosine above a threshold, which fell from {0.upper:g} to "
        "{0.lower:g}, were drawn together and the others apart, and two views of an image were to give the same (weight "
        "{0.consistency:g}). An image belongs to the group of its largest membership."
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "quick": {
            "filters": 16,
            "hidden_size": 256,
            "training.learning_rate": 1e-3,
            "training.schedule": "one-cycle",
            "augmentation.margin": 0.16,
            "training.regroup": (0.3, 0.6),
            "n_init": 2,
            "restarts": 2,
        },
        "fashion": {
            "lower": 0.9,
            "augmentation.rotation": 20.0,
            "augmentation.zoom": 0.15,
            "augmentation.shift": 0.18,
            "augmentation.flip": True,
            "augmentation.channel_shift": 0.1,
            "augmentation.factor": 0.95,
        },
    }
    test_parameters: ClassVar[Mapping[str, Any]] = {
        "n_clusters": 3,
        "filters": 4,
        "hidden_size": 16,
        "n_init": 2,
        "training.epochs": 2,
        "training.batch_size": 16,
        "training.pairing_batch_size": 32,
    }
    former_parameters: ClassVar[Mapping[str, str | tuple[str, ...]]] = {
        **FORMER_PARAMETERS,
        "epochs": "training.epochs",
    }

    n_transformers: Annotated[int, Ge(0)] = 2
    """How many spatial transformers; 0 leaves images as they lie."""
    transformer_places: tuple[Annotated[int, Interval(ge=0, le=3)], ...] = (0, 2, 3)
    """Where they stand, the first `n_transformers` of these: 0 is the input, b after the convolution of block b."""
    theta_init: ThetaInit = "tanh_identity"
    """Where transformers begin: enlarging 1.31 times, as in the authors' code, or leaving images as they are."""
    hidden_size: Count = 3096
    """Units of the dense layer."""
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.5
    """Share of the dense layer's units that a training step leaves out."""
    upper: Annotated[float, Interval(gt=0, lt=1)] = 0.99
    """Likeness beyond which two images are alike in the first epoch; larger values begin with fewer and surer pairs."""
    lower: Annotated[float, Interval(gt=0, lt=1)] = 0.8
    """Likeness beyond which two images are alike after the last epoch; never above `upper`."""
    consistency: Weight = 10.0
    """Weight of the loss that holds a view to what its image was; the authors' code has 10."""
    pose_consistency: bool = False
    """With the same weight, hold also the pose of a view to that of its image; only with a transformer at the input."""
    training: STDACTraining = settings(STDACTraining, epochs=10, batch_size=32, learning_rate=1e-4)
    """Training of the network."""

    def n_epochs(self) -> int:
        """Epochs of the training."""
        return self.training.n_epochs

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
        super().check(images)
        if self.training.regroup and self.n_epochs() < 2:
            raise InputError(
                f"training.regroup={list(self.training.regroup)}: no epoch comes after it; give training.epochs=2 or more, "
                "or set training.regroup=[]"
            )
        if self.n_transformers > len(self.transformer_places):
            raise InputError(
                f"n_transformers={self.n_transformers}: give 0 to {len(self.transformer_places)}, as many as "
                "transformer_places names"
            )
        if len(set(self.transformer_places)) < len(self.transformer_places):
            raise InputError(
                f"transformer_places={list(self.transformer_places)}: give different numbers from 0 (the input) to 3 "
                "(after block 3)"
            )

    def _check_size(self, image_shape: tuple[int, ...]) -> None:
        super()._check_size(image_shape)
        size = self.network_shape(image_shape)[-2:]
        fitting = fitting_places(size)
        for place in self.places:
            if place not in fitting:
                height, width = map_sizes(size)[place]
                raise InputError(
                    f"images of {size[0]} × {size[1]} pixels: the transformer {PLACES[place]} would see {height} × {width}, and "
                    f"needs {MIN_SIDE} or more a side; transformers fit {_listed(fitting)}: "
                    "set transformer_places or n_transformers"
                )

    def _size_hint(self, size: tuple[int, int]) -> str:
        fitting = fitting_places(size)
        return f" (transformers would fit {_listed(fitting)})" if fitting else " (no transformer would fit)"

    def build(self, shape: tuple[int, int, int]) -> STDACNetwork:
        """The network for inputs of this shape (L·C, H, W), with random weights."""
        return STDACNetwork(
            shape,
            self.n_clusters,
            filters=self.filters,
            hidden_size=self.hidden_size,
            dropout=self.dropout,
            transformers=self.places,
            theta_init=self.theta_init,
        )

    def regrouping(
        self, images: ImageSet, preprocessor: Preprocessor, order: NDArray[np.int64], seed: int
    ) -> Regrouping | None:
        """After the epochs that `training.regroup` says, but not before the first and not after the last."""
        if not self.training.regroup:
            return None
        epochs = self.n_epochs()
        after = sorted({min(max(1, round(share * epochs)), epochs - 1) for share in self.training.regroup})
        return Regrouping(images, preprocessor, order, self.n_clusters, after, seed)

    def objective(self, preprocessor: Preprocessor, regrouping: Regrouping | None) -> STDACObjective:
        """DAC* with consistency."""
        pose = self.pose_consistency and self.has_canonical_pose
        return STDACObjective(
            preprocessor,
            self.augmentation.transform(),
            self.training.pairing_batch_size,
            epochs=self.n_epochs(),
            upper=self.upper,
            lower=self.lower,
            consistency=self.consistency,
            pose=pose,
            regrouping=regrouping,
        )


def fitting_places(size: tuple[int, int]) -> list[int]:
    """Where transformers fit in the network of images of this height and width."""
    return [place for place, each in enumerate(map_sizes(size)) if min(each) >= MIN_SIDE]


def _listed(places: list[int]) -> str:
    words = [PLACES[place] for place in places]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
