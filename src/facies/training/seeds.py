"""Seeds: every epoch of every stage draws from a seed of its own, so a resumed fit needs no saved generator."""

from __future__ import annotations

import hashlib


def derive_seed(random_state: int, *names: str | int) -> int:
    """Return a seed for a named part of a fit.

    Parameters
    ----------
    random_state
        The seed of the whole fit.
    *names
        What the seed is for, such as the stage and the epoch.

    Returns
    -------
    int
        In ``[0, 2**31)``; equal names give equal seeds, on every machine.
    """
    text = "/".join([str(int(random_state)), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % 2**31
