"""`ae-kmeans`: k-means on the code of an autoencoder, the simplest deep method there is."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from torch import Tensor

from facies.errors import InputError
from facies.images import ImageSet
from facies.methods import Method
from facies.methods.autoencoder import AutoencoderObjective, Views, as_channels, build_autoencoder, learn_normalizer
from facies.methods.base import load_weights
from facies.nn import PixelNormalizer
from facies.training import Results, Stage, Trainer, Training
from facies.training.trainer import apply_in_batches


class AEKMeans(Method):
    """Group images by k-means on the code of an autoencoder."""

    name: ClassVar[str] = "ae-kmeans"
    title: ClassVar[str] = "Autoencoder and k-means"
    reference: ClassVar[str] = "The baseline that every paper on deep clustering compares with."
    projection_method: ClassVar[str] = "PCA"
    presets: ClassVar[dict[str, dict[str, Any]]] = {"quick": {"epochs": 10}, "paper": {}}

    def __init__(
        self, *, n_clusters: int = 10, latent_size: int = 10, epochs: int = 100, random_state: int = 0,
        accelerator: str = "auto", devices: int = 1, strategy: str = "auto", precision: str = "auto",
    ) -> None:  # fmt: skip
        self.n_clusters, self.latent_size, self.epochs = n_clusters, latent_size, epochs
        self.random_state = random_state
        self.accelerator, self.devices, self.strategy, self.precision = accelerator, devices, strategy, precision

    def check(self, images: ImageSet) -> None:
        if len(images) < self.n_clusters:
            raise InputError(f"{len(images)} images cannot make {self.n_clusters} groups; give more, or set n_clusters")

    def stages(self, images: ImageSet, trainer: Trainer) -> list[Stage]:
        def autoencode(_: Results) -> Results:
            intensity = learn_normalizer(images)
            network = trainer.build(lambda: build_autoencoder(self.image_shape_, self.latent_size, 8, "ae"))
            trainer.fit(network, images, AutoencoderObjective(Views(intensity), "ae"), Training(self.epochs, 128, 1e-3))
            return {
                "intensity": dict(intensity.state_dict()),
                "likelihood": intensity.likelihood,
                "autoencoder": dict(network.state_dict()),
            }

        def group(found: Results) -> Results:
            self.restore_networks(found)
            codes = apply_in_batches(self.embed, images, self.hardware().device)[0]
            kmeans = KMeans(self.n_clusters, n_init=10, random_state=trainer.seed("k-means")).fit(codes)
            self.centres_ = torch.from_numpy(kmeans.cluster_centers_).to(self.hardware().device)
            probabilities = apply_in_batches(self.cluster_probabilities, images, self.hardware().device)[0]
            return {
                "centres": kmeans.cluster_centers_, "n_clusters": self.n_clusters, "embedding_": codes,
                "probabilities_": probabilities, "labels_": probabilities.argmax(axis=1),
                "projection_": PCA(2, random_state=0).fit_transform(codes),
            }  # fmt: skip

        return [Stage("autoencode", autoencode), Stage("group", group)]

    def learnt(self, found: Results) -> Results:
        return {name: found[name] for name in ("intensity", "likelihood", "autoencoder", "centres", "n_clusters")}

    def restore(self, state: Results) -> None:
        self.restore_networks(state)
        self.centres_ = torch.from_numpy(state["centres"]).to(self.device_)

    def restore_networks(self, state: Results) -> None:
        device = self.hardware().device
        self.intensity_ = load_weights(PixelNormalizer(likelihood=state["likelihood"]), state["intensity"], device)
        network = build_autoencoder(self.image_shape_, self.latent_size, 8, "ae")
        self.autoencoder_ = load_weights(network, state["autoencoder"], device)

    def embed(self, pixels: Tensor) -> Tensor:
        return self.autoencoder_.encode(self.intensity_(as_channels(pixels))[:, None])[0][:, 0]

    def cluster_probabilities(self, pixels: Tensor) -> Tensor:
        squared = torch.cdist(self.embed(pixels), self.centres_).square()
        return torch.softmax(-squared, dim=1)
