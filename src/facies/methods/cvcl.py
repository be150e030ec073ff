"""`cvcl`: cross-view contrastive learning of groups (Chen, Mao, Woo & Peng, ICCV 2023): what two views say, group by group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from annotated_types import Ge
from torch import Tensor, nn

from facies.losses import mean_entropy, nt_xent, sharpened
from facies.methods.fit_context import FitContext
from facies.methods.paired_views import PairedViews
from facies.methods.preprocessing import Preprocessor
from facies.methods.weights import load_weights
from facies.nn.paired_views import PairedAutoencoder
from facies.parameters import Count, Positive, Weight, settings
from facies.training import Batch, Stage, StageOutputs, Training, unwrapped


@dataclass(kw_only=True, eq=False, repr=False)
class CVCL(PairedViews):
    """The soft groups that an image and its second view are given are to be alike, group by group.

    References
    ----------
    .. [1] J. Chen, H. Mao, W. L. Woo, X. Peng, "Deep multiview clustering by contrasting cluster assignments", ICCV 2023.
    """

    name: ClassVar[str] = "cvcl"
    title: ClassVar[str] = "Cross-view contrastive learning of groups"
    reference: ClassVar[str] = (
        "J. Chen, H. Mao, W. L. Woo, X. Peng, Deep multiview clustering by contrasting cluster assignments. ICCV 2023."
    )
    citation: ClassVar[str] = "Chen et al., 2023"
    summary: ClassVar[str] = (
        "Two autoencoders, of the images and of a second view of each ({0.second_view}), were trained to reproduce them by codes "
        "of {0.latent_size} numbers. A head then gave soft groups to both codes, and was trained together with them so that each "
        "group had the same images in both views (temperature {0.temperature:g}), with groups kept equally full."
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "quick": {
            "image_size": 32,
            "hidden_size": 256,
            "pretraining.epochs": "auto",
            "training.epochs": "auto",
            "training.learning_rate": 1e-3,
        },
    }
    test_parameters: ClassVar[Mapping[str, Any]] = {
        "n_clusters": 3,
        "hidden_size": 16,
        "latent_size": 8,
        "head_size": 8,
        "pretraining.epochs": 2,
        "training.epochs": 2,
        "training.batch_size": 16,
    }

    n_clusters: Annotated[int, Ge(2)] = 10
    """Number of groups, K."""
    hidden_size: Count = 512
    latent_size: Count = 256
    head_size: Count = 1024
    """Units of the hidden layer of the head that gives the groups."""
    contrast: Weight = 0.05
    """Weight λ of the contrast of groups between the views, beside the reconstruction."""
    balance: Weight = 0.05
    """Weight β of equally full groups; larger values make their sizes more equal."""
    temperature: Positive = 1.0
    """τ of the contrast; smaller values push the nearest groups apart hardest."""
    pretraining: Training = settings(Training, epochs=200, batch_size=128, learning_rate=5e-4)
    """Training of the autoencoders alone; ``auto`` epochs are 12,000/N^⅔, between 8 and 500, and 16/side of that for
    images of 32 pixels a side or more; never fewer than 8."""
    training: Training = settings(Training, epochs=200, batch_size=128, learning_rate=1e-4)

    def build_encoder(self) -> PairedAutoencoder:
        """The two autoencoders, with random weights."""
        sizes = [self.hidden_size, 2 * self.hidden_size]
        return PairedAutoencoder(self.shown_shape, self.make_second_view(), sizes, self.latent_size)

    def encoder_stages(self, fit: FitContext) -> list[Stage]:
        """Scale of the pixels, the autoencoders alone, and these with the groups."""
        scale, learn = super().encoder_stages(fit)
        return [scale, fit.stage("pretrain", self.pretrain), learn]

    def pretrain(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: the autoencoders learn to reconstruct."""
        network: GroupsOfViews = fit.trainer.build(self._build)
        objective = CVCLObjective(self.preprocessor(fit, outputs), 0.0, 0.0, self.temperature)
        fit.trainer.fit(network, self.shown(fit), objective, self.settled(self.pretraining, fit))
        return {"pretrained": dict(network.state_dict())}

    def learn(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: autoencoders and groups together."""
        network = self._build()
        network.load_state_dict(outputs["pretrained"])
        objective = CVCLObjective(self.preprocessor(fit, outputs), self.contrast, self.balance, self.temperature)
        fit.trainer.fit(network, self.shown(fit), objective, self.settled(self.training, fit))
        return {
            "encoder": dict(network.autoencoder.state_dict()),
            "groups": dict(network.head.state_dict()),
            "n_clusters": self.n_clusters,
        }

    def _build(self) -> GroupsOfViews:
        return GroupsOfViews(self.build_encoder(), self.latent_size, self.head_size, self.n_clusters)

    def group_stages(self, fit: FitContext) -> list[Stage]:
        """None: the groups are learnt with the encoder."""
        return []

    def load_groups(self, groups: dict[str, Tensor]) -> None:
        """Build the head."""
        head = label_head(self.latent_size, self.head_size, self.n_clusters)
        self.head_: nn.Module = load_weights(head, groups, self.device_)

    def place(self, embedding: Tensor) -> Tensor:
        """The mean of what the head says of both codes."""
        one, other = (self.head_(code.contiguous()) for code in embedding.chunk(2, dim=1))
        placed: Tensor = (one + other) / 2
        return placed


def label_head(latent_size: int, head_size: int, n_clusters: int) -> nn.Sequential:
    """Two linear layers and a softmax: codes (B, D) → soft groups (B, K)."""
    return nn.Sequential(nn.Linear(latent_size, head_size), nn.Linear(head_size, n_clusters), nn.Softmax(dim=1))


class GroupsOfViews(nn.Module):
    """Two autoencoders, and one head that gives soft groups to both codes."""

    def __init__(self, autoencoder: PairedAutoencoder, latent_size: int, head_size: int, n_clusters: int) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        self.head = label_head(latent_size, head_size, n_clusters)

    def forward(self, images: Tensor) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Images → their views, the codes of these, and the soft groups of each."""
        views = self.autoencoder.views(images)
        codes = self.autoencoder.encode(views)
        return views, codes, [self.head(code) for code in codes]


@dataclass
class CVCLObjective:
    """Squared errors + λ·NT-Xent of the columns of the sharpened groups − β·H of their means, of both views."""

    preprocessor: Preprocessor
    contrast: float
    balance: float
    temperature: float

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss``, ``reconstruction``, ``contrast`` and ``entropy``."""
        views, codes, groups = module(self.preprocessor(batch.images)[0])
        error = unwrapped(module).autoencoder.reconstruction(views, codes)
        one, other = (sharpened(each) for each in groups)
        contrast = nt_xent(one.T, other.T, self.temperature)
        entropy = mean_entropy(one) + mean_entropy(other)
        loss = error + self.contrast * contrast - self.balance * entropy
        return {"loss": loss, "reconstruction": error, "contrast": contrast, "entropy": entropy}
