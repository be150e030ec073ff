"""The networks of `moe-vae`: a manager that gives each image to experts, and the experts, evaluated side by side."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F  # noqa: N812 - torch's own name
from torch.utils.checkpoint import checkpoint

from facies.nn import AutoencoderOutput, ConvEncoder, FeatureHead, preserve_running_statistics
from facies.nn.conv_autoencoder import ConvLayout, draw_code, gaussian_code

MOST_HELD = 2**20
"""Of more pixels than these at once, which an unsure manager asks for, the maps of one expert at a time are held, and computed again
for its gradient."""


class ParallelLinear(nn.Module):
    """K affine maps side by side: (B, K, inputs) → (B, K, outputs)."""

    def __init__(self, inputs: int, outputs: int, n_networks: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(n_networks, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(n_networks, outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """Map each of the K rows of every image by its own weights."""
        return torch.baddbmm(self.bias[:, None], x.transpose(0, 1), self.weight).transpose(0, 1)


class ParallelEncoder(nn.Module):
    """K encoders of one shape with weights of their own, in grouped convolutions (see `ConvEncoder`)."""

    def __init__(self, layout: ConvLayout, outputs: int) -> None:
        super().__init__()
        self.layout = layout
        self.blocks = layout.encoder_blocks()
        self.head = ParallelLinear(layout.features, outputs, layout.n_networks)

    def forward(self, images: Tensor) -> Tensor:
        """(B, K, C, H, W) → (B, K, outputs)."""
        maps = self.blocks(F.pad(images.flatten(1, 2), self.layout.padding))
        return self.head(maps.reshape(len(images), self.layout.n_networks, -1))


class ParallelDecoder(nn.Module):
    """K decoders of one shape with weights of their own (see `ConvDecoder`)."""

    def __init__(self, layout: ConvLayout, inputs: int) -> None:
        super().__init__()
        self.layout = layout
        self.head = ParallelLinear(inputs, layout.features, layout.n_networks)
        self.blocks = layout.decoder_blocks()

    def forward(self, codes: Tensor) -> Tensor:
        """(B, K, inputs) → (B, K, C, H, W)."""
        maps = self.blocks(self.head(codes).reshape(len(codes), -1, *self.layout.smallest))
        maps = self.layout.crop(maps)
        return maps.reshape(len(codes), self.layout.n_networks, self.layout.channels, *maps.shape[-2:])


class ParallelAutoencoder(nn.Module):
    """K variational autoencoders of one shape with weights of their own: the experts.

    Parameters
    ----------
    layout
        Sizes and layers of K networks.
    latent_size
        D, numbers in a code; of experts of unequal size that of the largest.
    own_sizes
        Numbers in the code of each expert, from 1 to D; what is beyond them is 0. None gives all experts D.
    deterministic
        Decode the mean itself, also in training, and not a draw from the code's Gaussian.
    """

    used: Tensor | None

    def __init__(
        self,
        layout: ConvLayout,
        latent_size: int,
        own_sizes: Sequence[int] | None = None,
        *,
        deterministic: bool = False,
    ) -> None:
        super().__init__()
        self.layout, self.latent_size, self.deterministic = layout, latent_size, deterministic
        self.own_sizes = list(own_sizes or [latent_size] * layout.n_networks)
        self.encoder = ParallelEncoder(layout, 2 * latent_size)
        self.decoder = ParallelDecoder(layout, latent_size)
        used = (torch.arange(latent_size) < torch.tensor(self.own_sizes)[:, None]).float()
        self.register_buffer("used", used if min(self.own_sizes) < latent_size else None, persistent=False)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, K, C, H, W) → mean and log-variance of the codes, each (B, K, D); both are 0 beyond an expert's own size."""
        mean, log_variance = gaussian_code(self.encoder(images))
        return self.within_sizes(mean), self.within_sizes(log_variance)

    def within_sizes(self, codes: Tensor) -> Tensor:
        """Codes (B, K, D), with 0 beyond each expert's own size."""
        return codes if self.used is None else codes * self.used

    def forward(self, images: Tensor) -> AutoencoderOutput:
        """Encode, draw a code if in training, decode; every tensor has the axis of K."""
        mean, log_variance = self.encode(images)
        drawn = self.training and not self.deterministic
        code = self.within_sizes(draw_code(mean, log_variance)) if drawn else mean
        return AutoencoderOutput(self.decoder(code), mean, log_variance, code)

    def one_after_another(self, images: Tensor, counts: Sequence[int]) -> AutoencoderOutput:
        """The same for lists of images that are not equally long, so that no place is left empty.

        Parameters
        ----------
        images
            (P, C, H, W), those of the first expert first. Each is normalised by itself.
        counts
            How many are of each of the K experts; their sum is P.

        Returns
        -------
        AutoencoderOutput
            Tensors of (P, 1, …).
        """
        form, weights = self._form_of_one(), self._weights_by_network()
        again = torch.is_grad_enabled() and images.numel() > MOST_HELD
        outputs = []
        for network, own in enumerate(torch.split(images, list(counts))):
            if len(own):
                # Torch convolves a single image in another way, which refuses the gradient of channels-last weights.
                given = own.expand(2, -1, -1, -1) if len(own) == 1 else own
                alone = functools.partial(
                    functional_call, form, {name: each[network] for name, each in weights.items()}
                )
                found = checkpoint(alone, given[:, None], use_reentrant=False) if again else alone(given[:, None])
                outputs.append([tensor[: len(own)] for tensor in found])
        return AutoencoderOutput(*(torch.cat(parts) for parts in zip(*outputs, strict=True)))

    def encode_by_one(self, images: Tensor, network: int) -> Tensor:
        """(B, C, H, W) → means of the codes of one of the networks (B, D), without asking the others; see `one_after_another`."""
        encoder, start = self._form_of_one().encoder, "encoder."
        weights = {
            name.removeprefix(start): each[network]
            for name, each in self._weights_by_network().items()
            if name.startswith(start)
        }
        mean, _ = gaussian_code(functional_call(encoder, weights, (images[:, None],)))
        return mean[:, 0]

    def _form_of_one(self) -> ParallelAutoencoder:
        """A network without weights, to be called with those of each in turn."""
        sizes = None if self.used is None else [min(self.own_sizes)]
        with torch.device("meta"):
            form = ParallelAutoencoder(
                self.layout.of_one_network(), self.latent_size, sizes, deterministic=self.deterministic
            )
        return form.train(self.training)

    def _weights_by_network(self) -> dict[str, tuple[Tensor, ...]]:
        """What each of the K networks has of each parameter, by the name of the parameter."""
        tensors = {**dict(self.named_parameters()), **({} if self.used is None else {"used": self.used})}
        return {name: _by_network(tensor, self.layout.n_networks) for name, tensor in tensors.items()}


