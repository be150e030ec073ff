"""`dynae`: dynamic autoencoder (Mrabah, Khan, Ksantini & Lachiri, Neural Networks 2020): from reconstruction to centres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Lt
from torch import Tensor, nn

from facies.losses import gaussian_reconstruction
from facies.methods.autoencoder_clustering import AutoencoderClustering, ClusteringNetwork
from facies.methods.conflict_targets import ConflictTargets
from facies.methods.fit_context import FitContext
from facies.methods.interpolation import InterpolationNetwork, InterpolationObjective
from facies.methods.preprocessing import Preprocessor
from facies.parameters import Count, Fraction, Positive, Weight, settings
from facies.training import Augmentation, Batch, Callback, StageOutputs, Training, unwrapped


@dataclass(kw_only=True, eq=False, repr=False)
class DynAE(AutoencoderClustering):
    """Images of which the network is sure are decoded as the centre of their group, all others as themselves.

    References
    ----------
    .. [1] N. Mrabah, N. M. Khan, R. Ksantini, Z. Lachiri, "Deep clustering with a dynamic autoencoder: from reconstruction
       towards centroids construction", Neural Networks 130, 2020.
    """

    standardise: ClassVar[bool] = False
    name: ClassVar[str] = "dynae"
    title: ClassVar[str] = "Dynamic autoencoder"
    reference: ClassVar[str] = (
        "N. Mrabah, N. M. Khan, R. Ksantini, Z. Lachiri, Deep clustering with a dynamic autoencoder: from reconstruction towards "
        "centroids construction. Neural Networks 130, 206–228, 2020."
    )
    citation: ClassVar[str] = "Mrabah et al., 2020"
    summary: ClassVar[str] = (
        "An autoencoder ({0.network}) was trained, on random views and against a critic of interpolated codes, to reproduce the images "
        "by way of a code of {0.code_length} numbers. It then learnt to decode images that surely belong to a group as the centre of "
        "the group, found by {0.initialisation}, and all others as themselves, until hardly any were left."
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "quick": {
            "image_size": 32,
            "pretraining.epochs": "auto",
            "pretraining.learning_rate": 1e-3,
            "training.epochs": 100,
            "update_interval": 30,
        },
    }

    augmentation: Augmentation = settings(Augmentation, zoom=0.0)
    """Views from which the network learns; who is sure is asked of the images themselves."""
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0
    """Share of the pixels that ``mlp`` must do without while it is pretrained."""
    critic_weight: Weight = 0.5
    """Weight of deceiving the critic in the pretraining; larger values make interpolated codes decode to likelier images."""
    kappa: Positive = 3.0
    """κ: an image is sure where its first share is above κ/K and beats the second by κ/2K; both fall as the training goes."""
    image_weight: Weight = 100.0
    """Weight of the error of the image beside that of the code."""
    update_interval: Count = 140
    """Steps after which it is asked anew which images are sure."""
    tolerance: Fraction = 0.01
    """The training ends once a smaller share of the images is unsure."""
    pretraining: Training = settings(Training, epochs=475, batch_size=256, learning_rate=1e-4)
    training: Training = settings(Training, epochs=400, batch_size=256, optimizer="sgd", learning_rate=1e-3)

    def pretrain(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: the autoencoder learns to reconstruct, and to interpolate so that a critic cannot tell."""

        def build() -> InterpolationNetwork:
            autoencoder, other = (self.build_network(self.dropout).autoencoder for _ in range(2))
            return InterpolationNetwork(autoencoder, other.encoder)

        network = fit.trainer.build(build)
        objective = InterpolationObjective(self.preprocessor(fit, outputs), self.critic_weight)
        fit.trainer.fit(network, self.shown(fit), objective, self._epochs(self.pretraining, fit))
        return {"autoencoder": dict(network.autoencoder.state_dict())}

    def with_groups(self, autoencoder: Any, n_clusters: int | None = None) -> ClusteringNetwork:
        """Centres that no gradient moves."""
        network = super().with_groups(autoencoder, n_clusters)
        network.centres.requires_grad_(False)
        return network

    def callbacks(self, fit: FitContext, preprocessor: Preprocessor) -> list[Callback]:
        """Which images are sure, and what they are to be decoded as."""
        seed = fit.trainer.seed("centres")
        return [ConflictTargets(self.shown(fit), preprocessor, self.kappa, self.update_interval, self.tolerance, seed)]

    def objective(self, preprocessor: Preprocessor, callbacks: Sequence[Callback]) -> DynAEObjective:
        """MSE of the code + w·MSE of the image (eq. 9); what a view is decoded as is the image that it was made from."""
        (targets,) = callbacks
        assert isinstance(targets, ConflictTargets)
        return DynAEObjective(replace(preprocessor, target="image"), targets, self.image_weight)


@dataclass
class DynAEObjective:
    """MSE of the code + w·MSE of the reconstruction (eq. 9): beside the centre and its picture, of the sure; beside the code
    of the image itself and the image, of the others. Who is sure is said by the code of the image itself.
    """

    preprocessor: Preprocessor
    targets: ConflictTargets
    image_weight: float

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss``, ``reconstruction``, ``distance`` and ``sure``, the share of the sure."""
        view, image = self.preprocessor(batch.images)
        codes, reconstruction = module(view)
        network = unwrapped(module)
        with torch.no_grad():
            own = network.encode(image)
            groups = self.targets.sure_groups(own, network.centres)
        is_sure, pictures = groups >= 0, self.targets.pictures_of(groups)
        centres = torch.where(is_sure[:, None], network.centres[groups.clamp(min=0)], own)
        expected = torch.where(is_sure[:, None, None, None], pictures, image)
        error = gaussian_reconstruction(reconstruction, expected).mean()
        distance = (codes - centres).square().mean()
        loss = distance + self.image_weight * error
        return {"loss": loss, "reconstruction": error, "distance": distance, "sure": is_sure.float().mean()}
