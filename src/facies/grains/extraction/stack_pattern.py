"""Patterns that say how the names of photographs are made: ``{stack}_z{layer}``, or a regular expression."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from facies.errors import InputError
from facies.grains.extraction.placed_photograph import Placed
from facies.images.readers.suffixes import SUFFIXES

_FORMS = {
    "stack": ".+?",
    "layer": r"[+\-]?[0-9]+(?:[.,][0-9]+)?|[^\W\d_]+",
    "channel": r"[^/]+?",
    "sample": r"[^/]+?",
    "ignore": r"[^/]*?",
}
_PART = re.compile(r"\{([^{}]*)\}|(\*)")


def by_pattern(names: Sequence[str], pattern: str, layers: int) -> tuple[list[Placed], list[tuple[str, str]]]:
    """Place photographs by a pattern.

    Parameters
    ----------
    names : sequence of str
        Paths relative to the folder, with forward slashes.
    pattern : str
        Text with the parts ``{stack}`` (perhaps in several pieces) and ``{layer}``, and perhaps ``{sample}``,
        ``{channel}`` and ``{ignore}`` or ``*``. Without a slash it is the pattern of the file name, with slashes that of
        the last folders, too; the folders before belong to the stack. Without a suffix it holds for each. Or a regular
        expression, found anywhere in the path, with the groups ``stack`` and ``layer``, and perhaps ``sample`` and
        ``channel``.
    layers : int
        Photographs a stack; of one, no layer needs to be named.

    Returns
    -------
    placed, missing : list
        The photographs that match, and the names of the others with the reason.

    Raises
    ------
    InputError
        If it is no pattern, or lacks a part.
    """
    expression = _expression(pattern)
    if not ({"stack"} if layers == 1 else {"stack", "layer"}) <= set(expression.groupindex):
        raise InputError(
            f"--pattern {pattern}: needs the parts stack and layer, as in {{stack}}_{{layer}} or, as a regular "
            "expression, (?P<stack>.+)_(?P<layer>[0-9]+)"
        )
    placed: list[Placed] = []
    missing: list[tuple[str, str]] = []
    order: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for name in names:
        folders, text = _matched_text(name, pattern)
        match = expression.search(text) if _is_expression(pattern) else expression.fullmatch(text)
        if match is None:
            missing.append((name, "its name does not match the pattern"))
            continue
        groups = match.groupdict()
        stack = "_".join(groups[key] for key in groups if key.startswith("stack"))
        channel = f" channel {groups['channel']}" if groups.get("channel") else ""
        stack = "/".join((*folders, stack + channel))
        layer = groups.get("layer") or "0"
        try:
            number = float(layer.replace(",", "."))
        except ValueError:  # words, in the order in which they appear
            number = order[stack].setdefault(layer, len(order[stack]))
        placed.append(Placed(name, stack, number, groups.get("sample"), groups.get("channel")))
    return _apart_by_sample(placed), missing


def _is_expression(pattern: str) -> bool:
    """Return whether a pattern is a regular expression, and no text with named parts."""
    return "(?" in pattern


def _expression(pattern: str) -> re.Pattern[str]:
    if _is_expression(pattern):
        try:
            return re.compile(pattern)
        except re.error as error:
            raise InputError(f"--pattern {pattern}: is no regular expression ({error})") from error
    pieces, end = [], 0
    seen: Counter[str] = Counter()
    for match in _PART.finditer(pattern):
        part = match[1] if match[2] is None else "ignore"
        if part not in _FORMS:
            known = ", ".join(f"{{{name}}}" for name in _FORMS)
            raise InputError(f"--pattern {pattern}: no part is called {{{part}}}: there are {known}")
        seen[part] += 1
        if seen[part] > 1 and part not in ("stack", "ignore"):
            raise InputError(f"--pattern {pattern}: has the part {{{part}}} twice; {{stack}} alone may be in pieces")
        name = f"{part}{seen[part] if seen[part] > 1 else ''}"
        pieces += [re.escape(pattern[end : match.start()])]
        pieces += [_FORMS[part] if part == "ignore" else f"(?P<{name}>{_FORMS[part]})"]
        end = match.end()
    return re.compile("".join(pieces) + re.escape(pattern[end:]))


def _matched_text(name: str, pattern: str) -> tuple[tuple[str, ...], str]:
    """Return the folders that a pattern says nothing of, and what it is compared with: the rest of the path."""
    if _is_expression(pattern):
        return (), name
    path = PurePosixPath(name)
    spanned = pattern.count("/") + 1
    suffix = PurePosixPath(pattern).suffix.lower()
    text = path if suffix in SUFFIXES or suffix in (".*", ".{ignore}") else path.with_suffix("")
    return path.parts[:-spanned], "/".join(text.parts[-spanned:])


def _apart_by_sample(placed: list[Placed]) -> list[Placed]:
    """Name stacks of two samples that are called alike by their sample, too."""
    samples: defaultdict[str, set[str | None]] = defaultdict(set)
    for item in placed:
        samples[item.stack].add(item.sample)
    return [
        replace(item, stack=f"{item.sample}/{item.stack}") if len(samples[item.stack]) > 1 else item for item in placed
    ]
