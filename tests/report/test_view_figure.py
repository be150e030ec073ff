"""The picture of what a network sees as the same, and its place in the report."""

from __future__ import annotations

import numpy as np

from facies.report import write_report
from facies.report.view_figure import view_figure
from facies.runs import write_run
from tests.runs.factories import make_contents, make_images


def views_of(images, rows):
    own = images.__getitems__(rows).numpy().astype(np.float32)
    return np.stack([own, 255 - own, own[..., ::-1]], axis=1)


def test_views_are_drawn_a_row_an_image(tmp_path):
    images, rows = make_images(tmp_path), np.array([4, 1])
    arrays = {"views": views_of(images, rows), "view_rows": rows}
    run = write_run(tmp_path / "run", make_contents(images, arrays=arrays))
    figure = view_figure(run)
    assert figure is not None
    assert figure.data["row"].tolist() == [4, 1]
    assert len(figure.figure.axes) == 6
    shown = [axes.images[0].get_array() for axes in figure.figure.axes]
    np.testing.assert_allclose(shown[0], run.thumbnails.array(4) / 255, atol=1e-6)
    np.testing.assert_allclose(shown[2], np.flip(shown[0], axis=1), atol=1e-6)
    page = write_report(run, tmp_path / "report.html").read_text("utf-8")
    assert 'id="views"' in page
    assert "What the network sees as the same" in page


def test_a_run_without_views_has_no_such_section(tmp_path):
    run = write_run(tmp_path / "run", make_contents(make_images(tmp_path)))
    assert view_figure(run) is None
    assert 'id="views"' not in write_report(run, tmp_path / "report.html").read_text("utf-8")
