"""``facies export --to onnx``: the fitted model and its classifier, for programs without Facies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from facies.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from facies.report import Exporter
    from facies.runs import RunFolder

__all__ = ["check_choices", "model_exporters"]

_TOLD = ("channels", "size", "fit", "layers")


def model_exporters() -> Mapping[str, Exporter]:
    """The ways out that need the model, which the room of reports does not know."""
    from facies.report import Exporter

    return {"onnx": Exporter("the model and the newest probe as one ONNX file, checked on images", False, write_onnx)}


def check_choices(to: str, **choices: Any) -> None:
    """Refuse what chooses images, where a model is exported.

    Raises
    ------
    InputError
        If one of the choices was made.
    """
    made = [f"--{name}" for name, value in choices.items() if value is not None]
    if to in model_exporters() and made:
        raise InputError(f"--to {to} takes the model whole: leave out {' and '.join(made)}, which choose among images")


def write_onnx(run: RunFolder, partition: pd.DataFrame, path: Path) -> None:  # noqa: ARG001 - an exporter's signature
    """Write the model of a run, and its newest probe, as an ONNX file.

    Raises
    ------
    InputError
        If the run holds no model, a package is missing, or the images are gone that the file is checked on.
    """
    from facies.annotations.classifiers import classifier_names
    from facies.cli.predict import named_by
    from facies.export.onnx import export_onnx, onnx_packages
    from facies.methods import load_method

    onnx_packages()
    method = load_method(run.model_folder)
    names = classifier_names(run)
    export_onnx(
        method, run.image_set(), path, probe=named_by(run, None), about=_about(run, names[-1] if names else None)
    )


def _about(run: RunFolder, probe: str | None) -> dict[str, Any]:
    """What a program must know to use the model: how images were read, their units and scale."""
    from facies._version import __version__

    described = run.manifest["input"]
    options = described["origin"].get("options", {})
    return {
        "facies": __version__,
        "run": run.path.name,
        "fingerprint": described["fingerprint"],
        "dtype": described["dtype"],
        "value_range": described.get("value_range"),
        "um_per_px": described.get("um_per_px"),
        "reading": {name: options[name] for name in _TOLD if options.get(name) is not None},
        "probe": probe,
        "reference": run.manifest["references"],
    }
