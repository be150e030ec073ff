"""What is minimised: in the pretraining (module I), and while representation and groups advance together (module II)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, triu
from torch import Tensor, nn

from facies.cluster import StudentTMixture
from facies.cluster.correlation_graph import normalised_adjacency
from facies.images import ImageSet
from facies.losses import assignment_divergence
from facies.losses.contrast import cross_view_contrast
from facies.methods.darlc.losses import best_weight, laplacian_loss, size_loss
from facies.methods.darlc.network import DARLCNetwork, TorchMixture
from facies.nn.masked_patches import draw_visible
from facies.training import Batch, Callback, unwrapped
from facies.training.trainer import apply_in_batches

EM_STEPS = 1
PATIENCE = 2
FIRST_DEGREES = 3.0
ROWS_AT_ONCE = 2**22


@dataclass
class PretrainingObjective:
    """Masked reconstruction (eq. 7) and contrast of raw and denoised views (eq. 10), weighed by uncertainty (eq. 11).

    Of images that are sparse pixel by pixel, each view of the contrast may lose a share of its pixels (`thinning`): then images
    are told apart by what they show, and not by which of its pixels are there.
    """

    view: nn.Module
    mask_ratio: float
    temperature: float
    contrast: bool
    thinning: float = 0.0

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss``, ``reconstruction`` and ``contrast``."""
        network: DARLCNetwork = unwrapped(module)
        scaled = network.scale(batch.images)
        terms = self.terms(network, batch.images, scaled)
        return {"loss": network.pretraining_weights(*terms.values()), **terms}

    def terms(
        self, network: DARLCNetwork, images: Tensor, scaled: Tensor, vectors: Tensor | None = None
    ) -> dict[str, Tensor]:
        """The terms by name, of images (B, C, H, W), the same scaled and, where they are known, their vectors (B, width)."""
        patches = network.grid(scaled)
        visible, masked = draw_visible(len(patches), patches.shape[1], self.mask_ratio, patches.device)
        again = network.decoder(network.online["encoder"](patches, visible)).reshape(patches.shape)
        counted = masked[:, :, None] * network.grid.inside
        terms = {"reconstruction": ((again - patches).square() * counted).sum() / counted.sum().clamp(min=1)}
        if self.contrast:
            if self.thinning or vectors is None:
                vectors = network.vectors(self._thinned(network, images, scaled))
            with torch.no_grad():
                other = self._thinned(network, images, scaled)
                target = network.vectors(self.view.to(scaled.device)(other), target=True)
            terms["contrast"] = cross_view_contrast(vectors, target, self.temperature)
        return terms

    def _thinned(self, network: DARLCNetwork, images: Tensor, scaled: Tensor) -> Tensor:
        """The images without a share of their pixels, scaled."""
        if not self.thinning:
            return scaled
        return network.scale(images * (torch.rand_like(images) >= self.thinning))