def _by_network(tensor: Tensor, n_networks: int) -> tuple[Tensor, ...]:
    """What belongs to each of K networks, which lie beside one another along the first axis."""
    return tensor.reshape(n_networks, -1, *tensor.shape[1:]).unbind()


class MixtureOutput(NamedTuple):
    """What a mixture of experts gives back for B images and K experts, each asked for at most M of them.

    Where experts are asked one after another, all M pairs of an image and an expert stand below one another, and K is 1 in all
    but the logits.

    Attributes
    ----------
    logits
        (B, K), of the manager.
    images
        (M, K, C, H, W): what each expert was given.
    weights
        (M, K): the manager's probability for it; 0 where an expert's list is shorter than M.
    experts
        Output of the experts for `images`.
    """

    logits: Tensor
    images: Tensor
    weights: Tensor
    experts: AutoencoderOutput


class Routing(NamedTuple):
    """Which image each expert sees: rows (M, K) of the batch, and whether the place is taken (M, K)."""

    rows: Tensor
    taken: Tensor


def route(asked: Tensor) -> Routing:
    """Turn a mask of (B, K) into lists of rows, one list an expert, all as long as the longest.

    A shorter list repeats its own rows (so that batch statistics stay those of the expert's images) in places that are
    not taken; an empty list repeats row 0, of which the expert must not learn.
    """
    counts = asked.sum(dim=0)
    longest = max(int(counts.max()), 1)
    rows = torch.cat([asked.t().nonzero()[:, 1], counts.new_zeros(1)])
    starts = counts.cumsum(dim=0) - counts
    places = torch.arange(longest, device=asked.device)[:, None]
    index = torch.where(counts > 0, starts + places % counts.clamp(min=1), len(rows) - 1)
    return Routing(rows[index], places < counts)


