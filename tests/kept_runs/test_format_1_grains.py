"""A run of grains that the code of format 1 made is counted, measured, audited and exported as by the code that made it.

What holds of every run is asked in ``test_format_1``. Here is what grains alone have: the folder that ``facies extract``
wrote, the tables and figures of the report, the audit, and the exports with outlines. As there, all that knows how Facies
is built stands in the first part.
"""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facies.grains.extraction import read_outlines
from facies.images import open_images
from tests.kept_runs.test_format_1 import KEPT, PageReader, Plain, call, checksums, plainly, same

Tables = dict[str, pd.DataFrame]

# ---- What asks Facies -------------------------------------------------------------------------------------------------


def extraction_answers(folder: Path) -> Plain:
    """What was cut out of the photographs: the table of the grains, their pixels in sums, their outlines in areas."""
    images = open_images(folder)
    outlines = read_outlines(images)
    assert outlines is not None
    polygons = [np.asarray(line, np.float64).reshape(-1, 2) for line in outlines["outline"]]
    return {
        "shape": [len(images), *images.image_shape],
        "ids": images.table["id"].tolist(),
        "columns": {name: _kind(images.table[name]) for name in images.table},
        "pixel_sums": [int(image.sum()) for batch in images.batches() for image in batch],
        "dtype": images.dtype.name,
        "fingerprint": images.fingerprint(),
        "value_range": list(images.value_range()),
        "origin": {**images.origin, "path": Path(images.origin["path"]).name},
        "left_out": images.left_out.to_dict("records"),
        "notes": list(images.notes),
        "outline_ids": outlines["id"].tolist(),
        "outline_sizes": [len(polygon) for polygon in polygons],
        "outline_means": [polygon.mean(axis=0).tolist() for polygon in polygons],
    }


def grain_report(run: Path) -> tuple[Tables, Plain]:
    """What the report says of grains: every table, the numbers behind every figure, headings and cells of the page."""
    page, folder = run.parent / "report.html", run.parent / "tables"
    words = ("--samples", SAMPLES, "--ratio", "quartz/rock fragment", "--overwrite")
    call("report", run, "-o", page, "--tables", folder, *words)
    written = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    tables = {name: read_table(folder / name) for name in written if name.endswith(".csv") and name != "index.csv"}
    reader = GrainPageReader()
    reader.feed(page.read_text("utf-8"))
    notes = re.findall(r"\d[\d.,]*\d|\d", (folder / "methods.txt").read_text("utf-8"))
    sections = {name: reader.rows.get(name, []) for name in ("counts", "indicators", "sizes", "shape", "audit")}
    return tables, {"files": written, "headings": reader.headings, **sections, "numbers_in_notes": notes}


def rescaled_sizes(run: Path) -> list[list[str]]:
    """The sizes that the report prints with another scale and another diameter."""
    page = run.parent / "rescaled.html"
    call("report", run, "-o", page, "--um-per-px", 13, "--diameter", "feret_max", "--overwrite")
    reader = GrainPageReader()
    reader.feed(page.read_text("utf-8"))
    return reader.rows["sizes"]


def audit_answers(run: Path) -> Plain:
    """What the audit says of the shares, and which grains a further one would draw."""
    found: Plain = json.loads(call("audit", run, "--json"))
    del found["run"]
    sheet = run.parent / "sheet.csv"
    call("audit", run, "-n", 2, "-o", sheet, "--overwrite")
    return {**found, "drawn": pd.read_csv(sheet)["id"].tolist()}


def coco_answers(run: Path) -> Plain:
    """Images, categories and annotations of the export for COCO, outlines in a few numbers each."""
    file = run.parent / "grains.json"
    call("export", run, "--to", "coco", "-o", file, "--overwrite")
    whole: Plain = json.loads(file.read_text("utf-8"))
    for annotation in whole["annotations"]:
        (outline,) = annotation.pop("segmentation")
        annotation["outline"] = [len(outline), outline[0], outline[1], sum(outline)]
    return {name: whole[name] for name in ("images", "categories", "annotations")}


