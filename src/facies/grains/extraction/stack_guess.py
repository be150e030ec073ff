"""Focal stacks that nobody described: taken by name, by folder or in order, and refused where that proves nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

from facies.errors import InputError
from facies.grains.extraction import stack_names
from facies.grains.extraction.placed_photograph import Placed
from facies.grains.extraction.stack_names import Reading
from facies.grains.extraction.stack_offer import offered_patterns

Grouping = Literal["auto", "name", "folder", "order"]

LEAST_SHARE = 0.1
"""Photographs are grouped in a way if more than this share of them falls into whole stacks by it."""


def guess(root: Path, names: Sequence[str], layers: int, grouping: Grouping) -> tuple[list[Placed], str]:
    """Place photographs of which only the names are known.

    Parameters
    ----------
    root : Path
        Their folder, for messages.
    names : sequence of str
        The photographs, in natural order.
    layers : int
        Photographs a stack.
    grouping : {"auto", "name", "folder", "order"}
        As in `find_stacks`.

    Returns
    -------
    placed : list of Placed
    how : str
        The rule, in words.

    Raises
    ------
    InputError
        If names do not tell for certain which photographs belong together; patterns for these names are offered.
    """
    if grouping not in get_args(Grouping):
        raise InputError(f"stacks are found by {', '.join(get_args(Grouping))}, not by {grouping!r}")
    _check_twins(root, names, layers)
    if grouping == "folder":
        way = stack_names.by_folder(names)
    elif grouping == "order":
        way = stack_names.by_order(names, layers)
    else:
        _check_channels(root, names, layers, stack_names.channels_in(names))
        if layers == 1 and grouping == "auto":
            alone = [Placed(name, PurePosixPath(name).with_suffix("").as_posix(), 0) for name in names]
            return alone, "every photograph by itself"
        named = _by_name(root, names, layers)
        if grouping == "name":
            way = named or stack_names.readings(names)[0]
        else:
            way = _by_folder(root, names, layers, named) or _in_order(root, names, layers)
    return way.placed, way.how


def none_whole(root: Path, names: Sequence[str], layers: int, how: str, incomplete: Sequence[tuple[str, str]]) -> str:
    """Return a message where no stack is whole, with the patterns that make some."""
    n = len(names)
    first = f" ({incomplete[0][0]}: {incomplete[0][1]})" if incomplete else ""
    return (
        f"{root}: {how}, its {n} photograph{'s' * (n > 1)} make{'s' * (n == 1)} no whole stack of {layers}{first}: "
        f"{_mend(names, layers)}"
    )


def _by_name(root: Path, names: Sequence[str], layers: int) -> Reading | None:
    """Choose what in the names is the layer; None if nothing makes whole stacks."""
    ways = [way for way in stack_names.readings(names) if way.share_of_whole(layers) > LEAST_SHARE]
    if not ways:
        return None
    shares = [way.share_of_whole(layers) for way in ways]
    best = ways[0] if ways[0].certainty == 3 else ways[shares.index(max(shares))]
    rivals = [
        way for way, share in zip(ways, shares, strict=True)
        if way is not best and share > 0.5 * max(shares) and (best.certainty < 3 or way.certainty == 3)
    ]  # fmt: skip
    if rivals:
        raise InputError(
            f"{root}: two numbers in the names, as in {names[0]}, may be the layer, and both make whole stacks of "
            f"{layers}: {_mend(names, layers)}"
        )
    _check_channels(root, names, layers, stack_names.tails_of(best))
    return best


def _by_folder(root: Path, names: Sequence[str], layers: int, named: Reading | None) -> Reading | None:
    """Choose between the names and the folders."""
    folders = stack_names.by_folder(names)
    share = folders.share_of_whole(layers)
    if stack_names.layer_folders(names) and (named is None or named.certainty < 2):
        raise InputError(
            f"{root}: its folders are called like layers, as in {names[0]}, each with the photographs of all stacks: "
            f"{_mend(names, layers)}"
        )
    if named is not None and named.share_of_whole(layers) + 0.05 >= share:
        return named
    if share <= LEAST_SHARE:
        return None
    stems = Counter((item.stack, layer.rest) for item in folders.placed if (layer := _last(item.name)) is not None)
    if any(count > 1 for count in stems.values()) and len(stems) > len({stack for stack, _ in stems}):
        raise InputError(
            f"{root}: its folders hold {layers} photographs each, of several series of numbers, as in {names[0]}: if a "
            f"folder is a stack, give --stacks folder; or {_mend(names, layers)}"
        )
    return folders


def _last(name: str) -> stack_names.Layer | None:
    return stack_names.last_number(PurePosixPath(name).stem)


def _in_order(root: Path, names: Sequence[str], layers: int) -> Reading:
    if stack_names.running_numbers(names, layers):
        return stack_names.by_order(names, layers)
    # Running numbers with one photograph missing would put every later photograph into the wrong stack.
    raise InputError(
        f"{root}: {len(names)} photographs do not fall into stacks of {layers}, neither by name nor by folder, as in "
        f"{names[0]}: {_mend(names, layers)}"
    )


def _check_twins(root: Path, names: Sequence[str], layers: int) -> None:
    suffixes = stack_names.formats_of_twins(names)
    if not suffixes:
        return
    kept = next((suffix for suffix in (".tif", ".png") if suffix in suffixes), suffixes[0])
    mend = _mend(names, layers, suffix=kept)
    raise InputError(
        f"{root}: its {len(names)} files are one picture in several formats ({' and '.join(suffixes)}), as {names[0]}: "
        f"of one kind, {mend}"
    )


def _check_channels(root: Path, names: Sequence[str], layers: int, channels: Sequence[str]) -> None:
    if not channels:
        return
    raise InputError(
        f"{root}: each photograph is there {len(channels)} times, as {', '.join(channels[:4])}, as in {names[0]}: are "
        f"these channels, take one of them, or each as stacks of its own: {_mend(names, layers, channels=True)}"
    )


def _mend(names: Sequence[str], layers: int, *, channels: bool = False, suffix: str = "") -> str:
    """Return the options to give, those first that make whole stacks of these names."""
    offers = offered_patterns(names, layers, channels=channels, suffix=suffix)
    if offers:
        return "give " + ", or ".join(offer.words(layers) for offer in offers)
    form = PurePosixPath(names[0]).stem
    return (
        f"give --layers, --table, --stacks order to take them as they follow each other, or --pattern, which is the name "
        f"with parts in braces (of {form!r}, for example, '{{stack}}_{{layer}}', * for what does not matter)"
    )
