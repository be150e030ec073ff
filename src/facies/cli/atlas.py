"""``facies atlas``: look at the groups, name them, split and merge them, and get the counts, in a browser."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from facies.cli.console import console_progress, log_line, print_line
from facies.cli.options import Partition
from facies.errors import InputError


def atlas(
    context: typer.Context,
    runs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[RUN…]", help="Folders that facies cluster wrote.", show_default=False),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The port to listen on; 0 takes a free one.")] = 0,
    host: Annotated[
        str,
        typer.Option(
            help="The address to listen on. Any other than the default lets other machines ask, with the token."
        ),
    ] = "127.0.0.1",
    certificate: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A certificate (PEM): the atlas is then encrypted (https).", show_default=False
        ),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Its private key, if it is in a file of its own.", show_default=False),
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
    partition: Partition = None,
    person: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="Whose name the actions bear.", show_default="the login name"),
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Open the digits; makes demo/run first if it is not there.")
    ] = False,
) -> None:
    """Open runs in the browser; ends with Ctrl-C. Every action is on the disk at once."""
    from facies.atlas import Atlas
    from facies.atlas.server import is_local, serve

    if key is not None and certificate is None:
        raise InputError("--key belongs to a certificate: give --certificate too")
    if certificate is None and not is_local(host):
        log_line(
            f"warning: the atlas listens on {host} without encryption: whoever can read the network can read the token, "
            "the images and the names; --certificate FILE encrypts"
        )
    paths = list(runs or [])
    if demo:
        paths.append(_demo_run(context.obj))
    with Atlas(paths, partition=partition, user=person, is_shared=not is_local(host), is_demo=demo) as opened:
        serve(
            opened,
            host=host,
            port=port,
            certificate=None if certificate is None else (certificate, key),
            say=_print_addresses,
            open_browser=not no_browser,
        )
    log_line("the atlas is closed; all names are in the journals of the runs")


def _print_addresses(addresses: list[str]) -> None:
    for address in addresses:
        print_line(address)
    sys.stdout.flush()
    log_line(f"the atlas is open at {'that address' if len(addresses) == 1 else 'those addresses'}; Ctrl-C ends it")


def _demo_run(command: list[str]) -> Path:
    """Return the run of ``facies demo`` in this folder, which is made if it is not there."""
    from facies.workflows.demo import cluster_digits

    folder = Path("demo").absolute()
    run = folder / "run"
    if not (run / "run.json").is_file():
        log_line("making the digits run first; it takes about a minute, and only once")
        with console_progress() as progress:
            cluster_digits(folder, command=command, progress=progress)
    return run