def ecotaxa_answers(run: Path) -> Plain:
    """The files of the export for EcoTaxa, the sizes of its pictures, the texts of its table and the sums of its numbers."""
    file = run.parent / "grains.zip"
    call("export", run, "--to", "ecotaxa", "-o", file, "--overwrite")
    with zipfile.ZipFile(file) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".tsv"))
        pictures = sorted(set(archive.namelist()) - {name})
        sides = []
        for picture in pictures:
            with archive.open(picture) as stream, Image.open(stream) as image:
                sides.append([*image.size])
        with archive.open(name) as stream:
            table = pd.read_csv(stream, sep="\t", encoding="latin-1", dtype=str, keep_default_na=False)
    types, rows = table.iloc[0], table.iloc[1:]
    numbers = [name for name in table if types[name] == "[f]"]
    texts = ("img_file_name", "object_id", "object_annotation_category", "object_annotation_status", "sample_id")
    return {
        "table": name.rpartition("_")[0],  # what follows is a digest of the table
        "pictures": [picture.partition("/")[2] for picture in pictures],
        "sides": sides,
        "types": types.to_dict(),
        "sums": {name: float(pd.to_numeric(rows[name]).sum()) for name in numbers},
        "texts": {name: rows[name].tolist() for name in texts},
        "of_all": {name: rows[name].iloc[0] for name in ("acq_um_per_px", "process_method")},
    }


def csv_columns(run: Path) -> list[str]:
    """The columns of the export as CSV."""
    file = run.parent / "grains.csv"
    call("export", run, "--to", "csv", "-o", file, "--overwrite")
    return list(pd.read_csv(file, nrows=0).columns)


def grain_answers(run: Path) -> tuple[Tables, Plain]:
    """Everything that is kept of a run of grains beside what is kept of every run."""
    tables, page = grain_report(run)
    plain = {
        "extraction": extraction_answers(GRAINS),
        "page": page,
        "rescaled_sizes": rescaled_sizes(run),
        "audit": audit_answers(run),
        "coco": coco_answers(run),
        "ecotaxa": ecotaxa_answers(run),
        "csv_columns": csv_columns(run),
    }
    return tables, plainly(plain)


class GrainPageReader(PageReader):
    """Gathers headings, too."""

    def __init__(self) -> None:
        super().__init__()
        self.headings = list[str]()
        self._in_heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)
        if tag in ("h2", "h3"):
            self._in_heading = True
            self.headings.append("")

    def handle_data(self, data: str) -> None:
        super().handle_data(data)
        if self._in_heading:
            self.headings[-1] = " ".join(f"{self.headings[-1]} {data}".split())

    def handle_endtag(self, tag: str) -> None:
        super().handle_endtag(tag)
        if tag in ("h2", "h3"):
            self._in_heading = False


def _kind(column: pd.Series) -> str:
    kinds = {"bool": pd.api.types.is_bool_dtype, "integer": pd.api.types.is_integer_dtype}
    kinds["number"] = pd.api.types.is_float_dtype
    return next((kind for kind, fits in kinds.items() if fits(column)), "text")


# ---- What is kept -----------------------------------------------------------------------------------------------------

GRAINS = KEPT / "extracted-grains"
SAMPLES = KEPT / "grain-samples.csv"
TABLES = KEPT / "grain-tables"
ANSWERS = KEPT / "grain-answers.json"


def read_table(path: Path) -> pd.DataFrame:
    """A table with its numbers as numbers, and "" where a text is lacking."""
    table = pd.read_csv(path)
    texts = [name for name in table if not pd.api.types.is_numeric_dtype(table[name])]
    return table.fillna(dict.fromkeys(texts, ""))


def compare_tables(found: pd.DataFrame, expected: pd.DataFrame, name: str) -> None:
    """Tables are what they were: texts exactly, numbers to 0.0001."""
    assert list(found) == list(expected), name
    for column in expected:
        where = f"{name}: {column}"
        if pd.api.types.is_numeric_dtype(expected[column]):
            numbers = found[column].to_numpy(np.float64), expected[column].to_numpy(np.float64)
            np.testing.assert_allclose(*numbers, rtol=1e-4, atol=1e-4, err_msg=where)
        else:
            texts = found[column].astype(object).fillna("")  # a column that is wholly empty has no type
            assert texts.tolist() == expected[column].tolist(), where


