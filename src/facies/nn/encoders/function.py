"""A Python function as an encoder."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from facies.errors import InputError
from facies.nn.encoders.encoder import Encoder, Weights, digest_of_state


class FunctionEncoder(Encoder):
    """Any function or network from images in [0, 1], (B, 3, H, W), to vectors (B, D).

    Models that are fitted with it do not hold it: the function is registered again (`register_encoder`) before they are opened.

    Parameters
    ----------
    name
        Under which it is registered.
    function
        Takes and returns tensors; a network is put into evaluation mode.
    version
        What is told apart of its versions, for features that are kept. Of a network the digest of its numbers is taken, and
        of a function without a version nothing is kept.
    usual_side
        Longer side of the images that it is given.
    licence
        Of its weights.

    Examples
    --------
    >>> import torch
    >>> mean_colour = FunctionEncoder("mean-colour", lambda images: images.mean(dim=(-2, -1)))
    >>> mean_colour(torch.ones(2, 3, 8, 8)).tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """

    kind = "function"

    def __init__(
        self,
        name: str,
        function: Callable[[Tensor], Tensor],
        *,
        version: str = "",
        usual_side: int = 224,
        licence: str = "not stated",
    ) -> None:
        digest = version
        if not digest and isinstance(function, nn.Module):
            digest = digest_of_state(function.state_dict())
        super().__init__(Weights(name, digest, licence, "a function in Python"), 0, usual_side=usual_side, least_side=1)
        self.function = function
        self.is_trainable = isinstance(function, nn.Module)
        with torch.no_grad():
            self.features = self.eval()(torch.zeros(2, 3, usual_side, usual_side)).shape[1]

    def forward(self, images: Tensor) -> Tensor:
        """Images in [0, 1], (B, 3, H, W) → (B, features)."""
        found = self.function(images)
        if not isinstance(found, Tensor) or found.dim() != 2 or found.shape[0] != images.shape[0]:
            shape = list(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise InputError(
                f"the encoder {self.weights.name} returned {shape} for {len(images)} images; it is to return a tensor (B, D)"
            )
        return found.float()
