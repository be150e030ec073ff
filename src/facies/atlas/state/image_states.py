"""How every image stands after an action: its class, state, group and reason; and an action in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.annotations import STATES, Action, Annotations

__all__ = ["ImageStates"]

EXCLUDED = STATES["excluded"]


@dataclass(frozen=True, eq=False)
class ImageStates:
    """All decisions at one revision, ready to be served. Nothing in it changes.

    Attributes
    ----------
    decisions : Annotations
        What the journal adds up to.
    groups : ndarray of int32, shape (N,)
        The group of each image in the partition that is shown.
    """

    decisions: Annotations
    groups: NDArray[np.int32]

    @classmethod
    def of(cls, decisions: Annotations, partition: str, initial: NDArray[np.int32]) -> ImageStates:
        """Take decisions; groups that nobody has changed are those of the run."""
        return cls(decisions, decisions.groups.get(partition, initial))

    @property
    def revision(self) -> int:
        """The journal's revision."""
        return self.decisions.revision

    @property
    def classes(self) -> NDArray[np.uint16]:
        """Class id of each image, 0 = none."""
        return self.decisions.codes

    @property
    def states(self) -> NDArray[np.uint8]:
        """State of each image, by `STATES`."""
        return self.decisions.states

    @cached_property
    def names(self) -> dict[int, str]:
        """Class names by id."""
        table = self.decisions.classes
        return dict(zip(table["id"].tolist(), table["name"].tolist(), strict=True))

    @cached_property
    def reason_texts(self) -> list[str]:
        """Reasons; reason number r of `reasons` is ``reason_texts[r - 1]``."""
        own = self.decisions.reason_texts
        texts = [own.get(number, "") for number in range(1, max(own, default=0) + 1)]
        return [*texts, *(text for text in self._class_reasons.values() if text not in texts)][:255]

    @cached_property
    def reasons(self) -> NDArray[np.uint8]:
        """Why each image is excluded, 0 = it is not; its own reason goes before that of its class."""
        codes = np.minimum(self.decisions.reason_codes, 255).astype(np.uint8)
        for number, text in self._class_reasons.items():
            if text in self.reason_texts:
                codes[(codes == 0) & (self.classes == number)] = self.reason_texts.index(text) + 1
        return codes

    @cached_property
    def _class_reasons(self) -> dict[int, str]:
        table = self.decisions.classes
        gone = table[table["excluded"].astype(bool)]
        return {
            int(number): str(reason or name)
            for number, name, reason in zip(gone["id"], gone["name"], gone["reason"], strict=True)
        }

    @cached_property
    def numbers(self) -> NDArray[np.int64]:
        """Images by state and class id, int64 (5, largest class id + 1)."""
        width = max(max(self.names, default=0), int(self.classes.max(initial=0))) + 1
        keys = self.states.astype(np.int32) * width + self.classes
        return np.bincount(keys, minlength=5 * width).reshape(5, width)

    def by_name(self) -> Mapping[str, NDArray[Any]]:
        """The arrays that a request may choose by."""
        return {"group": self.groups, "class": self.classes, "state": self.states}

    def differs_from(self, other: ImageStates) -> NDArray[np.bool_]:
        """Whether each image has another class, state or number of a reason there."""
        differs: NDArray[np.bool_] = (
            (self.states != other.states) | (self.classes != other.classes) | (self.reasons != other.reasons)
        )
        return differs

    def class_list(self) -> list[dict[str, Any]]:
        """The classes with their looks and numbers of images."""
        from facies.report.palette import group_style

        table, by_state = self.decisions.classes, self.numbers
        classes: list[dict[str, Any]] = []
        for record in table.to_dict("records"):
            number = int(record["id"])
            look = group_style(number - 1)
            classes.append(
                {
                    **{str(name): value for name, value in record.items()},
                    "colour": record["colour"] or look.colour,
                    "glyph": look.glyph,
                    "n": int(by_state[:EXCLUDED, number].sum()),
                    "n_predicted": int(by_state[STATES["predicted"], number]),
                    "n_validated": int(by_state[STATES["validated"], number]),
                    "n_dubious": int(by_state[STATES["dubious"], number]),
                    "n_excluded": int(by_state[EXCLUDED, number]),
                }
            )
        return classes

    def text_of(self, action: Action) -> str:
        """Say in a line what an action did."""
        n = len(action.rows)
        images = f"{n:,} image" + ("" if n == 1 else "s")
        known = action.parameters
        kind = str(known.get("kind", action.kind))
        if action.kind in ("undo", "redo"):
            return f"{'Undid' if action.kind == 'undo' else 'Did again'}: {_NOUNS.get(kind, kind)} ({images})"
        if kind in ("name", "assign"):
            given = known.get("names") or {"": known.get("name")}
            name = ", ".join(list(dict.fromkeys(name for name in given.values() if name))[:3])
            return f"Named {images} {name}" if name else f"Took the names of {images} away"
        if kind == "exclude":
            codes = action.after.get("reason")
            reason = self.decisions.reason_texts.get(int(codes[0]), "") if codes is not None and len(codes) else ""
            return f"Excluded {images} ({reason})"
        if kind == "class":
            return f"Merged classes ({images})" if known.get("merged") else f"Changed the class {known.get('name')}"
        if kind == "merge":
            return f"Merged {len(known.get('groups', []))} groups ({images})"
        return f"{_VERBS.get(kind, kind)} {images}"


_VERBS = {
    "classify": "Took predictions for",
    "include": "Took in again",
    "dubious": "Marked as dubious",
    "validate": "Confirmed",
    "split": "Split off",
    "recluster": "Grouped anew",
    "reject": "Rejected",
    "audit": "Audited",
    "note": "Noted something about",
}
_NOUNS = {
    "name": "naming",
    "assign": "assigning",
    "classify": "taking predictions",
    "exclude": "excluding",
    "include": "taking in",
    "dubious": "marking as dubious",
    "validate": "confirming",
    "class": "changing classes",
    "merge": "merging groups",
    "split": "splitting off",
    "recluster": "grouping anew",
    "reject": "rejecting",
    "audit": "auditing",
    "note": "noting",
}
