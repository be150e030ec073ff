"""Several trainings from different beginnings, of which the one with the least loss is kept; no label is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from facies.methods.dac.monitor import PairMonitor
from facies.training import TrainingResult


@dataclass(frozen=True)
class Restart:
    """A training of the network, and what it came to."""

    result: TrainingResult
    weights: dict[str, Tensor]
    monitor: PairMonitor
    notes: list[str] = field(default_factory=list)
    """What the user should know of it."""

    @property
    def positives(self) -> float:
        """Share of the pairs that counted as alike in the last epoch."""
        return float(self.result.rows[-1]["positives"])

    @property
    def loss(self) -> float:
        """Of the last epoch."""
        return float(self.result.rows[-1]["loss"])

    def rank(self, max_positives: float) -> tuple[bool, float]:
        """Less is better: the least loss of those that have not collapsed, whose loss says nothing."""
        collapsed = self.positives > max_positives
        return collapsed, self.positives if collapsed else self.loss


@dataclass
class Restarts:
    """Trains `n_init` times, and up to `n_extra` times more in place of trainings whose groups collapsed."""

    n_clusters: int
    n_init: int
    n_extra: int
    endings: list[tuple[float, float]] = field(default_factory=list)

    @property
    def max_positives(self) -> float:
        """Share of alike pairs from which on groups have collapsed."""
        return collapse_share(self.n_clusters)

    def best_of(self, train: Callable[[int], Restart]) -> Restart:
        """Train (`train` takes the number of the training, from 1) and return the best one."""
        best: Restart | None = None
        for number in range(1, self.n_init + self.n_extra + 1):
            restart = train(number)
            self.endings.append((restart.positives, restart.loss))
            if best is None or restart.rank(self.max_positives) < best.rank(self.max_positives):
                best = restart
            if sum(positives <= self.max_positives for positives, _ in self.endings) == self.n_init:
                break
        assert best is not None
        return best

    def collapse_notes(self) -> list[str]:
        """What the user should know of trainings whose groups collapsed."""
        shares = [positives for positives, _ in self.endings]
        collapsed = sum(share > self.max_positives for share in shares)
        if collapsed == len(shares):
            mend = "lower training.learning_rate" if self.n_extra else "set restarts=3"
            return [
                f"the groups have collapsed: {min(shares):.0%} of all pairs of images count as alike, and "
                f"{1 / self.n_clusters:.0%} would in {self.n_clusters} groups of one size; {mend}, or another n_clusters"
            ]
        if collapsed:
            return [f"the groups collapsed in {collapsed} of {len(shares)} trainings; what is kept is another"]
        return []

    @property
    def all_collapsed(self) -> bool:
        """Whether no training kept its groups apart."""
        return all(positives > self.max_positives for positives, _ in self.endings)

    def choice_notes(self, best: Restart) -> list[str]:
        """Which of several trainings is kept."""
        losses: Sequence[float] = [loss for _, loss in self.endings]
        if len(losses) == 1:
            return []
        number = losses.index(best.loss) + 1
        others = ", ".join(f"{loss:.3g}" for other, loss in enumerate(losses, start=1) if other != number)
        return [
            f"of {len(losses)} trainings number {number} is kept, with a loss of {best.loss:.3g}; the others ended at {others}"
        ]


def collapse_share(n_clusters: int) -> float:
    """Share of alike pairs from which on groups have collapsed: halfway from 1/K, that of K groups of one size, to 1."""
    return (1 + 1 / n_clusters) / 2
