"""Whether fits are what an earlier checkout of Facies gives for the same seed, number for number, on the CPU.

git worktree add ../earlier 38a9009
python benchmarks/equal_fits.py ../earlier

Small fits of the methods of format 1, with names of parameters that both understand, run once on each side; a line an array says
whether it is equal to the bit. Exits with 1 if one is not.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
ARRAYS = ("labels_", "embedding_", "probabilities_", "projection_")
SHORT = {"epochs": 3, "manager_epochs": 2, "mixture_epochs": 2, "expert_epochs": 2}
CASES = {
    "moe-vae": ("moe-vae", {**SHORT, "n_layouts": 1}),
    "moe-vae, aligned": (
        "moe-vae",
        {**SHORT, "n_layouts": 3, "align": True, "align_epochs": 2, "expert_size": "fresh", "retrain": True,
         "latent_size": 12, "routing_threshold": None, "autoencoder": "beta-vae", "patience": 2, "gradient_clip": 1.0},
    ),
    "focal-vae": (
        "focal-vae",
        {"epochs": 3, "n_clusters": 12, "image_size": 12, "align": True, "align_epochs": 2, "weight_decay": 1e-4},
    ),
    "st-dac": (
        "st-dac",
        {"epochs": 3, "n_init": 2, "n_clusters": 8, "hidden_size": 32, "filters": 4, "batch_size": 64,
         "pose_consistency": True, "chunk_size": 200},
    ),
    "dac": ("dac", {"eta": 0.15, "filters": 4, "n_clusters": 8, "image_size": 12, "chunk_size": 256}),
}  # fmt: skip


def fit_all(path: Path) -> None:
    """Fit each case with the Facies that is on the path, and write its arrays."""
    from sklearn.datasets import load_digits

    try:
        from facies.methods import make_method
    except ImportError:  # as the room was called before it was rebuilt
        from facies.models import make_method  # type: ignore[import-not-found,no-redef]
    images = np.kron(load_digits().images[:400].astype(np.float32), np.ones((1, 2, 2), np.float32))
    stacks = np.stack([images, (images + np.roll(images, 1, 1)) / 2], 1)[:, :, None]
    arrays = {}
    for case, (name, parameters) in CASES.items():
        pixels = stacks if name == "focal-vae" else images
        method = make_method(name, "quick", parameters).fit(pixels)
        arrays |= {f"{case} {each}": getattr(method, each) for each in ARRAYS}
        arrays[f"{case} loss"] = method.history_["loss"].to_numpy()
        arrays[f"{case} predict"] = method.predict(pixels)
    np.savez(path, **arrays)


def run_side(checkout: Path, path: Path) -> dict[str, np.ndarray]:
    """Fit all cases with the sources of a checkout, in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(checkout / "src"), "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, __file__, "--write", str(path)], env=environment, check=True)
    return dict(np.load(path))


def main() -> int:
    """Compare."""
    if sys.argv[1] == "--write":
        fit_all(Path(sys.argv[2]))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        earlier = run_side(Path(sys.argv[1]).resolve(), Path(folder, "earlier.npz"))
        today = run_side(HERE.parent, Path(folder, "today.npz"))
    equal = {name: np.array_equal(today[name], earlier[name]) for name in earlier}
    for name, same in equal.items():
        print(f"{name}: {'equal' if same else 'DIFFERS'}")
    print(f"{sum(equal.values())} of {len(equal)} arrays are equal to the bit")
    return 0 if all(equal.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
