"""The stages of `focal-vae`: what is learnt in which order, and what each stage hands to the next."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facies.cluster import KMeans
from facies.errors import FaciesWarning
from facies.methods.downsample import downsampled_shape
from facies.methods.features import ImageEncoder, features_of
from facies.methods.fit_context import FitContext
from facies.methods.focal_vae.held_out import held_out_rows, stacks_of
from facies.methods.focal_vae.losses import FocalObjective
from facies.methods.focal_vae.positions import PositionFeatures, count_positions, in_positions
from facies.methods.focal_vae.settings import FocalVAESettings
from facies.methods.focal_vae.spherical_mixture import SphericalGaussianMixture, active_dimensions
from facies.methods.pose_alignment import align_pose, to_canonical
from facies.methods.starting_encoder import LearningEncoder, apply_to_features, kept_encoder
from facies.methods.weights import load_weights
from facies.nn import FocalAutoencoder, PixelNormalizer
from facies.nn.encoders import PlanesEncoder
from facies.nn.resnet import check_weights
from facies.training import StageOutputs, derive_seed

MIN_ACTIVE_SHARE = 0.1
MAX_BETA = 1e-3

Look = Callable[[Tensor], Tensor]
"""What is made of a batch before a network is given it."""


class FocalVAEStages:
    """The stages of a fit, in the paper's order; each takes the fit and the outputs of the stages before it."""

    def __init__(self, settings: FocalVAESettings) -> None:
        self.settings = settings
        self._positions: PositionFeatures | None = None

    def scale(self, fit: FitContext, _: StageOutputs) -> StageOutputs:
        """Scale of the pixels, copies at the size of the network, and the pretrained encoder, where one is asked for."""
        encoder = self.settings.encoder
        if encoder.weights is not None:
            check_weights(encoder.name, encoder.weights)
        low, high = fit.images.value_range()
        fit.downsampled(self.settings.image_size)
        normalizer = PixelNormalizer(low, high)
        scale = {"intensity": dict(normalizer.state_dict()), "whole_numbers": fit.images.dtype == np.uint8}
        return {**scale, **(kept_encoder(encoder.begin(self._shape(fit))) if encoder.is_pretrained else {})}

    def align(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """The transformer that sets images upright, where it is asked for; from here on it stays as it is."""
        s = self.settings
        epochs = automatic_epochs(len(fit.images)) if s.alignment.epochs == "auto" else s.alignment.epochs
        stacks = fit.downsampled(s.image_size)
        return align_pose(fit.trainer, stacks, _normalizer(outputs), s.alignment.rotation, epochs)

    def autoencode(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """The variational autoencoder."""
        s = self.settings
        if s.beta >= MAX_BETA:
            warnings.warn(
                f"beta={s.beta:g} weighs a sum of {s.latent_size} terms against a mean over pixels, as the paper prints it: "
                "the code will hardly tell images apart; set beta between 1e-6 and 1e-5",
                FaciesWarning,
                stacklevel=2,
            )
        network = fit.trainer.build(lambda: self._network(fit, outputs))
        pose = s.load_pose(fit.images.image_shape, outputs, torch.device("cpu"))
        known = None if s.encoder.learns_on else self._known(fit, outputs)
        objective = FocalObjective(_normalizer(outputs), s.augmentation.transform(), s.beta, s.warm_up, pose, known)
        training = s.training.with_epochs(automatic_epochs(len(fit.images)))
        rows = np.flatnonzero(~self._held_out(fit)) if s.held_out else None
        fit.trainer.fit(network, fit.downsampled(s.image_size), objective, training, rows)
        if isinstance(network, LearningEncoder):
            return {**kept_encoder(network.planes), "autoencoder": dict(network.network.state_dict())}
        return {"autoencoder": dict(network.state_dict())}

    def measure_held_out(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Mean squared error (eq. 1) of the images held out, and of those learnt from, as a row of the history."""
        network, see, look = self._fitted(fit, outputs)

        def errors(pixels: Tensor) -> Tensor:
            stacks = see(pixels)
            return (network(look(stacks)).reconstruction - stacks).square().flatten(1).mean(dim=1)

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
        network, see, look = self._fitted(fit, outputs)

        def codes(pixels: Tensor) -> tuple[Tensor, Tensor]:
            stacks = see(pixels)
            return network.encoder(look(stacks))[0], code_of(network, look, stacks, any_side_up=s.any_side_up)

        known = None if s.encoder.learns_on else self._known(fit, outputs)
        if known is None:
            means, embedding = fit.apply(codes, "embed", fit.downsampled(s.image_size), batch_size=128)
        else:
            sides = range(known.features.shape[1] if s.any_side_up else 1)
            device = fit.trainer.device
            each = [
                apply_to_features(lambda f: network.encoder(f)[0], known.features[:, side], device) for side in sides
            ]
            means, embedding = each[0], np.mean(each, axis=0, dtype=np.float32)
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
            "notes": [
                *self._encoder_notes(fit, outputs),
                *([outputs["held_out_note"]] if s.held_out else []),
                *self._notes(active, model.n_clusters_),
            ],
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

    def _encoder_notes(self, fit: FitContext, outputs: StageOutputs) -> list[str]:
        planes = self._planes(fit, outputs)
        return [] if planes is None else self.settings.encoder.notes(planes, self._shape(fit))

    def _shape(self, fit: FitContext) -> tuple[int, ...]:
        """(L, C, H, W) that the network sees."""
        return downsampled_shape(fit.images.image_shape, self.settings.image_size)

    def _planes(self, fit: FitContext, outputs: StageOutputs) -> PlanesEncoder | None:
        """The pretrained encoder as it is by now."""
        encoder = self.settings.encoder
        return encoder.rebuild(self._shape(fit), outputs).to(fit.trainer.device) if encoder.is_pretrained else None

    def _fitted(self, fit: FitContext, outputs: StageOutputs) -> tuple[FocalAutoencoder, Look, Look]:
        """The autoencoder as it was learnt; native pixels → upright stacks in [0, 1]; and these → what the autoencoder takes."""
        shape, device = fit.images.image_shape, fit.trainer.device
        planes = self._planes(fit, outputs)
        built = self.settings.build(shape, None if planes is None else planes.features)
        network: FocalAutoencoder = load_weights(built, outputs["autoencoder"], device)
        normalizer, pose = _normalizer(outputs).to(device), self.settings.load_pose(shape, outputs, device)
        return network, lambda pixels: to_canonical(pose, normalizer(pixels)), look_through(planes)

    def _known(self, fit: FitContext, outputs: StageOutputs) -> PositionFeatures | None:
        """What a pretrained encoder that learns no more makes of every stack in each position, found once; None without one."""
        s, planes = self.settings, self._planes(fit, outputs)
        if self._positions is None and planes is not None:
            flip, turns = s.augmentation.flip, s.augmentation.quarter_turns
            count = count_positions(planes.given, turned=s.any_side_up or flip or turns)
            device, normalizer = fit.trainer.device, _normalizer(outputs)
            pose = s.load_pose(fit.images.image_shape, outputs, device)

            def look(pixels: Tensor) -> Tensor:
                stacks = to_canonical(pose, normalizer(pixels))
                return torch.cat([planes.in_parts(side) for side in in_positions(stacks, count)], dim=1)

            images = fit.downsampled(s.image_size)
            with fit.trainer.progress("look", len(images), "images") as progress:
                found = features_of(
                    images,
                    ImageEncoder(planes, normalizer),
                    device,
                    progress=progress,
                    look=look,
                    views=count,
                    kept_under={"positions": count} if pose is None else None,
                )
            self._positions = PositionFeatures(found.reshape(len(images), count, -1), flip, turns)
        return self._positions

    def _network(self, fit: FitContext, outputs: StageOutputs) -> FocalAutoencoder | LearningEncoder:
        encoder, planes = self.settings.encoder, self._planes(fit, outputs)
        network = self.settings.build(fit.images.image_shape, None if planes is None else planes.features)
        if encoder.weights is not None:
            network.load_imagenet(encoder.weights)
        return LearningEncoder(planes, network, encoder.rate) if planes is not None and encoder.learns_on else network


def _normalizer(outputs: StageOutputs) -> PixelNormalizer:
    loaded: PixelNormalizer = load_weights(PixelNormalizer(), outputs["intensity"], torch.device("cpu"))
    return loaded


def look_through(planes: PlanesEncoder | None) -> Look:
    """Stacks in [0, 1] → what the autoencoder takes: what a pretrained encoder makes of them, or the stacks themselves."""
    return (lambda stacks: stacks) if planes is None else planes.in_parts


def code_of(network: FocalAutoencoder, look: Look, stacks: Tensor, *, any_side_up: bool) -> Tensor:
    """μ of stacks (B, L, C, H, W): of each as it lies, or the mean over its symmetric positions; (B, D)."""
    height, width = stacks.shape[-2:]
    sides = in_positions(stacks, count_positions((height, width), turned=any_side_up))
    codes = [network.encoder(look(side))[0] for side in sides]
    return torch.stack(codes).mean(dim=0) if any_side_up else codes[0]


def automatic_epochs(n_images: int) -> int:
    """60,000/N epochs, between 20 and 150."""
    return int(min(150, max(20, round(60_000 / n_images))))
