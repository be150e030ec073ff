"""Groups, classes or the model of a run, written for other programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from facies._version import __version__
from facies.annotations import classifier_names
from facies.errors import InputError
from facies.runs import RunFolder
from facies.workflows.classify import load_classifier

if TYPE_CHECKING:
    from facies.report import Exporter

_READING_OPTIONS = ("channels", "size", "fit", "layers")


def export(
    run: RunFolder,
    to: str,
    output: str | PathLike[str],
    *,
    partition: str | None = None,
    classes: Sequence[str] | None = None,
    groups: Sequence[int] | None = None,
    overwrite: bool = False,
    originals: str | PathLike[str] | None = None,
    report: Callable[[str], None] | None = None,
) -> Path:
    """Write groups and classes as a table, as folders of images or for another program, or write the model.

    The absolute path of what was written is returned.

    Parameters
    ----------
    run : RunFolder
    to : str
        What to write: ``csv``, ``parquet``, ``folders``, ``coco``, ``ecotaxa`` or what a plugin adds, or ``onnx`` for
        the model and its newest classifier.
    output : path
        The file or folder to write.
    partition : str, optional
        Which partition; without it the newest.
    classes : sequence of str, optional
        Only images of these classes.
    groups : sequence of int, optional
        Only images of these groups; −1 is noise.
    overwrite : bool, default=False
        Whether what an earlier export wrote there is replaced.
    originals : path, optional
        The folder that the run was made from: the user confirms that files may be copied from there. It is needed for
        runs that were not made on this machine, which could name any folder.
    report : callable, optional
        Called with each line on what was left out, cut or converted.

    Raises
    ------
    InputError
        If there is no such exporter, partition, class or group, the output exists, or images are chosen for a model.
    """
    from facies.report import export_run

    choices: dict[str, Any] = {"partition": partition, "classes": classes, "groups": groups}
    given = [f"--{name}" for name, value in choices.items() if value is not None]
    if originals is not None:
        from facies.report.exporters.image_files import confirm_originals

        confirm_originals(run, originals)
    models = model_exporters()
    if to in models and given:
        raise InputError(f"--to {to} takes the model whole: leave out {' and '.join(given)}, which choose among images")
    return export_run(run, to, fspath(output), **choices, overwrite=overwrite, more=models, report=report)


def model_exporters() -> Mapping[str, Exporter]:
    """Return the exporters that need the model, which the exporters of `facies.report` do not know."""
    from facies.report import Exporter

    return {"onnx": Exporter("the model and the newest probe as one ONNX file, checked on images", ".onnx", write_onnx)}


def write_onnx(run: RunFolder, partition: pd.DataFrame, path: Path) -> None:  # noqa: ARG001 - an exporter's signature
    """Write the model of a run, and its newest classifier, as an ONNX file."""
    from facies.export.onnx import export_onnx, onnx_packages
    from facies.methods import load_method

    onnx_packages()
    method = load_method(run.model_folder)
    export_onnx(method, run.image_set(), path, probe=load_classifier(run), about=_metadata(run))


def _metadata(run: RunFolder) -> dict[str, Any]:
    """Say what a program must know to use the model: how images were read, their units and scale."""
    described = run.manifest["input"]
    options = described["origin"].get("options", {})
    return {
        "facies": __version__,
        "run": run.path.name,
        "fingerprint": described["fingerprint"],
        "dtype": described["dtype"],
        "value_range": described.get("value_range"),
        "um_per_px": described.get("um_per_px"),
        "reading": {name: options[name] for name in _READING_OPTIONS if options.get(name) is not None},
        "probe": next(reversed(classifier_names(run)), None),
        "reference": run.manifest["references"],
    }
