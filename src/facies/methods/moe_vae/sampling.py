"""What a fitted mixture of autoencoders can draw: new images, reconstructions, walks through a code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facies.errors import InputError
from facies.losses import reconstruction
from facies.methods.pose_alignment import from_canonical
from facies.nn import MixtureOfExperts, PixelNormalizer
from facies.nn.pose import PoseTransformer


class MixtureSampling:
    """Sampling and reconstruction, for a method with ``mixture_`` and ``intensity_``."""

    mixture_: MixtureOfExperts
    intensity_: PixelNormalizer
    pose_: PoseTransformer | None
    image_shape_: tuple[int, ...]
    n_clusters_: int
    device_: torch.device
    random_state: int

    if TYPE_CHECKING:

        def _apply(self, function: Any, images: Any, batch_size: int = 512) -> NDArray[np.float32]: ...

        def _scaled(self, pixels: Tensor) -> Tensor: ...

        def _shown(self, pixels: Tensor) -> Tensor: ...

    @torch.no_grad()
    def sample(self, n: int, cluster: int, random_state: int | None = None) -> NDArray[np.float32]:
        """Draw new images of a group: z ~ N(0, I) through its expert's decoder.

        Parameters
        ----------
        n
            How many.
        cluster
            Group, from 0.
        random_state
            Seed; None is that of the fit.

        Returns
        -------
        ndarray
            (n, *image_shape) float32, in the units of the images learnt from.
        """
        self._check_cluster(cluster)
        generator = torch.Generator().manual_seed(self.random_state if random_state is None else random_state)
        codes = torch.randn(n, self.mixture_.experts.latent_size, generator=generator)
        return self._decode(codes, cluster)

    def latent_walk(self, cluster: int, dimension: int, steps: int = 9, reach: float = 1.0) -> NDArray[np.float32]:
        """Images along one latent dimension of an expert, from −`reach` to `reach`, the others at 0.

        Returns
        -------
        ndarray
            (steps, *image_shape) float32, in the units of the images learnt from.
        """
        self._check_cluster(cluster)
        size = self.mixture_.experts.latent_size
        if not 0 <= dimension < size:
            raise InputError(f"dimension {dimension}: the experts have dimensions 0 to {size - 1}")
        codes = torch.zeros(steps, size)
        codes[:, dimension] = torch.linspace(-reach, reach, steps)
        return self._decode(codes, cluster)

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

        def draw(pixels: Tensor) -> Tensor:
            logits, drawn = self._all_experts(pixels)
            weights = logits.softmax(dim=1)
            if by == "best":
                weights = torch.nn.functional.one_hot(logits.argmax(dim=1), self.n_clusters_).float()
            mixed = torch.einsum("bk,bkchw->bchw", weights, self.intensity_.scaled(drawn))
            return mixed if self.pose_ is None else from_canonical(mixed, self.pose_.theta(self._scaled(pixels)))

        scaled = self._apply(draw, images, batch_size=128)
        native = self.intensity_.native(torch.from_numpy(scaled).to(self.device_)).cpu().numpy()
        return native.reshape(len(native), *self.image_shape_)

    def predict_by_reconstruction(self, images: Any) -> NDArray[np.int64]:
        """Group whose expert reconstructs the image best, instead of the one the manager prefers: (N,) int64."""

        def errors(pixels: Tensor) -> Tensor:
            wanted = self._shown(pixels)
            drawn = self._all_experts(pixels)[1]
            return reconstruction(drawn, wanted[:, None].expand_as(drawn), self.intensity_.likelihood)

        losses = self._apply(errors, images, batch_size=128)
        return losses.argmin(axis=1).astype(np.int64)

    def _all_experts(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        shown = self._shown(pixels)
        every = shown[:, None].expand(-1, self.n_clusters_, -1, -1, -1)
        return self.mixture_.manager_logits(shown), self.mixture_.experts(every).reconstruction

    @torch.no_grad()
    def _decode(self, codes: Tensor, cluster: int) -> NDArray[np.float32]:
        every = codes.to(self.device_)[:, None].expand(-1, self.n_clusters_, -1)
        drawn = self.mixture_.experts.decoder(every)[:, cluster]
        native = self.intensity_.native(self.intensity_.scaled(drawn)).cpu().numpy()
        return native.reshape(len(native), *self.image_shape_)

    def _check_cluster(self, cluster: int) -> None:
        if not 0 <= cluster < self.n_clusters_:
            raise InputError(f"cluster {cluster}: this model has groups 0 to {self.n_clusters_ - 1}")
