"""An action of the journal in one line of plain English, for the history and the messages of the page."""

from __future__ import annotations

from collections.abc import Mapping

from facies.annotations import Action

_VERBS = {
    "classify": "Took predictions for",
    "include": "Took in again",
    "dubious": "Marked as dubious",
    "validate": "Confirmed",
    "decide": "Looked at and named",
    "split": "Split off",
    "recluster": "Grouped anew",
    "reject": "Rejected",
    "audit": "Audited",
    "note": "Wrote a note about",
}
_NOUNS = {
    "name": "naming",
    "assign": "assigning",
    "classify": "taking predictions",
    "exclude": "excluding",
    "include": "taking in",
    "dubious": "marking as dubious",
    "validate": "confirming",
    "decide": "looking at",
    "class": "changing classes",
    "merge": "merging groups",
    "split": "splitting off",
    "recluster": "grouping anew",
    "reject": "rejecting",
    "audit": "auditing",
    "note": "writing a note",
    "ratio": "defining a ratio",
    "distinct": "keeping both duplicates",
}


def describe_action(action: Action, reasons: Mapping[int, str]) -> str:
    """Return one line that says what an action did; ``reasons`` are the texts of the reasons by number."""
    n = len(action.rows)
    images = f"{n:,} image" + ("" if n == 1 else "s")
    parameters = action.parameters
    kind = str(parameters.get("kind", action.kind))
    if action.kind in ("undo", "redo"):
        return f"{'Undid' if action.kind == 'undo' else 'Did again'}: {_NOUNS.get(kind, kind)} ({images})"
    if kind in ("name", "assign"):
        by_group = parameters.get("names") or {"": parameters.get("name")}
        name = ", ".join(list(dict.fromkeys(name for name in by_group.values() if name))[:3])
        return f"Named {images} {name}" if name else f"Took the names of {images} away"
    if kind == "exclude":
        codes = action.after.get("reason")
        reason = reasons.get(int(codes[0]), "") if codes is not None and len(codes) else ""
        return f"Excluded {images} ({reason})"
    if kind == "distinct":
        return "Kept both of two duplicates"
    if kind == "ratio":
        return f"{'Defined' if parameters.get('numerator') else 'Removed'} the ratio {parameters.get('name')}"
    if kind == "class" and "list" in parameters:
        moved = ", ".join(parameters.get("moved_keys", []))
        keys = f"; the keys {moved} left other classes" if moved else ""
        return f"Took in a list of {parameters['list']} classes ({parameters.get('new', 0)} new){keys}"
    if kind == "recluster" and "moved" in parameters:
        return f"Moved {parameters['moved']} of group {parameters.get('from')} to group {parameters.get('into')}"
    if kind == "class":
        return (
            f"Merged classes ({images})" if parameters.get("merged") else f"Changed the class {parameters.get('name')}"
        )
    if kind == "merge":
        return f"Merged {len(parameters.get('groups', []))} groups ({images})"
    return f"{_VERBS.get(kind, kind)} {images}"
