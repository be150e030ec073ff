"""The stages of `focal-vae`: what is learnt in which order, and what each stage hands to the next."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facies.cluster import KMeans
from facies.errors import FaciesWarning
from facies.methods.fit_context import FitContext
from facies.methods.focal_vae.held_out import held_out_rows, stacks_of
from facies.methods.focal_vae.losses import FocalObjective
from facies.methods.focal_vae.settings import FocalVAESettings
from facies.methods.focal_vae.spherical_mixture import SphericalGaussianMixture, active_dimensions
from facies.methods.pose_alignment import align_pose, to_canonical
from facies.methods.weights import load_weights
from facies.nn import FocalAutoencoder, PixelNormalizer
from facies.nn.pose import PoseTransformer
from facies.nn.resnet import check_weights
from facies.training import StageOutputs, derive_seed

MIN_ACTIVE_SHARE = 0.1
MAX_BETA = 1e-3


class FocalVAEStages:
    """The stages of a fit, in the paper's order; each takes the fit and the outputs of the stages before it."""

    def __init__(self, settings: FocalVAESettings) -> None:
        self.settings = settings

    def scale(self, fit: FitContext, _: StageOutputs) -> StageOutputs:
        """Scale of the pixels, and copies at the size of the network."""
        encoder = self.settings.encoder
        if encoder.weights is not None and encoder.backbone != "conv":
            check_weights(encoder.backbone, encoder.weights)
        low, high = fit.images.value_range()
        fit.downsampled(self.settings.image_size)
        normalizer = PixelNormalizer(low, high)
        return {"intensity": dict(normalizer.state_dict()), "whole_numbers": fit.images.dtype == np.uint8}

    def align(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """The transformer that sets images upright, where it is asked for; from here on it stays as it is."""
        s = self.settings
        epochs = automatic_epochs(len(fit.images)) if s.alignment.epochs == "auto" else s.alignment.epochs
        stacks = fit.downsampled(s.image_size)
        return align_pose(fit.trainer, stacks, _normalizer(outputs), s.alignment.rotation, epochs)

    def autoencode(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """The variational autoencoder."""
        s, shape = self.settings, fit.images.image_shape
        if s.beta >= MAX_BETA:
            warnings.warn(
                f"beta={s.beta:g} weighs a sum of {s.latent_size} terms against a mean over pixels, as the paper prints it: "
                "the code will hardly tell images apart; set beta between 1e-6 and 1e-5",
                FaciesWarning,
                stacklevel=2,
            )
        network = fit.trainer.build(lambda: self._network(shape))
        pose = s.load_pose(shape, outputs, torch.device("cpu"))
        objective = FocalObjective(_normalizer(outputs), s.augmentation.transform(), s.beta, s.warm_up, pose)
        training = s.training.with_epochs(automatic_epochs(len(fit.images)))
        rows = np.flatnonzero(~self._held_out(fit)) if s.held_out else None
        fit.trainer.fit(network, fit.downsampled(s.image_size), objective, training, rows)
        return {"autoencoder": dict(network.state_dict())}

    def measure_held_out(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Mean squared error (eq. 1) of the images held out, and of those learnt from, as a row of the history."""
        network, normalizer, pose = self._fitted(fit, outputs)

        def errors(pixels: Tensor) -> Tensor:
            stacks = to_canonical(pose, normalizer(pixels))
            return (network(stacks).reconstruction - stacks).square().flatten(1).mean(dim=1)

        images = fit.downsampled(self.settings.image_size)
        (found,) = fit.apply(errors, "held-out", images, batch_size=128)
        held = self._held_out(fit)
        n_stacks = len(np.unique(stacks_of(fit.images)[held]))
        unseen, seen = float(found[held].mean()), float(found[~held].mean())
        row = {"held_out": unseen, "learnt": seen}
        fit.trainer.rows.append({"stage": "held-out", "epoch": 1, "seconds": 0.0, **row})
        return {
            "held_out": {**row, "images": int(held.sum()), "stacks": n_stacks},
            "held_out_note": f"held out of the training: {int(held.sum())} images of {n_stacks} stacks; mean squared error of "
            f"their reconstructions {unseen:.3g}, of those learnt from {seen:.3g}",
        }

    def embed(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """The mean of each image's code."""
        s = self.settings
        network, normalizer, pose = self._fitted(fit, outputs)

        def codes(pixels: Tensor) -> tuple[Tensor, Tensor]:
            stacks = to_canonical(pose, normalizer(pixels))
            return network.encoder(stacks)[0], code_of(network, stacks, any_side_up=s.any_side_up)

        means, embedding = fit.apply(codes, "embed", fit.downsampled(s.image_size), batch_size=128)
        return {"codes": means, "embedding_": embedding}

    def group(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """K-means on the code."""
        s, codes = self.settings, outputs["embedding_"]
        active = active_dimensions(outputs["codes"])
        scale = np.ones(codes.shape[1], np.float32)
        if s.standardise and active.any():
            scale = np.where(active, 1 / np.maximum(codes.std(axis=0), 1e-6), 0).astype(np.float32)
        with fit.trainer.progress("group", 1, "steps"):
            seed = fit.trainer.seed("k-means")
            model = KMeans(s.n_clusters, n_init=s.n_init, random_state=seed).fit(codes * scale)
        groups = SphericalGaussianMixture.from_clusters(
            codes, outputs["codes"], model.labels_, model.cluster_centers_, scale, s.outlier_percentile
        )
        parts = np.array_split(codes, -(-len(codes) // 4096))
        probabilities = np.concatenate([groups.responsibilities(torch.from_numpy(part)).numpy() for part in parts])
        labels = probabilities.argmax(axis=1).astype(np.int64)
        distances = np.linalg.norm(codes * scale - model.cluster_centers_[labels], axis=1).astype(np.float32)
        return {
            "groups": groups.state(),
            "n_clusters": model.n_clusters_,
            "probabilities_": probabilities,
            "labels_": labels,
            "distances": distances,
            "notes": [*([outputs["held_out_note"]] if s.held_out else []), *self._notes(active, model.n_clusters_)],
        }

    def _notes(self, active: NDArray[np.bool_], n_clusters: int) -> list[str]:
        s, notes = self.settings, []
        if active.mean() < MIN_ACTIVE_SHARE:
            notes.append(
                f"the code has collapsed: only {int(active.sum())} of its {len(active)} dimensions vary from image to image, "
                f"so the groups say little; lower beta (it was {s.beta:g}), or train longer"
            )
            warnings.warn(notes[-1], FaciesWarning, stacklevel=2)
        if n_clusters < s.n_clusters:
            notes.append(f"there are {n_clusters} groups instead of {s.n_clusters}: so few images differ")
        return notes

    def _held_out(self, fit: FitContext) -> NDArray[np.bool_]:
        return held_out_rows(fit.images, self.settings.held_out, derive_seed(fit.trainer.random_state, "held-out"))

    def _fitted(
        self, fit: FitContext, outputs: StageOutputs
    ) -> tuple[FocalAutoencoder, PixelNormalizer, PoseTransformer | None]:
        """The autoencoder as it was learnt, the scale of the pixels, and what sets images upright."""
        shape, device = fit.images.image_shape, fit.trainer.device
        network: FocalAutoencoder = load_weights(self.settings.build(shape), outputs["autoencoder"], device)
        return network, _normalizer(outputs).to(device), self.settings.load_pose(shape, outputs, device)

    def _network(self, image_shape: tuple[int, ...]) -> FocalAutoencoder:
        network = self.settings.build(image_shape)
        if self.settings.encoder.weights is not None:
            network.load_imagenet(self.settings.encoder.weights)
        return network


def _normalizer(outputs: StageOutputs) -> PixelNormalizer:
    loaded: PixelNormalizer = load_weights(PixelNormalizer(), outputs["intensity"], torch.device("cpu"))
    return loaded


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
