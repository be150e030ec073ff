"""The default network: a dense pass gives each voxel what its own patch gives, however the volume is cut."""

from __future__ import annotations

import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from facies.errors import InputError
from facies.methods.voxel_vae import VoxelVAE
from facies.methods.voxels import VoxelSample, load_voxel_method
from facies.methods.voxels.filter_bank import FilterBank, mirrored
from facies.nn.voxel_encoder import VoxelEncoder
from facies.volumes.synthetic import textured_phantom

GREY, _ = textured_phantom((20, 32, 32), seed=1)
SMALL = {
    "channels": (4, 4, 6),
    "hidden": 16,
    "latent_size": 4,
    "n_steps": 40,
    "n_blocks": 16,
    "batch_size": 64,
    "learning_rate": 0.02,
}


@pytest.fixture(scope="module")
def fitted() -> VoxelVAE:
    return VoxelVAE(**SMALL, scale_nm=100).fit(VoxelSample([GREY], (8, 8, 8)))


@pytest.mark.parametrize("slices", [False, True])
def test_dense_equals_patch_by_patch_at_every_voxel(slices) -> None:
    torch.manual_seed(0)
    encoder = VoxelEncoder([4, 6, 8], 3, latent_size=5, hidden=16, slices=slices).eval()
    (hz, hy, hx), shape = encoder.halo, (3, 6, 5)
    block = torch.randn(1, shape[0] + 2 * hz, shape[1] + 2 * hy, shape[2] + 2 * hx)
    values = torch.randn(3, *shape)
    with torch.no_grad():
        dense = encoder.dense(block, values)
        z, y, x = encoder.patch
        patches = block.unfold(1, z, 1).unfold(2, y, 1).unfold(3, x, 1)[0].reshape(-1, 1, z, y, x)
        mean, _ = encoder(patches, values.flatten(1).T)
    assert (dense - mean.T.reshape(5, *shape)).abs().max() < 1e-4


@pytest.mark.parametrize("size", [(8, 8, 8), (40, 4, 4)])
@pytest.mark.parametrize(
    "method",
    [
        VoxelVAE(**SMALL, scale_nm=100),
        VoxelVAE(**{**SMALL, "channels": ()}, scale_nm=100),
        VoxelVAE(**{**SMALL, "channels": (), "noise": 0.05}, scale_nm=64, keep_intensity=False),
        FilterBank(scale_nm=64, n_scales=2),
    ],
)
def test_codes_do_not_depend_on_how_the_volume_is_cut(method, size) -> None:
    method.fit(VoxelSample([GREY], size))
    whole = method.embed(mirrored(GREY, [0, 0, 0], [20, 32, 32], method.halo))
    assert whole.shape == (method.n_features, 20, 32, 32)
    for start, side in (((0, 0, 0), (10, 16, 32)), ((8, 16, 24), (5, 7, 8))):
        part = method.embed(mirrored(GREY, list(start), list(side), method.halo))
        box = tuple(slice(first, first + count) for first, count in zip(start, side, strict=True))
        np.testing.assert_allclose(part, whole[:, *box], atol=1e-4)


def test_training_lowers_the_loss_and_equal_seeds_are_equal(fitted) -> None:
    again = VoxelVAE(**SMALL, scale_nm=100).fit(VoxelSample([GREY], (8, 8, 8)))
    assert again.history_ == fitted.history_
    assert fitted.history_[-1]["reconstruction"] < fitted.history_[0]["reconstruction"] - 2
    other = VoxelVAE(**SMALL, scale_nm=100, random_state=1).fit(VoxelSample([GREY], (8, 8, 8)))
    assert other.history_ != fitted.history_


def test_a_saved_model_gives_the_same_codes(fitted, tmp_path) -> None:
    fitted.save(tmp_path / "model")
    opened = load_voxel_method(tmp_path / "model")
    block = mirrored(GREY, [0, 0, 0], [4, 4, 4], fitted.halo)
    np.testing.assert_array_equal(opened.embed(block), fitted.embed(block))
    assert opened.get_params() == fitted.get_params()
    with pytest.raises(InputError, match="is a model of voxel-vae"):
        FilterBank.load(tmp_path / "model")
    (tmp_path / "model" / "method.safetensors").write_bytes(b"\0" * 20)
    with pytest.raises(InputError, match="model is damaged"):
        load_voxel_method(tmp_path / "model")


def test_contrast_is_normalised_unless_intensity_is_kept() -> None:
    """Without it another exposure gives the same codes."""
    method = VoxelVAE(**SMALL, scale_nm=100, keep_intensity=False).fit(VoxelSample([GREY], (8, 8, 8)))
    block = mirrored(GREY, [4, 4, 4], [6, 6, 6], method.halo)
    np.testing.assert_allclose(method.embed(block * 0.5 + 0.2), method.embed(block), atol=1e-2)


KILLED_IN_TRAINING = """
import os, signal, sys
from pathlib import Path
from facies.methods.voxel_vae import VoxelVAE, dense_training
from facies.methods.voxels import VoxelSample
from facies.training import SilentProgress
from tests.methods.voxel_vae.test_dense import GREY, SMALL

class Killed(SilentProgress):
    steps = 0

    def start(self, stage, total, unit):
        self.stage = stage

    def advance(self, count, note=""):
        self.steps += count if self.stage == "training" else 0
        if self.steps == 23:
            os.kill(os.getpid(), signal.SIGKILL)

dense_training.SECONDS_BETWEEN_SAVES = 0.0
VoxelVAE(**SMALL, scale_nm=100).fit(VoxelSample([GREY], (8, 8, 8)), Killed(), Path(sys.argv[1]))
"""


def test_a_killed_training_goes_on_where_it_was_and_ends_with_the_same_numbers(fitted, tmp_path, monkeypatch) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED_IN_TRAINING, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    trained = []
    step = VoxelEncoder.forward
    monkeypatch.setattr(VoxelEncoder, "forward", lambda *given: trained.append(1) or step(*given))
    resumed = VoxelVAE(**SMALL, scale_nm=100).fit(VoxelSample([GREY], (8, 8, 8)), checkpoints=tmp_path)
    assert len(trained) == SMALL["n_steps"] - 23
    assert resumed.history_ == fitted.history_
    for name, values in resumed.state().items():
        np.testing.assert_array_equal(values, fitted.state()[name])


def test_two_processes_train_it_together(tmp_path) -> None:
    """With a part of each batch each; what they learnt lowers the loss like one process does."""
    more = {"n_steps": 20, "devices": 2, "device": "cpu"}
    learnt = VoxelVAE(**{**SMALL, **more}, scale_nm=100).fit(VoxelSample([GREY], (8, 8, 8)), checkpoints=tmp_path)
    assert [row["step"] for row in learnt.history_] == list(range(1, 21))
    losses = [row["reconstruction"] for row in learnt.history_]
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 5
    assert len(list(tmp_path.glob("*.safetensors"))) == 1  # the finished training, should the rest be killed
