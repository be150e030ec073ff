from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from facies.errors import InputError
from facies.images import open_images, reopen
from facies.images import value_range as module

SIDE = 24


def drawn(rng: np.random.Generator, n: int = 60) -> np.ndarray:
    """Blobs of three kinds, about 0.1 to 0.9: the drawing of the case `hot_pixel`."""
    y, x = np.mgrid[:SIDE, :SIDE]
    return np.stack(
        [
            ((x - 12) ** 2 / (20 + 60 * (k % 3 == 1)) + (y - 12) ** 2 / (20 + 60 * (k % 3 == 2)) < 1.6) * 0.5
            + 0.2
            + rng.normal(0, 0.03, (SIDE, SIDE))
            for k in range(n)
        ]
    ).astype(np.float32)


def twelve_bits(rng: np.random.Generator) -> np.ndarray:
    return np.clip(drawn(rng) * 4095, 0, 4095).astype(np.uint16)


def ends(pixels: np.ndarray) -> tuple[float, float]:
    return float(pixels.min()), float(pixels.max())


@pytest.mark.parametrize("value", [-9999, 3.4e38, -3.4e38, -32768, 1e20, 500.0])
def test_one_odd_pixel_leaves_the_range_as_it_was(rng: np.random.Generator, value: float) -> None:
    clean = drawn(rng)
    odd = clean.copy()
    odd[3, 0, 0] = value
    odd[3, 0, 1] = clean.min()  # so that nothing but the odd pixel is missing at the ends
    images = open_images(odd)
    assert images.value_range() == pytest.approx(ends(np.delete(odd, 3 * SIDE * SIDE)), abs=0)
    (note,) = images.notes
    assert "0.0029 % of the pixels (1 of 34,560, in 1 image) lie outside" in note
    assert "--range LOW,HIGH sets the range" in note
    assert ("for no data" in note) == (value not in (1e20, 500.0))


def test_no_data_is_known_whatever_its_share(rng: np.random.Generator) -> None:
    odd = drawn(rng)
    odd[:, :, :5] = -9999
    images = open_images(odd)
    assert images.value_range() == ends(odd[odd > -9999])
    assert "-9999 stands for no data" in images.notes[0]
    both = odd.copy()
    both[:, :3] = 3.4028235e38
    assert open_images(both).value_range() == ends(both[(both > -9999) & (both < 1e30)])


@pytest.mark.parametrize("share", ["one pixel", "a saturated image"])
def test_65535_in_12_bits_is_no_data(rng: np.random.Generator, share: str) -> None:
    clean = twelve_bits(rng)
    odd = clean.copy()
    odd[0] = 65535 if share == "a saturated image" else np.where(np.arange(SIDE) == 0, 65535, odd[0])
    images = open_images(odd)
    assert images.value_range() == ends(odd[odd < 65535])
    assert "65535 stands for no data" in images.notes[0]


def _sparse(rng: np.random.Generator) -> np.ndarray:
    pixels = np.zeros((100, 32, 32), np.uint16)
    pixels[rng.integers(0, 100, 80), rng.integers(0, 32, 80), rng.integers(0, 32, 80)] = rng.integers(100, 2000, 80)
    return pixels


