"""A domain adds its section to the report by an entry point, and nothing general knows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

import pandas as pd
import pytest
from markupsafe import Markup

from facies import plugins
from facies.annotations import Annotations, Journal
from facies.plugins import FaultyPlugin
from facies.report import (
    Exporter,
    ReportOptions,
    ReportSection,
    SectionContent,
    exporters,
    report_sections,
    write_report,
)
from facies.report.exporters.registry import MODEL_EXPORTERS
from facies.runs import RunFolder, write_run
from facies.workflows.export import model_exporters
from tests.report.test_page import read
from tests.runs.factories import make_contents, make_images


class Tides(SectionContent):
    def __init__(self, options: ReportOptions) -> None:
        self.options = options

    def table_of_contents(self) -> Sequence[tuple[str, str]]:
        return [("tides", "Tides")]

    def methods_paragraph(self) -> str:
        return f"The tide was {self.options.sections.get('tides', 'low')} & calm."

    def html(self) -> Markup:
        return Markup('<section id="tides"><h2>Tides</h2></section>')

    def write_tables(self, folder: Path) -> list[tuple[str, str]]:
        (folder / "tides.csv").write_text("tide\nlow\n")
        return [("tides.csv", "one row a tide")]


class TideSection(ReportSection):
    does_not_apply = "has no tides"

    def applies(self, run: RunFolder) -> bool:
        return True

    def prepare(self, run: RunFolder, annotations: Annotations, options: ReportOptions) -> Tides:
        return Tides(options)


class LostSection(TideSection):
    def applies(self, run: RunFolder) -> bool:
        raise KeyError("moon")


SECTION = TideSection()
LOST = LostSection()
ONNX = Exporter("another onnx", ".onnx", lambda run, table, path: path.write_text("no model"))
NOT_A_SECTION = "a text"


@pytest.fixture
def entry_points(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str]]]:
    """Give a list of names and values that are registered beside those of Facies, in every group."""
    more: list[tuple[str, str]] = []
    known = plugins._entry_points

    def all_of(group: str) -> tuple[metadata.EntryPoint, ...]:
        return (*known(group), *(metadata.EntryPoint(name, value, group) for name, value in more))

    monkeypatch.setattr(plugins, "_entry_points", all_of)
    for registry in (report_sections, exporters):
        registry.cache_clear()
    yield more
    for registry in (report_sections, exporters):
        registry.cache_clear()


def test_a_registered_section_is_in_the_report_beside_the_classes(
    entry_points: list[tuple[str, str]], tmp_path: Path
) -> None:
    entry_points.append(("tides", "tests.report.test_sections:SECTION"))
    run = write_run(tmp_path / "a run", make_contents(make_images(tmp_path)))
    with Journal(run) as journal:
        journal.name_groups({0: "oak"})
    path = write_report(run, tmp_path / "r.html", sections={"tides": "high"}, tables=tmp_path / "t")
    page = read(path)
    assert [a["href"] for a in page.all("a")][:2] == ["#tides", "#classes"]
    assert "The tide was high & calm." in page.words()
    assert {"tides", "classes"} <= {attributes.get("id") for attributes in page.all("section")}
    assert pd.read_csv(tmp_path / "t" / "index.csv")["file"].tolist() == ["tides.csv", "counts.csv"]


def test_faulty_packages_are_named_in_one_line_and_left_out(entry_points: list[tuple[str, str]]) -> None:
    entry_points += [("gone", "no_such_package:SECTION"), ("odd", "tests.report.test_sections:NOT_A_SECTION")]
    for registry, kind in ((report_sections, "ReportSection"), (exporters, "Exporter")):
        with pytest.warns(FaultyPlugin) as caught:
            found = registry()
        assert not {"gone", "odd"} & set(found)
        messages = [str(warning.message) for warning in caught]
        assert any("no_such_package is left out, for it cannot be imported" in message for message in messages)
        assert any(f"'odd' of the package tests is left out, for it is no {kind} (" in message for message in messages)
        assert not any("\n" in message for message in messages)


def test_a_section_that_fails_is_named_and_left_out(entry_points: list[tuple[str, str]], tmp_path: Path) -> None:
    entry_points += [("lost", "tests.report.test_sections:LOST"), ("tides", "tests.report.test_sections:SECTION")]
    run = write_run(tmp_path / "run", make_contents(make_images(tmp_path)))
    with pytest.warns(FaultyPlugin) as caught:
        page = read(write_report(run, tmp_path / "r.html"))
    assert "tides" in {attributes.get("id") for attributes in page.all("section")}
    assert {str(warning.message) for warning in caught if warning.category is FaultyPlugin} == {
        "facies.report_sections: 'lost' of the package tests is left out, for it fails (KeyError: 'moon'); "
        "update or remove that package"
    }


def test_no_package_takes_the_name_of_an_exporter_of_the_model(entry_points: list[tuple[str, str]]) -> None:
    assert set(MODEL_EXPORTERS) == set(model_exporters())
    entry_points.append(("onnx", "tests.report.test_sections:ONNX"))
    with pytest.warns(
        FaultyPlugin, match=r"^facies\.exporters: 'onnx' of the package tests is left out, for facies has"
    ):
        assert "onnx" not in exporters()
