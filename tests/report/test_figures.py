"""Figures: what is drawn, in which styles."""

from __future__ import annotations

import numpy as np
import pandas as pd

from facies.report.figures import drawn_points, history_figure, projection_figure
from facies.report.palette import group_style
from facies.report.svg import figure_bytes, svg_markup


def test_more_groups_than_colours_differ_by_the_marker() -> None:
    styles = [group_style(group) for group in range(64)]
    assert len(set(styles)) == 64
    assert len({style.colour for style in styles}) == 8
    assert group_style(-1) not in styles


def test_every_image_is_drawn_once_in_its_groups_look() -> None:
    rng = np.random.default_rng(0)
    groups = rng.integers(-1, 20, 500)
    points = rng.normal(size=(500, 2)).astype(np.float32)
    axes = projection_figure(points, groups).axes[0]
    drawn = np.concatenate([np.asarray(collection.get_offsets()) for collection in axes.collections])
    assert sorted(map(tuple, drawn.tolist())) == sorted(map(tuple, points.tolist()))
    noise = np.asarray(axes.collections[0].get_offsets())
    np.testing.assert_allclose(noise, points[groups < 0])
    assert [text.get_text() for text in axes.texts] == [str(group) for group in range(20)]


def test_numbers_stand_on_a_member_of_the_group() -> None:
    angle = np.linspace(0, 2 * np.pi, 100)
    ring = np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)
    text = projection_figure(ring, np.zeros(100, int)).axes[0].texts[0]
    assert np.hypot(*text.get_position()) > 0.99


def test_no_more_points_are_drawn_than_said() -> None:
    groups = np.zeros(1000, int)
    assert len(drawn_points(groups, 100)) == 100
    assert len(np.unique(drawn_points(groups, 100))) == 100
    axes = projection_figure(np.zeros((1000, 2), np.float32), groups, max_points=100).axes[0]
    assert sum(len(np.asarray(collection.get_offsets())) for collection in axes.collections) == 100


def test_all_noise_is_drawn() -> None:
    figure = projection_figure(np.zeros((3, 2), np.float32), np.full(3, -1))
    assert list(figure.axes[0].texts) == []
    assert figure_bytes(figure).startswith(b"\x89PNG")


def test_each_stage_has_a_panel_and_each_loss_a_line() -> None:
    history = pd.DataFrame(
        {
            "stage": ["a", "a", "b", "b", "c"],
            "epoch": [1, 2, 1, 2, 1],
            "seconds": [3.0, 3.0, 3.0, 3.0, 3.0],
            "loss": [1000.0, 1.0, 0.5, 0.4, np.nan],
            "kl": [np.nan, 2.0, np.nan, np.nan, np.nan],
            "remark": ["x"] * 5,
        }
    )
    figure = history_figure(history)
    assert figure is not None
    first, second = figure.axes
    assert [line.get_xydata().tolist() for line in first.lines] == [[[1, 1000], [2, 1]], [[2, 2]]]
    assert first.get_yscale() == "log"
    assert len(second.lines) == 1
    assert second.get_yscale() == "linear"


def test_no_history_no_figure() -> None:
    assert history_figure(pd.DataFrame(columns=["stage", "epoch"])) is None
    assert history_figure(pd.DataFrame({"stage": ["a"], "epoch": [1], "loss": [np.nan]})) is None


def test_formats() -> None:
    points = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
    groups = np.arange(30) % 3

    def draw() -> bytes:
        return figure_bytes(projection_figure(points, groups), "svg")

    assert figure_bytes(projection_figure(points, groups), "pdf").startswith(b"%PDF")
    assert draw() == draw()
    markup = svg_markup(projection_figure(points, groups), 'a "label" & more')
    assert markup.startswith('<svg role="img" aria-label="a &quot;label&quot; &amp; more"')
    assert " width=" not in markup.split(">")[0]


def test_drawing_leaves_no_global_state() -> None:
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    plt.close("all")  # those of other tests
    before = dict(mpl.rcParams)
    figure_bytes(projection_figure(np.zeros((3, 2), np.float32), np.zeros(3, int)), "svg")
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == before