@dataclass
class JointObjective:
    """The batch loss of module II, and in the same step the gradient of the epoch loss with respect to the codes."""

    pretraining: PretrainingObjective
    groups: GroupState

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss``, ``reconstruction``, ``contrast``, ``divergence`` and ``all`` (the epoch loss, of all images)."""
        network: DARLCNetwork = unwrapped(module)
        scaled = network.scale(batch.images)
        vectors = network.vectors(scaled)
        terms = self.pretraining.terms(network, batch.images, scaled, vectors)
        codes = network.head(vectors)
        if self.groups.uses_mixture:
            assignments = network.mixture.joint(codes).softmax(dim=1)
            terms["divergence"] = assignment_divergence(self.groups.target(batch.indices), assignments)
        epoch = (
            (codes * self.groups.gradient[batch.indices.cpu()].to(codes)).sum() * len(self.groups.gradient) / len(codes)
        )
        return {"loss": network.joint_weights(*terms.values()) + epoch, **terms, "all": epoch}


class GroupState(Callback):
    """Before each epoch: codes of all images, steps of expectation-maximisation, and the gradient of the epoch loss.

    The mixture begins as the first groups are, without a step: each step makes groups more alike in size.

    The epoch loss ``η L_lap + (1 − η) (w₁ L_ll + w₂ L_size)`` needs the codes of all images at once. Its gradient with respect to
    each code is computed here without the encoder, and handed to the batches of the epoch, in which it reaches the encoder:
    memory does not grow with the network's activations of all images.

    All these losses are measured in a space that the network makes itself, and can bend to please them. So the images judge: the
    weights are kept whose groups hold together best in them, those of the beginning among them, and put back at the end.
    """

    def __init__(
        self, images: ImageSet, similarity: csr_array, mixture: StudentTMixture, seeds: NDArray[np.int64],
        judge: Callable[[NDArray[np.int64]], float], *, epochs: int, size_limit: float, use: Mapping[str, bool], tolerance: float,
    ) -> None:  # fmt: skip
        self.images, self.mixture, self.seeds, self.epochs = images, mixture, seeds, epochs
        self.size_limit, self.use, self.tolerance = size_limit, dict(use), tolerance
        upper = triu(normalised_adjacency(similarity), 1).tocoo()
        self.edges = torch.from_numpy(np.stack(upper.coords).astype(np.int64))
        self.weights = torch.from_numpy(upper.data.astype(np.float32))
        self.gradient = torch.zeros(0)
        self.assignments = torch.zeros(0)
        self.labels = torch.zeros(0, dtype=torch.int64)
        self.lowest = float("inf")
        self.judge, self.best, self.waited = judge, -float("inf"), 0
        self.best_weights: dict[str, Tensor] = {}

    @property
    def uses_mixture(self) -> bool:
        """Whether the mixture takes part in the training."""
        return self.use["mixture"]

    def target(self, indices: Tensor) -> Tensor:
        """Sharpened assignments of a batch, p ∝ q²/f, (B, K)."""
        shares = self.assignments[indices.cpu()].to(indices.device)
        weighted = shares.square() / self.assignments.sum(dim=0).to(indices.device).clamp(min=1e-12)
        return weighted / weighted.sum(dim=1, keepdim=True).clamp(min=1e-12)

    def on_fit_start(self, module: nn.Module) -> None:
        """The first grouping, unless a resumed training has one."""
        if not len(self.labels):
            self._regroup(module, 0)
            self._keep_best(module)

    def on_epoch_end(self, module: nn.Module, epoch: int, row: Mapping[str, Any]) -> bool:
        """Group anew; end where hardly any label changed, or the groups hold together less than before."""
        before = self.labels
        self._regroup(module, epoch)
        changed = float((before != self.labels).float().mean())
        if self._keep_best(module) or epoch == self.epochs or (changed < self.tolerance and epoch > 1):
            unwrapped(module).load_state_dict(self.best_weights)
            return True
        return False

    def _keep_best(self, module: nn.Module) -> bool:
        """Keep the weights whose groups hold together best; whether they have been no better for too long."""
        labels = self.labels.numpy()
        score = self.judge(np.unique(labels, return_inverse=True)[1])
        if score >= self.best:
            self.best, self.waited = score, 0
            weights = unwrapped(module).state_dict()
            self.best_weights = {name: value.detach().cpu().clone() for name, value in weights.items()}
        else:
            self.waited += 1
        return self.waited >= PATIENCE

    def _regroup(self, module: nn.Module, epoch: int) -> None:
        network: DARLCNetwork = unwrapped(module)
        network.eval()
        device = next(network.parameters()).device
        codes = apply_in_batches(lambda pixels: network.codes(network.scale(pixels)), self.images, device)[0]
        self._step_mixture(network, codes)
        leaf = torch.from_numpy(codes).requires_grad_()
        self.assignments, self.labels = self._assign(network.mixture, torch.from_numpy(codes))
        eta = 0.5 * (1 - epoch / max(1, self.epochs))
        loss = self._epoch_loss(network.mixture, leaf, eta)
        self.gradient = torch.autograd.grad(loss, leaf)[0] if loss.requires_grad else torch.zeros_like(leaf)
        network.train()

    def _step_mixture(self, network: DARLCNetwork, codes: NDArray[np.float32]) -> None:
        import warnings

        mixture = self.mixture
        if not hasattr(mixture, "means_"):
            begin_mixture(mixture, codes.astype(np.float64), self.seeds)
            network.mixture.set_from(mixture)
            return
        _load(mixture, network)
        mixture.set_params(prior_scale=within_groups(codes.astype(np.float64), self.labels.numpy())[1])
        mixture.set_params(max_iter=EM_STEPS, warm_start=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a step is not to convergence
            mixture.fit(codes)
        network.mixture.set_from(mixture)

    def _assign(self, mixture: TorchMixture, codes: Tensor) -> tuple[Tensor, Tensor]:
        step = max(1, ROWS_AT_ONCE // len(self.mixture.weights_))
        with torch.no_grad():
            device = next(mixture.parameters()).device
            joint = torch.cat([mixture.joint(part.to(device)).cpu() for part in torch.split(codes, step)])
        return joint.softmax(dim=1), joint.argmax(dim=1)

    def _epoch_loss(self, mixture: TorchMixture, codes: Tensor, eta: float) -> Tensor:
        """η L_lap + (1 − η)(w₁ L_ll + w₂ L_size), whose gradient is asked for; parts of the rows one after the other."""
        total = codes.sum() * 0
        codes = without_scale(codes)
        if self.use["laplacian"]:
            total = total + eta * laplacian_loss(codes, self.edges, self.weights) / codes.shape[1]
        if not self.use["mixture"]:
            return total
        device = next(mixture.parameters()).device
        step = max(1, ROWS_AT_ONCE // len(self.mixture.weights_))
        joint = torch.cat([mixture.joint(part.to(device)).cpu() for part in torch.split(codes, step)])
        likelihood = -joint.logsumexp(dim=1).mean() / codes.shape[1]
        self.lowest = min(self.lowest, float(likelihood.detach()))
        shifted = likelihood - self.lowest + 1  # at its lowest it weighs as much as a loss of the batch begins with
        total = total + (1 - eta) * best_weight(shifted) * shifted
        if self.use["size"]:
            sizes = size_loss(joint.softmax(dim=1), self.size_limit)
            total = total + (1 - eta) * best_weight(sizes) * sizes
        return total

    def state_dict(self) -> dict[str, Tensor]:
        """Gradient, assignments, labels, mixture, and the best weights so far."""
        return {
            "gradient": self.gradient, "assignments": self.assignments, "labels": self.labels,
            "progress": torch.tensor([self.lowest, self.best, self.waited], dtype=torch.float64),
            "prior_scale": torch.from_numpy(np.array(self.mixture.prior_scale)),
            **{name: torch.from_numpy(np.array(getattr(self.mixture, name))) for name in _MIXTURE},
            **{f"best {name}": value for name, value in self.best_weights.items()},
        }  # fmt: skip

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take up what `state_dict` gave."""
        self.gradient, self.assignments, self.labels = (state[name] for name in ("gradient", "assignments", "labels"))
        self.lowest, self.best, self.waited = (*state["progress"][:2].tolist(), int(state["progress"][2]))
        self.best_weights = {name[5:]: value for name, value in state.items() if name.startswith("best ")}
        self.mixture.set_params(prior_scale=state["prior_scale"].numpy())
        for name in _MIXTURE:
            setattr(self.mixture, name, state[name].numpy())