@pytest.fixture(scope="module")
def answers() -> Iterator[Plain]:
    """What was said of the run; what is kept is afterwards what it was when it was committed."""
    answers: Plain = json.loads(ANSWERS.read_text("utf-8"))
    yield answers
    assert checksums(GRAINS) == answers["checksums"]
    assert checksums(KEPT / "grains") == json.loads((KEPT / "grains.json").read_text("utf-8"))["checksums"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the run, which tells of its grains by a name alone."""
    run = tmp_path_factory.mktemp("kept") / "grains"
    shutil.copytree(KEPT / "grains", run)
    with chdir(KEPT):
        yield run


WORD_COLUMNS = ["mean_word", "sorting_word", "skewness_word", "kurtosis_word"]


def without_words_of_few(sizes: pd.DataFrame) -> pd.DataFrame:
    """The kept table of sizes as it is written since 0.3: fewer than 20 grains are given no words."""
    return sizes.assign(**{name: sizes[name].where(sizes["n"] >= 20, "") for name in WORD_COLUMNS})


def rows_without_words_of_few(rows: list[list[str]]) -> list[list[str]]:
    """The kept rows of the page likewise, where the reason is given once below the table instead of in each row."""
    shown = []
    for row in rows:
        few = row[2].isdigit() and int(row[2]) < 20 and len(row) == 8
        sizes = re.sub(r"(; )?fewer than 20 grains(; )?", "", row[3])
        numbers = [re.sub(r"(?<=[0-9–])[a-z ]+$", "", cell) for cell in row[4:]]
        shown.append([*row[:3], sizes, *numbers] if few else row)
    return shown


def without_audited_intervals(table: pd.DataFrame) -> pd.DataFrame:
    """The table without the ends of audited intervals: since 0.3 their coverage is measured, and they lie elsewhere."""
    if "basis" in table:
        is_audited = table["basis"].str.contains("audited")
        table = table.assign(**{end: table[end].where(~is_audited, 0) for end in ("low", "high")})
        return table.assign(definition=table["definition"].where(~is_audited, ""))
    return table.drop(columns=["corrected_low", "corrected_high"], errors="ignore")


def without_audited_ends(page: Plain) -> Plain:
    """The cells of the page likewise: ``audited 58.3 % (22.8-79.5)`` without what stands in brackets."""
    ends = re.compile(r"(audited (?:[\d.]+|∞)(?: %)?) \([^)]*\)")
    shown = {name: [[ends.sub(r"\1", cell) for cell in row] for row in page[name]] for name in ("counts", "indicators")}
    audit = [[*row[:-1], row[-1].partition(" (")[0]] for row in page["audit"]]
    return {**page, **shown, "audit": audit}


def compare_audited_ends(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """The ends of audited intervals in %, which moved by less than 7, and hold what they are of."""
    for end in ("corrected_low", "corrected_high"):
        np.testing.assert_allclose(found[end], expected[end], atol=7, rtol=0)
    assert (found["corrected_low"] <= found["corrected"]).all()
    assert (found["corrected"] <= found["corrected_high"]).all()


# ---- The tests --------------------------------------------------------------------------------------------------------


def test_extracted_grains_are_read_as_they_were(answers: Plain) -> None:
    same(plainly(extraction_answers(GRAINS)), answers["extraction"])


def test_the_report_counts_and_measures_as_it_did(run: Path, answers: Plain) -> None:
    tables, page = grain_report(run)
    kept = {path.relative_to(TABLES).as_posix(): path for path in TABLES.rglob("*.csv")}
    assert set(tables) == set(kept)
    for name, path in kept.items():
        expected = read_table(path)
        expected = without_words_of_few(expected) if name == "sizes.csv" else expected
        compare_tables(without_audited_intervals(tables[name]), without_audited_intervals(expected), name)
    compare_audited_ends(tables["counts.csv"], read_table(kept["counts.csv"]))
    expected = {**answers["page"], "sizes": rows_without_words_of_few(answers["page"]["sizes"])}
    same(without_audited_ends(plainly(page)), without_audited_ends(expected))


def test_sizes_follow_scale_and_diameter_as_they_did(run: Path, answers: Plain) -> None:
    assert rescaled_sizes(run) == rows_without_words_of_few(answers["rescaled_sizes"])


def test_the_audit_corrects_and_draws_as_it_did(run: Path, answers: Plain) -> None:
    found, expected = audit_answers(run), plainly(answers["audit"])
    for now, then in zip(found["shares"], expected["shares"], strict=True):
        assert now["low"] <= now["share"] <= now["high"]
        for end in ("low", "high"):  # see without_audited_intervals
            assert now.pop(end) == pytest.approx(then.pop(end), abs=0.05)
    same(found, expected)


@pytest.mark.parametrize(("to", "export"), [("coco", coco_answers), ("ecotaxa", ecotaxa_answers)])
def test_exports_hold_what_they_held(to: str, export: Any, run: Path, answers: Plain) -> None:
    same(export(run), answers[to])


def test_the_table_of_grains_has_the_columns_that_it_had(run: Path, answers: Plain) -> None:
    assert csv_columns(run) == answers["csv_columns"]
