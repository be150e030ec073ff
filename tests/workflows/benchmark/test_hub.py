"""Sets of openml.org, as scikit-learn would fetch them: nothing is fetched here."""

from __future__ import annotations

import socket
from urllib.error import URLError

import numpy as np
import pytest
import sklearn.datasets
from scipy.sparse import csr_matrix
from sklearn.utils import Bunch

from facies.errors import InputError
from facies.workflows.benchmark.hub import fetch
from facies.workflows.benchmark.set_files import find_set, input_of
from facies.workflows.benchmark.suite import read_suite
from tests.workflows.benchmark.factories import make_suite

METHODS = "\n[methods]\ndec = {}\n"


@pytest.fixture
def hub(monkeypatch):
    """What stands for openml.org: `hub.gives` is what it answers, `hub.asked` what it was asked for."""

    class Hub:
        gives: object = None
        asked: list[tuple[str, object]]

    Hub.asked = []

    def fetch_openml(name, *, version, as_frame, n_retries):
        assert not as_frame
        assert socket.getdefaulttimeout() is not None
        Hub.asked.append((name, version))
        if isinstance(Hub.gives, Exception):
            raise Hub.gives
        return Hub.gives

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch_openml)
    return Hub


def answer(data, target=None, version="3") -> Bunch:
    return Bunch(data=data, target=target, details={"version": version})


def entry_of(tmp_path, line: str):
    path = make_suite(tmp_path, f"[sets]\nmnist = {line}{METHODS}")
    (entry,) = read_suite(path).sets
    assert find_set(entry, path, None) is None
    return entry


def test_a_set_is_fetched_once_when_it_is_asked_for(tmp_path, hub):
    pixels = np.random.default_rng(0).integers(0, 256, (30, 49)).astype(np.float64)
    hub.gives = answer(pixels, np.array([*"cab"] * 10, object))
    entry = entry_of(tmp_path, '{ hub = "openml:mnist_784@1", n_groups = 3, sample = 12, size = 16 }')
    assert hub.asked == []
    assert (entry.n_groups, dict(entry.options)) == (3, {"size": 16})
    said: list[str] = []
    made = input_of(entry, None, tmp_path / "sets", said.append)
    assert input_of(entry, None, tmp_path / "sets", said.append) == made
    assert hub.asked == [("mnist_784", 1)]
    assert said == ["[sets] mnist: mnist_784 of openml.org, version 3: 30 images, whose 49 values are taken as 7 × 7"]
    assert socket.getdefaulttimeout() is None
    with np.load(made) as found:
        assert (found["images"].shape, found["images"].dtype) == ((12, 7, 7), np.uint8)
        kept = {image.tobytes() for image in found["images"]}
        assert set(found["labels"].tolist()) <= {0, 1, 2}
    assert kept <= {image.tobytes() for image in pixels.astype(np.uint8)}


def test_planes_become_colours_and_others_stay_what_they_are(hub):
    values = np.arange(4 * 12, dtype=np.float64).reshape(4, 12)
    hub.gives = answer(values)
    said: list[str] = []
    colours = fetch("openml:CIFAR_10", None, "[sets] a", said.append)
    assert set(colours) == {"images"}
    np.testing.assert_array_equal(colours["images"], values.reshape(4, 3, 2, 2).transpose(0, 2, 3, 1))
    assert said[0].endswith("taken as 3 × 2 × 2; it has no label for each image")
    assert hub.asked == [("CIFAR_10", "active")]
    given = fetch("openml:a", [3, 4], "", said.append)["images"]
    np.testing.assert_array_equal(given, values.reshape(4, 3, 4))
    hub.gives = answer(csr_matrix(np.eye(4) - 0.5))
    assert fetch("openml:a", None, "", said.append)["images"].dtype == np.float32


@pytest.mark.parametrize(
    ("gives", "shape", "words"),
    [
        (URLError("Name or service not known"), None, "cannot be reached, or does not answer (Name or service not known)"),
        (TimeoutError("timed out"), None, "cannot be reached, or does not answer (timed out)"),
        (ValueError("No active dataset mnist found."), None, "No active dataset mnist found.); did you mean 'mnist_784'?"),
        (answer(np.array([["a"]], object)), None, "its columns are no pixels"),
        (answer(np.full((4, 4), np.nan)), None, "its columns are no pixels"),
        (answer(np.ones((4, 5))), None, "5 values are no square image: give shape"),
        (answer(np.ones((4, 5))), [2, 3], "shape=[2, 3] has 6 values, its images have 5"),
    ],
)  # fmt: skip
def test_what_cannot_be_fetched_is_one_line(hub, gives, shape, words):
    hub.gives = gives
    with pytest.raises(InputError) as caught:
        fetch("openml:mnist", shape, "[sets] mnist", lambda _: None)
    assert words in str(caught.value)
    assert str(caught.value).startswith("[sets] mnist: hub='openml:mnist': ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{ hub = "torchvision:MNIST" }', r"write hub = 'openml:NAME'.*mnist_784"),
        ("{ hub = 3 }", "hub=3: sets are fetched from openml"),
        ('{ hub = "openml:../x" }', "write hub ="),
        ('{ hub = "openml:a", source = "b" }', "hub and source exclude each other"),
        ('{ hub = "openml:a", labels = "c.csv" }', "hub and labels exclude each other"),
        ('{ hub = "openml:a", shape = 3 }', r"shape=3: give \[HEIGHT, WIDTH\]"),
        ('{ hub = "openml:a", shape = [0, 3] }', "shape=0: give a whole number of 1 or more"),
        ('{ hub = "openml:a", sample = 2 }', "sample=2: give a whole number of 4 or more"),
        ('{ source = "squares.npz", shape = [8, 8] }', "shape is that of a set of a hub"),
        ('{ hup = "openml:a" }', "there is no 'hup'; did you mean 'hub'"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_fetched(tmp_path, hub, line, words):
    with pytest.raises(InputError, match=words):
        entry_of(tmp_path, line)
    assert hub.asked == []
