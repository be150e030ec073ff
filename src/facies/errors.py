"""What goes wrong through the user's input, told apart from what goes wrong through ours."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """The input cannot be used as it is.

    The message is one line: what is wrong, where, and the mend. The command line prints it and exits with 2.
    """


class FaciesWarning(UserWarning):
    """Something was left out, or was done otherwise than asked; the work goes on."""


def suggest(name: str, known: Iterable[str], listing: str = "choose from {}") -> str:
    """Say how to mend a name that is not known.

    Parameters
    ----------
    name
        What was given.
    known
        What could have been given.
    listing
        The words around all that is known, for ``str.format``; "none yet" stands there where there is nothing.

    Returns
    -------
    str
        ``did you mean 'x'?`` where a known name is near, and always the listing.
    """
    names = list(known)
    folded = {each.casefold(): each for each in reversed(names)}
    near = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    hint = f"did you mean {folded[near[0]]!r}? " if near else ""
    return hint + listing.format(", ".join(names) or "none yet")
