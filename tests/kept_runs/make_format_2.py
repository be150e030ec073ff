"""Makes the models of format 2 that lie in ``format-2``, and stores what the code of that day answers about them.

It ran once, on the sources in which model format 2 came about (facies 0.2.0): parameters have dotted names. The format of run
folders was still 1. Each model was fitted to 200 of scikit-learn's digits; the 40 after them are the images that are asked.

    PYTHONPATH=src python -m tests.kept_runs.make_format_2
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

from facies.methods import make_method
from tests.kept_runs.test_format_2 import KEPT, NAMES, answers

N, N_NEW = 200, 40
SMALL = {"network": "conv", "filters": 4, "latent_size": 4, "pretraining.epochs": 10, "training.epochs": 5}


def main() -> None:
    pixels = (15 * load_digits().images[: N + N_NEW]).astype(np.uint8)
    for name in NAMES:
        method = make_method(name, "quick", SMALL).fit(pixels[:N])
        method.save(KEPT / name)
        np.savez_compressed(KEPT / f"{name}.npz", images=pixels[N:], **answers(method, pixels[N:]))


if __name__ == "__main__":
    main()
