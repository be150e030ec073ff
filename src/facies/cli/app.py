"""All commands together, and the entry point."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from facies._version import __version__
from facies.cli import (
    atlas,
    audit,
    benchmark,
    classify,
    cluster,
    consensus,
    cut,
    demo,
    doctor,
    evaluate,
    export,
    extract,
    list_methods,
    list_presets,
    name,
    predict,
    recluster,
    refine,
    report,
    sample,
    segment,
    select,
)
from facies.cli.error_handling import FaciesGroup, handle_errors
from facies.cli.option_groups import flatten_options

app = typer.Typer(
    name="facies",
    cls=FaciesGroup,
    help="Facies finds the kinds of things in a pile of unlabelled scientific images.",
    epilog="Example: facies cluster photos -o run, then: facies report run -o report.html",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_EXAMPLES: dict[Callable[..., None], str] = {
    extract.extract: "facies extract photos -o grains --layers 6 --um-per-px 1.25",
    cluster.cluster: "facies cluster photos -o run --preset quick --set autoencoder.epochs=50 --seed 1",
    segment.segment: "facies segment cell.zarr -o run --voxel-size 40,4,4 --k 4-10",
    select.select: "facies select photos -o run --minutes 10",
    predict.predict: "facies predict run new-photos -o groups.csv",
    recluster.recluster: "facies recluster run --groups 3,17 --parts auto",
    refine.refine: "facies refine run",
    cut.cut: "facies cut run --groups 60",
    consensus.consensus: "facies consensus run-1 run-2 run-3",
    name.name: "facies name run 12=quartz 3,40=foraminifera --role biogenic=foraminifera",
    audit.audit: "facies audit run -n 50 -o audit.csv",
    classify.classify: "facies classify run",
    sample.sample: "facies sample run --cluster 3 -n 16 -o group-3.png",
    evaluate.evaluate: "facies evaluate run --labels folder --json",
    benchmark.benchmark: "facies benchmark suite.toml -o results --jobs 2",
    report.report: "facies report run -o report.html",
    export.export: "facies export run --to csv -o groups.csv",
    atlas.atlas: "facies atlas run",
    list_methods.methods: "facies methods",
    list_presets.presets: "facies presets moe-vae",
    doctor.doctor: "facies doctor",
    demo.demo: "facies demo -o demo",
}

for _command, _example in _EXAMPLES.items():
    app.command(epilog=f"Example: {_example}")(handle_errors(flatten_options(_command)))


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"facies {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _facies(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Say the version, and end.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Run the command ``facies``."""
    # Threads that spin while they wait cost up to nine times on small machines; torch reads this when it is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # The system clears the pages of each new large tensor one by one, which costs as much as a layer's product; huge ones are few.
    if _has_huge_pages():
        os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    # Temporary files are removed at exit, and a job scheduler's SIGTERM would end Python without one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    app()


def _has_huge_pages(setting: Path = Path("/sys/kernel/mm/transparent_hugepage/enabled")) -> bool:
    """Whether Linux gives huge pages to programs that ask; where it does not, torch would print a warning."""
    try:
        return "[never]" not in setting.read_text()
    except OSError:
        return False