def without_scale(codes: Tensor) -> Tensor:
    """The same codes (N, D), along which no gradient shifts or stretches a dimension: all losses of the epoch would be least at 0."""
    mean, deviation = codes.mean(dim=0), codes.std(dim=0).clamp(min=1e-6)
    return (codes - mean) / deviation * deviation.detach() + mean.detach()


def within_groups(codes: NDArray[np.float64], groups: NDArray[np.int64]) -> tuple[NDArray[np.float64], ...]:
    """Means of groups (K, D), variance within all of them (D,), and the scatter of each (K, D)."""
    counts = np.bincount(groups)
    means, scatter = np.zeros((2, len(counts), codes.shape[1]))
    np.add.at(means, groups, codes)
    means /= np.maximum(counts, 1)[:, None]
    np.add.at(scatter, groups, np.square(codes - means[groups]))
    return means, scatter.sum(axis=0) / len(codes) + 1e-6, scatter


def begin_mixture(mixture: StudentTMixture, codes: NDArray[np.float64], seeds: NDArray[np.int64]) -> None:
    """Set a mixture of diagonal scales to groups (N,) of codes (N, D); small groups are drawn to the variance within all."""
    means, within, scatter = within_groups(codes, seeds)
    counts, rows = np.bincount(seeds).astype(np.float64), 2 * codes.shape[1] + 4
    given = mixture.degrees_of_freedom
    mixture.set_params(prior_scale=within)
    mixture.weights_, mixture.means_ = counts / counts.sum(), means
    mixture.scales_ = (scatter + rows * within) / (counts + rows)[:, None] + mixture.reg_covar
    mixture.degrees_of_freedom_ = np.full(len(counts), FIRST_DEGREES if isinstance(given, str) else float(given))


_MIXTURE = ("weights_", "means_", "scales_", "degrees_of_freedom_")


def _load(mixture: StudentTMixture, network: DARLCNetwork) -> None:
    """Let the mixture go on from what the gradient made of its parameters."""
    learnt = network.mixture
    with torch.no_grad():
        mixture.weights_ = learnt.logits.softmax(dim=0).double().cpu().numpy()
        mixture.means_ = learnt.means.double().cpu().numpy()
        mixture.scales_ = (nn.functional.softplus(learnt.raw_scales) + 1e-6).double().cpu().numpy()
        mixture.degrees_of_freedom_ = (
            (1 + nn.functional.softplus(learnt.raw_degrees)).clamp(max=100).double().cpu().numpy()
        )
