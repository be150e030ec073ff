"""The contract of every method: a scikit-learn estimator on images, made of named stages, saved without pickle."""

from __future__ import annotations

import importlib.metadata
import json
import math
import platform
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClusterMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from facies.cluster.group_tree import GroupTree
from facies.errors import InputError
from facies.images import ImageSet, as_image_set, open_images
from facies.io import write_json_atomically
from facies.methods.fit_context import FitContext, check_input
from facies.methods.model_folder import FORMAT, HARDWARE_NAMES, read_description
from facies.methods.partition import Partition
from facies.nn.encoders.looking import looking_in
from facies.parameters import Seed, check_parameters, parameter_values, set_parameters, settings, translate_names
from facies.training import Hardware, Progress, Stage, StageCheckpoints, StageOutputs, Trainer, history_table
from facies.training.checkpoints import load_state, save_state
from facies.training.trainer import apply_in_batches

BYTES_AT_ONCE = 2**26


@dataclass(kw_only=True, eq=False, repr=False)
class Method(ClusterMixin, TransformerMixin, BaseEstimator, ABC):
    """Learns from images, groups them, and places new ones.

    A subclass is a dataclass whose fields are its parameters (see `facies.parameters`). It lists its `stages`, and says in
    `model_state` what of their outputs a model keeps and in `embed` and `cluster_probabilities` how an image is grouped.

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
    citation: ClassVar[str] = ""
    """Authors and year of `reference`, as a text cites it."""
    summary: ClassVar[str] = ""
    """What a fit does, in sentences in the past for the methods section of a paper; ``{0.name}`` is the value of a parameter."""
    estimates_n_clusters: ClassVar[bool] = False
    has_soft_assignments: ClassVar[bool] = True
    is_generative: ClassVar[bool] = False
    supported_inputs: ClassVar[tuple[str, ...]] = ("images",)
    projection_method: ClassVar[str] = "UMAP"
    """What `projection_` is made by; its name in a run folder is the same in lower case."""
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"quick": {}, "paper": {}}
    former_parameters: ClassVar[Mapping[str, str | tuple[str, ...]]] = {}
    """Names of earlier versions, and what they are called today."""
    test_parameters: ClassVar[Mapping[str, Any]] = {}
    """Parameters, beside those of ``quick``, with which a fit of sixty images of 16 × 16 pixels takes a second or two."""

    random_state: Seed = 0
    """Seed of all that is random; equal seeds give equal fits."""
    hardware: Hardware = settings(Hardware)
    """What to compute on."""

    @abstractmethod
    def stages(self, fit: FitContext) -> list[Stage]:
        """List the steps of the method, in the paper's order."""

    @abstractmethod
    def model_state(self, outputs: StageOutputs) -> StageOutputs:
        """Of all that the stages gave, what a model needs: this is what `save` writes. ``n_clusters`` is among it."""

    @abstractmethod
    def load_state(self, state: StageOutputs) -> None:
        """Build the networks from what `model_state` returned; `device_` and `image_shape_` are known."""

    @abstractmethod
    def embed(self, pixels: Tensor) -> Tensor:
        """Native pixels (B, C, H, W) → embedding (B, D)."""

    @abstractmethod
    def cluster_probabilities(self, pixels: Tensor) -> Tensor:
        """Native pixels (B, C, H, W) → probabilities (B, K)."""

    def embed_and_cluster(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Native pixels → embedding and probabilities; override where one follows from the other."""
        return self.embed(pixels), self.cluster_probabilities(pixels)

    @property
    def has_canonical_pose(self) -> bool:
        """Whether this method sets images upright before it looks at them, so that it has `canonical` images."""
        return False

    def to_canonical(self, pixels: Tensor) -> Tensor:
        """Native pixels (B, C, H, W) → the same, set upright; where `has_canonical_pose`."""
        raise InputError(
            f"{self.name} as it was fitted sets no images upright; fit st-dac with transformers, "
            "or moe-vae or focal-vae with align=True"
        )

    def partitions(self) -> dict[str, Partition]:
        """Return the partitions of the images that a run folder keeps, by name.

        Returns
        -------
        dict of Partition
            The last one is what `predict` continues, and the default of the run. Most methods have this one alone.
        """
        return {self.name: Partition(self.labels_, self.title, self.probabilities_)}

    def trees(self) -> dict[str, tuple[GroupTree, dict[str, Any]]]:
        """The trees of groups that a run folder keeps, by name, and how each was made; nothing for most methods."""
        return {}

    def run_arrays(self) -> dict[str, NDArray[Any]]:
        """What else of this fit a run folder keeps, by name, for the report; nothing for most methods."""
        return {}

    def run_values(self) -> dict[str, Any]:
        """What else of this fit ``run.json`` says, by name, as JSON can hold it; nothing for most methods."""
        return {}

    def check(self, images: ImageSet) -> None:
        """Raise InputError if the parameters or the images cannot be used; runs before any work."""
        check_parameters(self)
        self.hardware.check()
        check_input(self.name, self.supported_inputs, images.image_shape)

    @property
    def asked_n_clusters(self) -> int | None:
        """How many groups the user asked for; None where the fit finds their number."""
        return getattr(self, "n_clusters", None)

    def parameters(self) -> dict[str, Any]:
        """The value of every parameter by its dotted name, such as ``training.epochs``."""
        return parameter_values(self)

    def fit(
        self,
        images: Any,
        y: Any = None,
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
            Where to keep what the stages give; a fit with the same folder, images and parameters goes on from there.
        progress
            Shows how far the fit has come.

        Raises
        ------
        InputError
            If the images or the parameters cannot be used.
        """
        images = open_images(images)
        self.check(images)
        if work_folder is not None:
            self._check_work_folder(Path(work_folder), images)
        images = images.clipped()
        self.notes_: list[str] = images.notes.copy()
        self.image_shape_ = images.image_shape
        self.notes_ += self.input_notes()
        self.device_ = self.hardware.device
        trainer = Trainer(self.random_state, self.hardware, StageCheckpoints(work_folder), progress)
        with looking_in(self.hardware.precision):
            outputs = trainer.run(self.stages(FitContext(images, trainer)))
        self._set_state(self._state_of(images, outputs))
        for attribute in ("labels_", "embedding_", "probabilities_", "projection_"):
            setattr(self, attribute, outputs[attribute])
        self.history_: pd.DataFrame = history_table(trainer.rows)
        self.timings_: dict[str, float] = dict(trainer.timings)
        self.notes_ += outputs.get("notes", [])
        return self

    def input_notes(self) -> list[str]:
        """What is to be said of how the images are looked at; nothing by default."""
        return []

    def fit_predict(self, images: Any, y: Any = None, **kwargs: Any) -> NDArray[np.int64]:
        """Fit and return `labels_`."""
        return self.fit(images, y, **kwargs).labels_

    def transform(self, images: Any) -> NDArray[np.float32]:
        """Embed images, also ones never seen: (N, D) float32."""
        return self._apply(self.embed, images)

    def predict_proba(self, images: Any) -> NDArray[np.float32]:
        """Probability of each group: (N, K) float32."""
        return self._apply(self.cluster_probabilities, images)

    def predict(self, images: Any) -> NDArray[np.int64]:
        """Most probable group: (N,) int64."""
        return self.predict_proba(images).argmax(axis=1).astype(np.int64)

    def predict_table(self, images: Any) -> dict[str, NDArray[Any]]:
        """All that there is to say of the groups of images, in one pass: columns of N entries.

        Returns
        -------
        dict of ndarray
            ``group`` and ``probability``; a method may add others, such as ``distance`` and ``outlier``.
        """
        probabilities = self.predict_proba(images)
        return {"group": probabilities.argmax(axis=1).astype(np.int64), "probability": probabilities.max(axis=1)}

    def sample(self, n: int, cluster: int, random_state: int | None = None) -> NDArray[np.float32]:
        """Draw new images of a group; where `is_generative`.

        Parameters
        ----------
        n
            How many.
        cluster
            Group, from 0.
        random_state
            Seed; None is that of the fit.

        Returns
        -------
        ndarray
            (n, *image_shape) float32, in the units of the images learnt from.

        Raises
        ------
        InputError
            If this method draws no images, or there is no such group.
        """
        check_is_fitted(self, "state_")
        if not 0 <= cluster < self.n_clusters_:
            raise InputError(f"cluster {cluster}: this model has groups 0 to {self.n_clusters_ - 1}")
        with torch.no_grad():
            drawn = self.draw(n, cluster, self.random_state if random_state is None else random_state)
        return drawn.float().cpu().numpy()

    def draw(self, n: int, cluster: int, seed: int) -> Tensor:
        """`n` new images of a group in native units, (n, *image_shape); a generative method overrides it."""
        raise InputError(f"{self.name} draws no images (facies methods tells which methods do)")

    def canonical(self, images: Any) -> NDArray[np.float32]:
        """Images as the method sets them upright.

        Returns
        -------
        ndarray
            (N, *image_shape) float32, in the units of the images learnt from.

        Raises
        ------
        InputError
            If this method sets no images upright, or the images are of another shape.
        """
        return self._apply(self.to_canonical, images)

    def assign(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: embedding, probabilities and group of every image, as the model that has been learnt gives them."""
        self._set_state(self._state_of(fit.images, outputs))
        embedding, probabilities = fit.apply(self.embed_and_cluster, "assign", batch_size=self._batch_size())
        return {
            "embedding_": embedding,
            "probabilities_": probabilities,
            "labels_": probabilities.argmax(axis=1).astype(np.int64),
        }

    def save(self, folder: str | Path) -> None:
        """Write ``model.safetensors`` and ``model.json`` into `folder`; nothing is pickled."""
        check_is_fitted(self, "state_")
        folder = Path(folder)
        save_state(folder / "model.safetensors", self.state_)
        description = {
            "format": FORMAT,
            "method": self.name,
            "class": type(self).__name__,
            "parameters": self.parameters(),
            "image_shape": list(self.image_shape_),
            "n_clusters": self.n_clusters_,
            "versions": {
                name: importlib.metadata.version(name) for name in ("facies", "torch", "numpy", "scikit-learn")
            },
            "python": platform.python_version(),
        }
        write_json_atomically(folder / "model.json", description)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what `save` wrote; the model then computes on the best device of this machine.

        Raises
        ------
        InputError
            If the folder holds no model, a damaged one, or one of another method or format.
        """
        description = read_description(Path(folder))
        if description["method"] != cls.name:
            raise InputError(f"{folder}: holds a model of {description['method']}, not of {cls.name}")
        method = cls()
        method.set_known_parameters(description["parameters"])
        method.hardware = Hardware(precision=method.hardware.precision)
        method.image_shape_ = tuple(description["image_shape"])
        check_parameters(method)
        method.device_ = method.hardware.device
        try:
            method._set_state(load_state(Path(folder) / "model.safetensors"))
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            raise InputError(
                f"{folder}: model.safetensors is damaged or missing ({reason}); fit the model again"
            ) from error
        return method

    @classmethod
    def current_parameters(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters that an earlier version wrote, by their names of today."""
        return translate_names(values, {**HARDWARE_NAMES, **cls.former_parameters})[0]

    def set_known_parameters(self, values: Mapping[str, Any]) -> None:
        """Set parameters that another version wrote: by their names of today, without those that are no more."""
        known = self.parameters()
        set_parameters(self, {k: v for k, v in self.current_parameters(values).items() if k in known})

    def _check_work_folder(self, folder: Path, images: ImageSet) -> None:
        """Refuse to go on from a fit of other images or parameters."""
        parameters = {name: value for name, value in self.parameters().items() if not name.startswith("hardware.")}
        this = {"method": self.name, "images": images.fingerprint(), "parameters": parameters}
        this |= {name: value for name, value in images.origin["options"].items() if name == "value_range"}
        path = folder / "of.json"
        if not path.exists():
            write_json_atomically(path, this)
        elif json.loads(path.read_text()) != json.loads(json.dumps(this)):
            raise InputError(
                f"{folder}: holds an unfinished fit of other images or parameters; give another work folder"
            )

    def clip(self, pixels: Tensor) -> Tensor:
        """Clip native pixels to the range that was learnt, as `fit` does; models of earlier versions know none."""
        learnt = self.state_.get("value_range")
        return pixels if learnt is None else pixels.clamp(*learnt)

    def _state_of(self, images: ImageSet, outputs: StageOutputs) -> StageOutputs:
        return {**self.model_state(outputs), "value_range": list(images.value_range())}

    def _set_state(self, state: StageOutputs) -> None:
        self.state_ = state
        self.n_clusters_ = int(state["n_clusters"])
        self.load_state(state)

    def _apply(self, function: Any, images: Any, batch_size: int = 512) -> NDArray[np.float32]:
        check_is_fitted(self, "state_")
        images = as_image_set(images)
        if images.image_shape != self.image_shape_:
            expected, got = ("×".join(map(str, shape)) for shape in (self.image_shape_, images.image_shape))
            raise InputError(
                f"the images are {got}, the model learnt from {expected} (channels × height × width); bring them to that size"
            )

        def apply(pixels: Tensor) -> Any:
            return function(self.clip(pixels))

        with looking_in(self.hardware.precision):
            return apply_in_batches(apply, images, self.device_, batch_size=self._batch_size(batch_size))[0]

    def _batch_size(self, most: int = 512) -> int:
        """Images at once: as many as fit in 64 MiB, at most `most`."""
        return min(most, max(1, BYTES_AT_ONCE // (4 * math.prod(self.image_shape_))))
