"""From images to a run folder: opens the images, fits a method, and writes the results; a killed fit can be resumed."""

from __future__ import annotations

import contextlib
import importlib.util
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

from facies.errors import InputError
from facies.io import jsonable, lock_run
from facies.runs import RunFolder, check_output, confirm_folder, write_run
from facies.workflows.progress import progress_callback
from facies.workflows.work_folder import UnfinishedFit, WorkFolder, parameter_differences

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from facies.images import ImageSet
    from facies.images.open import Source
    from facies.methods import Method
    from facies.training import Progress


class ImageOptions(TypedDict, total=False):
    """How images are read, as `open_images` takes it."""

    channels: Literal["grey", "rgb"] | None
    size: int | Sequence[int] | None
    fit: Literal["resize", "pad"]
    pages: Literal["axes", "images", "channels", "layers"] | None
    cut_band: bool
    labels: str | PathLike[str] | ArrayLike | None
    value_range: Sequence[float] | None
    reading: Mapping[str, Any] | None


@dataclass(frozen=True)
class ClusterJob:
    """All that `run_clustering` needs to know.

    Parameters
    ----------
    source, output, method, preset, parameters, resume, overwrite
        As `cluster` takes them.
    image_options : mapping, optional
        Arguments of `open_images`: ``channels``, ``size``, ``fit``, ``pages``, ``cut_band``, ``labels``, ``value_range`` and
        ``reading``.
    tensorboard_folder : path, optional
        Where the training curves are written for TensorBoard as well.
    command : sequence of str, optional
        The command line, for the record in ``run.json``.
    """

    source: Source
    output: str | PathLike[str]
    method: str | None = None
    preset: str = "quick"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    image_options: ImageOptions = field(default_factory=ImageOptions)
    resume: bool = False
    overwrite: bool = False
    tensorboard_folder: Path | None = None
    command: Sequence[str] = ()


def cluster(
    source: Source,
    output: str | PathLike[str],
    *,
    method: str | None = None,
    preset: str = "quick",
    parameters: Mapping[str, Any] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
    **image_options: Unpack[ImageOptions],
) -> RunFolder:
    """Group images, and write everything that was found into a run folder.

    Parameters
    ----------
    source : path, ndarray, Tensor, torch Dataset or ImageSet
        The images, as `open_images` takes them. Of images that lie in memory alone the run keeps thumbnails only.
    output : path
        The run folder to write. Folders above it are made.
    method : str, optional
        Name of the method, one of `METHODS` or of an installed plugin. Without it, ``pretrained`` is taken for photographs
        and ``moe-vae`` for small figures drawn in lines; a note of the run says which, and why
        (`facies.workflows.default_method`).
    preset : str, default="quick"
        Which set of parameters to start from: ``quick`` trains for a short time, ``paper`` as the publication did.
    parameters : mapping, optional
        Parameters of the method by name; they override those of the preset.
    resume : bool, default=False
        Continue an unfinished fit of the same images and parameters; a complete run is returned as it is.
    overwrite : bool, default=False
        Replace a run that is at `output` already.
    progress : Progress, optional
        Displays how far the work has come, such as `facies.training.LineProgress`. Without it nothing is displayed.
    **image_options
        Arguments of `open_images`: ``channels``, ``size``, ``fit``, ``pages``, ``cut_band``, ``labels``, ``value_range`` and
        ``reading``.

    Raises
    ------
    InputError
        If the images, the method or a parameter cannot be used, or something is at `output` already.

    Examples
    --------
    >>> from facies.workflows import cluster
    >>> run = cluster("images/", "run", parameters={"random_state": 1}, size=64)  # doctest: +SKIP
    >>> table, how = run.partition()  # doctest: +SKIP
    """
    job = ClusterJob(
        source, output, method, preset, parameters or {}, image_options, resume=resume, overwrite=overwrite
    )
    return run_clustering(job, progress)[0]


