"""Focal stacks in a folder of photographs: which photographs belong together, and in what order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.grains.extraction.placed_photograph import Placed, top_folder
from facies.grains.extraction.stack_guess import Grouping, guess, none_whole
from facies.grains.extraction.stack_pattern import by_pattern
from facies.grains.extraction.stack_table import by_table, read_stack_table, samples_of
from facies.images.readers.file_search import natural_key, search_folder
from facies.images.readers.image_file import decode_pages
from facies.images.readers.pixels import UnreadableImage
from facies.images.readers.suffixes import SUFFIXES, passed_over_note

__all__ = ["Grouping", "Stack", "StackList", "find_stacks", "read_photograph"]


@dataclass(frozen=True, slots=True)
class Stack:
    """The photographs of one stage position.

    Parameters
    ----------
    name
        Unique.
    sample
        What was sampled.
    photographs
        Files relative to the folder of the photographs, with forward slashes, by focal layer.
    """

    name: str
    sample: str
    photographs: tuple[str, ...]


@dataclass(frozen=True)
class StackList:
    """The focal stacks in a folder.

    Parameters
    ----------
    folder
        The folder.
    stacks
        The stacks, in natural order.
    layers
        The photographs of each.
    how
        How they were found, in words.
    left_out
        What does not form a stack, and why: (name, reason).
    notes
        What is odd about the stacks that were made.
    """

    folder: Path
    stacks: list[Stack]
    layers: int
    how: str
    left_out: list[tuple[str, str]]
    notes: list[str] = field(default_factory=list)

    def examples(self, n: int = 3) -> list[str]:
        """Return the first stacks in words: ``S00: S00_0.jpg, S00_1.jpg, …, S00_5.jpg``."""
        words = []
        for stack in self.stacks[:n]:
            names = list(stack.photographs)
            words.append(f"{stack.name}: {', '.join(names if len(names) <= 3 else [*names[:2], '…', names[-1]])}")
        return words


def find_stacks(
    folder: str | Path,
    *,
    layers: int = 6,
    grouping: Grouping = "auto",
    pattern: str | None = None,
    table: str | Path | None = None,
) -> StackList:
    """Find the focal stacks in a folder of photographs.

    Parameters
    ----------
    folder : path
        The folder; read with everything below.
    layers : int, default=6
        Photographs a stack.
    grouping : {"auto", "name", "folder", "order"}
        By what photographs are grouped: the file name, in which the layer is the last number (``S0001_3.png``: stack
        S0001, layer 3) or that after a word (``z-20um_S0001.png``: heights are ordered by their value); the folder; or
        every `layers` files that follow each other. ``auto`` takes the first of these three by which photographs fall into
        whole stacks, and the last only of running numbers without gaps.
    pattern : str, optional
        How the names are made, in place of `grouping`: text with the parts ``{stack}`` and ``{layer}``, and perhaps
        ``{sample}``, ``{channel}`` and ``*``, or a regular expression with groups of these names (see `by_pattern`).
    table : path, optional
        A CSV file. With the columns ``photograph`` and ``stack`` (and perhaps ``layer`` and ``sample``) it defines the
        stacks; with ``stack`` and ``sample`` alone it gives the samples of stacks grouped otherwise.

    Returns
    -------
    StackList
        The sample of a stack is that of the table or the pattern, else the first folder on its path, else "all".

    Raises
    ------
    InputError
        If there are no photographs, or it is not certain which belong together: one picture in two formats, several
        channels, two numbers that may be the layer, folders called like layers. Patterns that fit the names are offered.
    """
    root = Path(folder).expanduser().absolute()
    if layers < 1:
        raise InputError(f"--layers {layers}: a stack has at least 1 photograph")
    names, left_out, passed_over = _photographs(root)
    rows = None if table is None else read_stack_table(Path(table))
    if rows is not None and "photograph" in rows:
        placed, missing = by_table(rows, names, Path(table or ""))
        left_out += missing
        how = f"by the table {Path(table or '').name}"
    elif pattern is not None:
        placed, missing = by_pattern(names, pattern, layers)
        left_out += missing
        how = f"by the pattern {pattern}"
    else:
        placed, how = guess(root, names, layers, grouping)
    in_order = rows is None and pattern is None and how.startswith("every ")
    stacks, incomplete = _assemble(placed, layers, are_numbered=not in_order)
    if not stacks:
        raise InputError(none_whole(root, names, layers, how, incomplete or left_out))
    if rows is not None and "photograph" not in rows:
        samples = samples_of(rows, [stack.name for stack in stacks], Path(table or ""))
        stacks = [Stack(stack.name, samples[stack.name], stack.photographs) for stack in stacks]
    notes = [*_odd_layers(placed, stacks, layers), *_several_channels(placed), *passed_over]
    return StackList(root, stacks, layers, how, [*left_out, *incomplete], notes)


def read_photograph(path: Path) -> NDArray[np.generic]:
    """Decode a photograph: RGB, (H, W, 3), in the type of the file, turned as its EXIF says; grey is repeated.

    An UnreadableImage is raised if it is damaged, or not one photograph of one or three channels.
    """
    pages = list(decode_pages(path))
    if len(pages) != 1:
        raise UnreadableImage(f"it holds {len(pages)} pages: a photograph is a file of its own")
    pixels = pages[0]
    if pixels.shape[2] not in (1, 3):
        raise UnreadableImage(f"it has {pixels.shape[2]} channels: a photograph has 1 or 3")
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


def _photographs(root: Path) -> tuple[list[str], list[tuple[str, str]], list[str]]:
    """Return the names of the photographs, what cannot be read, and a note of what was passed over."""
    try:
        if not root.exists():
            raise InputError(f"{root}: no such folder")
        if not root.is_dir():
            raise InputError(f"{root}: is a file; give the folder that holds the photographs")
        next(root.iterdir(), None)
    except OSError as error:
        raise InputError(f"{root}: cannot be read ({error.strerror})") from error
    found = search_folder(root)
    left_out = [(item.source, item.reason) for item in found.left_out]
    passed_over = passed_over_note(found.passed_over)
    if not found.files:
        reasons = [*(f"{name}: {reason}" for name, reason in left_out[:1]), *passed_over]
        why = f"; {'; '.join(reasons)}" if reasons else f" (read are {' '.join(sorted(SUFFIXES))})"
        raise InputError(f"{root}: there is no photograph in this folder or below{why}")
    return [file.name for file in found.files], left_out, passed_over


def _assemble(
    placed: Sequence[Placed], layers: int, *, are_numbered: bool
) -> tuple[list[Stack], list[tuple[str, str]]]:
    """Put the photographs of each stack in order; stacks that are not whole are named, with the layers they lack."""
    members: defaultdict[str, list[Placed]] = defaultdict(list)
    for item in placed:
        members[item.stack].append(item)
    usual = _usual_layers(members, layers) if are_numbered else ()
    stacks, incomplete = [], []
    for name in sorted(members, key=natural_key):
        ordered = sorted(members[name], key=lambda item: (item.layer, natural_key(item.name)))
        title = name if name != "." else "the folder itself"
        numbers = [item.layer for item in ordered]
        if len(set(numbers)) != len(numbers):
            twice = next(number for number, count in Counter(numbers).items() if count > 1)
            pair = " and ".join([item.name for item in ordered if item.layer == twice][:2])
            incomplete.append((title, f"two of its photographs are of the same layer: {pair}"))
        elif len(ordered) != layers:
            lacking = ", ".join(f"{number:g}" for number in usual if number not in numbers)
            which = f": layer {lacking} is missing" if lacking and len(ordered) < layers else ""
            incomplete.append(
                (title, f"it has {len(ordered)} photograph{'s' * (len(ordered) > 1)}, not {layers}{which}")
            )
        elif len({item.sample for item in ordered}) != 1:
            incomplete.append((title, "its photographs are of two samples"))
        else:
            sample = ordered[0].sample or top_folder(PurePosixPath(ordered[0].name))
            stacks.append(Stack("stack" if name == "." else name, sample, tuple(item.name for item in ordered)))
    return stacks, incomplete


def _usual_layers(members: dict[str, list[Placed]], layers: int) -> tuple[float, ...]:
    """Return the layers that most stacks of so many photographs have; none where each has its own."""
    sets = Counter(tuple(sorted(item.layer for item in own)) for own in members.values())
    whole = {numbers: count for numbers, count in sets.items() if len(numbers) == layers}
    best = max(whole, key=lambda numbers: whole[numbers], default=())
    return best if best and 2 * whole[best] > sum(whole.values()) else ()


def _odd_layers(placed: Sequence[Placed], stacks: Sequence[Stack], layers: int) -> list[str]:
    """Name stacks whose layers have other numbers than most: one may be missing, and one too many."""
    numbers: defaultdict[str, list[float]] = defaultdict(list)
    own = {item.name: item for item in placed}
    members = {stack.name: [own[name] for name in stack.photographs] for stack in stacks}
    usual = _usual_layers(members, layers)
    for name, items in members.items():
        numbers[name] = sorted(item.layer for item in items)
    odd = [name for name, found in numbers.items() if usual and tuple(found) != usual]
    if not odd:
        return []
    found = ", ".join(f"{number:g}" for number in numbers[odd[0]])
    return [
        f"{len(odd)} stack{'s have' if len(odd) > 1 else ' has'} other layers than most (as {odd[0]}: {found}; most: "
        f"{', '.join(f'{number:g}' for number in usual)}): is a photograph of it missing?"
    ]


def _several_channels(placed: Sequence[Placed]) -> list[str]:
    channels = sorted({item.channel for item in placed if item.channel is not None})
    if len(channels) < 2:
        return []
    return [
        f"the {len(channels)} channels ({', '.join(channels)}) are stacks of their own: a grain is cut out, and counted, once "
        "in each"
    ]
