"""Results on disk: what goes in comes out, whole, whenever the writer dies."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from facies.errors import InputError
from facies.training import StageCheckpoints
from facies.training.checkpoints import load_state, roundtrip, save_state

_WRITER = """
import sys
from pathlib import Path
import numpy as np
from facies.training.checkpoints import save_state
number = 0
while True:
    number += 1
    save_state(Path(sys.argv[1]), {"number": number, "array": np.full(400_000, number)})
    print(number, flush=True)
"""


def test_round_trip(tmp_path):
    path = tmp_path / "deep" / "results.safetensors"
    network = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3)).to(
        memory_format=torch.channels_last
    )
    results = {
        "floats": np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32),
        "doubles": np.array([np.pi, np.inf, np.nan]),
        "integers": np.arange(-3, 4).reshape(1, 7),
        "flags": np.array([True, False]),
        "turned": np.arange(12.0).reshape(3, 4).T,
        "nothing": np.zeros((0, 5), dtype=np.float32),
        "state": dict(network.state_dict()),
        "a/b": np.ones(2),
        "number": 3,
        "share": 0.1 + 0.2,
        "best": float("inf"),
        "text": "σ² …",
        "list": [1, 2, {"a": None}],
        "empty": {},
    }
    save_state(path, results)
    back = load_state(path)
    assert set(back) == set(results)
    for name, value in results.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(back[name], value)
            assert back[name].dtype == value.dtype
        elif name != "state":
            assert back[name] == value
            assert type(back[name]) is type(value)
    assert len(back["state"]) > 0
    assert set(back["state"]) == set(results["state"])
    for name, tensor in results["state"].items():
        assert torch.equal(back["state"][name], tensor)
        assert back["state"][name].dtype == tensor.dtype
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_results_in_memory_have_the_form_of_those_read_back(tmp_path):
    weights = torch.randn(4, 3, 3, 3).to(memory_format=torch.channels_last)
    results = {
        "turned": np.arange(12.0).reshape(3, 4).T,
        "single": np.array(2.5),
        "state": {"w": weights},
        "pair": (1, 2),
        "x": None,
    }
    save_state(tmp_path / "r", results)
    stored, back = roundtrip(results), load_state(tmp_path / "r")
    assert stored["pair"] == back["pair"] == [1, 2]
    assert stored["x"] is back["x"] is None
    for name in ("turned", "single"):
        np.testing.assert_array_equal(stored[name], back[name])
        assert stored[name].strides == back[name].strides
        assert stored[name].dtype == back[name].dtype
    assert torch.equal(stored["state"]["w"], back["state"]["w"])
    assert stored["state"]["w"].stride() == back["state"]["w"].stride() != weights.stride()
    stored["state"]["w"].zero_()
    stored["turned"][:] = 0
    assert weights.any()
    assert results["turned"].any()


def test_a_single_number_keeps_its_shape(tmp_path):
    save_state(tmp_path / "r", {"single": np.array(2.5), "scalars": {"step": torch.tensor(3.0)}})
    back = load_state(tmp_path / "r")
    assert back["single"].shape == ()
    assert back["scalars"]["step"].shape == ()


def test_the_same_array_under_two_names(tmp_path):
    array = np.arange(6.0)
    save_state(tmp_path / "r", {"one": array, "other": array, "part": array[2:]})
    back = load_state(tmp_path / "r")
    np.testing.assert_array_equal(back["one"], array)
    np.testing.assert_array_equal(back["other"], array)
    np.testing.assert_array_equal(back["part"], array[2:])


def test_what_is_given_is_left_alone(tmp_path):
    array, tensor = np.arange(6.0), torch.ones(3)
    save_state(tmp_path / "r", {"array": array, "state": {"a": tensor}})
    back = load_state(tmp_path / "r")
    back["array"][0] = 99
    back["state"]["a"][0] = 99
    assert array[0] == 0
    assert tensor[0] == 1


def test_what_json_cannot_hold_leaves_the_old_file(tmp_path):
    save_state(tmp_path / "r", {"number": 1})
    with pytest.raises(TypeError):
        save_state(tmp_path / "r", {"number": object()})
    assert load_state(tmp_path / "r") == {"number": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["r"]


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), PermissionError(errno.EACCES, "denied")]
)
def test_a_full_disk_is_told_apart_and_leaves_no_litter(tmp_path, monkeypatch, error):
    save_state(tmp_path / "r", {"number": 1})

    def fail(tensors, path, metadata):
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr("facies.training.checkpoints.save_file", fail)
    with pytest.raises(InputError) as caught:
        save_state(tmp_path / "r", {"number": 2})
    full = error.errno == errno.ENOSPC
    assert ("free some space" if full else "choose a place that you may write to") in str(caught.value)
    assert load_state(tmp_path / "r") == {"number": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["r"]


def test_a_killed_writer_leaves_a_whole_file(tmp_path):
    path = tmp_path / "results.safetensors"
    chance = np.random.default_rng(0)
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        told = [int(process.stdout.readline())]
        time.sleep(chance.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        told += [int(line) for line in process.stdout.read().splitlines()]
        process.wait()
        process.stdout.close()
        back = load_state(path)
        assert back["number"] in (told[-1], told[-1] + 1)  # the last one told, or one written and not yet told
        assert (back["array"] == back["number"]).all()
        assert back["array"].shape == (400_000,)


def test_stage_store_without_a_folder_keeps_nothing():
    store = StageCheckpoints()
    store.save_stage(1, "embed", {"number": 1})
    assert store.load_stage(1, "embed") is None
    assert store.training_file(1, "embed", 1) is None


def test_stage_store_keeps_a_stage_by_number_and_name(tmp_path):
    store = StageCheckpoints(tmp_path)
    assert store.load_stage(2, "latent size") is None
    store.save_stage(2, "latent size", {"size": 7})
    assert StageCheckpoints(tmp_path).load_stage(2, "latent size") == {"size": 7}
    assert store.load_stage(3, "latent size") is None
    assert store.load_stage(2, "embed") is None


def test_finishing_a_stage_forgets_its_places_alone(tmp_path):
    store = StageCheckpoints(tmp_path)
    for number, stage, loop in [
        (1, "autoencode", 1),
        (2, "experts", 1),
        (2, "experts", 2),
        (2, "experts again", 1),
        (12, "experts", 1),
    ]:
        save_state(store.training_file(number, stage, loop), {"epoch": 1})
    assert len(list(tmp_path.iterdir())) == 5
    store.save_stage(2, "experts", {"done": True})
    kept = {(1, "autoencode", 1), (2, "experts again", 1), (12, "experts", 1)}
    assert {path.name for path in tmp_path.iterdir()} == {"02-experts.safetensors"} | {
        store.training_file(*place).name for place in kept
    }
