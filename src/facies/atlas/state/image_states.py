"""Class, state, group and reason of every image at one revision of the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.annotations import STATES, Annotations
from facies.atlas.state.texts import HOW

__all__ = ["ImageStates"]

EXCLUDED = STATES["excluded"]


@dataclass(frozen=True, eq=False)
class ImageStates:
    """All decisions at one revision of the journal; an object never changes.

    Attributes
    ----------
    annotations : Annotations
        The expert's decisions.
    groups : ndarray of int32, shape (N,)
        The group of each image in the partition that is shown.
    """

    annotations: Annotations
    groups: NDArray[np.int32]

    @classmethod
    def from_annotations(
        cls, annotations: Annotations, partition: str, initial_groups: NDArray[np.int32]
    ) -> ImageStates:
        """Combine decisions with the groups of a partition; the initial ones where no action has changed them."""
        return cls(annotations, annotations.groups.get(partition, initial_groups))

    @property
    def revision(self) -> int:
        """The journal's revision."""
        return self.annotations.revision

    @property
    def classes(self) -> NDArray[np.uint16]:
        """Class id of each image, 0 = no class."""
        return self.annotations.codes

    @property
    def states(self) -> NDArray[np.uint8]:
        """State of each image, a value of `facies.annotations.STATES`."""
        return self.annotations.states

    @property
    def looked_at(self) -> NDArray[np.bool_]:
        """Whether an expert judged each image itself, and not only as one of its group."""
        return self.annotations.looked_at

    @cached_property
    def names(self) -> dict[int, str]:
        """Class names by id."""
        table = self.annotations.classes
        return dict(zip(table["id"].tolist(), table["name"].tolist(), strict=True))

    @cached_property
    def reason_texts(self) -> list[str]:
        """Texts of the reasons of exclusion; reason r of `reasons` is ``reason_texts[r - 1]``."""
        by_number = self.annotations.reason_texts
        texts = [by_number.get(number, "") for number in range(1, max(by_number, default=0) + 1)]
        return [*texts, *(text for text in self._class_reasons.values() if text not in texts)][:255]

    @cached_property
    def reasons(self) -> NDArray[np.uint8]:
        """Number of the reason why each image is excluded, 0 = it is not; its own reason precedes that of its class."""
        codes = np.minimum(self.annotations.reason_codes, 255).astype(np.uint8)
        for number, text in self._class_reasons.items():
            if text in self.reason_texts:
                codes[(codes == 0) & (self.classes == number)] = self.reason_texts.index(text) + 1
        return codes

    @cached_property
    def _class_reasons(self) -> dict[int, str]:
        table = self.annotations.classes
        excluded = table[table["excluded"].astype(bool)]
        return {
            int(number): str(reason or name)
            for number, name, reason in zip(excluded["id"], excluded["name"], excluded["reason"], strict=True)
        }

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Number of images by state and class id, int64 of shape (5, largest class id + 1)."""
        width = max(max(self.names, default=0), int(self.classes.max(initial=0))) + 1
        keys = self.states.astype(np.int32) * width + self.classes
        return np.bincount(keys, minlength=5 * width).reshape(5, width)

    def has_note(self, text: str, how: HOW = "contains") -> NDArray[np.bool_]:
        """Return whether a note on each image contains a text, begins with it or is it, whatever the capitals, bool (N,)."""
        text = text.casefold()
        found = np.zeros(len(self.states), np.bool_)
        for note in self.annotations.notes.to_dict("records"):
            entry = str(note["text"]).casefold()
            if entry == text if how == "is" else entry.startswith(text) if how == "begins" else text in entry:
                found[note["rows"]] = True
        return found

    def by_name(self) -> Mapping[str, NDArray[Any]]:
        """The arrays that a query may select images by."""
        return {"group": self.groups, "class": self.classes, "state": self.states, "looked": self.looked_at}

    def differs_from(self, other: ImageStates) -> NDArray[np.bool_]:
        """Return whether each image differs in class, state, reason or in having been looked at, bool of shape (N,)."""
        differs: NDArray[np.bool_] = (
            (self.states != other.states) | (self.classes != other.classes) | (self.reasons != other.reasons)
        )
        return differs | (self.looked_at != other.looked_at)

    def classes_to_json(self) -> list[dict[str, Any]]:
        """Return the classes with colour, glyph and numbers of images."""
        from facies.report.palette import group_style

        table, counts = self.annotations.classes, self.counts
        classes: list[dict[str, Any]] = []
        for record in table.to_dict("records"):
            number = int(record["id"])
            style = group_style(number - 1)
            classes.append(
                {
                    **{str(name): value for name, value in record.items()},
                    "colour": record["colour"] or style.colour,
                    "glyph": style.glyph,
                    "n": int(counts[:EXCLUDED, number].sum()),
                    "n_predicted": int(counts[STATES["predicted"], number]),
                    "n_validated": int(counts[STATES["validated"], number]),
                    "n_dubious": int(counts[STATES["dubious"], number]),
                    "n_excluded": int(counts[EXCLUDED, number]),
                }
            )
        return classes
