"""The stages of `moe-vae`: what is learnt in which order, and what each stage hands to the next."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.mixture import GaussianMixture

from facies.cluster import (
    UMAPLayout,
    density_groups,
    dynamic_neighbours,
    l1_normalised,
    latent_dimension,
    most_central,
)
from facies.images import ImageSet, RandomAffine, background
from facies.methods.autoencoder import AutoencoderObjective, Views, automatic_epochs, learn_normalizer
from facies.methods.base import load_weights
from facies.methods.moe_vae.losses import ManagerObjective, MixtureObjective
from facies.methods.pose_alignment import align_pose, load_pose
from facies.nn import MixtureOfExperts, PixelNormalizer, select_experts
from facies.nn.pose import PoseTransformer
from facies.training import Results, Trainer, Training
from facies.training.trainer import apply_in_batches

if TYPE_CHECKING:
    from facies.methods.moe_vae.method import MoEVAE

ENTROPY_OF_UNSURE_MANAGER = 0.1


def automatic_layouts(n_images: int) -> int:
    """⌊50,000/N⌋ layouts, at most 5; 1 where that is fewer than 3, for two cannot outvote each other."""
    count = min(5, 50_000 // n_images)
    return count if count >= 3 else 1


class MoEVAEFit:
    """The stages of one fit of `MoEVAE`, in the paper's order."""

    def __init__(self, method: MoEVAE, images: ImageSet, trainer: Trainer) -> None:
        self.method, self.images, self.trainer = method, images, trainer
        self.fill = background(images)

    def intensity(self, found: Results) -> Results:  # noqa: ARG002 - the first stage finds nothing before it
        """Scale of the pixels and likelihood, from their histogram."""
        intensity = learn_normalizer(self.images, self.method.likelihood)
        return {"intensity": dict(intensity.state_dict()), "likelihood": intensity.likelihood}

    def align(self, found: Results) -> Results:
        """The transformer that sets images upright, where it is asked for; from here on it stays as it is."""
        m = self.method
        epochs = self._epochs(m.align_epochs, 1.0)
        return align_pose(self.trainer, self.images, self._intensity(found), m.align_rotation, epochs)

    def autoencode(self, found: Results) -> Results:
        """P1: an autoencoder with a large code."""
        m = self.method
        network = self.trainer.build(lambda: m.build_first(m.latent_size))
        self._train_autoencoder(network, found, l1=m.latent_l1)
        return {"autoencoder": dict(network.state_dict()), "first_embedding": self._embed(network, found)}

    def find_latent_size(self, found: Results) -> Results:
        """P2: principal components of the means that explain the wanted share."""
        size = latent_dimension(found["first_embedding"], explained_variance=self.method.explained_variance)
        return {"latent_size": size, "embedding_": found["first_embedding"]}

    def retrain(self, found: Results) -> Results:
        """P3: the autoencoder anew, with the latent size found."""
        network = self.trainer.build(lambda: self.method.build_first(found["latent_size"]))
        self._train_autoencoder(network, found)
        return {"autoencoder": dict(network.state_dict()), "embedding_": self._embed(network, found)}

    def embed(self, found: Results) -> Results:
        """P4: L1 normalisation and UMAP, for the groups and once in two dimensions for the map."""
        m = self.method
        count = automatic_layouts(len(self.images)) if m.n_layouts == "auto" else m.n_layouts
        progress = self.trainer.show("embed", count + 2, "steps")
        neighbours = dynamic_neighbours(len(self.images)) if m.n_neighbors == "dynamic" else m.n_neighbors
        manifold = UMAPLayout(l1_normalised(found["embedding_"]), neighbours, "manhattan", self.trainer.seed("map"))
        progress.advance(1)
        dimensions = min(found["latent_size"], m.layout_dimensions or found["latent_size"])
        layouts = []
        for number in range(count):
            layouts.append(manifold.layout(dimensions, seed=self.trainer.seed("layout", number)))
            progress.advance(1)
        projection = manifold.layout(2, min_dist=0.1)
        progress.finish()
        return {"layouts": np.stack(layouts), "neighbours": manifold.neighbours[0], "projection_": projection}

    def group(self, found: Results) -> Results:
        """P5: HDBSCAN, or a Gaussian mixture, on the layouts; the partition most typical of them is kept."""
        if self.method.grouping == "gaussian-mixture":
            find = self._gaussian_groups
        else:
            find = partial(self._dense_groups, neighbours=found["neighbours"])
        progress = self.trainer.show("density", len(found["layouts"]), "layouts")
        partitions = []
        for layout in found["layouts"]:
            partitions.append(find(layout))
            progress.advance(1)
        progress.finish()
        labels, memberships = partitions[most_central([labels for labels, _ in partitions])]
        notes = []
        if labels.max(initial=-1) < 1:
            notes = [
                "fewer than two dense groups were found: all images are in one group; try more images, or another min_cluster_size"
            ]
        return {
            "density_labels": labels,
            "memberships": memberships,
            "n_clusters": memberships.shape[1],
            "notes": notes,
        }

    def _dense_groups(
        self, layout: NDArray[np.float32], neighbours: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        m = self.method
        groups = density_groups(layout, m.selection, m.min_cluster_size, m.min_samples, neighbours=neighbours)
        return groups.labels, groups.memberships

    def _gaussian_groups(self, layout: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        mixture = GaussianMixture(
            self.method.n_clusters, n_init=3, reg_covar=1e-4, random_state=self.trainer.seed("mixture")
        )
        memberships = mixture.fit(layout).predict_proba(layout).astype(np.float32)
        return memberships.argmax(axis=1).astype(np.int64), memberships

    def pretrain_manager(self, found: Results) -> Results:
        """P6: the manager learns the soft memberships of the images that are not noise."""
        m = self.method
        manager = self.trainer.build(lambda: m.build_manager(found["n_clusters"]))
        rows = np.flatnonzero(found["density_labels"] >= 0)
        objective = ManagerObjective(self._views(found), found["memberships"])
        recipe = self._recipe(m.manager_epochs, 1 / 3, m.manager_learning_rate)
        self.trainer.fit(manager, self.images, objective, recipe, rows if len(rows) > 1 else None)
        return {"manager": dict(manager.state_dict())}

    def find_expert_size(self, found: Results) -> Results:
        """P7: the latent size of each group; the experts all get the rounded mean, lest a large one swallow others."""
        m, labels = self.method, found["density_labels"]
        groups = [np.flatnonzero(labels == group) for group in range(found["n_clusters"])]
        if m.expert_size == "fresh":
            embeddings = [self._fresh_embedding(rows, found) for rows in groups]
        else:
            embeddings = [found["embedding_"][rows] for rows in groups]
        sizes = [
            latent_dimension(embedding, explained_variance=m.expert_explained_variance)
            for embedding in embeddings
            if len(embedding) > 1
        ]
        sizes = sizes or [found["latent_size"]]
        return {"expert_sizes": sizes, "expert_size": max(1, round(float(np.mean(sizes))))}

    def train_mixture(self, found: Results) -> Results:
        """P8 and P9, first phase: manager and experts together."""
        m = self.method
        mixture = self._mixture(found)
        mixture.manager.load_state_dict(found["manager"])
        views = self._views(found)
        objective = MixtureObjective(views, self._alpha(mixture, views), m.balance, m.kl_weight, m.warm_up)
        self.trainer.fit(
            mixture, self.images, objective, self._recipe(m.mixture_epochs, 1 / 8, m.mixture_learning_rate)
        )
        return {"manager": dict(mixture.manager.state_dict()), "experts": dict(mixture.experts.state_dict())}

    def specialise(self, found: Results) -> Results:
        """P9, second phase: the manager is fixed, and each expert learns from its own images."""
        m = self.method
        mixture = self._mixture(found, hard=True)
        mixture.manager.load_state_dict(found["manager"])
        mixture.experts.load_state_dict(found["experts"])
        mixture.manager.requires_grad_(False)
        objective = MixtureObjective(self._views(found), 0.0, 0.0, m.kl_weight, 0.0)
        self.trainer.fit(mixture, self.images, objective, self._recipe(m.expert_epochs, 1 / 8, m.mixture_learning_rate))
        return {"experts": dict(mixture.experts.state_dict())}

    def assign(self, found: Results) -> Results:
        """Every image to the expert the manager thinks most probable; experts whom no image chose are left out."""
        chosen = np.unique(self._probabilities(found).argmax(axis=1)).tolist()
        manager, experts = select_experts(found["manager"], found["experts"], chosen)
        left = {"manager": manager, "experts": experts, "n_clusters": len(chosen)}
        probabilities = self._probabilities({**found, **left})
        return {**left, "probabilities_": probabilities, "labels_": probabilities.argmax(axis=1).astype(np.int64)}

    def _probabilities(self, found: Results) -> NDArray[np.float32]:
        mixture = self._mixture(found)
        mixture.manager.load_state_dict(found["manager"])
        return self._manage(mixture, self._views(found))

    def _train_autoencoder(
        self, network: Any, found: Results, rows: NDArray[np.int64] | None = None, l1: float = 0.0
    ) -> None:
        m = self.method
        weight = m.kl_weight * (m.beta if m.autoencoder == "beta-vae" else 1.0)
        objective = AutoencoderObjective(self._views(found), m.autoencoder, weight, m.warm_up, l1)
        self.trainer.fit(network, self.images, objective, self._recipe(m.epochs, 1.0, m.learning_rate), rows)

    def _fresh_embedding(self, rows: NDArray[np.int64], found: Results) -> NDArray[np.float32]:
        m = self.method
        network = self.trainer.build(lambda: m.build_first(m.latent_size))
        self._train_autoencoder(network, found, rows, l1=m.latent_l1)
        return self._embed(network, found, self.images.subset(rows))

    def _embed(self, network: Any, found: Results, images: ImageSet | None = None) -> NDArray[np.float32]:
        views, device = self._views(found), self.method.hardware().device
        network.to(device).eval()
        return apply_in_batches(
            lambda pixels: network.encode(views.still(pixels)[:, None])[0][:, 0], images or self.images, device
        )[0]

    def _manage(self, mixture: MixtureOfExperts, views: Views) -> NDArray[np.float32]:
        device = self.method.hardware().device
        mixture.to(device).eval()
        views.to(device)
        return apply_in_batches(
            lambda pixels: mixture.manager_logits(views.still(pixels)).softmax(dim=1), self.images, device
        )[0]

    def _alpha(self, mixture: MixtureOfExperts, views: Views) -> float:
        """α, made smaller where the manager begins so unsure that the sample entropy would drown the rest."""
        p = np.clip(self._manage(mixture, views), 1e-8, 1.0)
        unsure = float(-(p * np.log(p)).sum(axis=1).mean())
        return self.method.alpha * min(1.0, ENTROPY_OF_UNSURE_MANAGER / max(unsure, 1e-12))

    def _mixture(self, found: Results, *, hard: bool = False) -> MixtureOfExperts:
        mixture: MixtureOfExperts = self.trainer.build(
            lambda: self.method.build_mixture(found["n_clusters"], found["expert_size"], hard=hard)
        )
        return mixture

    def _intensity(self, found: Results) -> PixelNormalizer:
        return load_weights(
            PixelNormalizer(likelihood=found["likelihood"]), found["intensity"], self.method.hardware().device
        )

    def _views(self, found: Results) -> Views:
        m = self.method
        augment = RandomAffine(m.rotation, m.zoom, m.shift, m.flip, fill=self.fill) if m.augment else None
        return Views(self._intensity(found), augment, m.target, self._pose(found))

    def _pose(self, found: Results) -> PoseTransformer | None:
        m = self.method
        if not m.align:
            return None
        return load_pose(self.images.image_shape, m.align_rotation, found["pose"], m.hardware().device)

    def _recipe(self, epochs: int | Literal["auto"], share: float, learning_rate: float) -> Training:
        m = self.method
        count = self._epochs(epochs, share)
        return Training(count, m.batch_size, learning_rate, m.schedule, m.gradient_clip, m.patience)

    def _epochs(self, epochs: int | Literal["auto"], share: float) -> int:
        return max(1, round(share * automatic_epochs(len(self.images)))) if epochs == "auto" else int(epochs)
