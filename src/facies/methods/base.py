"""The contract of every method: a scikit-learn estimator on images, made of named stages, saved without pickle."""

from __future__ import annotations

import importlib.metadata
import json
import math
import platform
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, ClassVar, Literal, Self, Union, get_args, get_origin, get_type_hints

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClusterMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from facies.errors import InputError
from facies.images import ImageSet, as_image_set, open_images
from facies.training import Hardware, Progress, Results, Stage, StageStore, Trainer, history_table
from facies.training.checkpoints import read_results, write_results
from facies.training.trainer import apply_in_batches

FORMAT = 1
HARDWARE_PARAMETERS = ("accelerator", "devices", "strategy", "precision")
BYTES_AT_ONCE = 2**26


@dataclass(frozen=True, eq=False)
class Partition:
    """One way in which a fitted method divides the images into groups.

    Parameters
    ----------
    labels : ndarray of int64, shape (n_images,)
        Group of each image, from 0; −1 is noise.
    description : str
        How the groups came about, in a few words for the user.
    probabilities : ndarray of float32, shape (n_images, n_clusters), optional
        Probability of each group; each row sums to 1.
    """

    labels: NDArray[np.int64]
    description: str
    probabilities: NDArray[np.float32] | None = None


class Method(ClusterMixin, TransformerMixin, BaseEstimator, ABC):
    """Learns from images, groups them, and places new ones.

    A subclass lists its `stages`, and says in `learnt` what they found and in `embed` and `membership` how an image is
    placed. Parameters are stored untouched by ``__init__`` and checked in `fit`.

    Attributes
    ----------
    labels_ : ndarray of shape (n_images,)
        Group of each image; −1 is noise.
    embedding_ : ndarray of shape (n_images, n_dimensions)
        Float32.
    probabilities_ : ndarray of shape (n_images, n_clusters_)
        Float32; rows sum to 1.
    projection_ : ndarray of shape (n_images, 2)
        Float32; for a map.
    n_clusters_ : int
        Number of groups.
    history_ : pandas.DataFrame
        Training curves: ``stage``, ``epoch``, ``seconds`` and the loss terms.
    timings_ : dict
        Seconds by stage.
    notes_ : list of str
        What the user should know about this fit.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    reference: ClassVar[str]
    finds_n_clusters: ClassVar[bool] = False
    soft: ClassVar[bool] = True
    samples: ClassVar[bool] = False
    data_kinds: ClassVar[tuple[str, ...]] = ("images",)
    presets: ClassVar[dict[str, dict[str, Any]]] = {}
    projection_method: ClassVar[str] = "UMAP"
    """What `projection_` is made by; its name in a run folder is the same in lower case."""

    random_state: int
    accelerator: str
    devices: int
    strategy: str
    precision: str

    @abstractmethod
    def stages(self, images: ImageSet, trainer: Trainer) -> list[Stage]:
        """List the steps of the method, in the paper's order."""

    @abstractmethod
    def learnt(self, found: Results) -> Results:
        """From all that the stages found, what placing a new image needs (this is what `save` writes)."""

    @abstractmethod
    def restore(self, state: Results) -> None:
        """Build the networks from what `learnt` returned."""

    @abstractmethod
    def embed(self, pixels: Tensor) -> Tensor:
        """Native pixels (B, C, H, W) → embedding (B, D)."""

    @abstractmethod
    def membership(self, pixels: Tensor) -> Tensor:
        """Native pixels (B, C, H, W) → probabilities (B, K)."""

    @property
    def straightens(self) -> bool:
        """Whether this method sets images upright before it looks at them, so that it has `canonical` images."""
        return False

    def upright(self, pixels: Tensor) -> Tensor:
        """Native pixels (B, C, H, W) → the same, as the first spatial transformer sets them; where `straightens`."""
        raise NotImplementedError

    def partitions(self) -> dict[str, Partition]:
        """Return the partitions of the images that a run folder keeps, by name.

        Returns
        -------
        dict of Partition
            The last one is what `predict` continues, and the default of the run. Most methods have this one alone.
        """
        return {self.name: Partition(self.labels_, self.title, self.probabilities_)}

    def run_arrays(self) -> dict[str, NDArray[Any]]:
        """What else of this fit a run folder keeps, by name, for the report; nothing for most methods."""
        return {}

    def check(self, images: ImageSet) -> None:
        """Raise InputError if the parameters or the images cannot be used."""

    def fit(
        self,
        images: Any,
        y: Any = None,  # noqa: ARG002 - scikit-learn's signature
        *,
        work_folder: Path | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Learn from images.

        Parameters
        ----------
        images
            `ImageSet`, path, array (N, H, W), (N, H, W, C) or (N, C, H, W), tensor, or torch ``Dataset``.
        y
            Not used; labels never guide a fit.
        work_folder
            Where to keep what is found on the way; a fit with the same folder, images and parameters goes on from there.
        progress
            Shows how far the fit has come.

        Raises
        ------
        InputError
            If the images or the parameters cannot be used.
        """
        images = open_images(images)
        self._check_choices()
        self.check(images)
        if work_folder is not None:
            self._check_work_folder(Path(work_folder), images)
        self.notes_: list[str] = []
        self.image_shape_ = images.image_shape
        trainer = Trainer(self.random_state, self.hardware(), StageStore(work_folder), progress)
        found = trainer.run(self.stages(images, trainer))
        self._adopt(self.learnt(found))
        for attribute in ("labels_", "embedding_", "probabilities_", "projection_"):
            setattr(self, attribute, found[attribute])
        self.history_: pd.DataFrame = history_table(trainer.rows)
        self.timings_: dict[str, float] = dict(trainer.timings)
        self.notes_ += found.get("notes", [])
        return self

    def fit_predict(self, images: Any, y: Any = None, **kwargs: Any) -> NDArray[np.int64]:
        """Fit and return `labels_`."""
        return self.fit(images, y, **kwargs).labels_

    def transform(self, images: Any) -> NDArray[np.float32]:
        """Embed images, also ones never seen: (N, D) float32."""
        return self._apply(self.embed, images)

    def predict_proba(self, images: Any) -> NDArray[np.float32]:
        """Probability of each group: (N, K) float32."""
        return self._apply(self.membership, images)

    def predict(self, images: Any) -> NDArray[np.int64]:
        """Most probable group: (N,) int64."""
        return self.predict_proba(images).argmax(axis=1).astype(np.int64)

    def place(self, images: Any) -> dict[str, NDArray[Any]]:
        """All that there is to say of where images belong, in one pass: columns of N entries.

        Returns
        -------
        dict of ndarray
            ``group`` and ``probability``; a method may add others, such as ``distance`` and ``outlier``.
        """
        probabilities = self.predict_proba(images)
        return {"group": probabilities.argmax(axis=1).astype(np.int64), "probability": probabilities.max(axis=1)}

    def canonical(self, images: Any) -> NDArray[np.float32]:
        """Images as the first spatial transformer sets them.

        Returns
        -------
        ndarray
            (N, *image_shape) float32, in the units of the images learnt from.

        Raises
        ------
        InputError
            If this method has no spatial transformer before its network, or the images are of another shape.
        """
        if not self.straightens:
            raise InputError(
                f"{self.name} as it was fitted sets no images upright; fit st-dac with transformers, "
                "or moe-vae or focal-vae with align=True"
            )
        return self._apply(self.upright, images)

    def hardware(self) -> Hardware:
        """What to compute on, from the parameters."""
        return Hardware(**{name: getattr(self, name) for name in HARDWARE_PARAMETERS})

    def _check_choices(self) -> None:
        hints = get_type_hints(type(self).__init__)
        for name, value in self.get_params(deep=False).items():
            choices = _literals(hints.get(name))
            if choices and isinstance(value, str) and value not in choices:
                raise InputError(f"{name}={value!r} is not known; choose from {', '.join(map(str, choices))}")

    def _check_work_folder(self, folder: Path, images: ImageSet) -> None:
        """Refuse to go on from a fit of other images or parameters."""
        parameters = {name: value for name, value in self.get_params().items() if name not in HARDWARE_PARAMETERS}
        this = {"method": self.name, "images": images.fingerprint(), "parameters": parameters}
        path = folder / "of.json"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            part = path.with_name("of.json.part")
            part.write_text(json.dumps(this))
            part.replace(path)
        elif json.loads(path.read_text()) != json.loads(json.dumps(this)):
            raise InputError(
                f"{folder}: holds an unfinished fit of other images or parameters; give another work folder"
            )

    def save(self, folder: str | Path) -> None:
        """Write ``model.safetensors`` and ``model.json`` into `folder`; nothing is pickled."""
        check_is_fitted(self, "state_")
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_results(folder / "model.safetensors", self.state_)
        description = {
            "format": FORMAT,
            "method": self.name,
            "class": type(self).__name__,
            "parameters": self.get_params(deep=False),
            "image_shape": list(self.image_shape_),
            "n_clusters": self.n_clusters_,
            "versions": {
                name: importlib.metadata.version(name) for name in ("facies", "torch", "numpy", "scikit-learn")
            },
            "python": platform.python_version(),
        }
        part = folder / "model.json.part"
        part.write_text(json.dumps(description, indent=2) + "\n")
        part.replace(folder / "model.json")

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            If the folder holds no model, a damaged one, or one of another method or format.
        """
        description = read_description(Path(folder))
        if description["method"] != cls.name:
            raise InputError(f"{folder}: holds a model of {description['method']}, not of {cls.name}")
        known = {name: value for name, value in description["parameters"].items() if name in cls._get_param_names()}
        method = cls(**{**known, "accelerator": "auto", "devices": 1, "strategy": "auto"})
        method.image_shape_ = tuple(description["image_shape"])
        try:
            state = read_results(Path(folder) / "model.safetensors")
            method._adopt(state)
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            raise InputError(
                f"{folder}: model.safetensors is damaged or missing ({reason}); fit the model again"
            ) from error
        return method

    def _adopt(self, state: Results) -> None:
        self.state_ = state
        self.n_clusters_ = int(state["n_clusters"])
        self.device_ = self.hardware().device
        self.restore(state)

    def _apply(self, function: Any, images: Any, batch_size: int = 512) -> NDArray[np.float32]:
        check_is_fitted(self, "state_")
        images = as_image_set(images)
        if images.image_shape != self.image_shape_:
            expected, got = ("×".join(map(str, shape)) for shape in (self.image_shape_, images.image_shape))
            raise InputError(
                f"the images are {got}, the model learnt from {expected} (channels × height × width); bring them to that size"
            )
        fitting = max(1, BYTES_AT_ONCE // (4 * math.prod(self.image_shape_)))
        return apply_in_batches(function, images, self.device_, batch_size=min(batch_size, fitting))[0]


def _literals(hint: Any) -> tuple[Any, ...]:
    """Strings that a type hint allows by name, if it allows no other strings."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    if get_origin(hint) in (Union, UnionType) and str not in get_args(hint):
        return tuple(choice for part in get_args(hint) for choice in _literals(part))
    return ()


def read_description(folder: Path) -> dict[str, Any]:
    """Read and check ``model.json`` of a saved method.

    Raises
    ------
    InputError
        If it is missing, damaged or of another format.
    """
    path = folder / "model.json"
    try:
        description: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise InputError(f"{folder}: holds no model (model.json is missing)") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a model description ({error})") from error
    if not isinstance(description, dict):
        raise InputError(f"{path}: cannot be read as a model description (it holds no names)")
    if description.get("format") != FORMAT:
        raise InputError(
            f"{path}: format {description.get('format')} is not format {FORMAT} of this version; use the version that wrote it"
        )
    lacking = [name for name in ("method", "parameters", "image_shape") if name not in description]
    if lacking:
        raise InputError(f"{path}: cannot be read as a model description (it lacks {', '.join(lacking)})")
    return description


def seeded(module: torch.nn.Module, state: dict[str, Tensor], device: torch.device) -> Any:
    """Load weights into a module, for placing images: on the device, in evaluation mode."""
    module.load_state_dict(state)
    return module.to(device).eval()
