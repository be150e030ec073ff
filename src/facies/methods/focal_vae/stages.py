"""The stages of `focal-vae`: what is learnt in which order, and what each stage hands to the next."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facies.cluster import KMeans, UMAPLayout
from facies.errors import FaciesWarning
from facies.images import ImageSet, RandomAffine
from facies.losses import gaussian_reconstruction, kl_to_standard_normal, linear_warm_up
from facies.methods.base import load_weights
from facies.methods.downsample import downsampled_copies
from facies.methods.focal_vae.spherical_mixture import SphericalGaussianMixture, active_dimensions
from facies.methods.pose_alignment import align_pose, to_canonical
from facies.nn import FocalAutoencoder, PixelNormalizer
from facies.nn.pose import PoseTransformer
from facies.training import Batch, Results, Trainer, Training
from facies.training.trainer import apply_in_batches

if TYPE_CHECKING:
    from facies.methods.focal_vae.method import FocalVAE

FEWEST_ACTIVE = 0.1
LARGEST_BETA = 1e-3


@dataclass
class FocalObjective:
    """MSE + β·KL, with MSE the mean over all pixels of all layers and KL the sum over the code (eq. 2, corrected).

    Parameters
    ----------
    intensity
        Scale of the pixels.
    augment
        Flips and turns, all layers alike.
    beta
        β.
    warm_up
        Share of the training in which β climbs from 0.
    pose
        Sets the stacks upright before they are flipped and turned; None leaves them.
    """

    intensity: PixelNormalizer
    augment: RandomAffine
    beta: float
    warm_up: float
    pose: PoseTransformer | None = None

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss``, ``reconstruction`` and ``kl``."""
        if self.pose is not None:
            self.pose.to(batch.images.device)
        stacks = self.augment(to_canonical(self.pose, self.intensity.to(batch.images.device)(batch.images)))
        out = module(stacks)
        error = gaussian_reconstruction(out.reconstruction.flatten(1, 2).float(), stacks.flatten(1, 2)).mean()
        kl = kl_to_standard_normal(out.mean.float(), out.log_variance.float()).mean()
        weight = self.beta * linear_warm_up(batch.progress, self.warm_up)
        return {"loss": error + weight * kl, "reconstruction": error, "kl": kl}


