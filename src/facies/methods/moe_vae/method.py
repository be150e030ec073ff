"""`moe-vae`: a mixture of variational autoencoders that finds the number of groups and the latent size by itself."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from facies.cluster import GroupTree
from facies.errors import InputError
from facies.images import ImageSet
from facies.methods.downsample import downsampled_shape
from facies.methods.features import ImageEncoder
from facies.methods.fit_context import FitContext
from facies.methods.moe_vae.features import image_encoder
from facies.methods.moe_vae.sampling import MixtureSampler
from facies.methods.moe_vae.settings import FORMER_PARAMETERS, MoEVAESettings
from facies.methods.moe_vae.stages import MoEVAEStages, own_sizes
from facies.methods.partition import Partition, refuse_more_groups_than_images
from facies.methods.pose_alignment import check_alignment, load_pose, to_canonical
from facies.methods.reduced_images import ReducedImages
from facies.methods.starting_encoder import KEPT
from facies.methods.weights import load_weights
from facies.nn import PixelNormalizer
from facies.nn.pose import PoseTransformer
from facies.training import Stage, StageOutputs

MIN_CLUSTER_SIZE = 5


@dataclass(kw_only=True, eq=False, repr=False)
class MoEVAE(MoEVAESettings, ReducedImages):
    """Mixture of variational autoencoders with density-based pretraining.

    An autoencoder learns the images; the principal components of its code give the latent size; UMAP and HDBSCAN find
    the groups and their number; a manager learns to tell the groups from the images; and one autoencoder a group, the
    experts, learns with it until each image has one expert.

    Attributes
    ----------
    density_labels_ : ndarray of shape (n_images,)
        Groups of the density grouping; −1 is noise.
    manager_probabilities_ : ndarray of shape (n_images, n_groups)
        Probability of each group of the density grouping, as the manager alone gives it before the experts learn.
    latent_size_ : int
        Latent size that was estimated.
    expert_sizes_ : list of int
        Latent size that was estimated for each group that is left; the experts have the rounded mean over all groups, or this.
    expert_maps_ : ndarray of shape (n_images, 2)
        UMAP of the latent space of each group's expert, of at most 1,000 images a group; NaN for the others.
    widest_dimensions_ : list of int
        For each expert the dimension of its code along which its images differ most.
    entropy_, group_counts_, group_entropies_ : float, list of int, list of float
        Mean Shannon entropy in bits of the images; and for each group that is left the images that the density grouping gave it,
        and their mean entropy (None where there are none).

    References
    ----------
    .. [1] P. Santos, "A Mixture-of-Experts approach to deep image clustering: estimating latent sizes and number of
       clusters", MSc thesis, Instituto Superior Técnico, 2020.
    """

    name: ClassVar[str] = "moe-vae"
    title: ClassVar[str] = "Mixture of variational autoencoders"
    reference: ClassVar[str] = (
        "P. Santos, A Mixture-of-Experts approach to deep image clustering: estimating latent sizes and number of clusters. "
        "MSc thesis, Instituto Superior Técnico, Lisbon, 2020."
    )
    citation: ClassVar[str] = "Santos, 2020"
    summary: ClassVar[str] = (
        "{0.encoder_in_words}"
        "An autoencoder ({0.autoencoder.kind}) with {0.autoencoder.latent_size} latent numbers was trained on the images, and the "
        "number of dimensions that they need was estimated by principal components (a share of {0.autoencoder.explained_variance:g} "
        "of the variance). {0.grouping_in_words} A manager network learnt these memberships, and each group then had a variational "
        "autoencoder of its own, learnt together with the manager as a mixture of experts; an image belongs to the expert to which the "
        "manager gives it."
    )
    estimates_n_clusters: ClassVar[bool] = True
    is_generative: ClassVar[bool] = True
    supported_inputs: ClassVar[tuple[str, ...]] = ("images", "focal stacks")
    former_parameters: ClassVar[Mapping[str, str | tuple[str, ...]]] = FORMER_PARAMETERS
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "quick": {
            "image_size": "auto",
            "autoencoder.latent_size": 20,
            "autoencoder.retrain": False,
            "autoencoder.l1": 0.0,
            "autoencoder.epochs": "auto",
            "autoencoder.batch_size": 128,
            "autoencoder.learning_rate": 2e-3,
            "autoencoder.schedule": "one-cycle",
            "kl_weight": 0.1,
            "filters": 16,
            "activation": "silu",
            "augmentation.zoom": 0.05,
            "augmentation.rotation": 5.0,
            "augmentation.shift": 0.05,
            "target": "image",
            "alignment.epochs": "auto",
            "density.layout_dimensions": 10,
            "density.n_neighbors": 10,
            "density.n_layouts": "auto",
            "density.selection": "separated",
            "density.min_samples": "dynamic",
            "manager.epochs": "auto",
            "manager.batch_size": 128,
            "manager.learning_rate": 2e-3,
            "manager.schedule": "one-cycle",
            "mixture.epochs": "auto",
            "mixture.batch_size": 128,
            "mixture.learning_rate": 1e-3,
            "mixture.schedule": "one-cycle",
            "mixture.routing_threshold": 0.01,
            "experts.latent_size_from": "shared",
            "experts.filters": 8,
            "experts.epochs": "auto",
            "experts.batch_size": 128,
            "experts.learning_rate": 1e-3,
            "experts.schedule": "one-cycle",
        },
    }

    test_parameters: ClassVar[Mapping[str, Any]] = {
        "filters": 4,
        "align": True,
        "alignment.epochs": 1,
        "autoencoder.epochs": 2,
        "autoencoder.latent_size": 6,
        "autoencoder.retrain": True,
        "density.n_layouts": 1,
        "density.min_cluster_size": 8,
        "manager.epochs": 2,
        "mixture.epochs": 2,
        "experts.epochs": 2,
        "experts.filters": 4,
    }

    @property
    def longer_side(self) -> int | None:
        """`image_size`, with ``auto`` made definite; a pretrained encoder looks at the images as they are."""
        return None if self.encoder.is_pretrained and self.image_size == "auto" else super().longer_side

    @property
    def asked_n_clusters(self) -> int | None:
        """How many groups the user asked for; None where density finds their number."""
        return self.n_clusters if self.grouping == "gaussian-mixture" else None

    @property
    def encoder_in_words(self) -> str:
        """What looks at the images in front of the autoencoder, for `summary`."""
        if not self.encoder.is_pretrained:
            return ""
        return f"The images were looked at by a pretrained encoder ({self.encoder.name}), {self.encoder.use}. "

    @property
    def grouping_in_words(self) -> str:
        """How the first groups are found, for `summary`."""
        if self.grouping == "gaussian-mixture":
            return "Groups were found by a Gaussian mixture in a UMAP layout of the means."
        return "Groups were found by HDBSCAN, by density, in a UMAP layout of the means."

    def check(self, images: ImageSet) -> None:
        """Refuse also parameters that contradict one another, and too few images."""
        super().check(images)
        self.encoder.check(images.image_shape)
        if self.encoder.is_pretrained and self.longer_side is not None:
            raise InputError("a pretrained encoder looks at the images as they are: leave out image_size")
        if self.align:
            check_alignment(downsampled_shape(images.image_shape, self.longer_side))
        smallest = self.density.min_cluster_size or max(MIN_CLUSTER_SIZE, len(images) // 50)
        if len(images) < 2 * smallest:
            raise InputError(
                f"{len(images)} images are fewer than twice the smallest group ({smallest}); give more images, "
                "or set density.min_cluster_size"
            )
        if self.grouping == "gaussian-mixture" and not self.n_clusters:
            raise InputError("grouping=gaussian-mixture needs n_clusters; grouping=density finds the number by itself")
        refuse_more_groups_than_images(self.n_clusters, len(images))
        if self.grouping == "density" and self.n_clusters is not None:
            raise InputError(
                "grouping=density finds the number of groups; to give n_clusters, set grouping=gaussian-mixture"
            )

    def stages(self, fit: FitContext) -> list[Stage]:
        """P1 to P9 of the thesis."""
        steps = MoEVAEStages(self)
        named = {
            "scale": steps.scale,
            **({"align": steps.align} if self.align else {}),
            "autoencode": steps.autoencode,
            "latent size": steps.estimate_latent_size,
            **({"retrain": steps.retrain} if self.autoencoder.retrain else {}),
            "embed": steps.embed,
            "density": steps.group,
            "manager": steps.pretrain_manager,
            "expert size": steps.estimate_expert_size,
            "experts": steps.train_mixture,
            "specialise": steps.specialise,
            "assign": steps.assign,
            "expert maps": steps.map_experts,
        }
        return [fit.stage(name, step, self.longer_side) for name, step in named.items()]

    def model_state(self, outputs: StageOutputs) -> StageOutputs:
        """Networks, scale and sizes; the groups before the experts stay with this object, not with the model."""
        self.density_labels_: NDArray[np.int64] = outputs["density_labels"]
        self.manager_probabilities_: NDArray[np.float32] = outputs["manager_probabilities"]
        self.tree_ = GroupTree.from_arrays(outputs, "tree_") if "tree_parent" in outputs else None
        self.expert_maps_: NDArray[np.float32] = outputs["expert_maps"]
        self.widest_dimensions_: list[int] = outputs["widest_dimensions"]
        self.entropy_: float = outputs["entropy"]
        self.group_counts_: list[int] = outputs["group_counts"]
        self.group_entropies_: list[float | None] = outputs["group_entropies"]
        names = (
            "n_clusters",
            "intensity",
            "likelihood",
            "whole_numbers",
            "autoencoder",
            "latent_size",
            "manager",
            "experts",
            "expert_size",
            "expert_sizes",
            *(("pose",) if self.align else ()),
            *(KEPT if self.encoder.is_pretrained else ()),
        )
        return {name: outputs[name] for name in names}

    def load_state(self, state: StageOutputs) -> None:
        """Build autoencoder, manager and experts."""
        shape, device = downsampled_shape(self.image_shape_, self.longer_side), self.device_
        self.latent_size_, self.expert_sizes_ = int(state["latent_size"]), list(state["expert_sizes"])
        self.normalizer_ = load_weights(PixelNormalizer(likelihood=state["likelihood"]), state["intensity"], device)
        self.pose_: PoseTransformer | None = None
        if self.align:
            self.pose_ = load_pose(shape, self.alignment.rotation, state["pose"], device)
        self.encoder_: ImageEncoder | None = None
        if self.encoder.is_pretrained:
            self.encoder_ = image_encoder(self.encoder, self.image_shape_, state, device)
        features = None if self.encoder_ is None else self.encoder_.features
        reducing = self.reducing(self.normalizer_, state)
        self.preprocessor_ = dataclasses.replace(reducing, pose=self.pose_, encoder=self.encoder_)
        size = self.latent_size_ if self.autoencoder.retrain else self.autoencoder.latent_size
        autoencoder = self.build_autoencoder(shape, size, features)
        self.autoencoder_ = load_weights(autoencoder, without_network_axis(state["autoencoder"]), device)
        sizes = own_sizes(self, state)
        mixture = self.build_mixture(shape, self.n_clusters_, int(state["expert_size"]), sizes, features=features)
        mixture.manager.load_state_dict(without_network_axis(state["manager"]))
        mixture.experts.load_state_dict(state["experts"])
        self.mixture_ = mixture.to(device).eval()
        self.sampler_ = MixtureSampler(self.mixture_, self.preprocessor_, self.image_shape_)

    def embed(self, pixels: Tensor) -> Tensor:
        """Means of the first autoencoder's code."""
        return self.autoencoder_.encode(self.preprocessor_.look(pixels))[0]

    def cluster_probabilities(self, pixels: Tensor) -> Tensor:
        """Probabilities of the manager."""
        return self.mixture_.manager_logits(self.preprocessor_.look(pixels)).softmax(dim=1)

    def embed_and_cluster(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Both, in one look."""
        looked_at = self.preprocessor_.look(pixels)
        return self.autoencoder_.encode(looked_at)[0], self.mixture_.manager_logits(looked_at).softmax(dim=1)

    def partitions(self) -> dict[str, Partition]:
        """Return the groups that the mixture starts with, by density and by the manager alone, and those of the mixture."""
        density = Partition(self.density_labels_, f"the density grouping that {self.name} begins with")
        probabilities = self.manager_probabilities_
        labels = probabilities.argmax(axis=1).astype(np.int64)
        manager = Partition(labels, f"the manager of {self.name} alone, before the experts", probabilities)
        return {"density": density, "manager": manager, **super().partitions()}

    def trees(self) -> dict[str, tuple[GroupTree, dict[str, Any]]]:
        """The tree of the layout whose density grouping was taken; none with a Gaussian mixture."""
        return {} if self.tree_ is None else {"density": (self.tree_, {"method": "density", "seed": self.random_state})}

    def run_values(self) -> dict[str, Any]:
        """Latent size and entropy of the images and of each group (thesis, tables 4.8 and 4.13 to 4.17); ``encoder``, if pretrained."""
        columns = (self.group_counts_, self.group_entropies_, self.expert_sizes_, self.mixture_.experts.own_sizes)
        names = ("n_images_by_density", "shannon_entropy", "latent_size", "expert_latent_size")
        groups = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        values = {"latent_size": self.latent_size_, "shannon_entropy": self.entropy_, "groups": groups}
        if self.encoder_ is not None:
            values["encoder"] = self.encoder.about(self.encoder_.planes, self.image_shape_)
        return values

    @torch.no_grad()
    def run_arrays(self) -> dict[str, NDArray[Any]]:
        """Each expert's map, a walk through its code along the widest dimension, and what it makes of a white image, in [0, 1]."""
        arrays: dict[str, NDArray[Any]] = {
            "expert_maps": self.expert_maps_,
            "walk_dimensions": np.asarray(self.widest_dimensions_, np.int64),
        }
        if len(self.image_shape_) == 3:
            walks = [self.sampler_.latent_walk(k, dimension) for k, dimension in enumerate(self.widest_dimensions_)]
            drawn = {"expert_walks": torch.stack(walks), "expert_white": self.sampler_.white_image()[1]}
            arrays |= {name: self._in_unit_range(images) for name, images in drawn.items()}
        return arrays

    def _in_unit_range(self, native: Tensor) -> NDArray[np.float32]:
        low, span = self.normalizer_.low, self.normalizer_.span
        return ((native - low) / span).clamp(0, 1).float().cpu().numpy()

    @property
    def has_canonical_pose(self) -> bool:
        """With `align`."""
        return self.align

    def to_canonical(self, pixels: Tensor) -> Tensor:
        """Native pixels → the same upright."""
        if self.pose_ is None:
            return super().to_canonical(pixels)
        return to_canonical(self.pose_, pixels, self.preprocessor_.scaled(pixels))

    def draw(self, n: int, cluster: int, seed: int) -> Tensor:
        """Images of codes z ~ N(0, I), drawn by the group's expert."""
        return self.sampler_.sample(n, cluster, seed)

    @torch.no_grad()
    def latent_walk(self, cluster: int, dimension: int = 0, steps: int = 9, reach: float = 1.0) -> NDArray[np.float32]:
        """Images along one latent dimension of an expert, from −`reach` to `reach`, the others at 0.

        Returns
        -------
        ndarray
            (steps, *image_shape) float32, in the units of the images learnt from.
        """
        return self.sampler_.latent_walk(cluster, dimension, steps, reach).cpu().numpy()

    @torch.no_grad()
    def white_image(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """An image that is all white, and what each expert makes of it, which shows what it knows (thesis, figure 4.23).

        Returns
        -------
        image : ndarray
            float32 of the shape of an image, in the units of the images learnt from.
        reconstructions : ndarray
            float32, the same for each of the K experts along the first axis.
        """
        image, drawn = self.sampler_.white_image()
        return image.cpu().numpy(), drawn.cpu().numpy()

    def transform_by_expert(self, images: Any, cluster: int) -> NDArray[np.float32]:
        """Embed images in the latent space of one group's expert, whichever group they are in.

        Returns
        -------
        ndarray
            (N, D) float32, with D the latent size of that expert.

        Raises
        ------
        InputError
            If there is no such group, or the images are of another shape than those learnt from.
        """
        check_is_fitted(self, "state_")
        self.sampler_.latent_size(cluster)
        return self._apply(functools.partial(self.sampler_.codes, cluster=cluster), images, batch_size=128)

    def reconstruct(self, images: Any, by: Literal["mixture", "best"] = "mixture") -> NDArray[np.float32]:
        """Reconstruct images: Σₖ pₖ x̂ₖ (thesis, eq. 3.1), or the reconstruction of the most probable expert.

        Returns
        -------
        ndarray
            (N, *image_shape) float32, in the units of the images learnt from.

        Raises
        ------
        InputError
            If the images are of another shape than those learnt from.
        """
        return self._apply(lambda pixels: self.sampler_.reconstruct(pixels, by), images, batch_size=128)

    def predict_by_reconstruction(self, images: Any) -> NDArray[np.int64]:
        """Group whose expert reconstructs the image best, instead of the one the manager prefers: (N,) int64."""
        return self.reconstruction_errors(images).argmin(axis=1).astype(np.int64)

    def reconstruction_errors(self, images: Any) -> NDArray[np.float32]:
        """How far the reconstruction of each expert is from each image: (N, K) float32, the loss d a pixel."""
        return self._apply(self.sampler_.reconstruction_errors, images, batch_size=128)


def without_network_axis(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of format 1, whose linear layers had an axis of networks side by side, as those of one network."""
    stacked = any(name.endswith("head.bias") and tensor.dim() == 2 for name, tensor in state.items())
    heads = ("head.weight", "head.bias") if stacked else ()
    return {name: tensor[0] if heads and name.endswith(heads) else tensor for name, tensor in state.items()}
