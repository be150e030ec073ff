"""The report of grains: its numbers are those that were counted, on the page and in the files."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facies.annotations import Journal
from facies.errors import InputError
from facies.grains.report.sample_metadata import read_sample_metadata
from facies.grains.report.section import GrainOptions
from facies.grains.report.table_settings import GrainSettings
from facies.report import write_report
from facies.report.formatting import format_interval, format_number
from facies.runs import RunFolder
from facies.statistics import ratio_interval, wilson_interval
from tests.grains.report.factories import COUNTS, ROLES, SAMPLES, UM_PER_PX, make_grain_run
from tests.report.test_page import Page, read

NAMED = list(ROLES)
FACTS = """\
sample,core,depth_cm,dry_mass_g,split,sieve_lower_um,sieve_upper_um
GC1-22,GC1,22,2.0,8,100,1000
GC1-02,GC1,2,2.0,8,100,1000
GC1-12,GC1,12,2.5,8,100,1000
"""


@pytest.fixture(scope="module")
def grains(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return make_grain_run(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def written(grains: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> tuple[Page, Path]:
    """Give the page, and the folder of tables and figures."""
    folder = tmp_path_factory.mktemp("written")
    (folder / "samples.csv").write_text(FACTS)
    path = write_report(
        grains,
        folder / "report.html",
        ratios=("quartz/foraminifera",),
        sections={"grains": GrainOptions(GrainSettings(n_draws=200), read_sample_metadata(folder / "samples.csv"))},
        tables=folder / "tables",
    )
    return read(path), folder / "tables"


def test_counts_on_the_page(written: tuple[Page, Path]) -> None:
    page, _ = written
    found = page.table("Sample", "Found", "Counted")
    shares = page.table("Sample", *NAMED)
    for i, (sample, depth) in enumerate(zip(SAMPLES, (2, 12, 22), strict=True)):
        total, counted = sum(n[i] for n in COUNTS.values()), sum(COUNTS[name][i] for name in NAMED)
        assert found[i][:5] == [f"{sample} · {depth} cm", str(total), str(counted), str(COUNTS[""][i]), "0"]
        assert found[i][5].startswith(str(COUNTS["chopped"][i]))
        assert found[i][6] == "fewer than 300 counted"
        for name, cell in zip(NAMED, shares[i][1:], strict=True):
            n = COUNTS[name][i]
            low, high = (100 * float(x) for x in wilson_interval(n, counted))
            assert cell.startswith(format_interval(100 * n / counted, low, high, "%") + f"n = {n}")
            assert "audited " in cell
            assert "per gram" in cell
    assert "cut by the border" in found[0][5]


def test_counts_in_the_files(written: tuple[Page, Path]) -> None:
    _, tables = written
    counts = pd.read_csv(tables / "counts.csv").set_index(["sample", "class"])
    for i, sample in enumerate(SAMPLES):
        mass = {"GC1-12": 2.5}.get(sample, 2.0)
        for name in NAMED:
            assert counts.loc[(sample, name), "n"] == COUNTS[name][i]
            assert counts.loc[(sample, name), "per_gram"] == pytest.approx(COUNTS[name][i] * 8 / mass)
    each = pd.read_csv(tables / "grains.csv", keep_default_na=False)
    assert len(each) == sum(map(sum, COUNTS.values()))
    assert (each["counted"].astype(str) == "True").sum() == sum(sum(COUNTS[name]) for name in NAMED)


def test_indicators_never_stand_without_their_definition(written: tuple[Page, Path]) -> None:
    page, tables = written
    ratio = page.table("Sample", "fragmentation")
    assert ratio[0][1].startswith("33.3 %")  # 10 of 10 + 20
    assert ratio[1][1].startswith("50.0 %")
    assert "fewer than 300" in ratio[0][0]
    values = pd.read_csv(tables / "indicators.csv")
    assert values["definition"].notna().all()
    asked = values[(values["indicator"] == "quartz/foraminifera") & (values["basis"] == "number")].set_index("sample")
    expected = ratio_interval(30, 20)
    assert asked.loc["GC1-02", ["value", "low", "high"]].tolist() == pytest.approx(list(expected))
    shown = values.loc[values["value"].notna(), "indicator"].unique()
    terms = [term.strip() for term in page.terms["dt"]]
    assert set(shown) <= set(terms)
    words = page.words()
    assert "Le & Shackleton" in words
    assert "Berger, 1970" in words


def test_sizes_tell_weighting_and_truncation(written: tuple[Page, Path]) -> None:
    page, tables = written
    rows = page.table("Sample", "Class", "n")
    assert {row[1] for row in rows} >= {"allby number", "allby d³", "quartzby number", "quartzby d³"}
    assert [row[0] for row in rows[:2]] == ["GC1-02 · 2 cm", ""]  # a sample is said once
    words = page.words()
    assert "Weighting:" in words
    assert "Truncation:" in words
    sizes = pd.read_csv(tables / "sizes.csv").set_index(["sample", "class", "weighting"])
    each = pd.read_csv(tables / "grains.csv")
    quartz = each[(each["sample"] == "GC1-02") & (each["class"] == "quartz") & each["measured"]]
    row = sizes.loc[("GC1-02", "quartz", "number")]
    assert row["n"] == len(quartz)
    assert quartz["equivalent_diameter"].min() < row["D50_um"] < quartz["equivalent_diameter"].max()
    np.testing.assert_allclose(quartz["area"], np.pi / 4 * quartz["equivalent_diameter"] ** 2, rtol=1e-6)


def test_audit_and_methods(written: tuple[Page, Path]) -> None:
    page, tables = written
    audit = {row[0]: row[1:] for row in page.table("Class", "Assigned", "Audited", "Right")}
    assert audit["quartz"][:3] == ["60", "10", "10"]
    assert audit["foraminifera"][:3] == ["65", "10", "9"]
    assert audit["foraminifera"][3].startswith("90.0 %")
    confusion = pd.read_csv(tables / "confusion.csv", index_col="assigned")
    assert confusion.loc["foraminifera", ["foraminifera", "fragments"]].tolist() == [9, 1]
    words = page.words()
    for sentence in (
        "188 grains of 3 samples, photographed in 3 focal layers, were cut out of photographs.",
        "from which they were told by one threshold for the whole session at 118 of 255 (Otsu)",
        "Groups of grains were named by Vera as 3 classes: 180 grains validated, 0 predicted by a classifier, 0 dubious, "
        "5 excluded, 8 not named; 180 were counted.",
        "In a blind audit of 30 grains, stratified by class, 29 were of the class assigned",
        f"({UM_PER_PX} µm a pixel)",
        "the size of a grain is the diameter of the circle of its area.",
    ):
        assert sentence in words
        assert sentence in (tables / "methods.txt").read_text("utf-8")


def test_every_figure_is_there_as_png_svg_and_numbers(written: tuple[Page, Path]) -> None:
    page, tables = written
    figures = tables / "figures"
    names = {path.stem for path in figures.iterdir()}
    assert names == {
        "down-core", "composition", "ternary", "cumulative-curves", "size-histograms", "shapes", "map-of-classes",
        "audit-confusion", *(f"plate-{name}" for name in NAMED),
    }  # fmt: skip
    for name in names:
        with Image.open(figures / f"{name}.png") as picture:
            assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)
            assert picture.convert("RGBA").getpixel((0, 0))[3] == 255  # white paper, also in a dark viewer
        assert ET.parse(figures / f"{name}.svg").getroot().tag.endswith("svg")
        assert len(pd.read_csv(figures / f"{name}.csv"))
    index = pd.read_csv(tables / "index.csv")
    there = {path.relative_to(tables).as_posix() for path in tables.rglob("*") if path.is_file()}
    assert {*index["file"], "index.csv"} == there
    assert len(page.all("svg")) == len(names) + 1  # and the projection
    plate = pd.read_csv(figures / "plate-fragments.csv")
    assert len(plate) == 24
    assert set(plate["class"]) == {"fragments"}


def test_the_page_needs_nothing_else_and_has_no_double_ids(written: tuple[Page, Path]) -> None:
    page, _ = written
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {f"#{identity}" for identity in ids}
    assert {str(attributes["href"]) for attributes in page.all("a")} <= targets
    assert {"#counts", "#indicators", "#sizes", "#shape", "#audit", "#figures", "#plates"} <= {
        str(attributes["href"]) for attributes in page.all("a")
    }


def test_galleries_show_native_proportions_and_classes(written: tuple[Page, Path], grains: RunFolder) -> None:
    page, _ = written
    shown = [image for image in page.all("img") if image.get("style")]
    assert shown
    sizes = grains.images.set_index("id")[["width", "height"]]
    for image in shown[::50]:
        width, height = sizes.loc[str(image["alt"])]
        assert f"aspect-ratio:{width}/{height}" in str(image["style"])
    titles = [row[0] for row in page.table("Group", "Images", "Share")]
    assert titles[:2] == ["● Group 0 · quartz", "● Group 1 · quartz"]


def test_the_scale_can_be_given_anew_or_be_unknown(tmp_path: Path) -> None:
    run = make_grain_run(tmp_path, um_per_px=None)
    without = read(write_report(run, tmp_path / "px.html"))
    assert "in pixels, the scale being unknown" in without.words()
    assert "φ" not in without.table("Sample", "Class", "n")[0]
    head = next(table[0] for table in without.tables if table[0][:2] == ["Sample", "Class"])
    assert head[3] == "D10 · D50 · D90 (px)"
    given = read(
        write_report(run, tmp_path / "um.html", sections={"grains": GrainOptions(GrainSettings(um_per_px=5.0))})
    )
    assert "(5 µm a pixel)" in given.words()
    pixels, scaled = (page.table("Sample", "Class", "n")[0][3].split(" · ") for page in (without, given))
    for in_pixels, in_um in zip(pixels, scaled, strict=True):
        assert float(in_um) == pytest.approx(5 * float(in_pixels), rel=0.01)


def test_nothing_named_says_how(tmp_path: Path) -> None:
    run = make_grain_run(tmp_path, named=False)
    page = read(write_report(run, tmp_path / "r.html", tables=tmp_path / "t"))
    words = page.words()
    assert "No class has been named yet" in words
    assert "facies name" in words
    assert page.table("Sample", "Class", "n")[0][1] == "allby number"
    assert not (tmp_path / "t" / "counts.csv").exists()
    assert (tmp_path / "t" / "sizes.csv").exists()


def test_names_of_classes_are_no_markup_and_no_formulas(tmp_path: Path) -> None:
    run = make_grain_run(tmp_path, named=False)
    nasty = '<script>alert("1")</script>$x_1$'
    with Journal(run, user="<b>Eve</b>") as journal:
        journal.name_groups({0: nasty, 1: "=cmd|' /C calc'!A0", 2: "../up", 3: "$\\frac"})
        journal.set_class("../up", colour="#00aa88")
    path = write_report(run, tmp_path / "r.html", tables=tmp_path / "t")
    assert "<script" not in path.read_text("utf-8")
    page = read(path)
    assert page.all("script") == []
    assert nasty in page.words()
    assert "<b>Eve</b>" in page.words()
    for file in (tmp_path / "t").rglob("*.csv"):
        for line in file.read_text("utf-8").splitlines():
            assert not line.startswith("=")
            assert ",=cmd" not in line
    assert {p.parent.name for p in (tmp_path / "t").rglob("plate-*")} == {"figures"}
    assert {p.name for p in tmp_path.iterdir()} == {"grains", "run", "r.html", "t"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ratios": ("quarz/foraminifera",)}, "quartz"),
        ({"ratios": ("quartz",)}, "write a ratio as A/B"),
        ({"um_per_px": 0.0}, "above 0"),
        ({"um_per_px": -1.0}, "above 0"),
        ({"diameter": "feret"}, "one of equivalent, feret_min, feret_max"),
    ],
)
def test_settings_that_cannot_be_meant(grains: RunFolder, tmp_path: Path, settings: dict, message: str) -> None:
    def report() -> None:
        options = GrainOptions(GrainSettings(**settings))
        write_report(grains, tmp_path / "r.html", sections={"grains": options}, tables=tmp_path / "t")

    with pytest.raises(InputError, match=message):
        report()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("depth_cm\n2\n", "no column 'sample'"),
        ("sample,depth_cm\nGC1-02,2\nGC1-02,3\n", "names a sample again"),
        ("sample,depth_cm\nGC9,2\n", "none of the samples"),
        ("sample,depth_cm\nGC1-02,deep\n", "line 2: depth_cm is 'deep'"),
    ],
)
def test_samples_that_do_not_fit(grains: RunFolder, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "s.csv").write_text(text)

    def report() -> None:
        options = GrainOptions(samples=read_sample_metadata(tmp_path / "s.csv"))
        write_report(grains, tmp_path / "r.html", sections={"grains": options})

    with pytest.raises(InputError, match=message):
        report()
    assert [path.name for path in tmp_path.iterdir()] == ["s.csv"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (format_interval(12.34, 9.06, 16.21, "%"), "12.3 % (9.1–16.2)"),
        (format_interval(1.5, 0.9, float("inf")), "1.50 (0.900–∞)"),
        (format_interval(float("nan"), float("nan"), float("nan"), "%"), "–"),
        (format_interval(1234.5, 1000.2, 2000.0), "1,234 (1,000–2,000)"),
        (format_interval(5.0, float("nan"), float("nan"), "%"), "5.0 %"),
        (format_number(-0.25), "−0.250"),
        (format_number(0.0123), "0.012"),
        (format_number(0), "0"),
    ],
)
def test_values_in_words(said: str, expected: str) -> None:
    assert said == expected
