"""What `facies select` tries: methods with their parameters, the cheapest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from facies.errors import InputError

if TYPE_CHECKING:
    from facies.methods import Method

GROUPINGS: Mapping[str, Mapping[str, Any]] = {
    "separated": {"grouping.method": "density", "grouping.selection": "separated"},
    "persistent": {"grouping.method": "density", "grouping.selection": "eom"},
    "k-means": {"grouping.method": "k-means"},
}
"""Ways to group the embedding of an encoder; the number of groups is found by each."""
LEVEL = "k-means"
"""That of them whose number of groups all layouts share."""


@dataclass(frozen=True)
class Candidate:
    """One thing to try.

    Parameters
    ----------
    name
        Under which it stands in the table, and its partition in the run.
    encoder
        What makes the embedding: candidates of one encoder do not confirm one another as other encoders do.
    method, parameters
        As `make_method` takes them.
    finds_level
        Whether its number of groups is one that several layouts of the embedding share (`facies.cluster.group_levels`).
    """

    name: str
    encoder: str
    method: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    finds_level: bool = False

    def make(self, preset: str, seed: int) -> Method:
        """Make the method, with a seed."""
        from facies.methods import make_method

        return make_method(self.method, preset, {**self.parameters, "random_state": seed})


def default_candidates() -> list[Candidate]:
    """Return the candidates for which there is a method: pixels and pretrained features, then what has to be trained."""
    from facies.methods import method_names

    known = method_names()
    found = [
        Candidate(f"{encoder}-{grouping}", encoder, "pretrained", {"encoder": encoder, **parameters}, grouping == LEVEL)
        for encoder in ("pixels", "efficientnet-lite0")
        for grouping, parameters in GROUPINGS.items()
        if "pretrained" in known
    ]
    trained = ("contrastive", "moe-vae")
    return found + [Candidate(method, method, method) for method in trained if method in known]


def best_first(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Order judged candidates: which encoder, and then which groups.

    An encoder is judged by the mean score of all its groupings, for a single high one may be an accident of a cut. Of its
    groupings those come first whose number of groups several layouts share: scores of one embedding favour coarse groups.

    Parameters
    ----------
    rows
        One a candidate: its ``encoder``, its ``score`` (`facies.metrics.without_labels.judge`) and whether it ``finds_level``.

    Returns
    -------
    list of int
        Numbers of the rows, the best first.

    Examples
    --------
    >>> rows = [("a", 0.6, False), ("a", 0.2, True), ("b", 0.5, False), ("b", 0.45, True)]
    >>> best_first([dict(zip(("encoder", "score", "finds_level"), row)) for row in rows])
    [3, 2, 1, 0]
    """
    scores: dict[str, list[float]] = {}
    for row in rows:
        scores.setdefault(row["encoder"], []).append(float(row["score"]))
    means = {encoder: sum(values) / len(values) for encoder, values in scores.items()}

    def rank(number: int) -> tuple[float, str, bool, float]:
        row = rows[number]
        return -means[row["encoder"]], row["encoder"], not row["finds_level"], -float(row["score"])

    return sorted(range(len(rows)), key=rank)


def check_candidates(candidates: list[Candidate]) -> list[Candidate]:
    """Return the candidates if there are two or more, each with a name of its own; else raise `InputError`."""
    names = [candidate.name for candidate in candidates]
    if len(names) < 2:
        raise InputError(f"to select takes two candidates or more: {len(names)} was given")
    if len(set(names)) < len(names):
        raise InputError(f"two candidates have one name ({', '.join(names)}): give each its own")
    return candidates
