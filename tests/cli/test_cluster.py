from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facies.cli.image_options import parse_range, parse_size
from facies.errors import InputError
from facies.io import lock_run
from facies.methods import load_method
from facies.runs import RunFolder
from tests.cli.factories import call, entries, error_line
from tests.workflows.factories import Brightness, K, N, make_input, make_photos, make_pixels


def cluster(source: Path, run: Path, *more: Any) -> Any:
    return call("cluster", source, "-o", run, "--method", "brightness", *more)


def test_the_run_holds_all_that_was_found(source: Path, tmp_path: Path) -> None:
    result = cluster(source, tmp_path / "run", "--seed", 5, "--set", "kind=median")
    assert result.exit_code == 0, result.stderr
    run = RunFolder(tmp_path / "run")
    assert run.manifest["method"] == "brightness"
    assert run.manifest["preset"] == "quick"
    assert run.manifest["seed"] == run.manifest["parameters"]["random_state"] == 5
    assert run.manifest["parameters"]["kind"] == "median"
    assert run.manifest["references"] == [Brightness.reference]
    assert run.manifest["notes"] == ["A note of the method."]
    assert run.manifest["command"][:3] == ["facies", "cluster", str(source)]
    assert set(run.manifest["timings"]) == {"measure", "group"}
    assert run.manifest["metrics"]["accuracy"] == 1.0
    assert run.manifest["input"]["value_range"] == [0.0, float(make_pixels().max())]
    assert run.partitions() == ["density", "brightness"]
    density, _ = run.partition("density")
    assert (density["group"] == -1).sum() == N // 10
    partition, meta = run.partition()
    assert meta["name"] == "brightness"
    method = load_method(run.model_folder)
    np.testing.assert_array_equal(method.predict(source), partition["group"])
    np.testing.assert_allclose(method.predict_proba(source).max(axis=1), partition["probability"], rtol=1e-6)
    assert run.embedding.shape == (N, 4)
    assert run.projection()[1]["name"] == "umap"
    assert run.training_curves["stage"].tolist() == ["measure", "measure", "group"]
    assert run.samples is not None
    assert run.samples.shape == (K, 16, 1, 16, 16)
    assert 0 <= run.samples.min() < run.samples.max() <= 1
    assert entries(tmp_path) == {"images.npz", "run"} | {f"run/{name}" for name in entries(tmp_path / "run")}


def test_samples_are_brought_to_between_black_and_white(source: Path, tmp_path: Path) -> None:
    cluster(source, tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    low, high = run.manifest["input"]["value_range"]
    drawn = load_method(run.model_folder).sample(16, cluster=1, random_state=None).mean()
    assert run.samples is not None
    assert run.samples[1].mean() == pytest.approx((drawn - low) / (high - low), abs=0.01)


def test_summary_for_people(source: Path, tmp_path: Path) -> None:
    result = cluster(source, tmp_path / "a run")
    assert "groups found" in result.stdout
    assert "Accuracy (ACC)" in result.stdout
    assert f"facies report '{tmp_path / 'a run'}' -o report.html" in result.stdout
    assert "measure: done" in result.stderr
    assert "measure" not in result.stdout


def test_summary_says_nothing_of_accuracy_without_labels(tmp_path: Path) -> None:
    result = cluster(make_input(tmp_path, labels=False), tmp_path / "run")
    assert "Accuracy" not in result.stdout
    assert RunFolder(tmp_path / "run").labels is None


def test_json_is_all_of_stdout(source: Path, tmp_path: Path) -> None:
    found = json.loads(cluster(source, tmp_path / "run", "--json").stdout)
    assert found["run"] == str(tmp_path / "run")
    assert found["n_groups"] == K
    assert found["n_images"] == N
    assert found["group_sizes"] == {"0": 20, "1": 20, "2": 20}
    assert found["metrics"]["nmi"] == 1.0
    assert found["complete_before"] is False


def test_folder_with_a_damaged_file_and_options_of_reading(tmp_path: Path) -> None:
    photos = make_photos(tmp_path / "photos", 24)
    (photos / "kind 0" / "broken.png").write_bytes(b"\x89PNG nothing")
    labels = tmp_path / "labels.csv"
    names = [path.relative_to(photos).as_posix() for path in photos.rglob("*.png") if path.name != "broken.png"]
    labels.write_text("id,label\n" + "".join(f"{name},{name.split('/')[0]}\n" for name in names))
    options = ("--channels", "rgb", "--size", "8x12", "--fit", "pad", "--labels", labels)
    result = cluster(photos, tmp_path / "run", *options)
    assert result.exit_code == 0, result.stderr
    assert "reading …" in result.stderr
    assert "kind 0/broken.png" in result.stdout
    run = RunFolder(tmp_path / "run")
    assert run.manifest["input"]["image_shape"] == [3, 8, 12]
    assert run.manifest["input"]["origin"]["options"]["fit"] == "pad"
    assert run.label_names == ["kind 0", "kind 1", "kind 2"]
    assert [item["source"] for item in run.manifest["left_out"]] == ["kind 0/broken.png"]


def test_preset_hardware_and_seed_become_parameters(source: Path, tmp_path: Path) -> None:
    options = (
        "--preset",
        "paper",
        "--accelerator",
        "cpu",
        "--devices",
        1,
        "--precision",
        "32-true",
    )
    assert cluster(source, tmp_path / "run", *options).exit_code == 0
    parameters = RunFolder(tmp_path / "run").manifest["parameters"]
    assert parameters["scale"] == 2.0
    assert parameters["hardware.precision"] == "32-true"
    assert parameters["hardware.accelerator"] == "cpu"


def test_log_for_tensorboard(source: Path, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert cluster(source, tmp_path / "run", "--log", tmp_path / "log").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "log").iterdir()) == ["group", "measure"]
    events = EventAccumulator(str(tmp_path / "log" / "measure"))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(1, 1.0), (2, 0.5)]
    group = EventAccumulator(str(tmp_path / "log" / "group"))
    group.Reload()
    assert group.Tags()["scalars"] == ["inertia"]