def _fluorescence(rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[:32, :32]
    pixels = rng.poisson(20, (200, 32, 32)).astype(np.float64)
    pixels[4] += 20_000 * np.exp(-((x - 16) ** 2 + (y - 9) ** 2) / 8)  # rare, bright, and as wide as a lens makes it
    return pixels.astype(np.uint16)


def _dark_frame(rng: np.random.Generator) -> np.ndarray:
    pixels = rng.integers(100, 200, (50, 16, 16)).astype(np.uint16)
    pixels[7] = 0
    return pixels


def _sixteen_bits(rng: np.random.Generator) -> np.ndarray:
    pixels = rng.integers(0, 60_000, (20, 16, 16)).astype(np.uint16)
    pixels[0, :3, :3] = 65535
    return pixels


def _heights(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(-32768, 32768, (40, 16, 16)).astype(np.int16)


CLEAN = {
    "drawn": drawn,
    "12 bits": twelve_bits,
    "sparse": _sparse,
    "one dark frame": _dark_frame,
    "16 bits, saturated": _sixteen_bits,
    "heights": _heights,
    "heavy tails": lambda rng: rng.lognormal(0, 1, (50, 16, 16)).astype(np.float32),
    "black and white": lambda rng: (rng.random((50, 16, 16)) < 0.001).astype(np.uint8) * 255,
    "counts": lambda rng: rng.poisson(0.01, (50, 16, 16)).astype(np.float32),
    "one value an image": lambda _: np.broadcast_to(np.arange(9.0)[:, None, None] ** 4, (9, 8, 8)).copy(),
}


@pytest.mark.parametrize("kind", CLEAN)
def test_without_odd_pixels_the_range_is_smallest_to_largest(rng: np.random.Generator, kind: str) -> None:
    pixels = CLEAN[kind](rng)
    images = open_images(pixels)
    assert images.value_range() == ends(pixels)
    assert not [note for note in images.notes if "clipped" in note or "scale" in note]
    assert images.clipped().source is images.source


def test_bright_spots_are_signal_and_a_note_says_that_they_set_the_scale(rng: np.random.Generator) -> None:
    pixels = _fluorescence(rng)
    images = open_images(pixels)
    assert images.value_range() == ends(pixels)
    assert "in 1 image) lie far from the others" in images.notes[0]
    assert "--range LOW,HIGH clips them" in images.notes[0]
    hot = pixels.copy()
    hot[50, 3, 3] = 65535  # beside them, a pixel more changes nothing of this
    assert "lie far" in open_images(hot).notes[0]


def test_clipped_pixels_are_read_clipped_and_stored_as_they_were(rng: np.random.Generator) -> None:
    odd = drawn(rng)
    odd[3, 0, 0] = -9999
    images = open_images(odd)
    clipped = images.clipped()
    assert images[3].min() == -9999
    assert clipped[3].min() == images.value_range()[0] == clipped.value_range()[0]
    assert clipped.subset([0, 3]).value_range() == images.value_range()
    assert clipped.dtype == images.dtype
    assert images.subset([0, 1]).value_range() == ends(odd[:2])


def test_a_range_is_given(rng: np.random.Generator, tmp_path: Path) -> None:
    pixels = twelve_bits(rng)
    np.save(tmp_path / "a.npy", pixels)
    images = open_images(tmp_path / "a.npy", value_range=(1000.5, 2000))
    assert images.value_range() == (1000.5, 2000.0)
    assert "as --range asks" in images.notes[0]
    assert images.clipped()[0].numpy().min() == 1000  # whole numbers around the range
    assert images.clipped()[0].numpy().max() <= 2000
    again = reopen(images.origin)
    assert again.value_range() == (1000.5, 2000.0)
    assert again.subset([1]).value_range() == (1000.5, 2000.0)
    wide = open_images(pixels, value_range=(0, 4095))
    assert (wide.value_range(), wide.notes) == ((0.0, 4095.0), [])


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ((5, 5), "smaller one first"),
        ((0, np.inf), "smaller one first"),
        ((5000, 6000), "holds none of the pixels, which are from"),
        ((1, 2, 3), "two numbers"),
    ],
)
def test_a_range_that_shows_nothing_is_refused(rng: np.random.Generator, given: tuple, match: str) -> None:
    with pytest.raises(InputError, match=match):
        open_images(twelve_bits(rng), value_range=given)


def test_the_sample_is_even_and_the_range_exact(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAMPLE", 500)
    monkeypatch.setattr("facies.images.temporary_store.BYTES_PER_BLOCK", 2**12)
    odd = drawn(rng)
    odd[41, 2, 2] = 1e6
    images = open_images(odd)
    assert images.value_range() == ends(np.delete(odd, 41 * SIDE * SIDE + 2 * SIDE + 2))


def test_float64_rounds_before_it_is_compared(rng: np.random.Generator) -> None:
    odd = drawn(rng).astype(np.float64) + 1e-12
    odd[0, 0, 0] = -9999
    assert "(1 of 34,560, in 1 image)" in open_images(odd).notes[0]


def test_copies_are_counted(rng: np.random.Generator, tmp_path: Path) -> None:
    pixels = rng.integers(0, 255, (10, 8, 8), dtype=np.uint8)
    pixels[[3, 4]], pixels[7] = pixels[0], pixels[1]
    images = open_images(pixels)
    assert images.notes == ["3 images are copies of others, pixel by pixel (2 groups of equal images)"]
    assert open_images(images).notes == images.notes  # said once
    for row in range(3):
        tifffile.imwrite(tmp_path / f"{row}.tif", pixels[min(row, 1)])
    assert "1 image is a copy of others" in open_images(tmp_path).notes[-1]
