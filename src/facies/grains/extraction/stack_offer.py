"""Patterns offered to the user: filled in for the names at hand, and tried on them first."""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from facies.grains.extraction.placed_photograph import Placed
from facies.grains.extraction.stack_names import CHANNEL_WORDS, STRONG_WORDS, WEAK_WORDS
from facies.grains.extraction.stack_pattern import by_pattern

_LEAST_SHARE = 0.5
"""A pattern is offered if at least this share of the photographs falls into whole stacks by it."""

_KEPT = (*CHANNEL_WORDS, *STRONG_WORDS, *WEAK_WORDS)
_PLAIN = re.compile(r"[0-9]+|[^\W\d_]+|[\W_]")
_SIGNED = re.compile(r"(?<![0-9])[+\-]?[0-9]+|[^\W\d_]+|[\W_]")


@dataclass(frozen=True, slots=True)
class Offer:
    """A pattern, and what it would make of the photographs: so many stacks of so many layers."""

    pattern: str
    n_stacks: int
    layers: int

    def words(self, layers: int) -> str:
        """Return the options to type, where so many photographs a stack were asked for, and what they make."""
        more = "" if self.layers == layers else f"--layers {self.layers} "
        stacks = f"{self.n_stacks} stack{'s' * (self.n_stacks > 1)}"
        return f"{more}--pattern '{self.pattern}' ({stacks} of {self.layers})"


def offered_patterns(names: Sequence[str], layers: int, *, channels: bool = False, suffix: str = "") -> list[Offer]:
    """Return patterns by which photographs fall into whole stacks, the best first, at most two.

    With `channels` a part of the name tells the channel: the first pattern takes one, the second all of them, each as
    stacks of its own. With a suffix the pattern is of files of that kind alone.
    """
    found: list[tuple[tuple[int, ...], Offer]] = []
    chosen = [name for name in names if name.lower().endswith(suffix)]
    for depth in (1, 2):
        for rank, pattern in _patterns(chosen, depth, has_layers=layers > 1, channels=channels, suffix=suffix):
            offer = _tried(pattern, names, chosen, layers)
            if offer is not None:
                found.append(((int(offer.layers != layers), depth, *rank), offer))
    found.sort(key=lambda item: item[0])
    fitting = [item for item in found if item[1].layers == layers]
    found = fitting or found
    if not channels:
        return [offer for _, offer in found][:2]
    single = [offer for _, offer in found if "{channel}" not in offer.pattern][:1]
    every = [offer for _, offer in found if "{channel}" in offer.pattern][:1]
    return [*single, *every]


def _patterns(
    names: Sequence[str], depth: int, *, has_layers: bool, channels: bool, suffix: str
) -> Iterator[tuple[tuple[int, ...], str]]:
    """Make a pattern for each part of the names that may be the layer; the lower the rank, the likelier."""
    rows = _alike(names, depth)
    if not rows:
        return
    first = rows[0]
    values = [{row[place] for row in rows} for place in range(len(first))]
    varying = [place for place, own in enumerate(values) if len(own) > 1]
    unique = {place for place in varying if len(values[place]) == len(rows) > 1} if has_layers else set()
    for layer in varying if has_layers else (None,):
        for channel in _channel_places(first, varying, layer) if channels else (None,):
            for value in (first[channel], "{channel}") if channel is not None else ("",):
                pieces = list(first)
                for place in varying:
                    pieces[place] = "*" if place in unique else "{stack}"
                if layer is not None:
                    pieces[layer] = "{layer}"
                if channel is not None:
                    pieces[channel] = value
                yield _rank(first, layer or 0), _with_prefixes(pieces) + suffix


def _alike(names: Sequence[str], depth: int) -> list[list[str]]:
    """Split the ends of paths into numbers, words and signs, and return those of the form that most have."""
    token = _SIGNED if any(re.search(r"\+[0-9]", name) for name in names) else _PLAIN
    shapes: defaultdict[tuple[str, ...], list[list[str]]] = defaultdict(list)
    for name in names:
        parts = PurePosixPath(name).with_suffix("").parts
        if len(parts) >= depth:
            tokens = token.findall("/".join(parts[-depth:]))
            shapes[tuple(_kind(piece) for piece in tokens)].append(tokens)
    rows = max(shapes.values(), key=len, default=[])
    return rows if len(rows) > _LEAST_SHARE * len(names) else []


def _with_prefixes(pieces: list[str]) -> str:
    """Write a pattern; what stands directly before the number of a stack is part of its name."""
    kept = [
        "" if following == "{stack}" and piece.isalpha() and piece.lower() not in _KEPT else piece
        for piece, following in itertools.pairwise([*pieces, ""])
    ]
    return "".join(kept)


def _kind(piece: str) -> str:
    if piece[-1].isdigit():
        return "number"
    return "word" if piece.isalpha() else piece


def _channel_places(tokens: Sequence[str], varying: Sequence[int], layer: int | None) -> list[int]:
    """Return where the channel may stand: after its word, else where something follows the layer, the last first."""
    others = [place for place in varying if place != layer]
    named = [place for place in others if place and tokens[place - 1].lower() in CHANNEL_WORDS]
    return named[-1:] or [place for place in others if place > (layer or 0)][-1:]


def _rank(tokens: Sequence[str], layer: int) -> tuple[int, int]:
    before = [piece.lower() for piece in tokens[:layer] if piece.isalnum()]
    word = before[-1] if before else ""
    return (0 if word in STRONG_WORDS else 1 if word in WEAK_WORDS else 2, -layer)


def _tried(pattern: str, names: Sequence[str], chosen: Sequence[str], layers: int) -> Offer | None:
    placed, _ = by_pattern(names, pattern, layers) if "{stack}" in pattern else ([], [])
    stacks: defaultdict[str, list[float]] = defaultdict(list)
    for item in placed:
        stacks[item.stack].append(item.layer)
    sizes = Counter(len(own) for own in stacks.values() if len(own) == len(set(own)))
    size = layers if sizes[layers] else max(sizes, key=lambda own: (own > 1, own * sizes[own]), default=0)
    share = size * sizes[size] / max(1, _expected(pattern, placed, chosen))
    return Offer(pattern, sizes[size], size) if (size > 1 or layers == 1) and share > _LEAST_SHARE else None


def _expected(pattern: str, placed: Sequence[Placed], chosen: Sequence[str]) -> int:
    """Count the photographs that should match: all, or those of the one channel that the pattern names."""
    return len(placed) if len(placed) < len(chosen) and "{channel}" not in pattern else len(chosen)
