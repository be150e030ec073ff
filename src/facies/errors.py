"""Errors that the user can correct, and warnings; any other exception is a fault of Facies."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """The input cannot be used as it is.

    The message is one line: what is wrong, where, and the remedy. The command line prints it and exits with 2.
    """


class FaciesWarning(UserWarning):
    """Something was left out, or was done otherwise than the user asked for; the work goes on."""


def suggest(name: str, known: Iterable[str], listing: str = "choose from {}") -> str:
    """Return a hint for an error message about an unknown name.

    Parameters
    ----------
    name : str
        The unknown name.
    known : iterable of str
        The names that could have been given.
    listing : str
        Text around the list of known names, a template of ``str.format``. The list of no names is "none yet".

    Returns
    -------
    str
        ``did you mean 'x'?`` if a known name is similar, and always the listing.

    Examples
    --------
    >>> suggest("dcc", ["moe-vae", "dac"])
    "did you mean 'dac'? choose from moe-vae, dac"
    """
    names = list(known)
    folded = {each.casefold(): each for each in reversed(names)}
    near = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    hint = f"did you mean {folded[near[0]]!r}? " if near else ""
    return hint + listing.format(", ".join(names) or "none yet")
