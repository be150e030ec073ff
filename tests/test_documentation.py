"""The docs are true: their example method clusters, and the parameters and methods that they name exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from facies.genes.readers.settings import GeneReading, IonReading
from facies.methods import METHODS, load_method, make_method, method_class
from facies.methods.voxels import VOXEL_METHODS, voxel_method_class
from facies.metrics import accuracy
from facies.parameters import parameters_of
from facies.workflows.benchmark.suite import PUBLISHED

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "methods"
MAX_LINES = 60

GROUPS = {name.split(".")[0] for each in METHODS for name in parameters_of(method_class(each)) if "." in name}
DOTTED = re.compile(rf"(?<![\w./])(?:{'|'.join(sorted(GROUPS))})\.[a-z]\w*(?![\w.(/])")


@pytest.fixture
def example(monkeypatch) -> str:
    """The name of the example method, which is in the registry for a test."""
    monkeypatch.syspath_prepend(str(PAGES))
    monkeypatch.setitem(METHODS, "ae-kmeans", "example_method:AEKMeans")
    return "ae-kmeans"


def test_the_example_is_short() -> None:
    assert len((PAGES / "example_method.py").read_text("utf-8").splitlines()) <= MAX_LINES


def test_the_example_clusters_saves_loads_and_predicts(example, tmp_path) -> None:
    digits = load_digits()
    images, labels = digits.images.astype(np.float32), digits.target
    parameters = {"network": "conv", "filters": 8, "pretraining.epochs": 15, "training.epochs": 5}
    parameters |= {"pretraining.batch_size": 32, "training.batch_size": 32}
    method = make_method(example, "quick", parameters).fit(images[:300])
    assert accuracy(labels[:300], method.labels_) > 0.6
    method.save(tmp_path / "model")
    loaded = load_method(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(images[:300]), method.labels_)
    new = loaded.predict(images[300:600])
    np.testing.assert_array_equal(new, method.predict(images[300:600]))
    assert accuracy(labels[300:600], new) > 0.5


@pytest.mark.parametrize("name", METHODS)
def test_each_method_has_a_page_and_is_in_the_tables(name) -> None:
    assert (PAGES / f"{name}.md").exists()
    for table in (PAGES / "index.md", ROOT / "README.md"):
        assert f"| `{name}` |" in table.read_text("utf-8"), table


@pytest.mark.parametrize("name", METHODS)
def test_each_page_gives_the_published_figures_or_says_that_there_are_none(name) -> None:
    paragraph = re.search(r"^\*\*Published\*\*.+", (PAGES / f"{name}.md").read_text("utf-8"), re.MULTILINE)
    assert paragraph is not None
    figures = {float(each) for each in re.findall(r"\b[01]\.\d+", paragraph[0])}
    assert set(tomllib.loads(PUBLISHED.read_text("utf-8")).get(name, {}).values()) <= figures


@pytest.mark.parametrize("name", METHODS)
def test_parameters_on_the_page_of_a_method_are_its_own(name) -> None:
    assert set(DOTTED.findall((PAGES / f"{name}.md").read_text("utf-8"))) <= set(parameters_of(method_class(name)))


PROSE = [*PAGES.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


@pytest.mark.parametrize("page", PROSE, ids=lambda page: page.name)
def test_parameters_that_a_command_sets_exist(page) -> None:
    known = {name for each in METHODS for name in parameters_of(method_class(each))}
    known |= {f"reading.{name}" for each in (GeneReading, IonReading) for name in parameters_of(each)}
    known |= {name for each in VOXEL_METHODS for name in parameters_of(voxel_method_class(each))}
    assert set(re.findall(r"--set (\w[\w.]*)=", page.read_text("utf-8"))) <= known