class FocalVAEFit:
    """The stages of one fit of `FocalVAE`, in the paper's order."""

    def __init__(self, method: FocalVAE, images: ImageSet, trainer: Trainer) -> None:
        self.method, self.images, self.trainer = method, images, trainer
        self._prepared: ImageSet | None = None

    def prepare(self, found: Results) -> Results:  # noqa: ARG002 - the first stage finds nothing before it
        """Scale of the pixels, and copies at the size that the network sees."""
        low, high = self.images.value_range()
        self._seen()
        return {
            "intensity": dict(PixelNormalizer(low, high).state_dict()),
            "whole_numbers": self.images.dtype == np.uint8,
        }

    def align(self, found: Results) -> Results:
        """The transformer that sets images upright, where it is asked for; from here on it stays as it is."""
        m = self.method
        epochs = automatic_epochs(len(self.images)) if m.align_epochs == "auto" else m.align_epochs
        return align_pose(self.trainer, self._seen(), self._intensity(found), m.align_rotation, epochs)

    def autoencode(self, found: Results) -> Results:
        """The variational autoencoder."""
        m = self.method
        if m.beta >= LARGEST_BETA:
            warnings.warn(
                f"beta={m.beta:g} weighs a sum of {m.latent_size} terms against a mean over pixels, as the paper prints it: "
                "the code will hardly tell images apart; set beta between 1e-6 and 1e-5",
                FaciesWarning,
                stacklevel=2,
            )
        network = self.trainer.build(self._network)
        augment = RandomAffine(rotation=0.0, zoom=0.0, shift=0.0, flip=m.flip, quarter_turns=m.quarter_turns)
        pose = m.load_pose(self.images.image_shape, found, m.hardware().device)
        objective = FocalObjective(self._intensity(found), augment, m.beta, m.warm_up, pose)
        epochs = automatic_epochs(len(self.images)) if m.epochs == "auto" else m.epochs
        recipe = Training(
            epochs, m.batch_size, m.learning_rate, m.schedule, m.gradient_clip, weight_decay=m.weight_decay
        )
        self.trainer.fit(network, self._seen(), objective, recipe)
        return {"autoencoder": dict(network.state_dict())}

    def embed(self, found: Results) -> Results:
        """The mean of each image's code."""
        device = self.method.hardware().device
        network: FocalAutoencoder = load_weights(
            self.method.build(self.images.image_shape), found["autoencoder"], device
        )
        intensity, pose = self._intensity(found), self.method.load_pose(self.images.image_shape, found, device)
        seen = self._seen()
        progress = self.trainer.show("embed", len(seen), "images")
        whole = self.method.any_side_up

        def codes(pixels: Tensor) -> tuple[Tensor, Tensor]:
            stacks = to_canonical(pose, intensity(pixels))
            return network.encoder(stacks)[0], code_of(network, stacks, any_side_up=whole)

        means, embedding = apply_in_batches(codes, seen, device, batch_size=128, progress=progress)
        progress.finish()
        return {"codes": means, "embedding_": embedding}

    def group(self, found: Results) -> Results:
        """K-means on the code."""
        m, codes = self.method, found["embedding_"]
        active = active_dimensions(found["codes"])
        scale = np.ones(codes.shape[1], np.float32)
        if m.standardise and active.any():
            scale = np.where(active, 1 / np.maximum(codes.std(axis=0), 1e-6), 0).astype(np.float32)
        progress = self.trainer.show("group", 1, "steps")
        model = KMeans(m.n_clusters, n_init=m.n_init, random_state=self.trainer.seed("k-means")).fit(codes * scale)
        progress.finish()
        groups = SphericalGaussianMixture.of(
            codes, found["codes"], model.labels_, model.cluster_centers_, scale, m.outlier_percentile
        )
        probabilities = np.concatenate(
            [
                groups.responsibilities(torch.from_numpy(part)).numpy()
                for part in np.array_split(codes, -(-len(codes) // 4096))
            ]
        )
        labels = probabilities.argmax(axis=1).astype(np.int64)
        distances = np.linalg.norm(codes * scale - model.cluster_centers_[labels], axis=1).astype(np.float32)
        return {
            "groups": groups.state(),
            "n_clusters": model.n_clusters_,
            "probabilities_": probabilities,
            "labels_": labels,
            "distances": distances,
            "notes": self._notes(active, model.n_clusters_),
        }

    def project(self, found: Results) -> Results:
        """UMAP of the code in two dimensions, for the map alone."""
        m = self.method
        progress = self.trainer.show("map", 1, "steps")
        manifold = UMAPLayout(found["embedding_"], m.n_neighbors, "euclidean", self.trainer.seed("map"))
        projection = manifold.layout(2, min_dist=m.min_dist)
        progress.finish()
        return {"projection_": projection}

    def _notes(self, active: NDArray[np.bool_], n_clusters: int) -> list[str]:
        m, notes = self.method, []
        if active.mean() < FEWEST_ACTIVE:
            notes.append(
                f"the code has collapsed: only {int(active.sum())} of its {len(active)} dimensions vary from image to image, "
                f"so the groups say little; lower beta (it was {m.beta:g}), or train longer"
            )
            warnings.warn(notes[-1], FaciesWarning, stacklevel=2)
        if n_clusters < m.n_clusters:
            notes.append(f"there are {n_clusters} groups instead of {m.n_clusters}: so few images differ")
        return notes

    def _network(self) -> FocalAutoencoder:
        network = self.method.build(self.images.image_shape)
        if self.method.weights is not None:
            network.load_imagenet(self.method.weights)
        return network

    def _intensity(self, found: Results) -> PixelNormalizer:
        return load_weights(PixelNormalizer(), found["intensity"], self.method.hardware().device)

    def _seen(self) -> ImageSet:
        """The images as stacks, at the size that the network sees; made again where a resumed fit needs them."""
        if self._prepared is None:
            self._prepared = downsampled_copies(self.images, self.method.image_size, self.trainer)
        return self._prepared


def code_of(network: FocalAutoencoder, stacks: Tensor, *, any_side_up: bool) -> Tensor:
    """μ of stacks (B, L, C, H, W): of each as it lies, or the mean over its symmetric positions; (B, D)."""
    if not any_side_up:
        return network.encoder(stacks)[0]
    step = 1 if stacks.shape[-1] == stacks.shape[-2] else 2
    sides = [
        network.encoder(torch.rot90(side, quarters, dims=(-2, -1)))[0]
        for side in (stacks, stacks.flip(-1))
        for quarters in range(0, 4, step)
    ]
    return torch.stack(sides).mean(dim=0)


def automatic_epochs(n_images: int) -> int:
    """60,000/N epochs, between 20 and 150."""
    return int(min(150, max(20, round(60_000 / n_images))))