def run_clustering(
    job: ClusterJob, progress: Progress | None = None, report: Callable[[str], None] = lambda _line: None
) -> tuple[RunFolder, bool]:
    """Make a run, or finish one that was interrupted.

    Parameters
    ----------
    job : ClusterJob
        What to do.
    progress : Progress, optional
        Displays how far the work has come.
    report : callable, optional
        Called with each message to the user, one line of text.

    Returns
    -------
    run : RunFolder
        The run, opened for reading.
    is_new : bool
        False if the run was complete already.

    Raises
    ------
    InputError
        If the job cannot be done. No file is left then that was not there before, other than the finished stages of an
        unfinished fit.
    KeyboardInterrupt
        With a message that says how to continue.
    """
    from facies.images import open_images
    from facies.methods import make_method
    from facies.training import SilentProgress
    from facies.workflows.default_method import choose_method, default_methods
    from facies.workflows.run_contents import run_contents

    progress = progress or SilentProgress()
    path = Path(job.output).expanduser().resolve()
    if job.resume and job.overwrite:
        raise InputError("--resume goes on and --overwrite begins anew: give one of them")
    if not job.resume:
        check_output(path, overwrite=job.overwrite)
    names = default_methods(job.parameters, job.source) if job.method is None else (job.method,)
    candidates = [make_method(name, job.preset, job.parameters) for name in names]
    _check_tensorboard(job.tensorboard_folder)
    with _without_empty_parents(path), lock_run(path):
        work = WorkFolder(path)
        earlier = _unfinished_fit(work, job)
        complete = _complete_run(path, candidates, earlier) if job.resume and path.exists() else None
        if complete is not None:
            work.remove()
            return complete, False
        images = open_images(job.source, **job.image_options, progress=progress_callback(progress))
        method, notes = candidates[0], []
        if job.method is None:
            method, note = choose_method(candidates, images, job.parameters, earlier.method if earlier else None)
            notes = [note]
            report(note)
        method.check(images)
        if isinstance(job.source, str | PathLike):
            confirm_folder(job.source)
        if job.resume and earlier is None:
            report(f"there is no unfinished run at {path}; beginning from the start")
        fit = _start_or_continue(work, earlier, UnfinishedFit.from_method(method, images, replaces=job.overwrite))
        with _keeping_finished_stages(work):
            _fit(method, images, work, progress)
            _write_tensorboard(method, job.tensorboard_folder)
            how = {"command": [*job.command], "preset": job.preset, "fit": fit.id}
            contents = run_contents(method, images, {**how, "notes": [*notes, *method.notes_]})
            run = write_run(path, contents, overwrite=fit.replaces)
        work.remove()
    return run, True


def _unfinished_fit(work: WorkFolder, job: ClusterJob) -> UnfinishedFit | None:
    """Read which fit is to be continued; None where a new one starts."""
    if job.overwrite:
        return None
    earlier = work.read()
    if earlier is not None and not job.resume:
        raise InputError(
            f"{work.run}: an earlier run was not finished: use --resume to go on with it, --overwrite to begin anew"
        )
    return earlier


def _complete_run(path: Path, candidates: Sequence[Method], earlier: UnfinishedFit | None) -> RunFolder | None:
    """Open the run if there is nothing left to do; None where an unfinished fit is to replace it."""
    run = RunFolder(path)
    if earlier is not None and run.manifest.get("fit") != earlier.id:
        return None
    method = next((each for each in candidates if each.name == run.manifest["method"]), candidates[0])
    if run.manifest["method"] != method.name:
        differences = [f"it was made with --method {run.manifest['method']}, not {method.name}"]
    else:
        # A run made before a method gained a parameter did what the parameter's default does.
        defaults = jsonable(type(method)().parameters())
        earlier_parameters = {**defaults, **method.current_parameters(run.manifest["parameters"])}
        differences = parameter_differences(earlier_parameters, jsonable(method.parameters()))
    if differences:
        raise InputError(
            f"{path} is complete, and is not what is asked for now ({'; '.join(differences)}): "
            "use --overwrite to replace it, or another output"
        )
    return run


def _start_or_continue(work: WorkFolder, earlier: UnfinishedFit | None, current: UnfinishedFit) -> UnfinishedFit:
    """Check that the earlier fit is the one that is asked for now, or start a new one."""
    if earlier is None:
        work.begin(current)
        return current
    differences = earlier.differences(current)
    if differences:
        raise InputError(
            f"{work.run}: the unfinished run cannot go on, for {'; '.join(differences)}: "
            "ask for what was asked for then, or use --overwrite to begin anew"
        )
    return earlier


def _fit(method: Method, images: ImageSet, work: WorkFolder, progress: Progress) -> None:
    try:
        method.fit(images, work_folder=work.path, progress=progress)
    except InputError as error:
        # A full disk has a cause outside, and can be mended; images or parameters that do not fit would fail again.
        if error.__cause__ is None:
            work.remove()
        raise


@contextlib.contextmanager
def _keeping_finished_stages(work: WorkFolder) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt("interrupted: the same command with --resume goes on from here") from None
    except Exception:
        work.remove_if_no_stage_is_finished()
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


def _check_tensorboard(folder: Path | None) -> None:
    if folder is None:
        return
    if importlib.util.find_spec("tensorboard") is None:
        raise InputError("--log needs TensorBoard: pip install 'facies[logs]'")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file, and --log takes a folder: give another name")


def _write_tensorboard(method: Method, folder: Path | None) -> None:
    from facies.training import write_tensorboard

    if folder is None:
        return
    rows = [
        {str(key): value for key, value in row.items() if not (isinstance(value, float) and math.isnan(value))}
        for row in method.history_.to_dict("records")
    ]
    write_tensorboard(rows, folder.expanduser())
