"""Focal stacks by the names of photographs: which number in a name is the layer, and what cannot be told by names alone."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NamedTuple

from facies.grains.extraction.placed_photograph import Placed, top_folder

STRONG_WORDS = ("z", "layer", "level", "focus", "focal", "slice", "plane", "height")
"""Before a number they say that it is the layer."""

WEAK_WORDS = ("l", "f")
"""They may stand for a layer or focus, and for a location or a field, too."""

CHANNEL_WORDS = ("channel", "chan", "ch")

_WORDS = "|".join((*STRONG_WORDS, *WEAK_WORDS))
_UNIT = "(?:um|µm|μm|nm|mm)"  # of a height; the micro sign, and the Greek letter
_LAST = re.compile(
    rf"^(?P<before>.*?)(?P<lead>[\s_.\-]+?(?P<word>{_WORDS})?[\s_.=\-]*?)?"
    rf"\(?(?P<number>[+\-]?[0-9]+(?:[.,][0-9]+(?={_UNIT}))?)\)?(?P<unit>{_UNIT})?$",
    re.IGNORECASE,
)
_WORD = re.compile(
    rf"(?<![^\W\d_])(?P<word>{_WORDS})[\s_.=\-]*?\(?(?P<number>[+\-]?[0-9]+(?:[.,][0-9]+)?)\)?(?P<unit>{_UNIT})?",
    re.IGNORECASE,
)
_CHANNEL = re.compile(rf"(?<![^\W\d_])(?:{'|'.join(CHANNEL_WORDS)})[\s_.=\-]*(?P<number>[0-9]+)", re.IGNORECASE)


class Layer(NamedTuple):
    """The number in a name that may be its layer.

    Start and end are its place in the name without suffix, the word what stands before it, in lower case; the rest is the
    name without the number and its word.
    """

    start: int
    end: int
    number: str
    has_unit: bool
    word: str
    rest: str


@dataclass(frozen=True)
class Reading:
    """One way to read all names: what is the layer in each.

    `certainty` is 3 where a word says so, 2 where it may mean something else, 1 by custom alone; `layers` are the places of
    the layers in the paths without suffix.
    """

    how: str
    certainty: int
    placed: list[Placed]
    layers: dict[str, Layer]

    @property
    def partition(self) -> frozenset[frozenset[str]]:
        """The names, stack by stack."""
        stacks: defaultdict[str, set[str]] = defaultdict(set)
        for item in self.placed:
            stacks[item.stack].add(item.name)
        return frozenset(map(frozenset, stacks.values()))

    def share_of_whole(self, layers: int) -> float:
        """Return the share of the photographs that fall into stacks of so many, each layer once."""
        stacks: defaultdict[str, list[float]] = defaultdict(list)
        for item in self.placed:
            stacks[item.stack].append(item.layer)
        whole = sum(len(own) for own in stacks.values() if len(own) == len(set(own)) == layers)
        return whole / len(self.placed)


def readings(names: Sequence[str]) -> list[Reading]:
    """Return the ways to read names of photographs, the most certain first.

    The layer is the last number of the file name, or the number after a word such as ``z`` anywhere in it.
    """
    ways = [_read(names, "by the number at the end of the file name", last_number)]
    for word in (*STRONG_WORDS, *WEAK_WORDS):
        own = _read(names, f"by the number after {word!r} in the file name", _number_after(word))
        if len(own.layers) > 0.5 * len(names):
            ways.append(own)
    apart: dict[frozenset[frozenset[str]], Reading] = {}
    for way in ways:  # the same stacks are named as the first way names them
        same = apart.get(way.partition)
        if same is None or same.certainty >= way.certainty:
            apart.setdefault(way.partition, way)
        else:
            apart[way.partition] = Reading(same.how, way.certainty, same.placed, same.layers)
    return sorted(apart.values(), key=lambda way: -way.certainty)


def by_folder(names: Sequence[str]) -> Reading:
    """Take each folder for a stack, its photographs in natural order."""
    counts: Counter[str] = Counter()
    placed = []
    for name in names:
        folders = PurePosixPath(name).parent
        parent = folders.as_posix()
        placed.append(Placed(name, parent, counts[parent], top_folder(folders)))
        counts[parent] += 1
    return Reading("by folder", 1, placed, {})


def by_order(names: Sequence[str], layers: int) -> Reading:
    """Take every so many photographs of a folder that follow each other for a stack."""
    counts: Counter[str] = Counter()
    first: dict[tuple[str, int], str] = {}
    placed = []
    for name in names:
        path = PurePosixPath(name)
        parent = path.parent.as_posix()
        number, layer = divmod(counts[parent], layers)
        stack = first.setdefault((parent, number), path.with_suffix("").as_posix())
        placed.append(Placed(name, stack, layer))
        counts[parent] += 1
    return Reading(f"every {layers} photographs that follow each other by name", 1, placed, {})


def layer_folders(names: Sequence[str]) -> bool:
    """Return whether the folders are called like layers, such as ``layer0`` or ``z-20um``."""
    parents = {PurePosixPath(name).parent.name for name in names}
    return len(parents) > 1 and all(_WORD.fullmatch(parent) for parent in parents)


def running_numbers(names: Sequence[str], layers: int) -> bool:
    """Return whether each folder holds one series of numbers without gaps, in whole stacks.

    Folders that each begin anew and hold equally many may be stacks themselves: those are none.
    """
    series: defaultdict[str, list[int]] = defaultdict(list)
    stems: defaultdict[str, set[str]] = defaultdict(set)
    for name in names:
        layer = last_number(PurePosixPath(name).stem)
        if layer is None or layer.word or layer.has_unit or layer.rest.lower() in (*STRONG_WORDS, *WEAK_WORDS):
            return False
        parent = PurePosixPath(name).parent.as_posix()
        series[parent].append(abs(int(layer.number)))
        stems[parent].add(layer.rest)
    consecutive = all(sorted(own) == list(range(min(own), min(own) + len(own))) for own in series.values())
    whole = all(len(own) % layers == 0 for own in series.values())
    restarts = len(series) > 1 and len({min(own) for own in series.values()}) == 1
    return consecutive and whole and not restarts and all(len(own) == 1 for own in stems.values())


def channels_in(names: Sequence[str]) -> list[str]:
    """Return the channels of which there are photographs that are called alike but for the channel; none of one."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for name in names:
        match = _CHANNEL.search(PurePosixPath(name).stem)
        if match:
            found[name.replace(match[0], "\0", 1)].add(match[0])
    several = [own for own in found.values() if len(own) > 1]
    if sum(map(len, several)) <= 0.5 * len(names):
        return []
    return sorted(set().union(*several))


