"""From a volume to a corrected segmentation, by the commands that a microscopist would type.

    python examples/volumes/run.py -o volume-demo
    python examples/volumes/run.py -o volume-demo --data ../shared/data     # real volumes too: em-vnc and em-fly, if they are there

The volume is SYNTHETIC: four textures in blobs, so that the true class of each voxel is known. The clicks come from that truth,
where in real work an expert would look and click.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from facies.volumes.synthetic import CLASS_NAMES, textured_phantom

NM = 16.0
"""The side of a voxel of the phantom."""
CLICKS = 20


def main() -> None:
    """Run all of it, each command shown before it runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=Path("volume-demo"), help="folder to write (volume-demo)")
    parser.add_argument("--side", type=int, default=96, help="voxels along each side of the phantom (96)")
    parser.add_argument("--method", default="voxel-vae", help="what embeds the voxels (voxel-vae)")
    parser.add_argument("--steps", type=int, default=600, help="steps of the training of voxel-vae (600)")
    parser.add_argument("--scale-nm", type=float, default=240, help="how far a voxel sees, in nm (240)")
    parser.add_argument("--data", type=Path, help="a folder with em-vnc/em_vnc.npz and em-fly/em_fly_medulla.npz")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same volume and clicks (0)")
    asked = parser.parse_args()
    folder = asked.output.expanduser()
    folder.mkdir(parents=True, exist_ok=True)

    say(f"making a SYNTHETIC volume of {asked.side}³ voxels with four textures")
    classes = write_phantom(folder / "phantom.npz", asked.side, asked.seed)
    settings = ["--method", asked.method, "--scale-nm", asked.scale_nm, "--seed", asked.seed]
    settings += ["--set", f"n_steps={asked.steps}"] if asked.method == "voxel-vae" else []
    before, after = correct(folder, classes, settings, asked.seed)
    say(f"mean Dice of the classes: {before:.2f} without a label, {after:.2f} after {CLICKS} clicks a class")
    if asked.data is not None:
        real_volumes(asked.data.expanduser(), folder)
    say(f"open {folder / 'report.html'} in a browser")


def write_phantom(path: Path, side: int, seed: int) -> np.ndarray:
    """Write grey values, true classes and the size of a voxel, and return the classes."""
    grey, classes = textured_phantom((side, side, side), blob=side / 8, seed=seed)
    np.savez(path, grey=grey, classes=classes, voxel_size_nm=np.array([NM, NM, NM]))
    return classes


def correct(folder: Path, classes: np.ndarray, settings: list[object], seed: int) -> tuple[float, float]:
    """Segment the phantom, correct it by clicks, and return the Dice before and after."""
    grey, truth, run = f"{folder}/phantom.npz:grey", f"{folder}/phantom.npz:classes", folder / "run"
    facies("segment", grey, "-o", run, "--k", "4-8", *settings, "--overwrite")
    before = json.loads(facies("evaluate", run, "--labels", truth, "--k", 8, "--json"))["dice_majority"]
    facies("report", run, "-o", folder / "report.html", "--k", 8, "--overwrite")

    say(f"{CLICKS} clicks a class, in place of an expert's")
    write_clicks(folder / "points.csv", classes, seed)
    corrected = folder / "corrected"
    facies("segment", run, "--probe", folder / "points.csv", "-o", corrected, "--overwrite")
    after = json.loads(facies("evaluate", corrected, "--labels", truth, "--json"))["dice_majority"]
    facies("export", corrected, "--to", "csv", "-o", folder / "objects.csv", "--least-nm3", 1e6, "--overwrite")
    facies("export", corrected, "--to", "ome-zarr", "-o", folder / "corrected.zarr", "--overwrite")
    return before, after


def write_clicks(path: Path, classes: np.ndarray, seed: int) -> None:
    """Write the places of random voxels of each class."""
    rng = np.random.default_rng(seed)
    rows = []
    for number, name in enumerate(CLASS_NAMES):
        places = np.argwhere(classes == number)
        chosen = places[rng.choice(len(places), min(CLICKS, len(places)), replace=False)]
        rows += [(int(z), int(y), int(x), name) for z, y, x in chosen]
    pd.DataFrame(rows, columns=["z", "y", "x", "class"]).to_csv(path, index=False)


def real_volumes(data: Path, folder: Path) -> None:
    """Segment the real volumes that are there."""
    vnc, fly = data / "em-vnc" / "em_vnc.npz", data / "em-fly" / "em_fly_medulla.npz"
    if vnc.is_file():
        run = folder / "em-vnc"
        facies("segment", f"{vnc}:volume", "-o", run, "--voxel-size", "45,4.6,4.6", "--overwrite")
        facies("evaluate", run, "--labels", f"{vnc}:classes", "--k", 8)
        facies("report", run, "-o", folder / "em-vnc.html", "--overwrite")
    if fly.is_file():
        run = folder / "em-fly"
        facies("segment", f"{fly}:volume", "-o", run, "--voxel-size", "10,10,10", "--jobs", 2, "--overwrite")
        facies("report", run, "-o", folder / "em-fly.html", "--overwrite")
    if not (vnc.is_file() or fly.is_file()):
        say(f"{data} has neither em-vnc/em_vnc.npz nor em-fly/em_fly_medulla.npz")


def facies(*words: object) -> str:
    """Run a command of Facies, shown as one would type it, and return what it wrote to standard output."""
    command = [str(word) for word in words]
    print(f"\n$ facies {shlex.join(command)}", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "facies.cli", *command],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env={"OMP_WAIT_POLICY": "PASSIVE", **os.environ},
    )
    print(done.stdout, end="", flush=True)
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


def say(text: str) -> None:
    """Tell what this example does by itself."""
    print(f"\n# {text}", flush=True)


if __name__ == "__main__":
    main()
