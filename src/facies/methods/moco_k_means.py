"""`moco-k-means`: an encoder learnt by momentum contrast (MoCo v2), and k-means in its embedding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name

from facies.methods.k_means_groups import KMeansGroups
from facies.methods.momentum_contrast import MomentumContrast


@dataclass(kw_only=True, eq=False, repr=False)
class MoCoKMeans(KMeansGroups, MomentumContrast):
    """The directions of embeddings that were learnt by momentum contrast, grouped by k-means.

    References
    ----------
    .. [1] K. He, H. Fan, Y. Wu, S. Xie, R. Girshick, "Momentum contrast for unsupervised visual representation learning",
       CVPR 2020.
    """

    name: ClassVar[str] = "moco-k-means"
    title: ClassVar[str] = "Momentum contrast and k-means"
    reference: ClassVar[str] = (
        "K. He, H. Fan, Y. Wu, S. Xie, R. Girshick, Momentum contrast for unsupervised visual representation learning. CVPR 2020."
    )
    citation: ClassVar[str] = "He et al., 2020"
    summary: ClassVar[str] = (
        "A residual network was trained, without labels, to recognise a view of an image among a queue of views of others "
        "(momentum contrast). Its embeddings, divided by their length, were grouped by k-means, the best of {0.n_init} starts."
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "quick": {
            "image_size": "auto",
            "filters": 16,
            "teacher_momentum": 0.99,
            "training.epochs": "auto",
            "training.batch_size": 128,
            "training.optimizer": "adamw",
            "training.learning_rate": 2e-3,
            "training.schedule": "one-cycle",
        },
    }
    test_parameters: ClassVar[Mapping[str, Any]] = {
        "n_clusters": 3,
        "filters": 4,
        "training.epochs": 2,
        "training.batch_size": 16,
    }

    def embed(self, pixels: Tensor) -> Tensor:
        """The embedding, divided by its length."""
        return F.normalize(super().embed(pixels), dim=1)
