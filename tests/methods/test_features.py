import os

import numpy as np
import pytest
import torch

from facies.images import open_images
from facies.methods.feature_cache import FeatureCache, cache_folder, feature_key
from facies.methods.features import ImageEncoder, features_of, find_encoder
from facies.nn.encoders import EncoderLoader, FunctionEncoder
from tests.test_plugins import register  # noqa: F401

CPU = torch.device("cpu")


class Counted:
    """A function that counts the images it was shown, and can be killed."""

    def __init__(self) -> None:
        self.shown, self.last = 0, None

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        if self.last is not None and self.shown >= self.last:
            raise KeyboardInterrupt
        self.shown += len(images)
        return images.mean(dim=(-2, -1))


def counted(version: str = "1"):
    function = Counted()
    encoder = FunctionEncoder("counted", function, version=version, usual_side=8)
    function.shown = 0
    return function, encoder


def images(seed: int = 0, n: int = 40):
    return open_images(np.random.default_rng(seed).integers(0, 255, (n, 8, 8, 3)).astype(np.uint8))


def features(encoder, of, cache):
    return features_of(of, ImageEncoder.for_images(encoder, of), CPU, batch_size=8, cache=cache)


def test_features_are_found_once_for_the_same_images_and_weights(tmp_path):
    function, encoder = counted()
    cache, first = FeatureCache(tmp_path), images()
    found = features(encoder, first, cache)
    low, high = first.value_range()
    expected = (first.__getitems__(np.arange(40)).numpy().mean(axis=(2, 3)) - low) / (high - low)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_array_equal(features(encoder, images(), cache), found)
    assert function.shown == 40
    features(encoder, images(seed=1), cache)
    assert function.shown == 80
    other, changed = counted("2")
    features(changed, first, cache)
    assert other.shown == 40


def test_what_a_killed_fit_had_found_is_taken_up_again(tmp_path, monkeypatch):
    monkeypatch.setattr("facies.methods.features.SECONDS_BETWEEN_RECORDS", -1.0)
    function, encoder = counted()
    whole = features(encoder, images(), FeatureCache(tmp_path / "other"))
    function.shown, function.last = 0, 24
    with pytest.raises(KeyboardInterrupt):
        features(encoder, images(), FeatureCache(tmp_path))
    function.last = None
    np.testing.assert_array_equal(features(encoder, images(), FeatureCache(tmp_path)), whole)
    assert function.shown == 40
    assert not list(tmp_path.glob("*.partial"))


def test_a_damaged_file_is_not_believed(tmp_path):
    function, encoder = counted()
    whole = np.array(features(encoder, images(), FeatureCache(tmp_path)))
    (path,) = tmp_path.glob("*.npy")
    for content in (path.read_bytes()[:200], b"\x80\x04N.", b""):
        path.write_bytes(content)
        np.testing.assert_array_equal(features(encoder, images(), FeatureCache(tmp_path)), whole)
    assert function.shown == 160


def test_the_cache_is_bounded_and_what_was_used_least_lately_goes_first(tmp_path):
    cache = FeatureCache(tmp_path, max_bytes=3 * 4 * 100 * 10 + 1000)
    for number in range(5):
        with cache.fill(f"{number}", (100, 10)) as partial:
            partial.array[:] = number
        os.utime(tmp_path / f"{number}.npy", (number, number))
        if number == 2:
            os.utime(tmp_path / "0.npy", (90, 90))
    assert sorted(path.name for path in tmp_path.glob("*.npy")) == ["0.npy", "3.npy", "4.npy"]
    with cache.fill("large", (1000, 10)) as partial:
        partial.array[:] = 1
    assert cache.get("large", (1000, 10)) is None
    assert cache.get("4", (100, 10))[0, 0] == 4
    assert cache.get("4", (100, 11)) is None


def test_where_nothing_can_be_kept_the_fit_goes_on(tmp_path):
    (tmp_path / "file").write_text("in the way")
    _, encoder = counted()
    kept = features(encoder, images(), FeatureCache(tmp_path / "cache"))
    np.testing.assert_array_equal(features(encoder, images(), FeatureCache(tmp_path / "file")), kept)


def test_two_at_the_same_work_do_not_disturb_one_another(tmp_path):
    cache = FeatureCache(tmp_path)
    with cache.fill("same", (4, 2)) as one, cache.fill("same", (4, 2)) as other:
        one.array[:], other.array[:] = 1, 2
        assert other.path is None
    np.testing.assert_array_equal(cache.get("same", (4, 2)), np.ones((4, 2)))


def test_a_function_without_a_version_is_asked_each_time():
    function, encoder = counted("")
    for _ in range(2):
        features(encoder, images(), FeatureCache())
    assert function.shown == 80


def test_the_cache_of_the_tests_is_not_that_of_the_user():
    assert str(cache_folder()).startswith(os.environ["FACIES_CACHE"])
    assert feature_key({"a": 1}) != feature_key({"a": 2})


def test_an_encoder_of_another_package(register):  # noqa: F811
    register(other={"theirs": "tests.methods.test_features:LOADER"})
    assert find_encoder("theirs").features == 3


def test_sixteen_bits_are_scaled_by_the_range_of_the_images():
    deep = open_images((np.random.default_rng(0).random((20, 8, 8)) * 3000 + 500).astype(np.uint16))
    _, encoder = counted()
    found = features(encoder, deep, FeatureCache())
    low, high = deep.value_range()
    expected = (deep.__getitems__(np.arange(20)).numpy().mean(axis=(1, 2, 3)) - low) / (high - low)
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-4)


def _load():
    return counted()[1]


LOADER = EncoderLoader("theirs", _load)
