"""Focal stacks in a folder of photographs: which photographs belong together, and in what order."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.images.readers.folder import find_image_files, natural_key
from facies.images.readers.image_file import SUFFIXES, decode_pages
from facies.images.readers.pixels import UnreadableImage

__all__ = ["Grouping", "Stack", "StackList", "find_stacks", "read_photograph"]

Grouping = Literal["auto", "name", "folder", "order"]

ALL = "all"
"""The sample of photographs of which nothing else is known."""

_WORDS = ("z", "l", "f", "layer", "level", "focus", "slice")
_LAYER = re.compile(
    rf"^(?P<stack>.*?)(?:[\s_.\-]+(?:{'|'.join(_WORDS)})?[\s_.\-]*)?\(?(?P<layer>\d+)\)?$", re.IGNORECASE
)


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
    """

    folder: Path
    stacks: list[Stack]
    layers: int
    how: str
    left_out: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Photograph:
    """A photograph, and its place."""

    name: str
    stack: str
    layer: int
    sample: str | None = None


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
        By what photographs are grouped: the file name before a last number (``S0001_3.png``: stack S0001, layer 3); the
        folder; or every `layers` files that follow each other. ``auto`` takes that of the first two by which more
        photographs fall into whole stacks, and the last where neither makes any.
    pattern : str, optional
        A regular expression for the path of a photograph, with the groups ``stack`` and ``layer``, and perhaps
        ``sample``; in place of `grouping`.
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
        If there are no photographs, or they do not fall into stacks.
    """
    root = Path(folder).expanduser().absolute()
    if layers < 1:
        raise InputError(f"--layers {layers}: a stack has at least 1 photograph")
    names, left_out = _photographs(root)
    rows = None if table is None else _read_table(Path(table))
    if rows is not None and "photograph" in rows:
        placed, missing = _by_table(rows, names, Path(table or ""))
        left_out += missing
        how = f"by the table {Path(table or '').name}"
    elif pattern is not None:
        placed, missing = _by_pattern(names, pattern)
        left_out += missing
        how = f"by the pattern {pattern}"
    else:
        placed, how = _guess(root, names, layers, grouping)
    stacks, incomplete = _assemble(placed, layers)
    if rows is not None and "photograph" not in rows:
        stacks = _with_samples(stacks, rows, Path(table or ""))
    if not stacks:
        raise InputError(_none_whole(root, len(names), layers, how, incomplete or left_out))
    return StackList(root, stacks, layers, how, [*left_out, *incomplete])


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


def _photographs(root: Path) -> tuple[list[str], list[tuple[str, str]]]:
    try:
        if not root.exists():
            raise InputError(f"{root}: no such folder")
        if not root.is_dir():
            raise InputError(f"{root}: is a file; give the folder that holds the photographs")
        next(root.iterdir(), None)
    except OSError as error:
        raise InputError(f"{root}: cannot be read ({error.strerror})") from error
    files, lost = find_image_files(root)
    left_out = [(item.source, item.reason) for item in lost]
    if not files:
        why = f"; {left_out[0][0]}: {left_out[0][1]}" if left_out else f" (read are {' '.join(sorted(SUFFIXES))})"
        raise InputError(f"{root}: there is no photograph in this folder or below{why}")
    return [file.name for file in files], left_out


def _guess(root: Path, names: Sequence[str], layers: int, grouping: Grouping) -> tuple[list[_Photograph], str]:
    """Place photographs by the first grouping that leaves few of them over."""
    ways: dict[str, tuple[Callable[[Sequence[str], int], list[_Photograph]], str]] = {
        "name": (_by_name, "by the number at the end of the file name"),
        "folder": (_by_folder, "by folder"),
        "order": (_by_order, f"every {layers} photographs that follow each other by name"),
    }
    if grouping not in get_args(Grouping):
        raise InputError(f"stacks are found by {', '.join(get_args(Grouping))}, not by {grouping!r}")
    if layers == 1 and grouping == "auto":
        return [_Photograph(name, PurePosixPath(name).with_suffix("").as_posix(), 0) for name in names], (
            "every photograph by itself"
        )
    if grouping != "auto":
        way, how = ways[grouping]
        return way(names, layers), how
    best, share = "order", 0.1  # every so many files make whole stacks always: only where nothing else makes any
    for candidate in ("name", "folder"):
        sizes = Counter(item.stack for item in ways[candidate][0](names, layers))
        whole = sum(size for size in sizes.values() if size == layers) / len(names)
        if whole > share:
            best, share = candidate, whole + 0.05
    if best == "order" and len(names) % layers:
        # Running numbers with one photograph missing would put every later photograph into the wrong stack.
        raise InputError(
            f"{root}: {len(names)} photographs do not fall into stacks of {layers}, neither by name nor by folder: "
            "give --layers, --pattern or --table, or --stacks order to take them as they follow each other"
        )
    way, how = ways[best]
    return way(names, layers), how


def _by_name(names: Sequence[str], _layers: int) -> list[_Photograph]:
    placed = []
    for name in names:
        path = PurePosixPath(name)
        match = _LAYER.match(path.stem)
        stem, layer = (match["stack"], int(match["layer"])) if match else (path.stem, 0)
        if stem.lower() in ("", *_WORDS):  # the folder is the stack
            placed.append(_Photograph(name, path.parent.as_posix(), layer, _top_folder(path.parent)))
        else:
            placed.append(_Photograph(name, (path.parent / stem).as_posix(), layer))
    return placed


def _top_folder(path: PurePosixPath) -> str:
    """Return the sample that the first folder of a path names."""
    return path.parts[0] if len(path.parts) > 1 else ALL


def _by_folder(names: Sequence[str], _layers: int) -> list[_Photograph]:
    counts: Counter[str] = Counter()
    placed = []
    for name in names:
        folders = PurePosixPath(name).parent
        parent = folders.as_posix()
        placed.append(_Photograph(name, parent, counts[parent], _top_folder(folders)))
        counts[parent] += 1
    return placed


def _by_order(names: Sequence[str], layers: int) -> list[_Photograph]:
    counts: Counter[str] = Counter()
    first: dict[tuple[str, int], str] = {}
    placed = []
    for name in names:
        path = PurePosixPath(name)
        parent = path.parent.as_posix()
        number, layer = divmod(counts[parent], layers)
        stack = first.setdefault((parent, number), path.with_suffix("").as_posix())
        placed.append(_Photograph(name, stack, layer))
        counts[parent] += 1
    return placed


def _by_pattern(names: Sequence[str], pattern: str) -> tuple[list[_Photograph], list[tuple[str, str]]]:
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise InputError(f"--pattern {pattern}: is no regular expression ({error})") from error
    if not {"stack", "layer"} <= set(expression.groupindex):
        raise InputError(
            f"--pattern {pattern}: needs the groups stack and layer, as in (?P<stack>.+)_(?P<layer>[0-9]+)"
        )
    placed, missing = [], []
    order: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for name in names:
        match = expression.search(name)
        if match is None:
            missing.append((name, "its name does not match the pattern"))
            continue
        stack, layer, groups = match["stack"], match["layer"], match.groupdict()
        number = int(layer) if layer.isdecimal() else order[stack].setdefault(layer, len(order[stack]))
        placed.append(_Photograph(name, stack, number, groups.get("sample")))
    return placed, missing


def _read_table(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is no table ({' '.join(str(error).split())}): save it as CSV in UTF-8") from error
    table.columns = [str(name).strip().lower() for name in table.columns]
    if not ({"stack", "photograph"} <= set(table) or {"stack", "sample"} <= set(table)):
        raise InputError(
            f"{path}: has the columns {', '.join(table.columns)}: needed are photograph and stack (and, if you wish, "
            "layer and sample), or stack and sample"
        )
    return table


def _by_table(table: pd.DataFrame, names: Sequence[str], path: Path) -> tuple[list[_Photograph], list[tuple[str, str]]]:
    known = set(names)
    twice = table["photograph"][table["photograph"].duplicated()]
    if len(twice):
        raise InputError(f"{path}: the photograph {twice.iloc[0]} stands in two rows: keep one")
    counts: Counter[str] = Counter()
    placed, missing = [], []
    for row in table.to_dict("records"):
        name, stack = str(row["photograph"]).strip().replace("\\", "/"), str(row["stack"]).strip()
        layer = str(row.get("layer", counts[stack])).strip()
        if name not in known:
            missing.append((name, f"it stands in {path.name} and is not there"))
        elif not layer.isdecimal():
            raise InputError(f"{path}: the layer of {name} is {layer!r}: give a number")
        else:
            placed.append(_Photograph(name, stack, int(layer), str(row["sample"]).strip() if "sample" in row else None))
        counts[stack] += 1
    listed = set(table["photograph"].str.strip().str.replace("\\", "/"))
    missing += [(name, f"it does not stand in {path.name}") for name in names if name not in listed]
    return placed, missing


def _with_samples(stacks: list[Stack], table: pd.DataFrame, path: Path) -> list[Stack]:
    samples = dict(zip(table["stack"].str.strip(), table["sample"].str.strip(), strict=True))
    unknown = [stack.name for stack in stacks if stack.name not in samples]
    if unknown:
        raise InputError(f"{path}: has no row for the stack {unknown[0]} (and {len(unknown) - 1} more): add it")
    return [Stack(stack.name, samples[stack.name], stack.photographs) for stack in stacks]


def _assemble(placed: Sequence[_Photograph], layers: int) -> tuple[list[Stack], list[tuple[str, str]]]:
    """Put the photographs of each stack in order; stacks that are not whole are named."""
    members: defaultdict[str, list[_Photograph]] = defaultdict(list)
    for item in placed:
        members[item.stack].append(item)
    stacks, incomplete = [], []
    for name in sorted(members, key=natural_key):
        ordered = sorted(members[name], key=lambda item: (item.layer, natural_key(item.name)))
        title = name if name != "." else "the folder itself"
        if len(ordered) != layers:
            incomplete.append((title, f"it has {len(ordered)} photograph{'s' * (len(ordered) > 1)}, not {layers}"))
        elif len({item.layer for item in ordered}) != layers:
            incomplete.append((title, f"two of its photographs are of the same layer, such as {ordered[0].name}"))
        elif len({item.sample for item in ordered}) != 1:
            incomplete.append((title, "its photographs are of two samples"))
        else:
            sample = ordered[0].sample or _top_folder(PurePosixPath(ordered[0].name))
            stacks.append(Stack("stack" if name == "." else name, sample, tuple(item.name for item in ordered)))
    return stacks, incomplete


def _none_whole(root: Path, n: int, layers: int, how: str, incomplete: Sequence[tuple[str, str]]) -> str:
    first = f" ({incomplete[0][0]}: {incomplete[0][1]})" if incomplete else ""
    return (
        f"{root}: {how}, its {n} photograph{'s' * (n > 1)} make{'s' * (n == 1)} no whole stack of {layers}{first}: "
        "give the number of photographs a stack with --layers, or how they belong together with --stacks, --pattern "
        "or --table"
    )
