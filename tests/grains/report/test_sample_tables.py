"""Tables of grains against counts that are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.annotations import Journal, read_annotations
from facies.errors import InputError
from facies.grains.indicators import fragmentation
from facies.grains.morphometry import grain_size_statistics, shape_measures
from facies.grains.report.html_tables import size_pages
from facies.grains.report.sample_tables import GrainTables, make_grain_tables
from facies.grains.report.table_settings import GrainSettings
from facies.runs import RunFolder
from facies.statistics import wilson_interval
from tests.grains.report.factories import COUNTS, ROLES, SAMPLES, UM_PER_PX, make_grain_run

FACTS = pd.DataFrame(
    {
        "sample": [*SAMPLES, "GC9-00"],
        "depth_cm": [2.0, 12.0, 22.0, 0.0],
        "dry_mass_g": [2.0, 4.0, np.nan, 1.0],
        "split": [8.0, np.nan, 2.0, 1.0],
        "sieve_lower_um": [100.0, 200.0, 100.0, 100.0],
        "coarse_mass_g": [0.5, np.nan, np.nan, 0.1],
        "lsr_cm_per_ka": [5.0, np.nan, 5.0, 5.0],
        "dbd_g_per_cm3": [0.8, 0.8, 0.8, 0.8],
    }
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return make_grain_run(tmp_path_factory.mktemp("grains"))


@pytest.fixture(scope="module")
def tables(run: RunFolder) -> GrainTables:
    return make_grain_tables(
        run,
        read_annotations(run),
        FACTS,
        GrainSettings(divisors=(1, 8), ratios=("quartz/foraminifera+fragments",), n_draws=300),
    )


@pytest.fixture
def other(tmp_path: Path) -> RunFolder:
    """Give a run that a test may name and mark as it likes."""
    return make_grain_run(tmp_path, named=False)


def rows_of(table: pd.DataFrame, **where: object) -> pd.DataFrame:
    for column, value in where.items():
        table = table[table[column] == value]
    return table


def one(table: pd.DataFrame, **where: object) -> pd.Series:
    found = rows_of(table, **where)
    assert len(found) == 1, where
    return found.iloc[0]


def kinds_in_order() -> np.ndarray:
    return np.array([kind for place in range(3) for kind, n in COUNTS.items() for _ in range(n[place])])


def test_what_became_of_the_grains_of_each_sample(tables):
    samples = tables.samples.set_index("sample")
    assert samples.index.to_list() == list(SAMPLES)
    for place, sample in enumerate(SAMPLES):
        row = samples.loc[sample]
        assert row["n_counted"] == sum(COUNTS[kind][place] for kind in ROLES)
        assert row["n_excluded"] == row["excluded: cut by the border"] == COUNTS["chopped"][place]
        assert row["n_unnamed"] == COUNTS[""][place]
        assert row["n_grains"] == row[["n_counted", "n_excluded", "n_unnamed", "n_dubious"]].sum()
        assert {name: row[f"n: {name}"] for name in ROLES} == {name: COUNTS[name][place] for name in ROLES}
        assert row["flag"] == "fewer than 300 counted"
    assert samples["depth_cm"].to_list() == [2, 12, 22]
    assert any("GC9-00" in note for note in tables.notes["samples"])


def test_counts_have_wilson_intervals_and_grains_a_gram(tables):
    assert len(tables.counts) == 9
    for place, sample in enumerate(SAMPLES):
        for name in ROLES:
            row = one(tables.counts, sample=sample, **{"class": name})
            n, total = COUNTS[name][place], sum(COUNTS[kind][place] for kind in ROLES)
            assert (row["n"], row["n_counted"]) == (n, total)
            assert row["percent"] == pytest.approx(100 * n / total)
            low, high = wilson_interval(n, total)
            assert (row["low"], row["high"]) == pytest.approx((100 * low, 100 * high))
    first = one(tables.counts, sample="GC1-02", **{"class": "quartz"})
    assert first["per_gram"] == 30 * 8 / 2
    assert first["per_gram_low"] < first["per_gram"] < first["per_gram_high"]
    assert one(tables.counts, sample="GC1-12", **{"class": "quartz"})["per_gram"] == 20 / 4
    assert np.isnan(one(tables.counts, sample="GC1-22", **{"class": "quartz"})["per_gram"])


def test_shares_are_corrected_by_the_whole_audit(tables):
    """One of ten audited foraminifera was a fragment."""
    row = one(tables.counts, sample="GC1-02", **{"class": "fragments"})
    assert row["corrected"] == pytest.approx(100 * (10 + 20 * 0.1) / 60)
    assert row["corrected_low"] < row["corrected"] < row["corrected_high"]
    assert rows_of(tables.counts, sample="GC1-02")["corrected"].sum() == pytest.approx(100)
    audit = tables.audit.set_index("class")
    assert audit.loc["foraminifera", ["n_assigned", "n_audited", "n_right"]].to_list() == [65, 10, 9]
    assert audit.loc["foraminifera", "precision"] == pytest.approx(90)
    assert audit.loc["fragments", "recall"] == pytest.approx(100 * 55 / (55 + 6.5))
    assert audit.loc["fragments", "corrected"] == pytest.approx(100 * (55 + 6.5) / 180)
    assert tables.confusion.loc["foraminifera", "fragments"] == 1
    assert tables.confusion.to_numpy().sum() == 30
    assert list(tables.confusion.columns) == list(ROLES)


def test_fragmentation_by_all_definitions(tables):
    for place, sample in enumerate(SAMPLES):
        f, w = COUNTS["fragments"][place], COUNTS["foraminifera"][place]
        for divisor, name in ((1, "fragmentation"), (8, "fragmentation /8")):
            row = one(tables.indicators, sample=sample, indicator=name, basis="number")
            expected = fragmentation(f, w, divisor)
            assert (row["value"], row["low"], row["high"]) == pytest.approx(
                (expected.value, expected.low, expected.high)
            )
            assert row["definition"] == expected.definition
            audited = one(tables.indicators, sample=sample, indicator=name, basis="number, audited")
            ratio = (f + 0.1 * w) / (0.9 * w)
            assert audited["value"] == pytest.approx(100 * (ratio / divisor) / (ratio / divisor + 1))
            assert audited["low"] < audited["value"] < audited["high"]
            assert audited["definition"].startswith(
                "100 (F" if divisor == 8 else "100 F/(F + W) (Berger, 1970; Thunell, 1976)"
            )
        areas = {name: rows_of(tables.grains, sample=sample, **{"class": name})["area"].sum() for name in ROLES}
        by_area = one(tables.indicators, sample=sample, indicator="fragmentation", basis="area")
        assert by_area["value"] == pytest.approx(
            100 * areas["fragments"] / (areas["fragments"] + areas["foraminifera"])
        )
        assert one(tables.indicators, sample=sample, indicator="whole/fragments", basis="number")["value"] == w / f


def test_biogenic_terrigenous_and_the_users_ratio(tables):
    for place, sample in enumerate(SAMPLES):
        b, t = COUNTS["foraminifera"][place] + COUNTS["fragments"][place], COUNTS["quartz"][place]
        row = one(tables.indicators, sample=sample, indicator="B/T", basis="number")
        assert row["value"] == pytest.approx(b / t)
        assert row["low"] < b / t < row["high"]
        assert one(tables.indicators, sample=sample, indicator="T%", basis="number")["value"] == pytest.approx(
            100 * t / (t + b)
        )
        mine = one(tables.indicators, sample=sample, indicator="quartz/foraminifera+fragments", basis="number")
        assert mine["value"] == pytest.approx(t / b)
        assert mine["n"] == t + b
        assert rows_of(tables.indicators, sample=sample, basis="area", indicator="B/T")["value"].notna().all()
    assert not tables.indicators["indicator"].isin(["P/B", "%P", "IRD%"]).any(), "no class is benthic or lithic"
    assert any("Each fragment counts as a grain" in note for note in tables.notes["indicators"])
    assert tables.indicators["definition"].str.len().min() > 5


def test_masses(tables):
    value = rows_of(tables.indicators, sample="GC1-02").set_index("indicator")["value"]
    assert value["grains/g"] == 60 * 8 / 2
    assert value["grains/g accumulation"] == pytest.approx(60 * 8 / 2 * 5 * 0.8)
    assert value["CF%"] == 25
    assert "CF%" not in rows_of(tables.indicators, sample="GC1-12")["indicator"].to_list()
    assert "grains/g" not in rows_of(tables.indicators, sample="GC1-22")["indicator"].to_list()


def test_sizes_are_those_of_the_measured_grains(tables):
    diameters = rows_of(tables.grains, sample="GC1-02", measured=True, **{"class": "quartz"})["diameter"]
    assert len(diameters) == 30
    for weighting in ("number", "d3"):
        row = one(tables.sizes, sample="GC1-02", weighting=weighting, **{"class": "quartz"})
        size = grain_size_statistics(diameters, weighting, lower_um=100)
        assert row["D50_um"] == size.percentiles_um[50]
        assert row["phi16"] == size.percentiles_phi[16]
        assert row["mean_phi"] == size.phi.mean
        assert row["sorting_word"] == size.words["sorting"]
        assert row["% fine sand"] == size.fractions["fine sand"]
    everything = one(tables.sizes, sample="GC1-02", weighting="number", **{"class": "all"})
    assert everything["n"] == 61, "also the one that is not named, not the two excluded"
    assert everything["scope"] == ""


def test_fewer_than_twenty_grains_get_numbers_and_no_words(tables):
    few = tables.sizes[tables.sizes["n"].between(1, 19)]
    many = tables.sizes[tables.sizes["n"] >= 20]
    assert len(few)
    assert len(many)
    words = ["mean_word", "sorting_word", "skewness_word", "kurtosis_word"]
    assert (few[words] == "").all(axis=None)
    assert (many[words] != "").all(axis=None)
    assert few["sorting_phi"].notna().all()
    assert few["flag"].str.contains("fewer than 20 grains").all()
    page = size_pages(tables)[0]
    shown = [(int(cells[1].text), cells) for _, cells in page.rows]
    assert sum(n < 20 for n, _ in shown) == len(few)
    for n, cells in shown:
        assert [bool(cell.small) for cell in cells[3:]] == [n >= 20] * 4, "a word below the number"
        assert not any("fewer than 20" in text for cell in cells for text in cell.small)
    reasons = [note for note in tables.notes["sizes"] if "fewer than twenty grains" in note]
    assert reasons == [
        "Of fewer than twenty grains, the outermost percentiles are single grains, so their sorting, skewness and kurtosis are "
        "given without words."
    ]


def test_a_sieve_that_cuts_the_curve_is_told(run, tables):
    row = one(tables.sizes, sample="GC1-12", weighting="number", **{"class": "all"})
    assert row["scope"] == "above 200 µm"
    assert "above 200 µm only" in row["flag"]
    assert row["n_finer"] > 0
    assert row["n"] + row["n_finer"] == 61
    assert row["D5_um"] >= 200
    assert any(note.startswith("Truncation") for note in tables.notes["sizes"])
    assert any(note.startswith("Weighting") for note in tables.notes["sizes"])
    assert any("different limits" in note for note in tables.notes["sizes"])
    same = make_grain_tables(run, read_annotations(run), settings=GrainSettings(sieve_lower_um=100, n_draws=50))
    assert not any("different limits" in note for note in same.notes["sizes"])


def test_sizes_without_a_grain_within_the_sieve(run):
    settings = GrainSettings(sieve_lower_um=5000, n_draws=50)
    sizes = make_grain_tables(run, read_annotations(run), None, settings).sizes
    assert (sizes["n"] == 0).all()
    assert (sizes["flag"] == "no grain within the sieve limits").all()
    assert sizes["D50_um"].isna().all()


def test_shapes_and_grains(run, tables):
    assert tables.grains["id"].to_list() == run.images["id"].to_list()
    assert run.companion("outlines") is not None
    measured = shape_measures(np.reshape(run.companion("outlines")["outline"][5], (-1, 2)), UM_PER_PX)
    row = tables.grains.iloc[5]
    assert row["area"] == pytest.approx(measured["area"])
    assert row["circularity"] == pytest.approx(measured["circularity"])
    assert row["diameter"] == pytest.approx(measured["equivalent_diameter"])
    quartz = one(tables.shapes, measure="circularity", **{"class": "quartz"})
    values = rows_of(tables.grains, measured=True, **{"class": "quartz"})["circularity"]
    assert quartz["n"] == 60
    assert quartz["median"] == pytest.approx(values.median())
    assert (quartz["lower_quartile"], quartz["upper_quartile"]) == pytest.approx(tuple(values.quantile([0.25, 0.75])))
    assert {"group", "probability", "stack", "photograph", "x0", "touching"} <= set(tables.grains)


def test_groups_are_those_that_the_expert_left(other):
    with Journal(other) as journal:
        first, second = np.unique(journal.groups())[:2]
        merged = journal.merge([first, second])
        decisions = journal.annotations()
    grains = make_grain_tables(other, decisions).grains
    assert (grains["group"].iloc[merged.rows] == merged.after["group"][0]).all()
    assert not grains["group"].isin([first, second]).any()


def test_cut_grains_count_and_are_not_measured(other):
    """Name the chopped ones as quartz: they touch the border."""
    kinds = kinds_in_order()
    with Journal(other, user="Vera") as journal:
        journal.assign(np.flatnonzero(kinds == "chopped"), "quartz")
        journal.assign(np.flatnonzero(kinds == "quartz"), "quartz")
    tables = make_grain_tables(other, read_annotations(other))
    assert tables.samples["n: quartz"].to_list() == [32, 20, 13]
    assert tables.samples["n_cut"].to_list() == [2, 0, 3]
    row = one(tables.sizes, sample="GC1-02", weighting="number", **{"class": "quartz"})
    assert (row["n"], row["n_left_out"]) == (30, 2)
    assert (rows_of(tables.grains, cut=True)["flag"] == "cut by the border").all()
    with_cut = make_grain_tables(other, read_annotations(other), settings=GrainSettings(include_cut=True))
    assert one(with_cut.sizes, sample="GC1-02", weighting="number", **{"class": "quartz"})["n"] == 32
    assert any("are measured too" in note for note in with_cut.notes["sizes"])


def test_excluded_dubious_and_unnamed_grains_never_count(other):
    kinds = kinds_in_order()
    quartz = np.flatnonzero(kinds == "quartz")
    with Journal(other, user="Vera") as journal:
        journal.assign(quartz, "quartz")
        journal.assign(np.flatnonzero(kinds == "fragments"), "dirt")
        journal.set_class("dirt", excluded=True, reason="not sediment")
        journal.assign(quartz[:4], "quartz", state="dubious")
        journal.exclude(quartz[4:6], "blurred")
    tables = make_grain_tables(other, read_annotations(other))
    first = one(tables.samples, sample="GC1-02")
    assert first["n: quartz"] == first["n_counted"] == 30 - 6
    assert first["n_dubious"] == 4
    assert (first["excluded: blurred"], first["excluded: not sediment"]) == (2, 10)
    assert set(tables.counts["class"]) == {"quartz"}
    assert "n: dirt" not in tables.samples
    everything = one(tables.sizes, sample="GC1-02", weighting="number", **{"class": "all"})
    assert everything["n"] == 63 - 4 - 2 - 10 - COUNTS["chopped"][0]
    assert tables.audit.empty
    assert tables.confusion.empty
    assert tables.counts["corrected"].isna().all()


def test_audited_grains_stay_in_the_class_that_was_audited(run, tmp_path):
    other = make_grain_run(tmp_path)
    before = make_grain_tables(other, read_annotations(other)).audit.set_index("class")
    wrong = read_annotations(other).audits.query("assigned != true")["row"]
    with Journal(other, user="Vera") as journal:
        journal.assign(wrong, "fragments")
    after = make_grain_tables(other, read_annotations(other)).audit.set_index("class")
    assert after["corrected"].to_dict() == pytest.approx(before["corrected"].to_dict())


def test_planktic_benthic_ice_rafted_and_depth(other):
    kinds = kinds_in_order()
    with Journal(other, user="Vera") as journal:
        for kind, roles in (
            ("quartz", ["terrigenous", "lithic"]),
            ("foraminifera", ["planktic"]),
            ("fragments", ["benthic"]),
        ):
            journal.assign(np.flatnonzero(kinds == kind), kind)
            journal.set_class(kind, role=roles)
    settings = GrainSettings(depth_model="wright", ratios=("lithic/planktic+benthic",))
    indicators = make_grain_tables(other, read_annotations(other), FACTS, settings).indicators
    value = rows_of(indicators, sample="GC1-02", basis="number").set_index("indicator")["value"]
    assert value["P/B"] == 2
    assert value["%P"] == pytest.approx(200 / 3)
    assert value["depth (Wright)"] == pytest.approx(np.exp(0.0418 * 200 / 3 + 3.4823))
    assert value["IRD%"] == pytest.approx(60)
    assert value["IRD/g"] == 30 * 8 / 2
    assert value["lithic/planktic+benthic"] == 1
    assert "fragmentation" not in value
    plain = make_grain_tables(other, read_annotations(other)).indicators
    assert not plain["indicator"].str.contains("depth").any(), "depth is given on request alone"


def test_without_a_scale_there_is_no_phi(run, tmp_path):
    other = make_grain_run(tmp_path, um_per_px=None)
    tables = make_grain_tables(other, read_annotations(other), FACTS)
    assert tables.um_per_px is None
    assert not any("phi" in name or "_um" in name for name in tables.sizes)
    assert tables.sizes["D50_px"].notna().all()
    assert any("no φ" in note for note in tables.notes["sizes"])
    assert set(tables.shapes["unit"]) == {"", "px"}
    scaled = make_grain_tables(other, read_annotations(other), settings=GrainSettings(um_per_px=UM_PER_PX))
    ours, theirs = scaled.grains["diameter"], make_grain_tables(run, read_annotations(run)).grains["diameter"]
    assert ours.to_numpy() == pytest.approx(theirs.to_numpy())


def test_the_diameter_is_the_one_asked_for(run):
    for name in ("feret_min", "feret_max"):
        grains = make_grain_tables(run, read_annotations(run), settings=GrainSettings(diameter=name)).grains
        assert grains["diameter"].equals(grains[name].rename("diameter"))


def test_a_run_nobody_named_has_sizes_and_no_counts(other):
    tables = make_grain_tables(other, read_annotations(other))
    assert tables.counts.empty
    assert set(tables.sizes["class"]) == {"all"}
    assert tables.samples["n_unnamed"].to_list() == tables.samples["n_grains"].to_list()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"ratios": ("quartz/ice",)}, "no class that counts"),
        ({"ratios": ("biogenic/foraminifera",)}, "on both sides"),
    ],
)
def test_ratios_of_what_there_is_not(run, settings, says):
    with pytest.raises(InputError, match=says):
        make_grain_tables(run, read_annotations(run), settings=GrainSettings(**settings))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"um_per_px": 0}, "above 0"),
        ({"diameter": "width"}, "diameter is one of"),
        ({"depth_model": "x"}, "depth model"),
        ({"confidence": 95}, "between 0 and 1"),
        ({"divisors": (0,)}, "above 0"),
        ({"ratios": ("quartz",)}, "A/B"),
    ],
)
def test_settings_that_are_none(settings, says):
    with pytest.raises(InputError, match=says):
        GrainSettings(**settings)


def test_facts_and_decisions_of_something_else(run, other, tmp_path):
    with pytest.raises(InputError, match="same names"):
        make_grain_tables(run, read_annotations(run), pd.DataFrame({"sample": ["A", "B"]}))
    decisions = read_annotations(run)
    half = type(decisions)(**{**vars_of(decisions), "codes": decisions.codes[:9]})
    with pytest.raises(InputError, match="9 images"):
        make_grain_tables(run, half)


def vars_of(decisions):
    return {name: getattr(decisions, name) for name in type(decisions).__dataclass_fields__}


def test_ratios_that_the_expert_defined_in_the_atlas_stand_beside_those_of_sediment(
    run: RunFolder, tmp_path: Path
) -> None:
    import shutil

    own = RunFolder(shutil.copytree(run.path, tmp_path / "own"))
    with Journal(own) as journal:
        journal.set_class("life")
        journal.set_class("foraminifera", parent="life")
        journal.define_ratio("Q/L", ["quartz"], ["life"])
    made = make_grain_tables(own, read_annotations(own), FACTS, GrainSettings(divisors=(1,), n_draws=50))
    found = one(made.indicators, sample=SAMPLES[0], indicator="Q/L", basis="number")
    assert found["value"] == pytest.approx(COUNTS["quartz"][0] / COUNTS["foraminifera"][0])
    assert found["definition"].startswith("quartz / life + foraminifera")
