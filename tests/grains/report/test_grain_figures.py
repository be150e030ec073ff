"""Figures of grains: that what is drawn is what was counted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from facies.grains.report.class_figures import class_map, confusion_matrix, ternary
from facies.grains.report.downcore_figures import composition, downcore, sample_order
from facies.grains.report.grain_figures import three_parts
from facies.grains.report.size_figures import cumulative_curves, shape_boxes, size_histograms
from facies.report.class_styles import class_styles
from facies.report.palette import group_style
from facies.report.svg import figure_bytes

CLASSES = pd.DataFrame(
    {
        "name": ["quartz", "whole", "broken", "mica"],
        "colour": ["#AABBCC", "", None, "red"],
        "roles": [["terrigenous"], ["whole", "biogenic"], ["fragment"], []],
    }
)
LOOKS = class_styles(CLASSES)


def make_samples() -> pd.DataFrame:
    return pd.DataFrame({"sample": ["c", "a", "b"], "depth_cm": [30.0, 2.0, 12.0], "core": "GC1"})


def make_counts() -> pd.DataFrame:
    n = {"a": [6, 2, 2, 0], "b": [5, 0, 5, 0], "c": [1, 8, 1, 0]}
    return pd.DataFrame(
        [
            {"sample": sample, "class": name, "n": k, "percent": 10.0 * k}
            for sample, row in n.items()
            for name, k in zip(CLASSES["name"], row, strict=True)
        ]
    )


def make_indicators() -> pd.DataFrame:
    rows = []
    for name, unit, base in (("P/B", "", 2.0), ("fragmentation", "%", 40.0)):
        for place, sample in enumerate("abc"):
            value = base * (1 + place)
            rows.append((sample, name, "number", value, value * 0.8, value * 1.5, unit))
            rows.append((sample, name, "number, audited", value * 1.1, value * 0.7, value * 1.6, unit))
            rows.append((sample, name, "area", value * 9, np.nan, np.nan, unit))
    columns = ["sample", "indicator", "basis", "value", "low", "high", "unit"]
    return pd.DataFrame(rows, columns=columns)


def test_a_class_has_the_colour_the_expert_chose_or_one_of_the_palette() -> None:
    assert list(LOOKS) == CLASSES["name"].tolist()
    assert LOOKS["quartz"].colour == "#aabbcc"
    assert [LOOKS[name].colour for name in ("whole", "broken", "mica")] == [group_style(i).colour for i in (1, 2, 3)]


def test_samples_go_down_the_core() -> None:
    ordered, column = sample_order(make_samples())
    assert (ordered["sample"].tolist(), column) == (["a", "b", "c"], "depth_cm")
    by_age, column = sample_order(make_samples().rename(columns={"depth_cm": "age_ka"}))
    assert (by_age["sample"].tolist(), column) == (["a", "b", "c"], "age_ka")
    half_known = make_samples().assign(depth_cm=[30, np.nan, 12])
    assert sample_order(half_known)[1] == ""
    assert sample_order(half_known)[0]["sample"].tolist() == ["c", "a", "b"]


def test_down_core_has_a_panel_an_indicator_and_depth_grows_downwards() -> None:
    drawing = downcore(make_indicators(), make_samples())
    assert drawing is not None
    first, second = drawing.figure.axes
    assert [axes.get_title(loc="left").strip("\u200b") for axes in drawing.figure.axes] == ["P/B", "fragmentation"]
    counted, audited = (container.lines[0] for container in first.containers)
    np.testing.assert_allclose(counted.get_xydata(), [[2, 2], [4, 12], [6, 30]])
    np.testing.assert_allclose(audited.get_xdata(), [2.2, 4.4, 6.6])
    bars = first.containers[0].lines[2][0].get_segments()
    np.testing.assert_allclose([segment[:, 0] for segment in bars], [[1.6, 3], [3.2, 6], [4.8, 9]])
    assert first.yaxis_inverted()
    assert len(second.containers) == 2
    assert set(drawing.data["basis"]) == {"number", "number, audited", "area"}
    assert "sieved" not in drawing.caption
    mixed = downcore(make_indicators(), make_samples().assign(sieve_lower_um=[63.0, 63.0, 150.0]))
    assert mixed is not None
    assert "sieved to different limits" in mixed.caption


def test_no_down_core_of_one_sample_or_without_values() -> None:
    assert downcore(make_indicators(), make_samples().iloc[:1]) is None
    assert downcore(make_indicators().assign(value=np.nan), make_samples()) is None


def test_cores_are_told_apart() -> None:
    samples = make_samples().assign(core=["GC2", "GC1", "GC1"])
    drawing = downcore(make_indicators(), samples)
    assert drawing is not None
    assert [text.get_text().strip("\u200b") for text in drawing.figure.axes[0].get_legend().get_texts()][:2] == [
        "GC1",
        "GC2",
    ]


def test_composition_adds_up_and_shows_only_what_is_there() -> None:
    drawing = composition(make_counts(), make_samples(), LOOKS)
    assert drawing is not None
    bars = drawing.figure.axes[0].patches
    widths = np.array([bar.get_width() for bar in bars]).reshape(3, 3)  # classes × samples, mica has none
    np.testing.assert_allclose(widths.sum(0), 100)
    np.testing.assert_allclose(widths[:, 0], [60, 20, 20])
    assert list(drawing.data) == ["sample", "quartz", "whole", "broken"]
    assert drawing.data["sample"].tolist() == ["a", "b", "c"]
    assert composition(make_counts().assign(percent=0.0), make_samples(), LOOKS) is None


def test_long_names_of_classes_stay_in_the_figure() -> None:
    names = [f"foraminifer fragment {number}" for number in range(8)]
    counts = pd.DataFrame({"sample": "a", "class": names, "n": 5, "percent": 12.5})
    drawing = composition(
        counts, pd.DataFrame({"sample": ["a"]}), {name: group_style(i) for i, name in enumerate(names)}
    )
    assert drawing is not None
    drawing.figure.canvas.draw()
    box = drawing.figure.axes[0].get_legend().get_window_extent()
    assert box.x1 <= drawing.figure.bbox.x1


def test_three_parts_by_role_or_by_number() -> None:
    parts = three_parts(make_counts(), CLASSES)
    assert parts is not None
    assert list(parts) == ["terrigenous", "whole tests", "fragments"]
    assert parts.loc["c"].tolist() == [1, 8, 1]
    plain = three_parts(make_counts(), CLASSES.assign(roles=[[]] * 4))
    assert plain is not None
    assert list(plain) == ["quartz", "whole", "broken"]
    assert three_parts(make_counts()[make_counts()["class"].isin(["quartz", "mica"])], CLASSES) is None


def test_ternary_points_lie_where_they_should() -> None:
    parts = pd.DataFrame({"A": [1, 0, 0, 2], "B": [0, 3, 0, 2], "C": [0, 0, 7, 2]}, index=["a", "b", "c", "d"])
    samples = pd.DataFrame({"sample": list("abcd")})
    drawing = ternary(parts, samples)
    assert drawing is not None
    offsets = np.asarray(drawing.figure.axes[0].collections[0].get_offsets())
    height = np.sqrt(3) / 2
    np.testing.assert_allclose(offsets, [[0, 0], [1, 0], [0.5, height], [0.5, height / 3]], atol=1e-12)
    np.testing.assert_allclose(drawing.data[["A", "B", "C"]].sum(axis=1), 100)
    assert ternary(parts * 0, samples) is None


def test_the_map_has_every_grain_once() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(50, 2)).astype(np.float32)
    names = np.array(["quartz", "whole", "", "broken", "quartz"] * 10, object)
    drawing = class_map(points, names, LOOKS, [str(i) for i in range(50)])
    drawn = {
        collection.get_label().strip("\u200b"): len(collection.get_offsets())
        for collection in drawing.figure.axes[0].collections
    }
    assert drawn == {"not named": 10, "quartz": 20, "whole": 10, "broken": 10}
    assert drawing.data["class"].tolist() == names.tolist()


def test_confusion_shows_counts() -> None:
    table = pd.DataFrame([[9, 1], [0, 5]], index=["quartz", "$x_1$"], columns=["quartz", "$x_1$"])
    drawing = confusion_matrix(table)
    assert drawing is not None
    assert [text.get_text() for text in drawing.figure.axes[0].texts] == ["9", "1", "5"]
    assert figure_bytes(drawing.figure).startswith(b"\x89PNG")  # a name is no formula
    assert confusion_matrix(pd.DataFrame()) is None


def make_grains(n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "sample": np.tile(["a", "b"], n // 2),
            "class": np.repeat(["quartz", "whole"], n // 2),
            "diameter": 1000 * 2.0 ** -rng.normal(2, 0.5, n),
            "circularity": rng.uniform(0.5, 1, n),
            "solidity": np.nan,
        }
    )


def test_cumulative_curves_are_coarse_first_and_weighted() -> None:
    grains = make_grains()
    drawing = cumulative_curves(grains, LOOKS, scaled=True, limits_um=(63, 1000))
    assert drawing is not None
    data = drawing.data
    assert set(data["curve"]) == {"all", "all, by d³", "quartz", "whole", "a", "b"}
    whole = data[data["curve"] == "all"]
    assert whole["d_um"].is_monotonic_decreasing
    half = whole["d_um"].to_numpy()[np.searchsorted(whole["percent_coarser"], 50)]
    assert half == pytest.approx(np.median(grains["diameter"]), rel=0.01)
    cubed = data[data["curve"] == "all, by d³"]
    above = grains["diameter"] >= 250
    expected = 100 * (grains["diameter"] ** 3)[above].sum() / (grains["diameter"] ** 3).sum()
    found = cubed.loc[cubed["d_um"] >= 250, "percent_coarser"].max()
    assert found == pytest.approx(expected)
    line = drawing.figure.axes[0].lines[0]
    np.testing.assert_allclose(line.get_xdata(), -np.log2(whole["d_um"] / 1000))
    assert drawing.figure.axes[0].get_xlabel().strip("\u200b") == "φ"
    low, high = drawing.figure.axes[0].get_xlim()
    assert low < high  # coarse at the left


def test_curves_of_many_grains_are_thinned_and_stay_true() -> None:
    grains = pd.concat([make_grains()] * 50, ignore_index=True)
    rng = np.random.default_rng(2)
    grains["diameter"] *= rng.uniform(0.9, 1.1, len(grains))
    drawing = cumulative_curves(grains, LOOKS, scaled=True)
    assert drawing is not None
    assert drawing.data.groupby("curve").size().max() <= 1000
    diameter = grains["diameter"].to_numpy()
    for curve, weights in (("all", np.ones(len(grains))), ("all, by d³", diameter**3)):
        data = drawing.data[drawing.data["curve"] == curve]
        order = np.argsort(-diameter)
        true = 100 * np.cumsum(weights[order]) / weights.sum()
        at = np.searchsorted(-diameter[order], -data["d_um"].to_numpy(), side="right") - 1
        np.testing.assert_allclose(data["percent_coarser"], true[at], atol=1e-6)
        assert np.diff(data["percent_coarser"]).max() < 0.6


def test_without_a_scale_there_is_no_phi() -> None:
    drawing = cumulative_curves(make_grains(), LOOKS, scaled=False)
    assert drawing is not None
    assert drawing.figure.axes[0].get_xlabel().strip("\u200b") == "size (pixels)"
    assert "d_px" in drawing.data
    assert cumulative_curves(make_grains().iloc[:1], LOOKS, scaled=True) is None


def test_histograms_count_every_grain() -> None:
    drawing = size_histograms(make_grains(), LOOKS, scaled=True)
    assert drawing is not None
    assert drawing.data.groupby("class")["n"].sum().to_dict() == {"quartz": 200, "whole": 200}
    np.testing.assert_allclose(np.log2(drawing.data["to_um"] / drawing.data["from_um"]), 0.25)
    assert size_histograms(make_grains().assign(**{"class": ""}), LOOKS, scaled=True) is None


def test_boxes_are_quartiles_and_leave_out_what_was_not_measured() -> None:
    grains = make_grains()
    drawing = shape_boxes(grains, LOOKS)
    assert drawing is not None
    assert set(drawing.data["measure"]) == {"circularity"}
    quartz = drawing.data.set_index("class").loc["quartz"]
    values = grains.loc[grains["class"] == "quartz", "circularity"]
    assert [quartz["p25"], quartz["median"], quartz["p75"]] == pytest.approx(
        np.percentile(values, [25, 50, 75]).tolist()
    )
    assert shape_boxes(grains.assign(circularity=np.nan), LOOKS) is None
