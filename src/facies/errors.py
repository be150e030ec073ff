"""What goes wrong through the user's input, told apart from what goes wrong through ours."""

from __future__ import annotations


class InputError(ValueError):
    """The input cannot be used as it is.

    The message is one line: what is wrong, where, and the mend. The command line prints it and exits with 2.
    """


class FaciesWarning(UserWarning):
    """Something was left out, or was done otherwise than asked; the work goes on."""
