"""Models of format 2 open, and answer as the code that made them did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from facies.methods import Method, load_method

KEPT = Path(__file__).parent / "format-2"
NAMES = ("dec", "idec")


def answers(method: Method, images: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """What a model says of images, and its parameters as text."""
    parameters = {name: value for name, value in method.parameters().items() if not name.startswith("hardware.")}
    return {
        "predict": method.predict(images),
        "predict_proba": method.predict_proba(images),
        "transform": method.transform(images),
        "parameters": np.array([f"{name}={value!r}" for name, value in sorted(parameters.items())]),
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_kept_model_answers_as_it_did(name: str) -> None:
    method = load_method(KEPT / name)
    kept = dict(np.load(KEPT / f"{name}.npz"))
    today = answers(method, kept.pop("images"))
    np.testing.assert_array_equal(today["predict"], kept["predict"])
    for each in ("predict_proba", "transform"):
        np.testing.assert_allclose(today[each], kept[each], atol=1e-4)
    # A parameter that was added since does what was done before it; none is lost.
    assert set(kept["parameters"].tolist()) <= set(today["parameters"].tolist())
