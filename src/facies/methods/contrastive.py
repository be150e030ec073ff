"""`contrastive`: an encoder learnt from augmented views of the images themselves, and a grouping of its embedding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from facies.errors import InputError
from facies.images import ImageSet
from facies.methods.embedding_clustering import EmbeddingClustering
from facies.methods.grouping import Grouping
from facies.methods.view_learner import ViewLearner
from facies.parameters import settings


@dataclass(kw_only=True, eq=False, repr=False)
class Contrastive(ViewLearner, EmbeddingClustering):
    """An encoder learns that two views of one image are the same thing, and that other images are others.

    What views may differ in (turn, size, light, sharpness, noise) the network learns to overlook; what is left tells kinds
    apart. The report shows views of some images.
    """

    name: ClassVar[str] = "contrastive"
    title: ClassVar[str] = "Contrastive learning from views"
    reference: ClassVar[str] = (
        "T. Chen, S. Kornblith, M. Norouzi, G. Hinton, A simple framework for contrastive learning of visual "
        "representations. ICML 2020."
    )
    citation: ClassVar[str] = "Chen et al., 2020"
    summary: ClassVar[str] = (
        "A residual network was trained, without labels, to recognise augmented views of one image among those of others "
        "(loss {0.loss}, turned by up to {0.views.rotation:g}°). Its embeddings were reduced to {0.grouping.n_components} "
        "principal components, laid out by UMAP, and grouped ({0.grouping.chosen_method})."
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "quick": {
            "image_size": "auto",
            "filters": 16,
            "training.epochs": "auto",
            "training.batch_size": 128,
        },
    }
    test_parameters: ClassVar[Mapping[str, Any]] = {
        "filters": 4,
        "training.epochs": 2,
        "training.batch_size": 16,
        "loss": "moco",
        "grouping.n_clusters": 3,
        "grouping.layout_dimensions": None,
    }

    grouping: Grouping = settings(Grouping, unit_length=True)

    def check(self, images: ImageSet) -> None:
        """Refuse also an encoder that is to learn nothing."""
        super().check(images)
        if not self.learns:
            raise InputError("encoder_rate=0: contrastive is to learn; give more, or take the method pretrained")
