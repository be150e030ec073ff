"""What is written is read back; nothing half-written is ever left."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.images import ImageSet, open_images
from facies.io import atomic_file
from facies.runs import RunFolder, check_output, write_run
from tests.runs.factories import K, N, make_contents, make_images


def test_everything_written_is_read_back(run: RunFolder, images: ImageSet) -> None:
    contents = make_contents(images)
    again = RunFolder(run.path)
    assert len(again) == N
    assert again.embedding.dtype == np.float32
    assert isinstance(again.embedding, np.memmap)
    np.testing.assert_array_equal(again.embedding, contents.embedding)
    np.testing.assert_array_equal(again.labels, images.labels)
    pd.testing.assert_frame_equal(again.images.drop(columns="label"), images.table)
    points, meta = again.projection()
    np.testing.assert_array_equal(points, contents.projections["umap"][0])
    assert meta["name"] == "umap"
    assert meta["method"] == "UMAP"
    assert meta["seed"] == 3
    table, meta = again.partition()
    pd.testing.assert_frame_equal(table, contents.partitions["density"][0], check_dtype=True)
    assert meta["n_groups"] == K
    assert meta["parameters"] == {"min_cluster_size": 5}
    pd.testing.assert_frame_equal(again.training_curves, contents.training_curves)
    np.testing.assert_array_equal(again.samples, contents.samples)
    assert (again.model_folder / "model.safetensors").stat().st_size == 1000


def test_the_manifest_tells_what_was_done(run: RunFolder, images: ImageSet) -> None:
    manifest = json.loads((run.path / "run.json").read_text("utf-8"))
    assert manifest["format"] == 1
    assert manifest["input"] == {
        "origin": images.origin,
        "n_images": N,
        "image_shape": [1, 12, 12],
        "dtype": "uint8",
        "fingerprint": images.fingerprint(),
        "labelled": True,
        "label_names": images.label_names,
    }
    assert manifest["parameters"] == {"beta": 0.5, "latent_size": None, "folder": "a/b"}
    assert manifest["metrics"] == {"accuracy": None, "reconstruction": {"mse": 0.012}}
    assert manifest["n_groups"] == K
    assert manifest["partition"] == "density"
    assert manifest["versions"]["numpy"] == np.__version__
    assert manifest["machine"]["cpus"] >= 1
    on_disk = {str(p.relative_to(run.path)) for p in run.path.rglob("*") if p.is_file()} - {"run.json"}
    assert set(manifest["files"]) == on_disk


def test_what_could_not_be_read_and_its_reason_are_kept(tmp_path: Path) -> None:
    images = make_images(tmp_path)
    images.left_out = pd.DataFrame({"source": ["b.png"], "reason": ["truncated"]})
    images.notes = ["sizes differ"]
    run = write_run(tmp_path / "run", make_contents(images))
    assert run.manifest["left_out"] == [{"source": "b.png", "reason": "truncated"}]
    assert run.manifest["notes"] == ["sizes differ", "A note."]


def test_without_labels_samples_history_and_model(tmp_path: Path) -> None:
    images = make_images(tmp_path, labels=False)
    run = write_run(tmp_path / "run", make_contents(images, training_curves=None, samples=None, save_model=None))
    assert run.labels is None
    assert run.samples is None
    assert run.training_curves.empty
    with pytest.raises(InputError, match="holds no model"):
        _ = run.model_folder


def test_a_column_named_label_is_no_true_label(tmp_path: Path) -> None:
    images = make_images(tmp_path, labels=False)
    images.table["label"] = 7
    assert write_run(tmp_path / "run", make_contents(images)).labels is None


def test_an_existing_output_is_kept_and_the_mend_is_said(run: RunFolder, images: ImageSet) -> None:
    before = (run.path / "run.json").read_bytes()
    for attempt in (lambda: write_run(run.path, make_contents(images)), lambda: check_output(run.path)):
        with pytest.raises(InputError, match=r"already exists: use --resume .* --overwrite"):
            attempt()
    assert (run.path / "run.json").read_bytes() == before


def test_overwrite_replaces_all_of_the_old_run(run: RunFolder, images: ImageSet) -> None:
    run.add_partition("later", run.partition()[0], {})
    again = write_run(run.path, make_contents(images, manifest={"method": "other"}), overwrite=True)
    assert again.manifest["method"] == "other"
    assert again.partitions() == ["density"]
    assert hidden(run.path.parent) == []


@pytest.mark.parametrize("content", [None, "thesis.tex"])
def test_overwrite_never_touches_what_is_not_a_run(tmp_path: Path, images: ImageSet, content: str | None) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    if content:
        (precious / content).write_text("years of work")
    with pytest.raises(InputError, match="not a run folder"):
        write_run(precious, make_contents(images), overwrite=True)
    assert precious.is_dir()
    assert [path.name for path in precious.iterdir()] == ([content] if content else [])


def test_overwrite_never_touches_a_file(tmp_path: Path, images: ImageSet) -> None:
    file = tmp_path / "file"
    file.write_text("text")
    with pytest.raises(InputError, match="not a run folder"):
        write_run(file, make_contents(images), overwrite=True)
    assert file.read_text() == "text"


def test_a_full_disk_leaves_nothing_and_says_where_and_how_much(tmp_path: Path, images: ImageSet) -> None:
    def fill(folder: Path) -> None:
        (folder / "big").write_bytes(bytes(2_000_000))
        with Path("/dev/full").open("wb", buffering=0) as device:
            device.write(b"x")

    where = tmp_path / "there"
    where.mkdir()
    with pytest.raises(InputError, match=rf"disk that holds {where} is full: run did not fit .* after 2\.\d+ MB"):
        write_run(where / "run", make_contents(images, save_model=fill))
    assert list(where.iterdir()) == []


def test_a_disk_that_is_full_deep_inside_is_told_by_the_users_name(tmp_path: Path, images: ImageSet) -> None:
    def fill(folder: Path) -> None:
        with atomic_file(folder / "inner"):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(InputError, match=rf"disk that holds {tmp_path} is full: run did not fit"):
        write_run(tmp_path / "run", make_contents(images, save_model=fill))


def test_a_full_disk_keeps_the_run_that_was_to_be_overwritten(run: RunFolder, images: ImageSet) -> None:
    def fill(folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(InputError, match="full"):
        write_run(run.path, make_contents(images, save_model=fill), overwrite=True)
    assert RunFolder(run.path).manifest["method"] == "moe-vae"
    assert hidden(run.path.parent) == []


def test_an_error_of_ours_is_not_dressed_up(tmp_path: Path, images: ImageSet) -> None:
    def fail(folder: Path) -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        write_run(tmp_path / "run", make_contents(images, save_model=fail))
    assert not (tmp_path / "run").exists()
    assert hidden(tmp_path) == []


def test_remains_of_a_killed_writer_are_cleared_and_a_run_put_aside_comes_back(
    run: RunFolder, images: ImageSet
) -> None:
    aside = run.path.with_name(f".{run.path.name}.replaced-0123abcd")
    run.path.rename(aside)
    partial = run.path.with_name(f".{run.path.name}.partial-0123abcd")
    (partial / "thumbnails").mkdir(parents=True)
    other = run.path.with_name(".another.partial-0123abcd")
    other.mkdir()
    with pytest.raises(InputError, match="already exists"):
        write_run(run.path, make_contents(images))
    assert RunFolder(run.path).manifest["method"] == "moe-vae"
    assert hidden(run.path.parent) == [other.name]


def test_folders_above_are_made(tmp_path: Path, images: ImageSet) -> None:
    assert write_run(tmp_path / "a" / "b" / "run", make_contents(images)).path == tmp_path / "a" / "b" / "run"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"embedding": np.zeros((N - 1, 2), np.float32)}, "embedding of 60 images has 60 rows"),
        ({"embedding": np.zeros(N, np.float32)}, "embedding of 60 images has 60 rows"),
        ({"partitions": {}}, "at least one partition"),
        ({"projections": {"p": (np.zeros((N, 3), np.float32), {})}}, r"shape \(60, 2\)"),
        ({"projections": {"p": (np.full((N, 2), np.nan, np.float32), {})}}, "NaN or infinity"),
        ({"companions": {"images": pd.DataFrame({"id": range(N)})}}, "named 'images', as is the table of the run"),
        ({"projections": {"../p": (np.zeros((N, 2), np.float32), {})}}, "cannot name"),
        ({"partitions": {"p": (pd.DataFrame({"id": ["a"] * N, "group": 0}), {})}}, "not those of the run's images"),
        ({"partitions": {"p": (pd.DataFrame({"group": [0] * N}), {})}}, "needs the column 'id'"),
    ],
)
def test_contents_that_do_not_fit_are_refused_before_anything_is_written(
    tmp_path: Path, images: ImageSet, changes: dict, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        write_run(tmp_path / "run", make_contents(images, **changes))
    assert not (tmp_path / "run").exists()
    assert hidden(tmp_path) == []


def test_a_part_of_an_image_set_does_not_drown_the_manifest(tmp_path: Path) -> None:
    images = make_images(tmp_path).subset(np.arange(0, N, 2))
    run = write_run(tmp_path / "run", make_contents(images))
    assert "subset" not in run.manifest["input"]["origin"]
    assert run.image_set().table["id"].tolist() == images.table["id"].tolist()


def test_a_set_in_memory_can_be_written(tmp_path: Path) -> None:
    images = open_images(np.random.default_rng(0).random((20, 9, 7)))
    run = write_run(tmp_path / "run", make_contents(images))
    assert run.manifest["input"]["n_images"] == 20
    with pytest.raises(InputError, match="came from memory"):
        run.image_set()


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


class Upside:
    """Images upside down, as a method could set them."""

    def __init__(self, images: ImageSet) -> None:
        self.table, self.image_shape, self.images = images.table, images.image_shape, images

    def __len__(self) -> int:
        return len(self.images)

    def batches(self, batch_size: int):
        for batch in self.images.batches(batch_size):
            yield batch.flip(-2)


def test_arrays_of_the_method_and_canonical_thumbnails_are_read_back(tmp_path: Path, images: ImageSet) -> None:
    arrays = {"epoch_labels": np.arange(2 * N, dtype=np.int16).reshape(2, N), "example_rows": np.array([3, 1])}
    made = write_run(tmp_path / "upright", make_contents(images, arrays=arrays, canonical_images=Upside(images)))
    again = RunFolder(made.path)
    for name, array in arrays.items():
        found = again.method_array(name)
        assert found is not None
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)
    assert again.method_array("others") is None
    upright = again.canonical_thumbnails
    assert upright is not None
    assert len(upright) == N
    assert upright.index["values"] == again.thumbnails.index["values"]
    for row in (0, 7, N - 1):
        np.testing.assert_array_equal(upright.array(row), again.thumbnails.array(row)[::-1])
        assert (upright.array(row) != again.thumbnails.array(row)).any()


def test_most_runs_have_neither(run: RunFolder) -> None:
    assert run.canonical_thumbnails is None
    assert run.method_array("epoch_labels") is None
    assert not (run.path / "method").exists()


def test_a_damaged_array_of_the_method_is_named(tmp_path: Path, images: ImageSet) -> None:
    made = write_run(tmp_path / "damaged", make_contents(images, arrays={"epoch_labels": np.zeros((2, N))}))
    path = made.path / "method" / "epoch_labels.npy"
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(InputError, match=r"epoch_labels\.npy is missing or damaged"):
        RunFolder(made.path).method_array("epoch_labels")


def test_as_many_upright_images_as_images(tmp_path: Path, images: ImageSet) -> None:
    few = Upside(images.subset(np.arange(5)))
    with pytest.raises(InputError, match="there are 60 images, and 5 set upright"):
        write_run(tmp_path / "few", make_contents(images, canonical_images=few))
    assert not (tmp_path / "few").exists()


def test_a_name_of_an_array_that_is_no_file_name_is_refused(tmp_path: Path, images: ImageSet) -> None:
    with pytest.raises(InputError, match="cannot name"):
        write_run(tmp_path / "odd", make_contents(images, arrays={"../x": np.zeros(3)}))
