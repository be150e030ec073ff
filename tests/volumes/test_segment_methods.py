"""Methods of the papers, and several scales, through the command; a long training that is killed goes on."""

from __future__ import annotations

import json

import numpy as np
import pytest

from facies.training.loop import TrainingLoop
from facies.volumes import open_volume
from facies.volumes.segmentation import open_segmentation
from facies.volumes.synthetic import textured_phantom
from tests.volumes.test_segment import facies

GREY, CLASSES = textured_phantom((20, 36, 36), blob=8, seed=2)
SIZE = ["--voxel-size", "80,8,8", "--k", "3"]
PAPER = [
    "--set",
    "paper.channels=[4]",
    "--set",
    "paper.hidden=8",
    "--set",
    "paper.n_steps=4",
    "--set",
    "paper.batch_size=4",
]
CIHS = ["--method", "cihs", "--scale-nm", 72, "--set", "channels=[4]", "--set", "hidden=8", "--set", "n_steps=2"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("methods")
    np.save(folder / "a.npy", GREY)
    np.save(folder / "part.npy", GREY[2:9, 2:30, 2:30])
    return folder


def run_of(folder, name):
    run = open_segmentation(folder / name)
    return run, json.loads((folder / name / "model" / "method.json").read_text())


def test_the_network_of_the_paper_labels_a_volume_and_another_one(folder) -> None:
    words = ["--preset", "paper", "--scale-nm", "72", *PAPER]
    facies("segment", folder / "a.npy", "-o", folder / "paper", *SIZE, *words)
    run, method = run_of(folder, "paper")
    assert method["parameters"]["network"] == "paper"
    assert method["parameters"]["paper.batch_size"] == 4
    assert [row["step"] for row in method["history"]] == [1, 2, 3, 4]
    labels = run.labels("k3").read()
    assert labels.shape == GREY.shape
    assert set(np.unique(labels)) == {1, 2, 3}
    assert json.loads((folder / "paper" / "model" / "clusters.json").read_text())["kind"] == "kmeans"
    assert run.embedding().channels == 8
    assert not list(folder.glob(".paper*"))
    facies(
        "segment", folder / "paper", "--apply", folder / "part.npy", "--voxel-size", "80,8,8", "-o", folder / "applied"
    )
    inner = (slice(1, -1), slice(4, -4), slice(4, -4))  # what does not see beyond the part
    applied = open_segmentation(folder / "applied").labels("k3").read()
    assert (applied[inner] == labels[2:9, 2:30, 2:30][inner]).mean() > 0.95  # its range of grey is found anew


def test_cihs_labels_a_volume_by_the_distances_of_the_ball(folder) -> None:
    facies("segment", folder / "a.npy", "-o", folder / "cihs", *SIZE, *CIHS)
    run, method = run_of(folder, "cihs")
    assert json.loads((folder / "cihs" / "model" / "clusters.json").read_text())["kind"] == "hyperbolic"
    assert run.embedding().channels == 2
    assert np.linalg.norm(run.embedding().read(), axis=0).max() <= 1
    assert set(method["history"][0]) == {"step", "loss", "reconstruction", "divergence", "triplet"}


def test_several_scales_are_joined(folder) -> None:
    words = ["--method", "filter-bank", "--scale-nm", "64,200", "--set", "n_scales=2", "--clusters", "gaussian"]
    facies("segment", folder / "a.npy", "-o", folder / "joined", *SIZE, *words)
    run, method = run_of(folder, "joined")
    assert run.embedding().channels == 16
    assert method["method"] == "joined-scales"
    assert method["parameters"]["further_scales_nm"] == [64]
    assert any(note.startswith("at 200 nm: worked on at") for note in run.described["notes"])
    facies(
        "segment", folder / "joined", "--apply", folder / "part.npy", "--voxel-size", "80,8,8", "-o", folder / "again"
    )
    assert open_volume(folder / "again" / "labels.zarr" / "k3").read().min() > 0


def test_a_training_that_was_killed_goes_on(folder, monkeypatch) -> None:
    words = [
        "segment",
        folder / "a.npy",
        "-o",
        folder / "killed",
        *SIZE,
        "--preset",
        "paper",
        "--scale-nm",
        "72",
        *PAPER,
    ]
    whole, steps = TrainingLoop._end_epoch, []

    def killed(self, fabric, module, state, count):
        steps.append(state.epoch)
        if len(steps) == 3:
            raise KeyboardInterrupt
        whole(self, fabric, module, state, count)

    monkeypatch.setattr(TrainingLoop, "_end_epoch", killed)
    facies(*words, code=130)
    assert "give the same ones, or --overwrite" in facies(*words, "--set", "paper.hidden=9", "--resume", code=2)
    assert "--resume goes on with it" in facies(*words, code=2)
    facies(*words, "--resume")
    assert steps == [0, 1, 2, 2, 3]  # two epochs were kept
    first, second = folder / "paper", folder / "killed"
    for name in ("method.safetensors", "clusters.safetensors"):
        assert (first / "model" / name).read_bytes() == (second / "model" / name).read_bytes()
    assert not list(folder.glob(".killed*"))


BAD = {
    "network": (["--set", "network=papre"], "network takes 'dense' or 'paper'"),
    "other network": (["--set", "paper.n_steps=3"], "paper.n_steps is of network='paper'"),
    "no devices": (["--method", "intensity", "--devices", "2"], "has no parameter 'devices'"),
    "preset": (["--preset", "papre"], "has no preset 'papre'; did you mean 'paper'"),
    "scales": (["--scale-nm", "60,x"], "--scale-nm 60,x: give a length in nm"),
    "equal scales": (["--scale-nm", "60,60"], "give different scales"),
    "scale twice": (["--scale-nm", "60,90", "--set", "scale_nm=9"], "scale_nm is given twice"),
    "ball": (["--clusters", "hyperbolic"], "needs codes in a ball, such as those of cihs"),
    "cihs joined": (["--method", "cihs", "--scale-nm", "60,90"], "are not joined"),
    "thin": (["--method", "cihs", "--scale-nm", "300"], "has 36 voxels along y, and a patch of 300 nm needs 38"),
    "joined": (["--method", "joined-scales"], "--scale-nm"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_is_refused_in_one_line(folder, tmp_path, case) -> None:
    words, expected = BAD[case]
    told = facies("segment", folder / "a.npy", "-o", tmp_path / "run", *SIZE, *words, code=2)
    assert expected in told
    assert len(told.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())
