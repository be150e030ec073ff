"""The stages of `st-dac` and `dac`: what is learnt in which order, and what each stage hands to the next."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facies.cluster import UMAPLayout
from facies.errors import FaciesWarning
from facies.images import ImageSet
from facies.methods.autoencoder import learn_normalizer
from facies.methods.base import load_weights
from facies.methods.dac.losses import PairMonitor, Shown, collapse_share, statistics_batches
from facies.methods.downsample import downsampled_copies
from facies.nn import PixelNormalizer, recompute_batch_norm_statistics
from facies.nn import probabilities as softmax_of
from facies.training import Results, Trainer, Training, TrainingResult
from facies.training.batches import read_batches
from facies.training.trainer import apply_in_batches

if TYPE_CHECKING:
    from facies.methods.dac.base import DACBase

MAX_EXAMPLES = 32


@dataclass(frozen=True)
class Restart:
    """A training of the network, and what it came to."""

    course: TrainingResult
    weights: dict[str, Tensor]

    @property
    def positives(self) -> float:
        """Share of the pairs that counted as alike in the last epoch."""
        return float(self.course.rows[-1]["positives"])

    @property
    def loss(self) -> float:
        """Of the last epoch."""
        return float(self.course.rows[-1]["loss"])

    def rank(self, most_positives: float) -> tuple[bool, float]:
        """Less is better: the least loss of those that have not collapsed, whose loss says nothing."""
        collapsed = self.positives > most_positives
        return collapsed, self.positives if collapsed else self.loss


class DACStages:
    """The stages of one fit of a method of deep adaptive clustering."""

    def __init__(self, method: DACBase, images: ImageSet, trainer: Trainer) -> None:
        self.method, self.images, self.trainer = method, images, trainer
        self._prepared: ImageSet | None = None

    def prepare(self, found: Results) -> Results:  # noqa: ARG002 - the first stage finds nothing before it
        """Scale of the pixels, their mean, and copies at the size that the network sees."""
        scale = learn_normalizer(self._seen(), "gaussian")
        low, high = float(scale.low), float(scale.low + scale.span)
        intensity = PixelNormalizer(low, high, float(scale.mean), 1.0, "gaussian")
        return {"intensity": dict(intensity.state_dict()), "whole_numbers": self.images.dtype == np.uint8}

    def learn(self, found: Results) -> Results:
        """The network, by the pairs that it finds itself; the best, if asked, of several, and begun anew where it collapses."""
        m, limit = self.method, collapse_share(self.method.n_clusters)
        rows = np.unique(np.linspace(0, len(self.images) - 1, min(MAX_EXAMPLES, len(self.images))).astype(np.int64))
        best: Restart | None = None
        ended: list[tuple[float, float]] = []
        for number in range(1, m.n_init + m.restarts + 1):
            attempt = self._attempt(found, number, rows)
            ended.append((attempt.positives, attempt.loss))
            if best is None or attempt.rank(limit) < best.rank(limit):
                best = attempt
            if sum(positives <= limit for positives, _ in ended) == m.n_init:
                break
        assert best is not None
        seen = best.course.seen
        epochs = [seen[f"labels {epoch}"].numpy() for epoch in range(1, len(best.course.rows) + 1)]
        learnt: Results = {"network": best.weights, "epoch_labels": np.stack(epochs)}
        learnt["notes"] = self._collapse_notes([positives for positives, _ in ended]) + _kept_note(best, ended)
        if m.has_canonical_pose:
            examples = torch.stack([seen["examples first"], seen["examples last"]])
            learnt |= {"epoch_examples": examples.numpy(), "example_rows": rows}
        return learnt

    def gather(self, found: Results) -> Results:
        """Mean and variance of all images in each normalisation, in place of those of a batch."""
        m, device = self.method, self.method.hardware().device
        network = load_weights(m.build(self.images.image_shape), found["network"], device)
        shown = self._shown(found).to(device)
        progress = self.trainer.show("statistics", len(self.images), "images")

        def batches() -> Iterator[Tensor]:
            for batch in read_batches(self._seen(), statistics_batches(len(self.images), self._order()), device):
                yield shown(batch.images)
                progress.advance(len(batch.images))

        recompute_batch_norm_statistics(network, batches)
        progress.finish()
        return {"network": dict(network.state_dict())}

    def assign(self, found: Results) -> Results:
        """Probabilities and group of each image."""
        m, device = self.method, self.method.hardware().device
        network = load_weights(m.build(self.images.image_shape), found["network"], device)
        shown = self._shown(found).to(device)
        progress = self.trainer.show("assign", len(self.images), "images")

        def placed(pixels: Tensor) -> tuple[Tensor, Tensor]:
            logits = network.logits(shown(pixels))
            return logits, softmax_of(logits)

        logits, probabilities = apply_in_batches(placed, self._seen(), device, progress=progress)
        progress.finish()
        labels = probabilities.argmax(axis=1).astype(np.int64)
        used = len(np.unique(labels))
        notes = list(found["notes"])
        if used < m.n_clusters:
            notes.append(f"{used} of the {m.n_clusters} groups hold images; the others are empty")
        return {
            "n_clusters": m.n_clusters,
            "embedding_": logits,
            "probabilities_": probabilities,
            "labels_": labels,
            "notes": notes,
        }

    def project(self, found: Results) -> Results:
        """UMAP of the embedding in two dimensions, for the map alone."""
        m = self.method
        progress = self.trainer.show("map", 1, "steps")
        manifold = UMAPLayout(found["embedding_"], m.n_neighbors, "euclidean", self.trainer.seed("map"))
        projection = manifold.layout(2, min_dist=m.min_dist)
        progress.finish()
        return {"projection_": projection}

    def _attempt(self, found: Results, number: int, rows: NDArray[np.int64]) -> Restart:
        m = self.method
        network: nn.Module = self.trainer.build(lambda: m.build(self.images.image_shape))
        shown = self._shown(found)
        watch = PairMonitor(
            images=self._seen(),
            shown=shown,
            order=self._order(),
            most_positives=collapse_share(m.n_clusters),
            examples=self.images.__getitems__(rows) if m.has_canonical_pose else None,
        )
        rates = (m.learning_rate, m.schedule, m.gradient_clip)
        recipe = Training(m.n_epochs, m.batch_size, *rates, chunk_size=m.chunk_size)
        course = self.trainer.fit(network, self._seen(), m.objective(shown), recipe, watch=watch)
        if number > 1:
            for row in course.rows:
                row["stage"] = f"{row['stage']} {number}"
        return Restart(course, {name: tensor.clone() for name, tensor in network.state_dict().items()})

    def _collapse_notes(self, shares: list[float]) -> list[str]:
        m, notes = self.method, []
        collapsed = sum(share > collapse_share(m.n_clusters) for share in shares)
        if collapsed == len(shares):
            mend = "lower learning_rate" if m.restarts else "set restarts=3"
            notes.append(
                f"the groups have collapsed: {min(shares):.0%} of all pairs of images count as alike, and {1 / m.n_clusters:.0%} "
                f"would in {m.n_clusters} groups of one size; {mend}, or another n_clusters"
            )
            warnings.warn(notes[-1], FaciesWarning, stacklevel=2)
        elif collapsed:
            notes.append(f"the groups collapsed in {collapsed} of {len(shares)} trainings; what is kept is another")
        return notes

    def _order(self) -> NDArray[np.int64]:
        """Images in no order, for passes that go by batch statistics: sorted ones would make batches of one kind."""
        return np.random.default_rng(self.trainer.seed("order")).permutation(len(self.images))

    def _shown(self, found: Results) -> Shown:
        intensity = load_weights(PixelNormalizer(likelihood="gaussian"), found["intensity"], torch.device("cpu"))
        return Shown(intensity, self.method.seen_shape(self.images.image_shape), bool(found["whole_numbers"]))

    def _seen(self) -> ImageSet:
        """The images at the size that the network sees; made again where a resumed fit needs them."""
        if self._prepared is None:
            seen = self.method.seen_shape(self.images.image_shape)
            small = seen[-2:] == self.images.image_shape[-2:]
            self._prepared = (
                self.images if small else downsampled_copies(self.images, self.method.image_size, self.trainer)
            )
        return self._prepared


def _kept_note(kept: Restart, ended: list[tuple[float, float]]) -> list[str]:
    """Which of several trainings was kept, in words."""
    losses = [loss for _, loss in ended]
    if len(losses) == 1:
        return []
    number = losses.index(kept.loss) + 1
    others = ", ".join(f"{loss:.3g}" for other, loss in enumerate(losses, start=1) if other != number)
    return [
        f"of {len(losses)} trainings number {number} is kept, with a loss of {kept.loss:.3g}; the others ended at {others}"
    ]
