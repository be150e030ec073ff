"""How many images of a set are copies of others, pixel by pixel."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass

import numpy as np

from facies.images.value_range import StoredImages

_DIGEST_BYTES = 16


@dataclass(frozen=True)
class Copies:
    """Images that are equal to others.

    Parameters
    ----------
    copies : int
        Images beyond the first of each group of equal ones.
    groups : int
        Groups of equal images.
    """

    copies: int
    groups: int

    @property
    def note(self) -> str | None:
        """What the user should know, in one line; None where no two images are equal."""
        if not self.copies:
            return None
        are = "image is a copy" if self.copies == 1 else "images are copies"
        groups = f"{self.groups:,} group{'' if self.groups == 1 else 's'}"
        return f"{self.copies:,} {are} of others, pixel by pixel ({groups} of equal images)"


def count_copies(images: StoredImages) -> Copies:
    """Count the images that are equal to others, by a digest of 128 bits of each; reads all images, block by block."""
    counts: Counter[bytes] = Counter()
    for _, block in images.stored_blocks():
        counts.update(
            hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=_DIGEST_BYTES).digest() for image in block
        )
    sizes = [count for count in counts.values() if count > 1]
    return Copies(sum(sizes) - len(sizes), len(sizes))
