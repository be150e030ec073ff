from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facies.errors import InputError
from facies.images import open_images
from facies.workflows import ClusterJob, cluster, run_clustering
from tests.workflows.factories import K, N, Recorder, make_pixels

METHOD = "brightness"


def test_a_run_from_a_path(source: Path, tmp_path: Path) -> None:
    run = cluster(source, tmp_path / "run", method=METHOD, parameters={"random_state": 3}, size=8)
    assert len(run) == N
    assert run.manifest["n_groups"] == K
    assert run.manifest["seed"] == 3
    assert run.manifest["command"] == []
    assert run.manifest["input"]["image_shape"] == [1, 8, 8]


@pytest.mark.parametrize("opened", [False, True])
def test_a_run_from_memory(opened: bool, tmp_path: Path) -> None:
    pixels = make_pixels()
    images = open_images(pixels, labels=np.arange(N) % K) if opened else pixels
    run = cluster(images, str(tmp_path / "run"), method=METHOD)
    assert run.manifest["n_groups"] == K
    assert (run.labels is not None) is opened
    assert len(run.thumbnails) == N


def test_an_existing_run_is_not_replaced_unasked(source: Path, tmp_path: Path) -> None:
    cluster(source, tmp_path / "run", method=METHOD)
    with pytest.raises(InputError, match="already exists"):
        cluster(source, tmp_path / "run", method=METHOD)
    run = cluster(source, tmp_path / "run", method=METHOD, overwrite=True, parameters={"n_clusters": 2})
    assert run.manifest["n_groups"] == 2


def test_resume_returns_a_complete_run(source: Path, tmp_path: Path) -> None:
    messages: list[str] = []
    job = ClusterJob(source, tmp_path / "run", METHOD, resume=True)
    assert run_clustering(job, report=messages.append)[1] is True
    assert messages == [f"there is no unfinished run at {tmp_path / 'run'}; beginning from the start"]
    assert run_clustering(job, report=messages.append)[1] is False
    assert len(messages) == 1


def test_progress_is_displayed_by_stage(source: Path, tmp_path: Path) -> None:
    progress = Recorder()
    cluster(source, tmp_path / "run", method=METHOD, progress=progress)
    assert progress.stages == ["measure"]
    assert progress.count == N
