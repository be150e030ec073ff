from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from facies.errors import InputError
from facies.images import open_images, temporary_store
from facies.images.sources import ArraySource, MappedSource


@pytest.fixture
def pixels(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (12, 8, 6), dtype=np.uint8)


def test_arrays_are_read_in_place(pixels: np.ndarray) -> None:
    images = open_images(pixels)
    assert isinstance(images.source, ArraySource)
    assert np.shares_memory(images.source.array, pixels)
    assert images.table["id"].tolist() == [str(k) for k in range(12)]
    assert images.origin == {"kind": "array", "path": None, "options": {}}


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_tensors_are_read(dtype: torch.dtype) -> None:
    tensor = (
        torch.arange(2 * 3 * 8 * 8).reshape(2, 3, 8, 8).remainder(100).to(dtype).requires_grad_(dtype.is_floating_point)
    )
    images = open_images(tensor)
    assert images.image_shape == (3, 8, 8)
    torch.testing.assert_close(images[1], tensor[1].detach().float())


def test_a_npy_file_is_mapped_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporary_store, "BYTES_PER_BLOCK", 2**18)
    big = np.zeros((4000, 64, 64), dtype=np.uint8)
    big[1] = 1
    np.save(tmp_path / "a.npy", big)
    tracemalloc.start()
    images = open_images(tmp_path / "a.npy")
    images.__getitems__([3999, 1])
    images.fingerprint()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(images.source, MappedSource)
    assert images.source.path == tmp_path / "a.npy"
    assert peak < big.nbytes / 4
    assert images[1].min() == 1


@pytest.mark.parametrize("fortran", [False, True])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("in_memory", [0, 10**9])
def test_a_npz_file_is_read(
    save, fortran: bool, in_memory: int, tmp_path: Path, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(temporary_store, "MAX_BYTES_IN_MEMORY", in_memory)
    stored = np.asfortranarray(pixels) if fortran else pixels
    save(tmp_path / "a.npz", labels=np.arange(12, dtype=np.uint8) % 3, images=stored)
    images = open_images(tmp_path / "a.npz")
    np.testing.assert_array_equal(images.__getitems__([11, 0, 5])[:, 0].numpy(), pixels[[11, 0, 5]])
    assert images.labels is not None
    assert images.labels.tolist() == [k % 3 for k in range(12)]
    assert isinstance(images.source, MappedSource) == (save is np.savez or (in_memory == 0 and not fortran))


def test_what_else_a_npz_says_goes_into_the_table(tmp_path: Path, pixels: np.ndarray) -> None:
    np.savez(
        tmp_path / "a.npz", images=pixels, labels=np.arange(12) % 2, class_names=np.array(["bone", "rock"]),
        split=np.arange(12) > 6, id=np.array([f"grain {k}" for k in range(12)]), photo=np.array([b"p"] * 12),
        scale=np.array([1.5]), boxes=np.zeros((12, 4)), source=np.arange(12), note=np.array([{}] * 12),
    )  # fmt: skip
    images = open_images(tmp_path / "a.npz")
    assert sorted(images.table.columns) == ["id", "photo", "source", "split"]
    assert images.table["id"][3] == "grain 3"
    assert images.table["source"].unique().tolist() == ["a.npz"]
    assert images.table["photo"][0] == "p"
    assert images.table["split"].sum() == 5
    assert images.label_names == ["bone", "rock"]


def test_labels_that_are_words_are_numbered(tmp_path: Path, pixels: np.ndarray) -> None:
    np.savez(tmp_path / "a.npz", images=pixels, labels=np.array(["x", "a"] * 6))
    images = open_images(tmp_path / "a.npz")
    assert images.labels is not None
    assert images.labels.tolist() == [1, 0] * 6
    assert images.label_names == ["a", "x"]


def _truncate(path: Path, keep: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    return path


def _objects(path: Path) -> Path:
    np.save(path, np.array([None, {}], dtype=object), allow_pickle=True)
    return path


def _npy(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


def _npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def _text(path: Path, text: bytes = b"hello, this is no array") -> Path:
    path.write_bytes(text)
    return path


def _renamed(path: Path) -> Path:
    np.save(path.with_suffix(".npy"), np.zeros((5, 8, 8)))
    return path.with_suffix(".npy").rename(path)


IMAGES = np.random.default_rng(0).integers(0, 256, (50, 16, 16), dtype=np.uint8)
BAD = {
    "text.npy": (_text, "is not a NumPy array"),
    "empty.npy": (lambda p: _text(p, b""), "is not a NumPy array"),
    "header.npy": (lambda p: _text(p, b"\x93NUMPY\x01\x00\xff"), "damaged or truncated"),
    "cut.npy": (lambda p: _truncate(_npy(p, IMAGES), 0.5), "damaged or truncated"),
    "objects.npy": (_objects, "holds Python objects"),
    "words.npy": (lambda p: _npy(p, np.array(["a", "b"])), "not numbers"),
    "complex.npy": (lambda p: _npy(p, IMAGES.astype(complex)), "complex128"),
    "flat.npy": (lambda p: _npy(p, IMAGES.reshape(50, 256)), r"\(50, 16, 16\)"),
    "none.npy": (lambda p: _npy(p, IMAGES[:0]), "is empty"),
    "text.npz": (_text, "is no .npz file"),
    "renamed.npz": (_renamed, "is no .npz file"),
    "cut.npz": (lambda p: _truncate(_npz(p, images=IMAGES), 0.5), "is no .npz file"),
    "keys.npz": (lambda p: _npz(p, pictures=IMAGES, y=IMAGES), "no array named 'images' .it has pictures, y"),
    "objects.npz": (lambda p: _npz(p, images=np.array([None] * 3)), "Python objects"),
    "objectlabels.npz": (
        lambda p: _npz(p, images=IMAGES, labels=np.array([None] * 50)),
        "'labels' holds Python objects",
    ),
    "labels.npz": (lambda p: _npz(p, images=IMAGES, labels=np.arange(49)), "49 labels for 50 images"),
    "ids.npz": (lambda p: _npz(p, images=IMAGES, id=np.array(["a"] * 50)), "'id' names several images alike"),
    "flat.npz": (lambda p: _npz(p, images=IMAGES.reshape(50, 256)), "flattened"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_in_one_line(name: str, tmp_path: Path) -> None:
    make, match = BAD[name]
    path = make(tmp_path / name)
    with pytest.raises(InputError, match=match) as caught:
        open_images(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_flipped_byte_in_a_npz_is_noticed(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, IMAGES)
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("images.npy", buffer.getvalue())
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        open_images(tmp_path / "a.npz")


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_files_without_permission_are_refused(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _npy(tmp_path / "a.npy", IMAGES) if suffix == ".npy" else _npz(tmp_path / "a.npz", images=IMAGES)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(zipfile, "ZipFile", refuse)
    with pytest.raises(InputError, match="no permission to read it"):
        open_images(path)
