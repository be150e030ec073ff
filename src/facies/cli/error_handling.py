"""The end of a command: exit code 0, or one line and 2 (the user's mistake) or 1 (a fault of Facies)."""

from __future__ import annotations

import contextlib
import errno
import functools
import inspect
import os
import sys
import traceback
import typing
import warnings
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from facies.errors import FaciesWarning, InputError

USER_ERROR, INTERNAL_ERROR, INTERRUPTED, BROKEN_PIPE = 2, 1, 130, 141

Debug = Annotated[bool, typer.Option("--debug", help="Show where an error came from, and all warnings.")]


class FaciesGroup(TyperGroup):
    """The command ``facies``; prints one line where the arguments are wrong."""

    def main(self, args: Any = None, prog_name: str | None = None, **extra: Any) -> Any:  # type: ignore[override]  # typer's own has more names
        """Run the command, and exit with its code."""
        extra = {**extra, "standalone_mode": False, "obj": ["facies", *(sys.argv[1:] if args is None else args)]}
        try:
            code = super().main(args=args, prog_name=prog_name, **extra)
        except typer.Abort:
            sys.exit(INTERRUPTED)
        except Exception as error:
            if not hasattr(error, "format_message"):
                raise
            # An error of usage. Its class lies in click or inside of typer, by typer's version.
            context = getattr(error, "ctx", None)
            place = context.command_path if context is not None else "facies"
            _log_line(f"{' '.join(error.format_message().split())} (see `{place} --help`)")
            sys.exit(USER_ERROR)
        sys.exit(code if isinstance(code, int) else 0)


def handle_errors(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the option ``--debug``, and turn whatever it raises into one line and an exit code."""

    @functools.wraps(function)
    def command(*, debug: bool = False, **options: Any) -> None:
        try:
            with _warnings(everything=debug):
                function(**options)
            sys.stdout.flush()
        except (Exception, KeyboardInterrupt) as error:
            code = _exit_code(error, debug=debug)
            if code is None:
                raise
            raise typer.Exit(code) from None

    hints = typing.get_type_hints(function, include_extras=True)
    signature = inspect.signature(function)
    parameters = [parameter.replace(annotation=hints[name]) for name, parameter in signature.parameters.items()]
    debug = inspect.Parameter("debug", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Debug)
    command.__signature__ = signature.replace(parameters=[*parameters, debug])  # type: ignore[attr-defined]  # typer reads it
    command.__annotations__ = {**hints, "debug": Debug}
    return command


def _exit_code(error: BaseException, *, debug: bool) -> int | None:
    """Print what happened, and return the exit code; None for what typer handles by itself."""
    if isinstance(error, typer.Exit | typer.Abort) or hasattr(error, "format_message"):
        return None
    if isinstance(error, BrokenPipeError):
        # The program that read the output has ended; Python's own flush at exit must not fail for that.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    if debug:
        traceback.print_exception(error)
    text = " ".join(str(error).split())
    if isinstance(error, KeyboardInterrupt):
        _log_line(text or "interrupted")
        return INTERRUPTED
    if isinstance(error, InputError):
        _log_line(text)
        return USER_ERROR
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        _log_line(f"the disk is full ({text}): free some space, or set TMPDIR to a folder on a larger disk")
        return USER_ERROR
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        _log_line(
            f"there is not enough memory ({text or 'MemoryError'}): use smaller images (--size) or smaller batches"
        )
        return USER_ERROR
    hint = "" if debug else "; run again with --debug"
    _log_line(f"{type(error).__name__}: {text}: this is a fault of Facies{hint}")
    return INTERNAL_ERROR


@contextlib.contextmanager
def _warnings(*, everything: bool) -> Iterator[None]:
    """Print each warning of Facies once, as one line; those of the libraries are printed only if `everything` is true."""
    if everything:
        yield
        return
    printed: set[str] = set()

    def show(message: Warning | str, *_args: Any, **_options: Any) -> None:
        text = " ".join(str(message).split())
        if text not in printed:
            printed.add(text)
            _log_line(f"note: {text}")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", FaciesWarning)
        warnings.showwarning = show
        yield


def _log_line(text: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        typer.echo(f"facies: {text}", err=True)
