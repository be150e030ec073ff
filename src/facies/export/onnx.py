"""A fitted method as one ONNX file, checked against the method itself before it counts as written."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from facies.errors import InputError
from facies.methods.base import Method

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facies.cluster import LinearProbe
    from facies.images import ImageSet

__all__ = ["MAX_DIFFERENCE", "OPSET", "InferenceModule", "check_onnx", "export_onnx", "onnx_packages"]

OPSET = 18
MAX_DIFFERENCE = 1e-4
IMAGES_CHECKED = 32
_PACKAGES = ("onnx", "onnxruntime", "onnxscript")


class InferenceModule(nn.Module):
    """What a fitted method does with new images, as one network: pixels → embedding, groups and classes.

    Parameters
    ----------
    method : Method
        Fitted. Every network among its attributes becomes a part of this one.
    probe : LinearProbe, optional
        Fitted to the embedding of that method.
    """

    def __init__(self, method: Method, probe: LinearProbe | None = None) -> None:
        super().__init__()
        for name, value in vars(method).items():
            if isinstance(value, nn.Module):
                self.add_module(name, value)
        self._method = method
        self.names = ("embedding", "group_probabilities", *(() if probe is None else ("class_probabilities",)))
        if probe is not None:
            self.coefficients: Tensor
            self.intercept: Tensor
            self.register_buffer("coefficients", torch.from_numpy(probe.coef_.copy()))
            self.register_buffer("intercept", torch.from_numpy(probe.intercept_.copy()))

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Native pixels (B, C, H, W) or (B, L, C, H, W) → (B, D), (B, K) and, with a probe, (B, classes)."""
        pixels = self._method.clip(pixels)
        embedding, probabilities = self._method.embed_and_cluster(pixels)
        if len(self.names) == 2:
            return embedding, probabilities
        return (embedding, probabilities, (embedding @ self.coefficients.T + self.intercept).softmax(dim=1))


def onnx_packages() -> None:
    """Import what is needed.

    Raises
    ------
    InputError
        If a package is missing.
    """
    for name in _PACKAGES:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise InputError(
                f"an ONNX file needs the packages {', '.join(_PACKAGES)}, and {name} is missing: "
                "pip install 'facies[onnx]'"
            ) from error


def export_onnx(
    method: Method,
    images: ImageSet,
    path: Path,
    *,
    probe: LinearProbe | None = None,
    about: Mapping[str, Any] | None = None,
) -> float:
    """Write a fitted method as an ONNX file, and check it with onnxruntime on real images.

    The input is ``pixels``, float32 (N, C, H, W) or (N, L, C, H, W) in the units of the images learnt from: what scales
    them is part of the model. The outputs are ``embedding`` (N, D), ``group_probabilities`` (N, K) and, with a probe,
    ``class_probabilities`` (N, classes).

    Parameters
    ----------
    method : Method
        Fitted.
    images : ImageSet
        Of the run; at most 32 of them, evenly spread, are used for the check.
    path : Path
        The file to write.
    probe : LinearProbe, optional
        The classifier on its embedding.
    about : mapping, optional
        Further entries, beside ``classes``, ``image_shape`` …, in its ``metadata_props`` (JSON values).

    Returns
    -------
    float
        The largest difference found by the check, as `check_onnx` measures it.

    Raises
    ------
    InputError
        If a package is missing, the images cannot be read, or the encoder of the method is itself an ONNX file.
    RuntimeError
        If the file does not agree with the method; it is then removed.
    """
    onnx_packages()
    import onnx

    rows = np.unique(np.linspace(0, len(images) - 1, min(IMAGES_CHECKED, len(images))).astype(np.int64))
    checked = images.subset(rows)
    pixels = next(iter(checked.batches(len(rows)))).float()
    placing = InferenceModule(method, probe).to("cpu" if method.device_.type == "cpu" else method.device_).eval()
    if not all(getattr(part, "is_exportable", True) for part in placing.modules()):
        raise InputError(
            f"this {method.name} looks at images through an ONNX file of its own, which cannot become part of another: "
            "fit it with another encoder to export it"
        )
    try:
        _write(placing, pixels.to(method.device_), path)
        model = onnx.load(str(path))
        metadata = {
            "method": method.name,
            "image_shape": list(method.image_shape_),
            "n_groups": method.n_clusters_,
            "classes": None if probe is None else probe.classes_.tolist(),
            **(about or {}),
        }
        onnx.helper.set_model_props(
            model,
            {name: json.dumps(value, ensure_ascii=False) for name, value in metadata.items() if value is not None},
        )
        onnx.checker.check_model(model)
        onnx.save(model, str(path))
        expected = {"embedding": method.transform(checked), "group_probabilities": method.predict_proba(checked)}
        if probe is not None:
            expected["class_probabilities"] = probe.predict_proba(expected["embedding"])
        return check_onnx(path, pixels.numpy(), expected)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def check_onnx(path: Path, pixels: NDArray[np.float32], expected: Mapping[str, NDArray[np.float32]]) -> float:
    """Compare what onnxruntime makes of images with what is expected, in one batch and one by one.

    Parameters
    ----------
    path : Path
        The ONNX file.
    pixels : ndarray of float32, shape (n, ...)
        Real images.
    expected : mapping of ndarray
        By output; differences are divided by the largest absolute value of the output, if that is above 1.

    Returns
    -------
    float
        The largest difference.

    Raises
    ------
    RuntimeError
        If it is more than 1e-4.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    if names != list(expected):
        raise RuntimeError(f"the ONNX file gives {names} and should give {list(expected)}")
    largest = 0.0
    for rows in (slice(None), slice(0, 1)):
        outputs = session.run(names, {"pixels": pixels[rows]})
        for name, values in zip(names, outputs, strict=True):
            target = expected[name][rows]
            if values.shape != target.shape:
                raise RuntimeError(f"the ONNX file gives a {name} of shape {values.shape}, not {target.shape}")
            scale = max(1.0, float(np.abs(target).max()))
            largest = max(largest, float(np.abs(values - target).max()) / scale)
    if not largest <= MAX_DIFFERENCE:
        raise RuntimeError(f"the ONNX file differs from the model by {largest:.2g}, more than {MAX_DIFFERENCE:g}")
    return largest


def _write(placing: InferenceModule, pixels: Tensor, path: Path) -> None:
    batch = torch.export.Dim("images", min=1)
    with _quiet(), torch.no_grad():
        torch.onnx.export(
            placing,
            (pixels[:2],),
            str(path),
            dynamo=True,
            external_data=False,
            opset_version=OPSET,
            input_names=["pixels"],
            output_names=list(placing.names),
            dynamic_shapes={"pixels": {0: batch}},
            custom_translation_table={torch.ops.aten._cdist_forward.default: _distances},
            verbose=False,
        )


def _distances(rows: Any, others: Any, p: float, compute_mode: int | None = None) -> Any:
    """`torch.cdist` in the words of ONNX, which has none of its own: ‖a_i − b_j‖ of (n, D) and (m, D)."""
    from onnxscript import opset18 as op

    assert p == 2, compute_mode
    apart = op.Sub(op.Unsqueeze(rows, op.Constant(value_ints=[1])), op.Unsqueeze(others, op.Constant(value_ints=[0])))
    return op.Sqrt(op.ReduceSum(op.Mul(apart, apart), op.Constant(value_ints=[2]), keepdims=0))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter, whose remarks are no matter of the user's."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
