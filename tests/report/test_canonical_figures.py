"""Groups before and after images were set upright, examples, and agreement by epoch; and their section in the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from facies.images import open_images
from facies.metrics import accuracy
from facies.report import write_report
from facies.report.canonical import group_pixel_statistics
from facies.report.canonical_figures import agreement_by_epoch, example_figure, group_statistics_figure
from facies.runs import RunContents, RunFolder, partition_table, write_run
from tests.runs.factories import N, make_contents, make_images


class Levelled:
    """Images of which each is set to its own mean in its left half, as a method could set them."""

    def __init__(self, images: Any) -> None:
        self.table, self.image_shape, self.images = images.table, images.image_shape, images

    def __len__(self) -> int:
        return len(self.images)

    def batches(self, batch_size: int):
        for batch in self.images.batches(batch_size):
            new = batch.clone().float()
            new[..., : new.shape[-1] // 2] = new.mean(dim=(-3, -2, -1), keepdim=True)
            yield new


def make_run(
    folder: Path, *, labels: bool = True, channels: int = 1, upright: bool = True, **changes: Any
) -> RunFolder:
    images = make_images(folder, labels=labels, channels=channels)
    return write_run(
        folder / "run", make_contents(images, canonical_images=Levelled(images) if upright else None, **changes)
    )


def epochs(images: Any) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    last = np.arange(N) % 3
    first = np.where(rng.uniform(size=N) < 0.5, rng.integers(0, 3, N), last)
    rows = np.array([5, 8, 2])
    examples = np.stack([images.__getitems__(rows).numpy(), 255 - images.__getitems__(rows).numpy()])
    return {
        "epoch_labels": np.stack([first, last]).astype(np.int16),
        "epoch_examples": examples.astype(np.float32),
        "example_rows": rows,
    }


@pytest.fixture
def full(tmp_path: Path) -> RunFolder:
    images = make_images(tmp_path)
    return write_run(tmp_path / "full", make_contents(images, canonical_images=Levelled(images), arrays=epochs(images)))


def groups_of(run: RunFolder) -> np.ndarray:
    return run.partition()[0]["group"].to_numpy(np.int64)


@pytest.mark.parametrize("channels", [1, 3])
def test_mean_and_variance_equal_those_of_the_thumbnails(tmp_path: Path, channels: int) -> None:
    run = make_run(tmp_path, channels=channels)
    groups = groups_of(run)
    found = group_pixel_statistics(run, groups)
    assert found is not None
    numbers, sizes, before, after = found
    assert numbers.tolist() == [0, 1, 2]
    assert sizes.tolist() == [(groups == number).sum() for number in range(3)]
    for spread, thumbnails in ((before, run.thumbnails), (after, run.canonical_thumbnails)):
        assert thumbnails is not None
        pixels = np.stack([thumbnails.array(row) for row in range(N)]) / 255
        for number in range(3):
            np.testing.assert_allclose(spread.mean[number], pixels[groups == number].mean(axis=0), atol=1e-12)
            np.testing.assert_allclose(spread.variance[number], pixels[groups == number].var(axis=0), atol=1e-12)
        within = np.average([pixels[groups == number].var(axis=0).mean() for number in range(3)], weights=sizes)
        assert spread.within(sizes) == pytest.approx(within)
        assert spread.share_within(sizes) == pytest.approx(within / pixels[groups >= 0].var(axis=0).mean())
    assert after.within(sizes) < 0.8 * before.within(sizes)


def test_more_than_a_sheet_of_images_is_read_whole(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.save(tmp_path / "many.npy", rng.integers(0, 255, (1100, 8, 8), np.uint8))
    images = open_images(tmp_path / "many.npy")
    groups = rng.integers(0, 2, 1100)
    embedding = rng.normal(size=(1100, 2)).astype(np.float32)
    table = partition_table(images.table["id"], groups, embedding)
    run = write_run(
        tmp_path / "run", RunContents(images, embedding, {}, {"two": (table, {})}, canonical_images=Levelled(images))
    )
    found = group_pixel_statistics(run, groups)
    assert found is not None
    pixels = np.stack([run.thumbnails.array(row) for row in range(1100)]) / 255
    np.testing.assert_allclose(found[2].mean[1], pixels[groups == 1].mean(axis=0), atol=1e-12)


def test_the_figure_of_groups_has_six_pictures_a_group_and_says_the_change(full: RunFolder) -> None:
    drawing = group_statistics_figure(full, groups_of(full))
    assert drawing is not None
    assert len(drawing.figure.axes) == 6 * 3
    data = drawing.data
    assert data.columns.tolist() == ["group", "images", "variance as they are", "variance upright"]
    was = np.average(data["variance as they are"], weights=data["images"])
    now = np.average(data["variance upright"], weights=data["images"])
    assert f"{100 * (1 - now / was):.0f} % less" in drawing.caption
    assert f"{was:.4f} before and {now:.4f} after" in drawing.caption
    variances = [np.asarray(drawing.figure.axes[i].images[0].get_array()).max() for i in range(12, 18)]
    assert max(variances) == pytest.approx(1)


def test_of_many_groups_the_largest_are_drawn(full: RunFolder) -> None:
    groups = np.minimum(np.arange(N) // 3, 15)  # the last has 15 images, the others 3
    drawing = group_statistics_figure(full, groups)
    assert drawing is not None
    assert len(drawing.figure.axes) == 6 * 12
    assert "The 12 largest of 16 groups" in drawing.caption
    assert "group 15" in [text.get_text().strip("\u200b") for text in drawing.figure.texts]
    assert len(drawing.data) == 16


def test_examples_are_shown_as_they_are_early_and_late(full: RunFolder) -> None:
    drawing = example_figure(full)
    assert drawing is not None
    pictures = [np.asarray(axes.images[0].get_array()) for axes in drawing.figure.axes]
    assert len(pictures) == 9
    rows = [5, 8, 2]
    for place, row in enumerate(rows):
        np.testing.assert_allclose(pictures[place], full.thumbnails.array(row) / 255)
        np.testing.assert_allclose(pictures[3 + place], pictures[place], atol=1 / 255)
    assert drawing.data["row"].tolist() == rows
    assert drawing.data["id"].tolist() == full.images["id"].iloc[rows].tolist()


def test_agreement_is_measured_epoch_by_epoch(full: RunFolder) -> None:
    drawing = agreement_by_epoch(full)
    assert drawing is not None
    labels, partitions = full.labels, full.method_array("epoch_labels")
    assert drawing.data["accuracy"].tolist() == [accuracy(labels, one) for one in partitions]
    assert drawing.data["accuracy"].iloc[1] == drawing.data["ARI"].iloc[1] == 1
    assert drawing.data["NMI"].iloc[0] < 0.9


def test_without_true_labels_there_is_no_agreement(tmp_path: Path) -> None:
    images = make_images(tmp_path, labels=False)
    run = write_run(tmp_path / "run", make_contents(images, arrays=epochs(images)))
    assert run.method_array("epoch_labels") is not None
    assert agreement_by_epoch(run) is None


def test_the_report_has_the_section(full: RunFolder, tmp_path: Path) -> None:
    page = write_report(full, tmp_path / "report.html").read_text("utf-8")
    section = page[page.index('<section id="upright">') : page.index('<section id="training">')]
    assert "<h2>Set upright</h2>" in section
    for title in ("Groups before and after", "Examples, early and late", "Agreement by epoch"):
        assert f"<h3>{title}</h3>" in section
    assert section.count("<svg") == 3
    assert section.count("data:image/webp") == 6 * 3 + 9
    assert '<a href="#upright">Set upright</a>' in page


def test_a_run_without_a_transformer_shows_its_epochs(tmp_path: Path) -> None:
    images = make_images(tmp_path)
    arrays = {"epoch_labels": epochs(images)["epoch_labels"]}
    run = write_run(tmp_path / "run", make_contents(images, arrays=arrays))
    page = write_report(run, tmp_path / "report.html").read_text("utf-8")
    assert "<h2>Epoch by epoch</h2>" in page
    assert "Groups before and after" not in page


def test_a_run_with_neither_has_no_such_section(tmp_path: Path) -> None:
    run = make_run(tmp_path, upright=False)
    assert group_statistics_figure(run, groups_of(run)) is example_figure(run) is agreement_by_epoch(run) is None
    assert 'id="upright"' not in write_report(run, tmp_path / "report.html").read_text("utf-8")


def test_upright_images_alone_give_one_figure(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    page = write_report(run, tmp_path / "report.html").read_text("utf-8")
    section = page[page.index('<section id="upright">') : page.index('<section id="training">')]
    assert section.count("<svg") == 1


def test_images_all_alike_change_nothing(tmp_path: Path) -> None:
    np.save(tmp_path / "flat.npy", np.concatenate([np.zeros((30, 8, 8)), np.full((30, 8, 8), 255)]).astype(np.uint8))
    images = open_images(tmp_path / "flat.npy")
    groups = np.repeat([0, 1], 30)
    table = partition_table(images.table["id"], groups, torch.randn(60, 2).numpy())
    contents = RunContents(
        images, np.zeros((60, 2), np.float32), {}, {"two": (table, {})}, canonical_images=Levelled(images)
    )
    drawing = group_statistics_figure(write_run(tmp_path / "run", contents), groups)
    assert drawing is not None
    assert "0.0000 before and 0.0000 after: the same." in drawing.caption
    assert drawing.caption.endswith("0.0 % before and 0.0 % after.")
