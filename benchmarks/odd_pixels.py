"""What odd pixels and odd images do to a fit: hot pixels, values that stand for no data, blank tiles, copies; four methods.

Drawn images of 24 × 24 pixels and three kinds. Each case is fitted beside the clean images, `moe-vae` and `focal-vae` with fewer epochs than the preset has, and
its adjusted Rand index with the kinds drawn is compared with theirs; the notes of the fit are kept. Cases that are kept are not fitted
again.

python benchmarks/odd_pixels.py [METHOD …]
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import record
from sklearn.metrics import adjusted_rand_score

from facies import make_method

NAME = "odd-pixels"
SIDE = 24
METHODS: dict[str, dict[str, Any]] = {
    "st-dac": {},
    "dec": {},
    "focal-vae": {"training.epochs": 60, "any_side_up": False},  # two of the kinds are one another turned
    "moe-vae": {
        "filters": 8, "experts.filters": 4, "autoencoder.epochs": 40, "manager.epochs": 20, "mixture.epochs": 5,
        "experts.epochs": 5, "density.n_layouts": 1,
    },
}  # fmt: skip
TOLERANCE = 0.02

Images = tuple[np.ndarray, np.ndarray]
"""Images (N, 24, 24) and the kind of each, (N,)."""


def clean(n: int = 180) -> Images:
    """Blobs of three kinds, from about 0.1 to 0.9."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE]
    kinds = np.repeat([0, 1, 2], n // 3)
    return np.stack(
        [
            (((x - 12) ** 2 / (20 + 60 * (k == 1)) + (y - 12) ** 2 / (20 + 60 * (k == 2)) < 1.6) * 0.5 + 0.2
             + rng.normal(0, 0.03, (SIDE, SIDE))).astype(np.float32)
            for k in kinds
        ]
    ), kinds  # fmt: skip


def hot_pixel(value: float) -> Images:
    """The clean images with one odd pixel in one of them."""
    images, kinds = clean()
    images[0, 0, 0] = value
    return images, kinds


def twelve_bits(*, saturated: bool) -> Images:
    """The clean images in 12 bits, three pixels of them 65535 if asked."""
    images, kinds = clean()
    pixels = np.clip(images * 4095, 0, 4095).astype(np.uint16)
    if saturated:
        pixels[[0, 70, 140], 3, 3] = 65535
    return pixels, kinds


def no_data() -> Images:
    """The clean images, every third with a margin of -9999, as the edge of a mosaic has it."""
    images, kinds = clean()
    images[::3, :, :3] = -9999
    return images, kinds


def blank_tiles() -> Images:
    """The clean images and 60 blank ones, a fourth kind."""
    images, kinds = clean()
    return np.concatenate([images, np.zeros((60, SIDE, SIDE), np.float32)]), np.append(kinds, np.full(60, 3))


def copies() -> Images:
    """Twenty of each kind, three times."""
    images, kinds = clean()
    rows = np.repeat(np.arange(0, 180, 3), 3)
    return images[rows], kinds[rows]


CASES: dict[str, tuple[Callable[[], Images], str | None]] = {
    "clean": (clean, None),
    "one pixel of -9999": (lambda: hot_pixel(-9999), "clean"),
    "one pixel of 3.4e38": (lambda: hot_pixel(3.4e38), "clean"),
    "one pixel of 500": (lambda: hot_pixel(500), "clean"),
    "margins of -9999": (no_data, "clean"),
    "12 bits": (lambda: twelve_bits(saturated=False), None),
    "12 bits, three pixels of 65535": (lambda: twelve_bits(saturated=True), "12 bits"),
    "60 blank tiles": (blank_tiles, "clean"),
    "copies": (copies, "clean"),
}
"""How each case is drawn, and with which it is compared."""


def fit(name: str, case: str) -> dict[str, Any]:
    """Fit a method to a case, and compare its groups with the kinds."""
    images, kinds = CASES[case][0]()
    parameters = METHODS[name] | ({} if name == "moe-vae" else {"n_clusters": len(np.unique(kinds))})
    pixels = images[:, None, None].repeat(2, 1) if name == "focal-vae" else images
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        method = make_method(name, "quick", parameters).fit(pixels)
    return {
        "method": name,
        "case": case,
        "compared_with": CASES[case][1],
        "seed": 0,
        "n_groups": len(np.unique(method.labels_)),
        "n_kinds": len(np.unique(kinds)),
        "ari": float(adjusted_rand_score(kinds, method.labels_)),
        "notes": method.notes_,
        "parameters": {**METHODS[name], "preset": "quick"},
        "machine": record.machine(),
    }


def main() -> None:
    """Fit what is not kept yet."""
    result = record.load(NAME) or {"tolerance": TOLERANCE, "rows": []}
    for name in sys.argv[1:] or METHODS:
        for case in CASES:
            if not any((row["method"], row["case"]) == (name, case) for row in result["rows"]):
                result["rows"].append(fit(name, case))
                record.keep(NAME, result)
                print(name, case, f"ARI {result['rows'][-1]['ari']:.3f}", flush=True)


if __name__ == "__main__":
    main()
