"""What `facies select` tries: methods with their parameters, the cheapest first."""

from __future__ import annotations

from collections.abc import Mapping
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
    """

    name: str
    encoder: str
    method: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def make(self, preset: str, seed: int) -> Method:
        """Make the method, with a seed."""
        from facies.methods import make_method

        return make_method(self.method, preset, {**self.parameters, "random_state": seed})


def default_candidates() -> list[Candidate]:
    """Return the candidates for which there is a method: pixels and pretrained features, then what has to be trained."""
    from facies.methods import method_names

    known = method_names()
    found = [
        Candidate(f"{encoder}-{grouping}", encoder, "pretrained", {"encoder": encoder, **parameters})
        for encoder in ("pixels", "efficientnet-lite0")
        for grouping, parameters in GROUPINGS.items()
        if "pretrained" in known
    ]
    trained = ("contrastive", "moe-vae")
    return found + [Candidate(method, method, method) for method in trained if method in known]


def check_candidates(candidates: list[Candidate]) -> list[Candidate]:
    """Return the candidates if there are two or more, each with a name of its own; else raise `InputError`."""
    names = [candidate.name for candidate in candidates]
    if len(names) < 2:
        raise InputError(f"to select takes two candidates or more: {len(names)} was given")
    if len(set(names)) < len(names):
        raise InputError(f"two candidates have one name ({', '.join(names)}): give each its own")
    return candidates
