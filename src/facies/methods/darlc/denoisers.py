"""Smoother views of noisy images: by graph attention an image, by all images of one grid together, or by a Gaussian."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facies.images import ImageSet
from facies.nn.grid_attention import GridAttention, GridAttentionAutoencoder, mix, smooth
from facies.training import Batch, Callback
from facies.training.trainer import apply_in_batches

HIDDEN_SHARE = 0.1
PATIENCE = 3


class GaussianView(nn.Module):
    """Gaussian smoothing over the measured pixels."""

    measured: Tensor

    def __init__(self, measured: Tensor, sigma: float) -> None:
        super().__init__()
        self.sigma = sigma
        self.register_buffer("measured", measured)

    def forward(self, scaled: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape."""
        return smooth(scaled, self.measured, self.sigma)


class AttentionView(nn.Module):
    """One attention autoencoder for all images, each image by itself."""

    measured: Tensor

    def __init__(self, measured: Tensor, channels: int, hidden: int, code: int) -> None:
        super().__init__()
        self.network = GridAttentionAutoencoder(channels, hidden, code)
        self.register_buffer("measured", measured)

    def forward(self, scaled: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape."""
        view: Tensor = self.network(scaled, self.measured)
        return view


class RegisteredView(nn.Module):
    """All images of one grid at once: what a pixel holds in all images is mixed with its neighbours.

    Images are projected onto a few components; each pixel has a number a component; attention over the grid smooths these, and
    the images are put together again from the smoothed components.
    """

    project: Tensor
    restore: Tensor

    def __init__(self, shape: tuple[int, int, int], n_components: int) -> None:
        super().__init__()
        n_pixels = int(np.prod(shape))
        self.register_buffer("project", torch.zeros(n_pixels, n_components))
        self.register_buffer("restore", torch.zeros(n_components, n_pixels))

    def forward(self, scaled: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape."""
        return (scaled.flatten(1) @ self.project @ self.restore).reshape(scaled.shape)


def hide(scaled: Tensor, measured: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    """Replace a tenth of the measured pixels by the mean of their neighbours; also where, (H, W) bool."""
    drawn = torch.rand(measured.shape, generator=generator).to(scaled.device)
    hidden = (drawn < HIDDEN_SHARE) & measured
    return torch.where(hidden, smooth(scaled * ~hidden, measured & ~hidden, 1.0), scaled), hidden


class DenoisingObjective:
    """Squared error over the measured pixels, as the paper has it; `StopBeforeCopying` ends the training."""

    def __init__(self, scale: nn.Module) -> None:
        self.scale = scale

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Term ``loss``."""
        view = module
        assert isinstance(view, AttentionView)
        scaled = self.scale.to(batch.images.device)(batch.images)
        again = view(scaled)
        return {"loss": (again - scaled).square().sum() / (view.measured.sum() * scaled.shape[1] * len(scaled))}


class StopBeforeCopying(Callback):
    """Ends a training when hidden pixels are predicted no better for three epochs, and puts the best weights back.

    A network that copies its input predicts a hidden pixel badly, however well it reconstructs those that it sees.
    """

    def __init__(self, images: ImageSet, scale: nn.Module, seed: int) -> None:
        self.images, self.scale, self.seed = images, scale, seed
        self.best, self.waited = float("inf"), 0
        self.weights: dict[str, Tensor] = {}

    def on_epoch_end(self, module: nn.Module, epoch: int, row: object) -> bool:
        """Measure the error at hidden pixels of at most 256 images."""
        assert isinstance(module, AttentionView)
        error = self._error(module)
        if error < self.best * (1 - 1e-3):
            self.best, self.waited = error, 0
            self.weights = {name: value.detach().cpu().clone() for name, value in module.state_dict().items()}
        else:
            self.waited += 1
        if self.waited >= PATIENCE:
            module.load_state_dict(self.weights)
            return True
        return False

    @torch.no_grad()
    def _error(self, view: AttentionView) -> float:
        view.eval()
        rows = np.unique(np.linspace(0, len(self.images) - 1, min(256, len(self.images))).astype(np.int64))
        device = view.measured.device
        total = 0.0
        for start in range(0, len(rows), 32):
            scaled = self.scale.to(device)(self.images.__getitems__(rows[start : start + 32]).to(device))
            generator = torch.Generator().manual_seed(self.seed + start)
            shown, hidden = hide(scaled, view.measured, generator)
            total += float(((view(shown) - scaled).square() * hidden).sum())
        view.train()
        return total

    def state_dict(self) -> dict[str, Tensor]:
        """Best error, epochs waited, best weights."""
        return {"best": torch.tensor([self.best, float(self.waited)], dtype=torch.float64)} | {
            f"weights {name}": value for name, value in self.weights.items()
        }

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take up what `state_dict` gave."""
        self.best, self.waited = float(state["best"][0]), int(state["best"][1])
        self.weights = {name.removeprefix("weights "): v for name, v in state.items() if name != "best"}


def learn_registered_view(
    images: ImageSet, scale: nn.Module, measured: Tensor, *, n_components: int, hidden: int, epochs: int, rate: float,
    seed: int, device: torch.device,
) -> tuple[RegisteredView, int]:  # fmt: skip
    """Learn the view of all images together; return it, and after how many epochs it was best at hidden pixels.

    The components are found by random projections of the images, read in batches (Halko et al., 2011).
    """
    channels = images.image_shape[0]
    shape = (channels, *measured.shape)
    basis = _components(images, scale, int(np.prod(shape)), min(n_components, len(images) - 1), seed, device)
    pixels = basis.T.reshape(-1, *shape).flatten(0, 1)[None]  # (1, components · C, H, W)
    strength = pixels.std()
    features = (pixels / strength).to(device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _RegisteredAutoencoder(features.shape[1], hidden, min(30, hidden)).to(device)
    smoothed, best = _train_registered(network, features, measured.to(device), epochs, rate, seed)
    view = RegisteredView(shape, basis.shape[1])
    view.project.copy_(basis)
    view.restore.copy_((smoothed.cpu() * strength).reshape(basis.shape[1], -1))
    return view, best


class _RegisteredAutoencoder(nn.Module):
    """As `GridAttentionAutoencoder`, with its own last layer: its input has as many channels as the hidden layer."""

    def __init__(self, channels: int, hidden: int, code: int) -> None:
        super().__init__()
        self.attend = GridAttention(channels, hidden)
        self.encode = nn.Parameter(torch.empty(code, hidden))
        nn.init.xavier_uniform_(self.encode)

    def forward(self, images: Tensor, measured: Tensor) -> Tensor:
        attention = self.attend.attention(images, measured)
        hidden = nn.functional.elu(self.attend(images, attention))
        codes = torch.einsum("kd,bdhw->bkhw", self.encode, hidden)
        again = nn.functional.elu(torch.einsum("kd,bkhw->bdhw", self.encode, mix(codes, attention)))
        return torch.einsum("dc,bdhw->bchw", self.attend.weight, again) * measured


def _train_registered(
    network: nn.Module, features: Tensor, measured: Tensor, epochs: int, rate: float, seed: int
) -> tuple[Tensor, int]:
    """Train by whole passes; return the view of the epoch that predicted hidden pixels best, and that epoch."""
    optimizer = torch.optim.Adam(network.parameters(), rate, weight_decay=1e-4)
    shown, hidden = hide(features, measured, torch.Generator().manual_seed(seed))
    best, at, view, waited = float("inf"), 0, smooth(features, measured, 1.0), 0
    for epoch in range(1, epochs + 1):
        optimizer.zero_grad()
        loss = ((network(features, measured) - features).square() * measured).sum() / measured.sum()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        if epoch % 5:
            continue
        with torch.no_grad():
            error = float(((network(shown, measured) - features).square() * hidden).sum())
            if error < best * (1 - 1e-3):
                best, at, view, waited = error, epoch, network(features, measured), 0
            else:
                waited += 1
        if waited >= 2 * PATIENCE:
            break
    return view.detach(), at


def _components(
    images: ImageSet, scale: nn.Module, n_numbers: int, count: int, seed: int, device: torch.device
) -> Tensor:
    """The first principal axes of the scaled images, (n_numbers, count), by random projection and one power step."""
    generator = torch.Generator().manual_seed(seed)
    scale = scale.to(device)
    basis = torch.randn(n_numbers, count, generator=generator)
    for _ in range(2):
        gathered = torch.zeros(n_numbers, count)
        for batch in images.batches(256):
            scaled = scale(batch.to(device)).flatten(1).cpu()
            gathered += scaled.T @ (scaled @ basis)
        basis = torch.linalg.qr(gathered)[0]
    gram = torch.zeros(count, count, dtype=torch.float64)
    for batch in images.batches(256):
        codes = (scale(batch.to(device)).flatten(1).cpu() @ basis).double()
        gram += codes.T @ codes
    axes = torch.linalg.eigh(gram)[1].flip(1).float()
    return basis @ axes


def view_arrays(
    view: nn.Module, images: ImageSet, scale: nn.Module, device: torch.device, side: int
) -> NDArray[np.float32]:
    """Views of all images, brought to at most `side` pixels a side: (N, C·h·w)."""
    view, scale = view.to(device).eval(), scale.to(device)

    def small(pixels: Tensor) -> Tensor:
        seen = view(scale(pixels))
        factor = max(1, -(-max(seen.shape[-2:]) // side))
        return nn.functional.avg_pool2d(seen, factor, ceil_mode=True).flatten(1)

    return apply_in_batches(small, images, device, batch_size=64)[0]