def test_log_without_tensorboard_is_refused_before_the_work(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    before = Brightness.measured
    result = cluster(source, tmp_path / "run", "--log", tmp_path / "log")
    assert result.exit_code == 2
    assert "facies[logs]" in error_line(result)
    assert Brightness.measured == before


def test_overwrite_replaces_a_run(source: Path, tmp_path: Path) -> None:
    cluster(source, tmp_path / "run")
    assert cluster(source, tmp_path / "run", "--overwrite", "--set", "n_clusters=2").exit_code == 0
    assert RunFolder(tmp_path / "run").manifest["n_groups"] == 2


def test_folders_above_the_run_are_made_and_unmade(source: Path, tmp_path: Path) -> None:
    assert cluster(source, tmp_path / "a/b/run").exit_code == 0
    before = entries(tmp_path)
    assert cluster(tmp_path / "nothing", tmp_path / "c/d/run").exit_code == 2
    assert entries(tmp_path) == before


def interrupt(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let the method end in its second stage."""

    def load_state(self: Brightness, state: Any) -> None:
        raise error

    monkeypatch.setattr(Brightness, "load_state", load_state)


def interrupted(source: Path, run: Path, monkeypatch: pytest.MonkeyPatch, *more: Any) -> Any:
    with monkeypatch.context() as patch:
        interrupt(patch, KeyboardInterrupt())
        return cluster(source, run, *more)


def test_ctrl_c_leaves_what_resume_goes_on_with(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"
    result = interrupted(source, run, monkeypatch)
    assert result.exit_code == 130
    assert "--resume" in error_line(result)
    assert not run.exists()
    assert (tmp_path / ".run.work" / "01-measure.safetensors").exists()
    before = Brightness.measured
    resumed = cluster(source, run, "--resume")
    assert resumed.exit_code == 0, resumed.stderr
    assert Brightness.measured == before, "the finished stage was run again"
    cluster(source, tmp_path / "unbroken")
    for name in (None, "density"):
        assert RunFolder(run).partition(name)[0].equals(RunFolder(tmp_path / "unbroken").partition(name)[0])
    assert (
        RunFolder(run)
        .training_curves.drop(columns="seconds")
        .equals(RunFolder(tmp_path / "unbroken").training_curves.drop(columns="seconds"))
    )
    assert not (tmp_path / ".run.work").exists()


def test_an_unfinished_run_asks_what_to_do(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(source, tmp_path / "run", monkeypatch)
    before = entries(tmp_path)
    result = cluster(source, tmp_path / "run")
    assert result.exit_code == 2
    assert "--resume" in error_line(result)
    assert "--overwrite" in error_line(result)
    assert entries(tmp_path) == before
    assert cluster(source, tmp_path / "run", "--overwrite", "--set", "n_clusters=2").exit_code == 0
    assert RunFolder(tmp_path / "run").manifest["n_groups"] == 2


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (("--set", "n_clusters=2"), "n_clusters was 3, is 2"),
        (("--seed", "4"), "random_state was 0, is 4"),
        (("--preset", "paper"), "scale was null, is 2.0"),
        (("--size", "12"), "the images are no longer the same"),
    ],
)
def test_resume_refuses_what_was_not_begun(
    changed: tuple[str, ...], words: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(source, tmp_path / "run", monkeypatch)
    before = entries(tmp_path)
    result = cluster(source, tmp_path / "run", "--resume", *changed)
    assert result.exit_code == 2
    assert words in error_line(result)
    assert entries(tmp_path) == before


def test_resume_refuses_another_version(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(source, tmp_path / "run", monkeypatch)
    monkeypatch.setattr("facies.workflows.work_folder.__version__", "9.9")
    result = cluster(source, tmp_path / "run", "--resume")
    assert result.exit_code == 2
    assert "facies 0." in error_line(result)
    assert "9.9" in error_line(result)


def test_resume_refuses_other_images(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(source, tmp_path / "run", monkeypatch)
    make_input(tmp_path, n=N + 1)
    assert "60 images, not 61" in error_line(cluster(source, tmp_path / "run", "--resume"))
    make_input(tmp_path, seed=1)
    assert "no longer the same" in error_line(cluster(source, tmp_path / "run", "--resume"))


def test_resume_of_nothing_begins(source: Path, tmp_path: Path) -> None:
    result = cluster(source, tmp_path / "run", "--resume")
    assert result.exit_code == 0
    assert "beginning from the start" in result.stderr
    assert RunFolder(tmp_path / "run").manifest["n_groups"] == K


def test_resume_of_a_complete_run_says_so(source: Path, tmp_path: Path) -> None:
    cluster(source, tmp_path / "run")
    before = (tmp_path / "run" / "run.json").read_bytes()
    result = cluster(source, tmp_path / "run", "--resume")
    assert result.exit_code == 0
    assert "is complete" in result.stdout
    assert (tmp_path / "run" / "run.json").read_bytes() == before
    assert json.loads(cluster(source, tmp_path / "run", "--resume", "--json").stdout)["complete_before"] is True


def test_resume_of_a_complete_run_with_other_parameters_is_refused(source: Path, tmp_path: Path) -> None:
    cluster(source, tmp_path / "run")
    result = cluster(source, tmp_path / "run", "--resume", "--set", "n_clusters=2")
    assert result.exit_code == 2
    assert "n_clusters was 3, is 2" in error_line(result)
    other = call("cluster", source, "-o", tmp_path / "run", "--resume", "--method", "silent")
    assert "--method brightness, not silent" in error_line(other)


def test_a_complete_run_from_before_a_parameter_was_added_had_its_default(source: Path, tmp_path: Path) -> None:
    cluster(source, tmp_path / "run")
    manifest = json.loads((tmp_path / "run" / "run.json").read_text())
    assert manifest["parameters"].pop("n_clusters") == K
    (tmp_path / "run" / "run.json").write_text(json.dumps(manifest))
    assert "is complete" in cluster(source, tmp_path / "run", "--resume").stdout
    assert "n_clusters was 3, is 2" in error_line(
        cluster(source, tmp_path / "run", "--resume", "--set", "n_clusters=2")
    )


def test_an_interrupted_overwrite_goes_on_and_then_replaces(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, changed = tmp_path / "run", ("--set", "n_clusters=2")
    cluster(source, run)
    interrupted(source, run, monkeypatch, "--overwrite", *changed)
    assert RunFolder(run).manifest["n_groups"] == 3, "the old run stays until the new one is whole"
    before = Brightness.measured
    assert cluster(source, run, "--resume", *changed).exit_code == 0
    assert Brightness.measured == before
    assert RunFolder(run).manifest["n_groups"] == 2
    assert not (tmp_path / ".run.work").exists()


def test_a_kill_between_the_run_and_the_removal_of_its_work(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from facies.workflows.work_folder import WorkFolder

    with monkeypatch.context() as patch:
        removals = []
        original = WorkFolder.remove
        patch.setattr(WorkFolder, "remove", lambda self: removals.append(1) if self.run.exists() else original(self))
        cluster(source, tmp_path / "run")
        assert removals
    assert (tmp_path / ".run.work" / "fit.json").exists()
    assert "is complete" in cluster(source, tmp_path / "run", "--resume").stdout
    assert not (tmp_path / ".run.work").exists()


def test_a_remnant_without_fit_json_is_nothing(source: Path, tmp_path: Path) -> None:
    (tmp_path / ".run.work").mkdir()
    (tmp_path / ".run.work" / "01-measure.safetensors").write_bytes(b"half")
    assert cluster(source, tmp_path / "run").exit_code == 0


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"format": 2}', '{"format": 1, "what": 3}'])
def test_a_damaged_work_folder_asks_to_begin_anew(damage: str, source: Path, tmp_path: Path) -> None:
    (tmp_path / ".run.work").mkdir()
    (tmp_path / ".run.work" / "fit.json").write_text(damage)
    result = cluster(source, tmp_path / "run", "--resume")
    assert result.exit_code == 2
    assert "--overwrite begins anew" in error_line(result)
    assert cluster(source, tmp_path / "run", "--overwrite").exit_code == 0


def test_our_fault_leaves_what_can_go_on(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        interrupt(patch, KeyError("oh"))
        result = cluster(source, tmp_path / "run")
    assert result.exit_code == 1
    assert "KeyError" in error_line(result)
    assert cluster(source, tmp_path / "run", "--resume").exit_code == 0


def test_images_that_the_fit_refuses_leave_nothing(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = entries(tmp_path)
    interrupt(monkeypatch, InputError("the loss is no longer a number: lower the learning rate"))
    result = cluster(source, tmp_path / "run")
    assert result.exit_code == 2
    assert error_line(result) == "the loss is no longer a number: lower the learning rate"
    assert entries(tmp_path) == before


def test_resume_and_overwrite_together(source: Path, tmp_path: Path) -> None:
    assert "give one of them" in error_line(cluster(source, tmp_path / "run", "--resume", "--overwrite"))


def test_the_run_is_locked_while_it_is_made(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    holders = []
    lock = tmp_path / ".run.lock"
    monkeypatch.setattr(Brightness, "check", lambda self, images: holders.append(lock.read_text()))
    cluster(source, tmp_path / "run")
    assert set(holders) == {f"{os.getpid()}\n"}
    assert not lock.exists()
    with lock_run(tmp_path / "run"):
        pass


@pytest.mark.parametrize(("text", "size"), [(None, None), ("64", 64), ("64x48", (64, 48)), ("8×9", (8, 9))])
def test_size(text: str | None, size: Any) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "64x", "64x48x3", "-3", "a"])
def test_size_that_is_none(text: str) -> None:
    with pytest.raises(InputError, match="64x48"):
        parse_size(text)


def test_a_range_is_kept_with_the_run_and_said(source: Path, tmp_path: Path) -> None:
    result = cluster(source, tmp_path / "run", "--range", "10,100")
    assert result.exit_code == 0, result.stderr
    run = RunFolder(tmp_path / "run")
    assert run.manifest["input"]["value_range"] == [10.0, 100.0]
    assert run.image_set().value_range() == (10.0, 100.0)
    assert "lie outside 10 … 100 and were clipped, as --range asks" in result.stdout
    values = run.thumbnails.index["values"]
    assert (values["black"], values["white"]) == (10.0, 100.0)


def test_one_odd_pixel_is_said_and_leaves_the_pictures_bright(tmp_path: Path) -> None:
    pixels = make_pixels().astype(np.float32)
    pixels[0].flat[0] = -9999
    np.save(tmp_path / "a.npy", pixels)
    result = cluster(tmp_path / "a.npy", tmp_path / "run")
    assert "-9999 stands for no data" in result.stdout
    run = RunFolder(tmp_path / "run")
    assert run.manifest["input"]["value_range"] == [0.0, float(make_pixels().max())]
    assert [note for note in run.manifest["notes"] if "-9999" in note] == [
        note for note in run.manifest["notes"] if "lie outside" in note
    ]
    assert run.thumbnails.array(1).max() > 100


@pytest.mark.parametrize("text", ["5", "1,2,3", "low,high", ""])
def test_a_range_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="two numbers"):
        parse_range(text)


def test_a_range_is_two_numbers() -> None:
    assert parse_range("-9.5, 4e3") == (-9.5, 4000.0)
    assert parse_range(None) is None


def test_the_run_says_how_far_its_groups_can_be_trusted(source: Path, tmp_path: Path) -> None:
    result = cluster(source, tmp_path / "run", "--set", "kind=median")
    assert "may say little" not in result.stdout
    manifest = RunFolder(tmp_path / "run").manifest
    assert manifest["reliability"]["n_groups"] == K
    assert manifest["reliability"]["stability"] > 0.9
    assert manifest["description"]["changed"] == {"kind": "median"}
    noise = tmp_path / "noise.npy"
    np.save(noise, np.random.default_rng(0).integers(0, 256, (200, 12, 12), dtype=np.uint8))
    said = cluster(noise, tmp_path / "of noise", "--set", "n_clusters=2")
    assert said.exit_code == 0, said.stderr
    lines = said.stdout.splitlines()
    first = next(number for number, line in enumerate(lines) if "may say little: only 2 groups came out" in line)
    assert lines[first + 1].startswith(
        f"  facies cluster {noise} -o 'of noise-2' --method brightness --preset quick --set n_clusters=10"
    )
    assert any("no better than pieces cut out of one cloud" in line for line in lines)
