"""Counts and ratios of classes of images that are no grains, and what the report makes of names."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.annotations import Journal, read_annotations
from facies.errors import InputError
from facies.grains.report.section import GrainOptions
from facies.grains.report.table_settings import GrainSettings
from facies.report import export_run, write_report
from facies.report.annotated_partition import annotated_partition, class_names_of_groups
from facies.report.class_counts import count_classes
from facies.report.formatting import format_interval
from facies.runs import RunFolder, write_run
from facies.statistics import ratio_interval, wilson_interval
from tests.report.test_page import read
from tests.runs.factories import make_contents, make_images


@pytest.fixture
def named(tmp_path: Path) -> RunFolder:
    """Sixty images, eighteen in each of three groups: two of them named, one image excluded, one dubious."""
    run = write_run(tmp_path / "a run", make_contents(make_images(tmp_path)))
    groups = run.partition()[0]["group"].to_numpy()
    with Journal(run, user="Vera") as journal:
        journal.name_groups({0: "oak", 1: "elm", 2: "<b>ash</b>"})
        journal.exclude(np.flatnonzero(groups == 0)[:1], "torn")
        journal.dubious(np.flatnonzero(groups == 1)[:2])
        journal.assign(np.flatnonzero(groups == 2)[:6], None)
    return run


def test_what_is_counted(named: RunFolder) -> None:
    counted = count_classes(read_annotations(named), ["oak/elm"])
    assert counted is not None
    assert counted.counts.set_index("class")["n"].to_dict() == {"oak": 17, "elm": 16, "<b>ash</b>": 12}
    oak = counted.counts.iloc[0]
    assert oak["percent"] == pytest.approx(100 * 17 / 45)
    assert [oak["low"], oak["high"]] == pytest.approx([100 * float(x) for x in wilson_interval(17, 45)])
    row = counted.ratios.iloc[0]
    assert (row["over"], row["under"]) == (17, 16)
    assert [row["value"], row["low"], row["high"]] == pytest.approx(list(ratio_interval(17, 16)))
    assert "Of 60 images, 45 were counted; 1 excluded, 2 dubious and 12 not named were left out." in counted.remark


def test_excluded_classes_are_not_counted(named: RunFolder) -> None:
    with Journal(named) as journal:
        journal.set_class("elm", excluded=True, reason="weeds")
    counted = count_classes(read_annotations(named))
    assert counted is not None
    assert counted.counts["class"].tolist() == ["oak", "<b>ash</b>"]
    assert counted.counts["n_counted"].unique().tolist() == [29]


def test_the_report_has_classes_and_ratios_and_names_in_its_galleries(named: RunFolder, tmp_path: Path) -> None:
    path = write_report(named, tmp_path / "r.html", ratios=("oak/elm",), tables=tmp_path / "t")
    page = read(path)
    rows = page.table("Class", "Images")
    assert [row[:2] for row in rows] == [["oak", "17"], ["elm", "16"], ["<b>ash</b>", "12"]]
    assert rows[0][2] == format_interval(100 * 17 / 45, *(100 * x for x in wilson_interval(17, 45)), "%")
    assert page.table("Ratio")[0][:2] == ["oak/elm", "17 / 16"]
    titles = [row[0] for row in page.table("Group", "Images", "Share")]
    assert titles[:3] == ["● Group 0 · oak", "● Group 1 · elm", "● Group 2 · <b>ash</b> 67 %"]
    labels = [row[0] for row in page.table("Group", "0", "1", "2", "All")]
    assert labels == ["0 · oak", "1 · elm", "2 · <b>ash</b> 67 %", "none"]
    written = pd.read_csv(tmp_path / "t" / "counts.csv")
    assert written["n"].tolist() == [17, 16, 12]
    assert sorted(p.name for p in (tmp_path / "t").iterdir()) == ["counts.csv", "index.csv", "ratios.csv"]


def test_a_ratio_of_an_unknown_class_names_the_nearest(named: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no class 'oka': did you mean 'oak'"):
        write_report(named, tmp_path / "r.html", ratios=("oka/elm",))
    assert not (tmp_path / "r.html").exists()


@pytest.mark.parametrize(
    "options", [GrainOptions(GrainSettings(um_per_px=2)), GrainOptions(samples=pd.DataFrame({"sample": ["a"]}))]
)
def test_options_for_grains_are_refused_for_other_images(
    named: RunFolder, tmp_path: Path, options: GrainOptions
) -> None:
    with pytest.raises(InputError, match=r"no run of grains.*leave out the options"):
        write_report(named, tmp_path / "r.html", sections={"grains": options})


def test_options_for_a_section_that_is_not_registered(named: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no section 'grain' of the report: did you mean 'grains'\?"):
        write_report(named, tmp_path / "r.html", sections={"grain": GrainOptions()})


def test_nothing_named_says_how(run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has been named yet: name some with `facies name a run 12=quartz`"):
        write_report(run, tmp_path / "r.html", ratios=("a/b",))
    with pytest.raises(InputError, match="has been named, so there are no tables to write: use `facies name`"):
        write_report(run, tmp_path / "r.html", tables=tmp_path / "t")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_no_report_wrote_is_kept(named: RunFolder, tmp_path: Path) -> None:
    folder = tmp_path / "precious"
    folder.mkdir()
    (folder / "thesis.tex").write_text("x")
    for overwrite, message in ((False, "already exists"), (True, r"was not written by a report \(it has no index")):
        with pytest.raises(InputError, match=message):
            write_report(named, tmp_path / "r.html", tables=folder, overwrite=overwrite)
    assert (folder / "thesis.tex").read_text() == "x"
    assert not (tmp_path / "r.html").exists()


def test_a_partition_has_the_groups_and_classes_of_now(named: RunFolder) -> None:
    before, _ = annotated_partition(named)
    assert before["state"].value_counts().to_dict() == {"validated": 45, "none": 12, "dubious": 2, "excluded": 1}
    with Journal(named) as journal:
        journal.merge([0, 1])
    after, meta = annotated_partition(named)
    assert meta["name"] == "density"
    merged = set(after.loc[before["group"].isin([0, 1]), "group"])
    assert len(merged) == 1
    assert after.loc[before["group"] == 2, "distance"].tolist() == before.loc[before["group"] == 2, "distance"].tolist()
    centre = named.embedding[before["group"].isin([0, 1])].mean(0)
    first = int(np.flatnonzero(before["group"] == 0)[0])
    assert after["distance"][first] == pytest.approx(np.linalg.norm(named.embedding[first] - centre), rel=1e-5)
    assert class_names_of_groups(after)[merged.pop()] in ("oak 50 %", "elm 50 %")
    assert class_names_of_groups(after.drop(columns="class")) == {}


def test_classes_are_counted_with_all_below_them_and_the_ratios_of_the_expert_are_there(
    named: RunFolder, tmp_path: Path
) -> None:
    with Journal(named) as journal:
        journal.set_class("trees")
        journal.set_class("oak", parent="trees")
        journal.set_class("elm", parent="oak")
        journal.define_ratio("T/A", ["trees"], ["<b>ash</b>"])
        journal.define_ratio("gone", ["elm"], ["<b>ash</b>"])
        journal.merge_classes(["elm"], into="oak")
        journal.set_class("elm", parent="trees")
        journal.note("=HYPERLINK(1)", [3])
    counted = count_classes(read_annotations(named))
    assert counted is not None
    table = counted.counts.set_index("path")
    assert table["n_all"].to_dict() == {"<b>ash</b>": 12, "trees": 33, "trees > oak": 33, "trees > elm": 0}
    assert [table["low_all"]["trees"], table["high_all"]["trees"]] == pytest.approx(
        [100 * float(x) for x in wilson_interval(33, 45)]
    )
    assert counted.ratios[["ratio", "over", "under", "definition"]].to_numpy().tolist() == [
        ["T/A", 33, 12, "trees / <b>ash</b>"],
        ["gone", 0, 12, "elm / <b>ash</b>"],
    ]
    page = str(counted.html())
    assert "trees &gt; oak" in page
    assert "T/A = trees / &lt;b&gt;ash&lt;/b&gt;" in page
    export_run(named, "csv", tmp_path / "all.csv")
    exported = pd.read_csv(tmp_path / "all.csv", keep_default_na=False)
    assert set(exported.loc[exported["class"] == "oak", "class_path"]) == {"trees > oak"}
    assert exported["note"][3].startswith("'=HYPERLINK(1) (")
    export_run(named, "coco", tmp_path / "all.json")
    categories = json.loads((tmp_path / "all.json").read_text())["categories"]
    assert {each["name"]: each["supercategory"] for each in categories}["oak"] == "trees"
