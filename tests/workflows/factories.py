"""A method that takes no time, and images that it can group."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facies.errors import InputError
from facies.images import ImageSet
from facies.methods import METHODS, Method, Partition
from facies.methods.fit_context import FitContext
from facies.parameters import Count, settings
from facies.training import Hardware, Stage, StageOutputs, apply_in_batches

N, K = 60, 3
QUADRANTS = 2


@dataclass(kw_only=True, eq=False, repr=False)
class Brightness(Method):
    """Groups images by the brightness of their quadrants."""

    name: ClassVar[str] = "brightness"
    supported_inputs: ClassVar[tuple[str, ...]] = ("images", "focal stacks")
    title: ClassVar[str] = "Brightness of quadrants"
    reference: ClassVar[str] = "None, 2024."
    is_generative: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"quick": {}, "paper": {"scale": 2.0}}
    measured: ClassVar[int] = 0

    n_clusters: Count = K
    """Number of groups."""
    scale: float | None = None
    """Factor of the embedding."""
    kind: Literal["mean", "median"] = "mean"
    """A choice, for ``--set``."""
    epochs: Count | Literal["auto"] = "auto"
    """A number or a word, for ``--set``."""
    weights: tuple[float, ...] = (1.0,)
    """A list, for ``--set``."""
    exact: bool = True
    """A switch, for ``--set``."""
    pause: float = 0.0
    """Seconds to wait before each stage, for tests that kill."""
    hardware: Hardware = settings(Hardware, accelerator="cpu")
    """What to compute on."""

    def check(self, images: ImageSet) -> None:
        super().check(images)
        if len(images) < 2 * self.n_clusters:
            raise InputError(f"{len(images)} images are too few for {self.n_clusters} groups; give more")

    def stages(self, fit: FitContext) -> list[Stage]:
        return [fit.stage("measure", self.measure), fit.stage("group", self.group)]

    def measure(self, fit: FitContext, _: StageOutputs) -> StageOutputs:
        time.sleep(self.pause)
        type(self).measured += 1
        with fit.trainer.progress("measure", len(fit.images), "images") as progress:
            progress.advance(len(fit.images))
        for epoch in (1, 2):
            fit.trainer.rows.append({"stage": "measure", "epoch": epoch, "seconds": 0.0, "loss": 1.0 / epoch})
        return {"embedding_": apply_in_batches(self.embed, fit.images, torch.device("cpu"))[0]}

    def group(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        from sklearn.cluster import KMeans

        time.sleep(self.pause)
        fit.trainer.rows.append({"stage": "group", "epoch": 1, "seconds": 0.0, "inertia": 0.5})
        embedding = outputs["embedding_"]
        kmeans = KMeans(self.n_clusters, n_init=1, random_state=self.random_state).fit(embedding)
        self.load_state({"centres": kmeans.cluster_centers_.astype(np.float32)})
        probabilities = self._probabilities(torch.from_numpy(embedding)).numpy()
        noise = np.where(np.arange(len(embedding)) % 10 == 0, -1, kmeans.labels_).astype(np.int64)
        return {
            "centres": kmeans.cluster_centers_.astype(np.float32),
            "labels_": probabilities.argmax(axis=1),
            "density_labels": noise,
            "probabilities_": probabilities,
            "projection_": embedding[:, :2].copy(),
            "notes": ["A note of the method."],
        }

    def model_state(self, outputs: StageOutputs) -> StageOutputs:
        self.density_labels_: NDArray[np.int64] = outputs["density_labels"]
        return {"n_clusters": self.n_clusters, "centres": outputs["centres"]}

    def load_state(self, state: StageOutputs) -> None:
        self.centres_ = torch.from_numpy(np.asarray(state["centres"]))

    def embed(self, pixels: Tensor) -> Tensor:
        return torch.nn.functional.adaptive_avg_pool2d(pixels.flatten(1, -3), QUADRANTS).flatten(1) * (
            self.scale or 1.0
        )

    def cluster_probabilities(self, pixels: Tensor) -> Tensor:
        return self._probabilities(self.embed(pixels))

    def _probabilities(self, embedding: Tensor) -> Tensor:
        return torch.softmax(-torch.cdist(embedding, self.centres_), dim=1)

    def partitions(self) -> dict[str, Partition]:
        return {"density": Partition(self.density_labels_, "noise in every tenth image"), **super().partitions()}

    def sample(self, n: int, cluster: int, random_state: int | None = None) -> NDArray[np.float32]:
        rng = np.random.default_rng(random_state)
        level = float(self.centres_[cluster].mean())
        return (level + rng.normal(size=(n, *self.image_shape_))).astype(np.float32)


@dataclass(kw_only=True, eq=False, repr=False)
class Silent(Brightness):
    """The same, but it generates nothing."""

    name: ClassVar[str] = "silent"
    is_generative: ClassVar[bool] = False


def register() -> None:
    """Let the command know these methods."""
    METHODS["brightness"] = "tests.workflows.factories:Brightness"
    METHODS["silent"] = "tests.workflows.factories:Silent"


def make_pixels(n: int = N, side: int = 16, channels: int = 1, dtype: Any = np.uint8, seed: int = 0) -> NDArray[Any]:
    """Images of three kinds, that differ in where they are bright: (n, side, side) or (n, side, side, channels)."""
    rng = np.random.default_rng(seed)
    top = 1.0 if np.dtype(dtype).kind == "f" else float(np.iinfo(dtype).max)
    pixels = rng.uniform(0, 0.15, (n, side, side, channels))
    half = side // 2
    for kind, (rows, columns) in enumerate(
        [(slice(half), slice(half)), (slice(half, None), slice(None)), (slice(0), slice(0))]
    ):
        pixels[kind::K, rows, columns] += 0.8
    pixels = (pixels * top).astype(dtype)
    return pixels[..., 0] if channels == 1 else pixels


def make_input(folder: Path, *, labels: bool = True, **kwargs: Any) -> Path:
    """Write an .npz file of images."""
    pixels = make_pixels(**kwargs)
    path = folder / "images.npz"
    if labels:
        np.savez(path, images=pixels, labels=np.arange(len(pixels)) % K)
    else:
        np.savez(path, images=pixels)
    return path


def make_photos(folder: Path, n: int = 12, **kwargs: Any) -> Path:
    """Write a folder of PNG files, each kind in a folder of its own."""
    from PIL import Image

    for row, image in enumerate(make_pixels(n, **kwargs)):
        place = folder / f"kind {row % K}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{row}.png")
    return folder


class Recorder:
    """A progress that remembers its stages and how many units were done."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.lines: list[str] = []
        self.count = 0

    def start(self, stage: str, total: int, unit: str) -> None:
        self.stages.append(stage)

    def advance(self, count: int, note: str = "") -> None:
        self.count += count

    def finish(self) -> None:
        pass

    def say(self, line: str) -> None:
        self.lines.append(line)
