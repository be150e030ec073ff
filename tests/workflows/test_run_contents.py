"""What a fitted method hands to its run: images set upright, and arrays of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from facies.cluster import ward_tree
from facies.images import open_images
from facies.workflows import cluster
from tests.workflows.factories import Brightness, N


def mirror(self: Any, pixels: Tensor) -> Tensor:
    return pixels.flip(-1)


@pytest.fixture
def mirrored_pose(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the method of the tests mirror its images, and keep an array."""
    monkeypatch.setattr(Brightness, "has_canonical_pose", True)
    monkeypatch.setattr(Brightness, "to_canonical", mirror)
    monkeypatch.setattr(Brightness, "run_arrays", lambda self: {"epoch_labels": self.labels_[None].astype(np.int16)})


@pytest.mark.usefixtures("mirrored_pose")
def test_images_set_upright_become_thumbnails_and_arrays_are_kept(source: Path, tmp_path: Path) -> None:
    run = cluster(source, tmp_path / "run", method="brightness")
    upright = run.canonical_thumbnails
    assert upright is not None
    for row in (0, 11, N - 1):
        np.testing.assert_array_equal(upright.array(row), run.thumbnails.array(row)[:, ::-1])
    assert (upright.array(0) != run.thumbnails.array(0)).any()
    kept = run.method_array("epoch_labels")
    assert kept is not None
    np.testing.assert_array_equal(kept[0], run.partition()[0]["group"])


@pytest.mark.usefixtures("mirrored_pose")
def test_canonical_gives_what_the_thumbnails_show(source: Path) -> None:
    method = Brightness().fit(source)
    images = open_images(source).__getitems__(np.arange(5)).numpy()
    np.testing.assert_array_equal(method.canonical(images), images[..., ::-1])


def test_partitions_and_projection_have_the_method_s_own_names(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Brightness, "projection_method", "PCA")
    run = cluster(source, tmp_path / "run", method="brightness")
    assert run.projections() == ["pca"]
    assert run.projection()[1]["method"] == "PCA"
    assert run.partitions() == ["density", "brightness"]
    assert run.partition("density")[1]["method"] == "noise in every tenth image"
    assert run.partition()[1]["method"] == Brightness.title


def test_other_methods_leave_no_such_files(source: Path, tmp_path: Path) -> None:
    run = cluster(source, tmp_path / "run", method="brightness")
    assert run.canonical_thumbnails is None
    assert not (run.path / "method").exists()


def test_a_tree_of_the_method_is_kept(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def trees(self: Any) -> dict[str, Any]:
        return {"ward": (ward_tree(self.embedding_), {"method": "ward"})}

    monkeypatch.setattr(Brightness, "trees", trees)
    run = cluster(source, tmp_path / "run", method="brightness")
    assert run.trees() == ["ward"]
    assert run.tree()[0].size[0] == N