def formats_of_twins(names: Sequence[str]) -> list[str]:
    """Return the suffixes in which most pictures are there twice, in one folder or in two."""
    kinds: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        kinds[_suffix(name)].append(PurePosixPath(name).stem.lower())
    stems = {suffix: set(own) for suffix, own in kinds.items() if len(set(own)) > 1}
    for _, own in sorted(stems.items()):
        twins = [other for other, theirs in stems.items() if len(own & theirs) > 0.5 * max(len(own), len(theirs))]
        if len(twins) > 1:
            return sorted(twins)
    return []


def tails_of(reading: Reading) -> list[str]:
    """Return what stands after the layer, where each stack is there with each of it: channels, or positions.

    Nothing where the layer stands last or first, or what follows it belongs to one stack alone.
    """
    tails: defaultdict[str, set[str]] = defaultdict(set)
    for name, layer in reading.layers.items():
        stem = PurePosixPath(name).stem
        before = _without_word(stem[: layer.start], layer.word)
        tails[before].add(stem[layer.end :].lstrip(" _.-"))
    sets = {frozenset(own) for own in tails.values()}
    if len(tails) == 1 or len(sets) > 1 or "" in tails:
        return []
    common = next(iter(sets), frozenset())
    return sorted(common) if len(common) > 1 else []


def _suffix(name: str) -> str:
    suffix = PurePosixPath(name).suffix.lower()
    return {".jpeg": ".jpg", ".jpe": ".jpg", ".jfif": ".jpg", ".tiff": ".tif"}.get(suffix, suffix)


def _read(names: Sequence[str], how: str, find: Callable[[str], Layer | None]) -> Reading:
    layers = {name: layer for name in names if (layer := find(PurePosixPath(name).stem)) is not None}
    signed = _are_signed(list(layers.values()))
    placed = []
    for name in names:
        path = PurePosixPath(name)
        layer = layers.get(name)
        stem = path.stem if layer is None else layer.rest
        number = 0.0 if layer is None else _value(layer.number, signed)
        if stem.lower() in ("", *STRONG_WORDS, *WEAK_WORDS):  # the folder is the stack
            placed.append(Placed(name, path.parent.as_posix(), number, top_folder(path.parent)))
        else:
            placed.append(Placed(name, (path.parent / stem).as_posix(), number))
    words = {layer.word for layer in layers.values()}
    strong, weak = words <= set(STRONG_WORDS) and bool(words), words <= {*STRONG_WORDS, *WEAK_WORDS} and bool(words)
    return Reading(how, 3 if strong else 2 if weak else 1, placed, layers)


def _are_signed(layers: Sequence[Layer]) -> bool:
    """Return whether a minus before a number is its sign, and no stroke: some have none, or a plus, or a unit."""
    minus = [layer.number.startswith("-") for layer in layers]
    return any(minus) and (not all(minus) or all(layer.has_unit for layer in layers))


def _value(number: str, signed: bool) -> float:
    value = float(number.replace(",", "."))
    return value if signed else abs(value)


def last_number(stem: str) -> Layer | None:
    """Find the number at the end of a file name without its suffix; None if it ends otherwise."""
    match = _LAST.match(stem)
    if match is None:
        return None
    return Layer(
        match.start("number"), match.end(), match["number"], bool(match["unit"]), (match["word"] or "").lower(), match["before"]
    )  # fmt: skip


def _number_after(word: str) -> Callable[[str], Layer | None]:
    def find(stem: str) -> Layer | None:
        matches = [match for match in _WORD.finditer(stem) if match["word"].lower() == word]
        if not matches:
            return None
        match = matches[-1]
        before, after = stem[: match.start()], stem[match.end() :]
        joint = "_" if before.rstrip(" _.-") and after.lstrip(" _.-") else ""
        rest = before.rstrip(" _.-") + joint + after.lstrip(" _.-")
        return Layer(match.start("number"), match.end(), match["number"], bool(match["unit"]), word, rest)

    return find


def _without_word(before: str, word: str) -> str:
    text = before.rstrip(" _.-=(")
    return text.removesuffix(text[len(text) - len(word) :]) if word and text.lower().endswith(word) else text
