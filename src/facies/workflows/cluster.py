"""Makes a run: reads the images, fits a method so that a killed fit can go on, and writes all that it found."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facies._version import __version__
from facies.cli.console import log_line, reading
from facies.errors import InputError
from facies.workflows.work_folder import Fit, WorkFolder, parameter_differences

if TYPE_CHECKING:
    from facies.images import ImageSet
    from facies.methods import Method
    from facies.runs import RunContents, RunFolder
    from facies.training import Progress


@dataclass(frozen=True)
class ClusterJob:
    """What the user asked for.

    Parameters
    ----------
    source, output
        Where the images are, and the run folder to be.
    method, preset, parameters
        As `make_method` takes them.
    reading
        Arguments of `open_images`.
    resume, overwrite
        What to do with what is there already.
    log
        Folder for TensorBoard.
    command
        The command line, for the record.
    """

    source: Path
    output: Path
    method: str = "moe-vae"
    preset: str = "quick"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    reading: Mapping[str, Any] = field(default_factory=dict)
    resume: bool = False
    overwrite: bool = False
    log: Path | None = None
    command: Sequence[str] = ()


def run_clustering(order: ClusterJob, progress: Progress) -> tuple[RunFolder, bool]:
    """Make the run, or the rest of it.

    Parameters
    ----------
    order : ClusterJob
        What to do.
    progress : Progress
        Shows how far it has come.

    Returns
    -------
    run : RunFolder
    made : bool
        False if it was complete already.

    Raises
    ------
    InputError
        If the order cannot be carried out; nothing is left of it then that was not there before, other than the
        stages of an unfinished fit.
    KeyboardInterrupt
        With a message that tells how to go on.
    """
    from facies.io import lock_run
    from facies.methods import make_method
    from facies.runs import check_output, write_run

    run = order.output.expanduser().resolve()
    if order.resume and order.overwrite:
        raise InputError("--resume goes on and --overwrite begins anew: give one of them")
    if not order.resume:
        check_output(run, overwrite=order.overwrite)
    method = make_method(order.method, order.preset, order.parameters)
    _check_log(order.log)
    with _without_empty_parents(run), lock_run(run):
        work = WorkFolder(run)
        kept = _unfinished(work, order)
        complete = _complete(run, method, kept) if order.resume and run.exists() else None
        if complete is not None:
            work.remove()
            return complete, False
        images = _open(order, progress)
        method.check(images)
        fit = _begin(work, kept, order, method, images)
        with _leaving_what_can_go_on(work):
            _fit(method, images, work, progress)
            _write_log(method, order.log)
            written = write_run(run, _contents(method, images, order, fit), overwrite=fit.replaces)
        work.remove()
    return written, True


def _unfinished(work: WorkFolder, order: ClusterJob) -> Fit | None:
    """Find the unfinished fit that is to go on."""
    if order.overwrite:
        return None
    kept = work.fit()
    if kept is not None and not order.resume:
        raise InputError(
            f"{work.run}: an earlier run was not finished: use --resume to go on with it, --overwrite to begin anew"
        )
    return kept


def _complete(run: Path, method: Method, kept: Fit | None) -> RunFolder | None:
    """Open the run if there is nothing left to do; None where a fit that is to replace it goes on."""
    from facies.io import jsonable
    from facies.runs import RunFolder

    found = RunFolder(run)
    if kept is not None and found.manifest.get("fit") != kept.id:
        return None
    wanted = method.get_params(deep=False)
    if found.manifest["method"] != method.name:
        differences = [f"it was made with --method {found.manifest['method']}, not {method.name}"]
    else:
        # A run made before a method gained a parameter did what the parameter's default does.
        defaults = jsonable(type(method)().get_params(deep=False))
        differences = parameter_differences({**defaults, **found.manifest["parameters"]}, jsonable(wanted))
    if differences:
        raise InputError(
            f"{run} is complete, and is not what is asked for now ({'; '.join(differences)}): "
            "use --overwrite to replace it, or another output"
        )
    return found


def _open(order: ClusterJob, progress: Progress) -> ImageSet:
    from facies.images import open_images

    return open_images(order.source, **order.reading, progress=reading(progress))


def _begin(work: WorkFolder, kept: Fit | None, order: ClusterJob, method: Method, images: ImageSet) -> Fit:
    """Go on with the fit that is kept, or begin a new one."""
    from facies.io import jsonable

    wanted = Fit(
        facies=__version__,
        method=method.name,
        parameters=jsonable(method.get_params(deep=False)),
        fingerprint=images.fingerprint(),
        n_images=len(images),
        replaces=order.overwrite,
    )
    if kept is not None:
        differences = kept.differences(wanted)
        if differences:
            raise InputError(
                f"{work.run}: the unfinished run cannot go on, for {'; '.join(differences)}: "
                "ask for what was asked for then, or use --overwrite to begin anew"
            )
        return kept
    if order.resume:
        log_line(f"there is no unfinished run at {work.run}; beginning from the start")
    work.begin(wanted)
    return wanted


def _fit(method: Method, images: ImageSet, work: WorkFolder, progress: Progress) -> None:
    try:
        method.fit(images, work_folder=work.path, progress=progress)
    except InputError as error:
        # A full disk has a cause outside, and can be mended; images or parameters that do not fit would fail again.
        if error.__cause__ is None:
            work.remove()
        raise


def _contents(method: Method, images: ImageSet, order: ClusterJob, fit: Fit) -> RunContents:
    from facies.workflows.run_contents import run_contents

    return run_contents(method, images, {"command": list(order.command), "preset": order.preset, "fit": fit.id})


@contextlib.contextmanager
def _leaving_what_can_go_on(work: WorkFolder) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt("interrupted: the same command with --resume goes on from here") from None
    except Exception:
        work.remove_if_nothing_was_found()
        raise


@contextlib.contextmanager
def _without_empty_parents(run: Path) -> Iterator[None]:
    """Remove the folders above the run that were made for a run that then could not be made."""
    new = [folder for folder in run.parents if not folder.exists()]
    try:
        yield
    finally:
        for folder in new:
            with contextlib.suppress(OSError):
                folder.rmdir()


def _check_log(folder: Path | None) -> None:
    import importlib.util

    if folder is None:
        return
    if importlib.util.find_spec("tensorboard") is None:
        raise InputError("--log needs TensorBoard: pip install 'facies[logs]'")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file, and --log takes a folder: give another name")


def _write_log(method: Method, folder: Path | None) -> None:
    import math

    from facies.training import write_tensorboard

    if folder is None:
        return
    rows = [
        {str(key): value for key, value in row.items() if not (isinstance(value, float) and math.isnan(value))}
        for row in method.history_.to_dict("records")
    ]
    write_tensorboard(rows, folder.expanduser())
