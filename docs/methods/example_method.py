"""`ae-kmeans`: an autoencoder and k-means on its code, which learn together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from facies.losses import gaussian_reconstruction
from facies.methods.autoencoder_clustering import AutoencoderClustering
from facies.methods.preprocessing import Preprocessor
from facies.parameters import Weight
from facies.training import Batch, Callback, unwrapped


@dataclass(kw_only=True, eq=False, repr=False)
class AEKMeans(AutoencoderClustering):
    """An autoencoder whose codes are drawn to the nearest of K centres."""

    name = "ae-kmeans"
    title = "Autoencoder and k-means"
    reference = "After B. Yang et al., Towards K-means-friendly spaces. ICML 2017."
    presets: ClassVar[dict[str, Any]] = {"paper": {}, "quick": {"pretraining.epochs": "auto", "training.epochs": 20}}

    attraction: Weight = 0.1
    """Weight w of the distance to the centre; larger values make groups narrower and reconstructions worse."""

    def assignments(self, codes: Tensor, centres: Tensor) -> Tensor:
        """Softmax of the squared distances, with a minus: the nearest centre is the most probable."""
        return torch.softmax(-torch.cdist(codes, centres).square(), dim=1)

    def objective(self, preprocessor: Preprocessor, callbacks: Sequence[Callback]) -> "AEKMeansObjective":
        """What the joint training minimises."""
        return AEKMeansObjective(preprocessor, self.attraction)


@dataclass
class AEKMeansObjective:
    """‖x − x̂‖²/P + w·min_k ‖z − c_k‖², as a mean over the images of a batch."""

    preprocessor: Preprocessor
    attraction: float

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss``, ``reconstruction`` and ``distance``."""
        images, target = self.preprocessor(batch.images)
        codes, reconstruction = module(images)
        error = gaussian_reconstruction(reconstruction, target).mean()
        distance = torch.cdist(codes, unwrapped(module).centres).square().amin(dim=1).mean()
        return {"loss": error + self.attraction * distance, "reconstruction": error, "distance": distance}
