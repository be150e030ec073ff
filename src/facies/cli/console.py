"""Output of the commands: results on standard output, progress and messages on standard error."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from facies.training import Progress


def print_line(text: str = "") -> None:
    """Write a line to standard output."""
    typer.echo(text)


def log_line(text: str) -> None:
    """Write a line to standard error, so that a program can read the results alone."""
    typer.echo(f"facies: {text}", err=True)


def log_left_out(items: Sequence[Mapping[Any, Any]], limit: int = 20) -> None:
    """Write a line to standard error for each file that could not be used, of the first `limit`."""
    for item in items[:limit]:
        log_line(f"left out: {item['source']}: {item['reason']}")
    if len(items) > limit:
        log_line(f"left out: {len(items) - limit:,} more")


def print_json(value: Any) -> None:
    """Write one JSON object to standard output."""
    from facies.io import jsonable

    typer.echo(json.dumps(jsonable(value), indent=2, allow_nan=False))


def print_paths(paths: Mapping[str, Path], *, as_json: bool) -> None:
    """Write what was written where: ``report: /…/report.html``, or the same as one JSON object."""
    if as_json:
        print_json({kind: str(path) for kind, path in paths.items()})
        return
    for kind, path in paths.items():
        print_line(f"{kind}: {path}")


def print_table(rows: Sequence[Sequence[str]], headings: Sequence[str] = (), title: str | None = None) -> None:
    """Write a table to standard output; cells that are too wide are folded, not cut."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE if headings else None, show_header=bool(headings), title=title, title_justify="left")
    for number in range(max(map(len, [headings, *rows]))):
        table.add_column(headings[number] if headings else "", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console()
    with console.capture() as text:  # rich would end the process by itself where the output is closed
        console.print(table)
    typer.echo(text.get(), nl=False)


@contextlib.contextmanager
def console_progress() -> Iterator[Progress]:
    """Display progress as bars on a terminal, and as lines elsewhere."""
    from facies.training import BarProgress, LineProgress

    if sys.stderr.isatty():
        with BarProgress() as bars:
            yield bars
    else:
        yield LineProgress()


def format_group_sizes(sizes: Mapping[int, int], limit: int = 12) -> str:
    """Write the sizes of the groups, the largest first: ``3: 181, 0: 180, … (2 more)``; at most `limit` of them."""
    ordered = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
    text = ", ".join(f"{group}: {size:,}" for group, size in ordered[:limit])
    return text + (f", … ({len(ordered) - limit} more)" if len(ordered) > limit else "")