class MixtureOfExperts(nn.Module):
    """Manager and experts (thesis, section 3.5).

    Parameters
    ----------
    manager
        Encoder with K outputs, or a head with as many on what a pretrained encoder makes of the images.
    experts
        K autoencoders side by side.
    threshold
        Experts are asked only for images to which the manager gives more than this probability (and always for the images
        they are the first choice of); None asks every expert for every image.
    hard
        Each image goes to its first choice alone, with weight 1, and the manager does not learn.
    in_turn
        Ask the experts one after another, each for as many images as it has, in place of all side by side for as many as the
        busiest has. It takes less time and memory for large images, and needs experts that normalise each image by itself.
    """

    def __init__(
        self,
        manager: ConvEncoder | FeatureHead,
        experts: ParallelAutoencoder,
        threshold: float | None = None,
        *,
        hard: bool = False,
        in_turn: bool = False,
    ) -> None:
        super().__init__()
        self.manager, self.experts = manager, experts
        self.threshold, self.hard, self.in_turn = threshold, hard, in_turn

    def forward(self, images: Tensor, targets: Tensor | None = None, looked_at: Tensor | None = None) -> MixtureOutput:
        """(B, C, H, W) → output.

        `targets` (same shape, default `images`) is what `MixtureOutput.images` shows, and `looked_at` what the manager is
        given in place of `images`.
        """
        targets = images if targets is None else targets
        logits = self.manager_logits(images if looked_at is None else looked_at)
        probabilities = logits.softmax(dim=1)
        first = torch.nn.functional.one_hot(probabilities.argmax(dim=1), probabilities.shape[1]).bool()
        weights = first.to(probabilities.dtype) if self.hard else probabilities
        if self.threshold is None and not self.hard:
            every = images[:, None].expand(-1, weights.shape[1], -1, -1, -1)
            return MixtureOutput(logits, targets[:, None].expand_as(every), weights, self.experts(every))
        asked = first if self.hard else (probabilities > (self.threshold or 0.0)) | first
        if self.in_turn:
            expert, row = asked.t().nonzero(as_tuple=True)
            output = self.experts.one_after_another(images[row], asked.sum(dim=0).tolist())
            return MixtureOutput(logits, targets[row][:, None], weights[row, expert][:, None], output)
        routes = route(asked)
        own = torch.arange(weights.shape[1], device=weights.device)
        with preserve_running_statistics(self.experts, idle=~asked.any(dim=0)):
            experts = self.experts(images[routes.rows])
        return MixtureOutput(logits, targets[routes.rows], weights[routes.rows, own] * routes.taken, experts)

    def manager_logits(self, images: Tensor) -> Tensor:
        """(B, C, H, W), or (B, F) of a pretrained encoder → logits (B, K)."""
        if not self.hard:
            return self.manager(images)
        self.manager.eval()
        with torch.no_grad():
            return self.manager(images)


def select_experts(
    manager: dict[str, Tensor], experts: dict[str, Tensor], selected: list[int]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Weights of a mixture of the selected experts alone, which answer as they did before."""
    count = len(manager["head.bias"])
    fewer = {name: tensor[..., selected] if name.startswith("head.") else tensor for name, tensor in manager.items()}
    # Whatever belongs to an expert lies beside that of the others along the first axis.
    sliced = {
        name: tensor.reshape(count, -1, *tensor.shape[1:])[selected].flatten(0, 1) if tensor.dim() else tensor
        for name, tensor in experts.items()
    }
    return fewer, sliced
