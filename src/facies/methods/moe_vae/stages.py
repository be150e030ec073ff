"""The stages of `moe-vae`: what is learnt in which order, and what each stage hands to the next."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.mixture import GaussianMixture
from torch import Tensor, nn

from facies.cluster import (
    UMAPLayout,
    density_groups,
    density_tree,
    dynamic_neighbours,
    l1_normalised,
    latent_dimension,
    most_central,
)
from facies.cluster.hdbscan_tree import HDBSCANTree
from facies.images import ImageSet
from facies.methods.autoencoder import LARGE_SIDE, AutoencoderObjective, automatic_epochs, baseline_epochs
from facies.methods.expert_method import expert_map
from facies.methods.fit_context import FitContext
from facies.methods.moe_vae.features import FrozenLook, learning_encoder
from facies.methods.moe_vae.losses import ManagerObjective, MixtureObjective
from facies.methods.moe_vae.network import MixtureOfExperts, select_experts
from facies.methods.moe_vae.notes import alpha_note, dense_groups_note, lost_groups_note, neighbours_note
from facies.methods.moe_vae.sampling import MixtureSampler
from facies.methods.moe_vae.settings import MoEVAESettings
from facies.methods.pose_alignment import align_pose, load_pose
from facies.methods.preprocessing import Preprocessor, learn_normalizer, normalizer_outputs, scatter_notes
from facies.methods.starting_encoder import apply_to_features, kept_encoder
from facies.methods.weights import load_weights
from facies.metrics import shannon_entropy
from facies.nn import PixelNormalizer
from facies.nn.pose import PoseTransformer
from facies.training import StageOutputs, Training, apply_in_batches

ENTROPY_OF_UNSURE_MANAGER = 0.1
IMAGES_IN_MAP = 1000
IMAGES_FOR_ENTROPY = 1000

Groups = tuple[NDArray[np.int64], NDArray[np.float32], HDBSCANTree | None]
"""Labels (N,), −1 for noise, and memberships (N, K)."""


def automatic_layouts(n_images: int) -> int:
    """⌊50,000/N⌋ layouts, at most 5; 1 where that is fewer than 3, for two cannot outvote each other."""
    count = min(5, 50_000 // n_images)
    return count if count >= 3 else 1


class MoEVAEStages:
    """The stages of a fit, in the thesis's order; each takes the fit and the outputs of the stages before it."""

    def __init__(self, settings: MoEVAESettings) -> None:
        self.settings = settings
        self.look = FrozenLook(settings.encoder)

    def scale(self, fit: FitContext, _: StageOutputs) -> StageOutputs:
        """Scale of the pixels and likelihood, from their histogram; and the pretrained encoder, where one is asked for."""
        scale = normalizer_outputs(learn_normalizer(fit.images, self.settings.likelihood))
        scale["whole_numbers"], encoder = fit.native.dtype == np.uint8, self.settings.encoder
        return {**scale, **(kept_encoder(encoder.begin(fit.images.image_shape)) if encoder.is_pretrained else {})}

    def align(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """The transformer that sets images upright, where it is asked for; from here on it stays as it is."""
        alignment = self.settings.alignment
        epochs = automatic_epochs(len(fit.images)) if alignment.epochs == "auto" else alignment.epochs
        return align_pose(fit.trainer, fit.images, self._normalizer(outputs), alignment.rotation, epochs)

    def autoencode(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """P1: an autoencoder with a large code."""
        s = self.settings.autoencoder
        if self.settings.encoder.learns_on:
            return self._learn_with_encoder(fit, outputs)
        network = self._trained_autoencoder(fit, outputs, s.latent_size, l1=s.l1)
        return {"autoencoder": dict(network.state_dict()), "first_embedding": self._embed(network, fit, outputs)}

    def _learn_with_encoder(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """P1 with a pretrained encoder that learns on; for all later networks it stays as it then is."""
        s, shape = self.settings, fit.images.image_shape
        planes = s.encoder.rebuild(shape, outputs)
        normalizer = self._normalizer(outputs)
        network = fit.trainer.build(
            lambda: learning_encoder(
                planes,
                s.build_autoencoder(shape, s.autoencoder.latent_size, planes.features),
                s.encoder,
                normalizer,
                shape,
            )
        )
        preprocessor = Preprocessor(
            normalizer, s.augmentation.transform(fit.background), s.target, self._pose(fit, outputs)
        )
        objective = self._autoencoder_objective(preprocessor, s.autoencoder.l1)
        fit.trainer.fit(network, fit.images, objective, self._epochs(s.autoencoder, 1.0, fit))
        learnt = kept_encoder(network.planes)
        embedding = self._embed(network.network, fit, {**outputs, **learnt})
        return {**learnt, "autoencoder": dict(network.network.state_dict()), "first_embedding": embedding}

    def estimate_latent_size(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """P2: principal components of the means that explain the share asked for."""
        share = self.settings.autoencoder.explained_variance
        size = latent_dimension(outputs["first_embedding"], explained_variance=share)
        return {"latent_size": size, "embedding_": outputs["first_embedding"]}

    def retrain(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """P3: the autoencoder anew, with the latent size that was estimated."""
        network = self._trained_autoencoder(fit, outputs, outputs["latent_size"])
        return {"autoencoder": dict(network.state_dict()), "embedding_": self._embed(network, fit, outputs)}

    def embed(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """P4: L1 normalisation and UMAP, for the groups and once in two dimensions for the map."""
        s, n_images, trainer = self.settings.density, len(fit.images), fit.trainer
        count = automatic_layouts(n_images) if s.n_layouts == "auto" else s.n_layouts
        n_neighbors = dynamic_neighbours(n_images) if s.n_neighbors == "dynamic" else s.n_neighbors
        notes = [] if s.n_neighbors == "dynamic" else neighbours_note(s.n_neighbors, n_images)
        chosen = scatter_notes(self._normalizer(outputs)) if self.settings.likelihood == "auto" else []
        notes = [*chosen, *self.look.notes(fit, outputs), *notes]
        with trainer.progress("embed", count + 2, "steps") as progress:
            points = l1_normalised(outputs["embedding_"])
            umap = UMAPLayout(points, n_neighbors, "manhattan", trainer.seed("map"))
            progress.advance(1)
            dimensions = min(outputs["latent_size"], s.layout_dimensions or outputs["latent_size"])
            layouts = []
            for number in range(count):
                layouts.append(umap.layout(dimensions, seed=trainer.seed("layout", number)))
                progress.advance(1)
            projection = umap.layout(2, min_dist=0.1)
        found = {"layouts": np.stack(layouts), "neighbours": umap.neighbours[0], "projection_": projection}
        return {**found, "notes": notes}

    def group(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """P5: HDBSCAN, or a Gaussian mixture, on the layouts; the partition most typical of them is kept."""
        find = self._group_finder(fit, outputs)
        partitions = []
        with fit.trainer.progress("density", len(outputs["layouts"]), "layouts") as progress:
            for layout in outputs["layouts"]:
                partitions.append(find(layout))
                progress.advance(1)
        labels, memberships, tree = partitions[most_central([labels for labels, *_ in partitions])]
        dense = self.settings.grouping == "density"
        found, noise = int(labels.max(initial=-1)) + 1, int((labels < 0).sum())
        return {
            "density_labels": labels,
            "memberships": memberships,
            "n_clusters": memberships.shape[1],
            **({} if tree is None else density_tree(tree).arrays(prefix="tree_")),
            "notes": [*outputs["notes"], *(dense_groups_note(found, noise, len(labels)) if dense else [])],
        }

    def _group_finder(self, fit: FitContext, outputs: StageOutputs) -> Callable[[NDArray[np.float32]], Groups]:
        """What groups a layout (N, D)."""
        s = self.settings.density

        def dense(layout: NDArray[np.float32]) -> Groups:
            groups = density_groups(
                layout, s.selection, s.min_cluster_size, s.min_samples, neighbours=outputs["neighbours"]
            )
            return groups.labels, groups.memberships, groups.tree

        def gaussian(layout: NDArray[np.float32]) -> Groups:
            seed = fit.trainer.seed("mixture")
            mixture = GaussianMixture(self.settings.n_clusters, n_init=3, reg_covar=1e-4, random_state=seed)
            memberships = mixture.fit(layout).predict_proba(layout).astype(np.float32)
            return memberships.argmax(axis=1).astype(np.int64), memberships, None

        return gaussian if self.settings.grouping == "gaussian-mixture" else dense

    def pretrain_manager(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """P6: the manager learns the soft memberships of the images that are not noise."""
        preprocessor, shape = self._preprocessor(fit, outputs, alone=True), fit.images.image_shape
        features = self.look.n_features(fit, outputs)
        manager = fit.trainer.build(lambda: self.settings.build_manager(shape, outputs["n_clusters"], features))
        rows = np.flatnonzero(outputs["density_labels"] >= 0)
        objective = ManagerObjective(preprocessor, outputs["memberships"])
        training = self._epochs(self.settings.manager, 1 / 3, fit)
        fit.trainer.fit(manager, fit.images, objective, training, rows if len(rows) > 1 else None)
        probabilities = _probabilities_of(manager, preprocessor, fit)
        return {"manager": dict(manager.state_dict()), "manager_probabilities": probabilities}

    def estimate_expert_size(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """P7: the latent size of each group, and how much its images hold; the experts all get the rounded mean, so that no large
        one swallows others, or each its own where that is asked for.
        """
        s, labels = self.settings, outputs["density_labels"]
        groups = [np.flatnonzero(labels == group) for group in range(outputs["n_clusters"])]
        shared, fresh = outputs["embedding_"], s.experts.latent_size_from == "fresh"
        embeddings = [
            self._fresh_embedding(rows, fit, outputs) if fresh and len(rows) > 1 else shared[rows] for rows in groups
        ]
        share = s.experts.explained_variance
        sizes = [latent_dimension(each, explained_variance=share) if _varies(each) else None for each in embeddings]
        known = [size for size in sizes if size is not None] or [outputs["latent_size"]]
        mean = max(1, round(float(np.mean(known))))
        found = [size or mean for size in sizes]
        return {
            "expert_sizes": found,
            "expert_size": max(found) if s.experts.latent_size == "own" else mean,
            "group_counts": [len(rows) for rows in groups],
            "group_entropies": [_mean_entropy(fit.native, rows) for rows in groups],
            "entropy": _mean_entropy(fit.native, np.arange(len(labels))),
        }

    def train_mixture(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """P8 and P9, first phase: manager and experts together."""
        s, preprocessor = self.settings, self._preprocessor(fit, outputs)
        mixture = self._mixture(fit, outputs)
        mixture.manager.load_state_dict(outputs["manager"])
        alpha, notes = self._alpha(mixture, preprocessor, fit)
        weight, kind = s.expert_weight, s.experts.kind
        objective = MixtureObjective(preprocessor, alpha, s.mixture.balance, weight, s.warm_up, kind)
        fit.trainer.fit(mixture, fit.images, objective, self._epochs(s.mixture, 1 / 8, fit))
        states = {"manager": dict(mixture.manager.state_dict()), "experts": dict(mixture.experts.state_dict())}
        return {**states, "notes": [*outputs["notes"], *notes]}

    def specialise(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """P9, second phase: the manager is fixed, and each expert learns from its own images."""
        mixture = self._mixture(fit, outputs, hard=True)
        mixture.manager.load_state_dict(outputs["manager"])
        mixture.experts.load_state_dict(outputs["experts"])
        mixture.manager.requires_grad_(False)
        weight, kind = self.settings.expert_weight, self.settings.experts.kind
        objective = MixtureObjective(self._preprocessor(fit, outputs), 0.0, 0.0, weight, 0.0, kind)
        fit.trainer.fit(mixture, fit.images, objective, self._epochs(self.settings.experts, 1 / 8, fit))
        return {"experts": dict(mixture.experts.state_dict())}

    def assign(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Every image to the expert the manager thinks most probable; experts whom no image chose are left out."""
        before, asked_for = outputs["n_clusters"], self.settings.n_clusters
        chosen = np.unique(self._probabilities(fit, outputs).argmax(axis=1)).tolist()
        manager, experts = select_experts(outputs["manager"], outputs["experts"], chosen)
        of_groups = ("expert_sizes", "group_counts", "group_entropies")
        left = {
            "manager": manager,
            "experts": experts,
            "n_clusters": len(chosen),
            **{name: [outputs[name][expert] for expert in chosen] for name in of_groups},
        }
        probabilities = self._probabilities(fit, {**outputs, **left})
        return {
            **left,
            "probabilities_": probabilities,
            "labels_": probabilities.argmax(axis=1).astype(np.int64),
            "notes": [*outputs["notes"], *lost_groups_note(before, len(chosen), asked_for)],
        }

    def map_experts(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """The latent space of each expert, as a map of the images of its group (figure 4.27); nothing is computed from it."""
        preprocessor = self._preprocessor(fit, outputs).to(fit.trainer.device)
        mixture = self._mixture(fit, outputs).to(fit.trainer.device).eval()
        mixture.experts.load_state_dict(outputs["experts"])
        sampler = MixtureSampler(mixture, preprocessor, fit.images.image_shape)
        maps = np.full((len(fit.images), 2), np.nan, np.float32)
        widest = []
        with fit.trainer.progress("expert maps", outputs["n_clusters"], "experts") as progress:
            for group in range(outputs["n_clusters"]):
                rows = evenly_spread(np.flatnonzero(outputs["labels_"] == group), IMAGES_IN_MAP)
                encode = functools.partial(sampler.codes, cluster=group)
                (codes,) = apply_in_batches(encode, fit.images.subset(rows), fit.trainer.device, batch_size=128)
                widest.append(int(codes.var(axis=0).argmax()))
                maps[rows] = expert_map(codes, fit.trainer.seed("map", group))
                progress.advance(1)
        return {"expert_maps": maps, "widest_dimensions": widest}

    def _probabilities(self, fit: FitContext, outputs: StageOutputs) -> NDArray[np.float32]:
        mixture = self._mixture(fit, outputs)
        mixture.manager.load_state_dict(outputs["manager"])
        return _probabilities_of(mixture.manager, self._preprocessor(fit, outputs), fit)

    def _trained_autoencoder(
        self,
        fit: FitContext,
        outputs: StageOutputs,
        latent_size: int,
        rows: NDArray[np.int64] | None = None,
        l1: float = 0.0,
    ) -> Any:
        s, features = self.settings, self.look.n_features(fit, outputs)
        network = fit.trainer.build(lambda: s.build_autoencoder(fit.images.image_shape, latent_size, features))
        objective = self._autoencoder_objective(self._preprocessor(fit, outputs, alone=True), l1)
        fit.trainer.fit(network, fit.images, objective, self._epochs(s.autoencoder, 1.0, fit), rows)
        return network

    def _autoencoder_objective(self, preprocessor: Preprocessor, l1: float) -> AutoencoderObjective:
        s = self.settings
        weight = s.kl_weight * (s.autoencoder.beta if s.autoencoder.kind == "beta-vae" else 1.0)
        return AutoencoderObjective(preprocessor, s.autoencoder.kind, weight, s.warm_up, l1)

    def _fresh_embedding(self, rows: NDArray[np.int64], fit: FitContext, outputs: StageOutputs) -> NDArray[np.float32]:
        s = self.settings.autoencoder
        network = self._trained_autoencoder(fit, outputs, s.latent_size, rows, l1=s.l1)
        return self._embed(network, fit, outputs, rows)

    def _embed(
        self, network: Any, fit: FitContext, outputs: StageOutputs, rows: NDArray[np.int64] | None = None
    ) -> NDArray[np.float32]:
        network.to(fit.trainer.device).eval()
        return _applied(lambda given: network.encode(given)[0], self._preprocessor(fit, outputs), fit, rows)

    def _alpha(self, mixture: MixtureOfExperts, preprocessor: Preprocessor, fit: FitContext) -> tuple[float, list[str]]:
        """α, made smaller where the manager begins so unsure that the sample entropy would drown the rest; and what to say."""
        asked_for = self.settings.mixture.alpha
        p = np.clip(_probabilities_of(mixture.manager, preprocessor, fit), 1e-8, 1.0)
        entropy = float(-(p * np.log(p)).sum(axis=1).mean())
        alpha = asked_for * min(1.0, ENTROPY_OF_UNSURE_MANAGER / max(entropy, 1e-12))
        return alpha, alpha_note(entropy, asked_for, alpha)

    def _mixture(self, fit: FitContext, outputs: StageOutputs, *, hard: bool = False) -> MixtureOfExperts:
        s, shape, sizes = self.settings, fit.images.image_shape, (outputs["n_clusters"], outputs["expert_size"])
        own, features = own_sizes(s, outputs), self.look.n_features(fit, outputs)
        mixture: MixtureOfExperts = fit.trainer.build(
            lambda: s.build_mixture(shape, *sizes, own, hard=hard, features=features)
        )
        return mixture

    def _normalizer(self, outputs: StageOutputs) -> PixelNormalizer:
        normalizer = PixelNormalizer(likelihood=outputs["likelihood"])
        loaded: PixelNormalizer = load_weights(normalizer, outputs["intensity"], torch.device("cpu"))
        return loaded

    def _pose(self, fit: FitContext, outputs: StageOutputs) -> PoseTransformer | None:
        s = self.settings
        if not s.align:
            return None
        return load_pose(fit.images.image_shape, s.alignment.rotation, outputs["pose"], torch.device("cpu"))

    def _preprocessor(self, fit: FitContext, outputs: StageOutputs, *, alone: bool = False) -> Preprocessor:
        """Prepares images; `alone` for a network with nothing but a pretrained encoder in front of it, which has seen no views."""
        s = self.settings
        augmentation = None if alone and s.encoder.is_pretrained else s.augmentation.transform(fit.background)
        plain = Preprocessor(self._normalizer(outputs), augmentation, s.target, self._pose(fit, outputs))
        return self.look.through(plain, fit, outputs)

    def _epochs(self, training: Training, share: float, fit: FitContext) -> Training:
        side = max(fit.images.image_shape[-2:])
        whole = automatic_epochs(len(fit.images)) if side < LARGE_SIDE else baseline_epochs(len(fit.images), side)
        return training.with_epochs(max(1, round(share * whole)))


def _probabilities_of(manager: nn.Module, preprocessor: Preprocessor, fit: FitContext) -> NDArray[np.float32]:
    manager.to(fit.trainer.device).eval()
    return _applied(lambda given: manager(given).softmax(dim=1), preprocessor, fit)


def _applied(
    function: Callable[[Tensor], Tensor],
    preprocessor: Preprocessor,
    fit: FitContext,
    rows: NDArray[np.int64] | None = None,
) -> NDArray[np.float32]:
    """Apply a function of what networks are given to all images, or to some; features that are known are not found again."""
    device = fit.trainer.device
    preprocessor.to(device)
    if preprocessor.features is not None:
        return apply_to_features(
            function, preprocessor.features if rows is None else preprocessor.features[rows], device
        )
    images = fit.images if rows is None else fit.images.subset(rows)
    return apply_in_batches(lambda pixels: function(preprocessor.transform(pixels)), images, device)[0]


def _varies(embedding: NDArray[np.float32]) -> bool:
    """Whether the codes of a group tell its images apart, by more than rounding."""
    return len(embedding) > 1 and float(np.ptp(embedding, axis=0).max()) > 1e-5 * float(np.abs(embedding).max())


def own_sizes(settings: MoEVAESettings, outputs: StageOutputs) -> list[int] | None:
    """The latent size of each expert, where they are unequal."""
    return list(outputs["expert_sizes"]) if settings.experts.latent_size == "own" else None


def evenly_spread(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most so many of the rows, evenly spread."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), most)).astype(np.int64))]


def _mean_entropy(images: ImageSet, rows: NDArray[np.int64]) -> float | None:
    """Mean Shannon entropy, in bits, of images, of at most 1,000 of them; None where there are none."""
    if not len(rows):
        return None
    value_range, taken = images.value_range(), evenly_spread(rows, IMAGES_FOR_ENTROPY)
    blocks = [images.__getitems__(taken[start : start + 256]).numpy() for start in range(0, len(taken), 256)]
    return float(np.mean(np.concatenate([shannon_entropy(block, value_range=value_range) for block in blocks])))
