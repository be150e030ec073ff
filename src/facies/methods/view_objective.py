"""Learning an encoder from views: two random pictures of one image are to lie close together, those of others apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facies.losses import cosine_regression, info_nce, nt_xent
from facies.methods.preprocessing import Preprocessor
from facies.nn import ViewNetwork
from facies.training import Batch, ParameterGroup

ViewLoss = Literal["simclr", "moco", "byol"]

EXAMPLES = 6
LARGE_SIDE, LARGE_SHARE = 32, 0.4
VIEWS_EACH = 8


class RatedViewNetwork(ViewNetwork):
    """A `ViewNetwork` whose encoder learns at a share of the learning rate: one that has learnt before needs less.

    Parameters
    ----------
    rate
        The share, above 0.
    arguments, keywords
        As of `ViewNetwork`.
    """

    def __init__(self, rate: float, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.rate = rate

    def parameter_groups(self) -> list[ParameterGroup]:
        """The encoder, and what stands on top of it."""
        rest = [*self.student[1].parameters(), *([] if self.predictor is None else self.predictor.parameters())]
        return [ParameterGroup(self.encoder.parameters(), rate=self.rate), ParameterGroup(rest)]


@dataclass
class ViewObjective:
    """Loss of an encoder that learns from two views of each image.

    ``simclr``: NT-Xent of the two projections (Chen et al., 2020). ``moco``: the student's prediction of one view is to find
    the teacher's projection of the other among those of the batch, both ways (MoCo v3). ``byol``: it is to equal it, both
    ways, and other images do not count (Grill et al., 2020).

    Parameters
    ----------
    preprocessor
        Draws views and prepares them.
    loss
        Which one.
    temperature
        τ of ``simclr`` and ``moco``.
    """

    preprocessor: Preprocessor
    loss: ViewLoss
    temperature: float

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss`` and ``alignment``, the mean cosine of two views of one image."""
        first, second = self.preprocessor(batch.images)[0], self.preprocessor(batch.images)[0]
        one, other, target_one, target_other = module(first, second)
        with torch.no_grad():
            alignment = torch.cosine_similarity(one, other).mean()
        if target_one is None or target_other is None:
            loss = nt_xent(one, other, self.temperature)
        elif self.loss == "moco":
            loss = info_nce(one, target_other, self.temperature) + info_nce(other, target_one, self.temperature)
        else:
            loss = cosine_regression(one, target_other) + cosine_regression(other, target_one)
        return {"loss": loss, "alignment": alignment}


def example_views(preprocessor: Preprocessor, images: Tensor, seed: int) -> NDArray[np.float32]:
    """Views of some images, as the network sees them, in native units.

    Parameters
    ----------
    preprocessor
        Draws views.
    images
        (n, C, H, W) or (n, L, C, H, W).
    seed
        Of the views.

    Returns
    -------
    ndarray
        (n, 8, *image shape) float32; the first is the image itself.
    """
    assert preprocessor.augmentation is not None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        views = [images, *(preprocessor.augmentation(images) for _ in range(VIEWS_EACH - 1))]
    return torch.stack(views, dim=1).numpy()


def automatic_epochs(n_images: int, shorter_side: int = 0) -> int:
    """15,000/N^⅔ epochs, between 10 and 300: more passes over few images, and more steps in all over many.

    Images with a shorter side of 32 pixels or more have two fifths of them, 10 at least, for time.
    """
    usual = min(300.0, max(10.0, 15_000 / n_images ** (2 / 3)))
    return max(10, round(usual * (LARGE_SHARE if shorter_side >= LARGE_SIDE else 1.0)))
