from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest
import torch

import facies
from facies.cli import doctor
from tests.cli.factories import call


def test_what_this_machine_has() -> None:
    found = json.loads(call("doctor", "--json").stdout)
    assert found["python"] == platform.python_version()
    assert found["facies"] == facies.__version__
    assert found["versions"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert found["machine"]["cpus"] >= 1
    assert found["machine"]["memory_gb"] > 0.5
    assert found["temporary"]["free_gb"] > 0
    assert found["self_test"]["passed"] is True
    assert len(found["gpus"]) == torch.cuda.device_count() + torch.backends.mps.is_available()


def test_for_people() -> None:
    result = call("doctor")
    text = " ".join(result.stdout.split())
    assert result.exit_code == 0
    assert "self-test passed on cpu" in text
    assert "CPU cores" in text
    for extra in doctor.packages_of_extras():
        assert extra in text


def test_extras_are_those_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = [
        "torch>=2.11",
        "tensorboard>=2.17; extra == 'logs'",
        'h5py[x]>=3; python_version > "3" and extra == "volumes"',
    ]
    monkeypatch.setattr("importlib.metadata.requires", lambda _: answer)
    assert doctor.packages_of_extras() == {"logs": ["tensorboard"], "volumes": ["h5py"]}


def test_missing_packages_name_their_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "packages_of_extras", lambda: {"logs": ["no-such-package"]})
    text = " ".join(call("doctor").stdout.split())
    assert "no-such-package missing" in text
    assert "pip install 'facies[logs]'" in text


def test_torchvision_beside_a_torch_for_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    original = doctor.version_of
    monkeypatch.setattr(doctor, "version_of", lambda name: "0.25" if name == "torchvision" else original(name))
    monkeypatch.setattr(torch.version, "cuda", None)
    result = call("doctor")
    assert result.exit_code == 0
    assert "warning: torchvision is installed" in result.stdout
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert "torchvision" not in call("doctor").stdout


def test_numba_without_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "is_writable", lambda folder: "tmp" in str(folder) and "numba" not in str(folder))
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/nowhere/numba")
    assert any("NUMBA_CACHE_DIR" in fault for fault in doctor.find_faults())
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/tmp/cache")
    assert not any("NUMBA_CACHE_DIR" in fault for fault in doctor.find_faults())


def test_is_writable(tmp_path: Path) -> None:
    assert doctor.is_writable(tmp_path / "not" / "yet")
    (tmp_path / "file").write_text("")
    assert not doctor.is_writable(tmp_path / "file" / "below")


def test_a_machine_that_cannot_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("illegal\ninstruction")

    monkeypatch.setattr(torch.nn, "Conv2d", broken)
    result = call("doctor")
    assert result.exit_code == 1
    assert "FAILED: RuntimeError: illegal instruction" in " ".join(result.stdout.split())
