"""Runs that the code of format 1 made are opened, read, changed and asked as the code that made them did.

All that knows how Facies is built stands in the first part of this file, behind a few functions: where modules move, these
change, and neither the tests below nor the kept files do.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from facies.annotations import Journal
from facies.atlas import Atlas
from facies.atlas.services.counts import count_all
from facies.cli import app
from facies.methods import load_method
from facies.report import write_report
from facies.report.sections import applying_sections
from facies.runs import RunFolder

Arrays = dict[str, NDArray[Any]]
Plain = dict[str, Any]
FIRST = 40
"""Of how many images learnt from the places in embedding and map are kept."""

# ---- What asks Facies -------------------------------------------------------------------------------------------------


def call(*words: Any) -> str:
    """Run the command in this process; its standard output."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.stderr
    return result.stdout


def run_answers(run: Path) -> tuple[Arrays, Plain]:
    """The tables of a run as it was made: every partition with its probabilities, the first places in embedding and map."""
    folder = RunFolder(run)
    arrays: Arrays = {
        "learnt_embedding": np.asarray(folder.embedding[:FIRST]),
        "map": np.asarray(folder.projection()[0][:FIRST]),
    }
    for name in folder.partitions():
        table = folder.partition(name)[0]
        arrays[f"group_{name}"] = table["group"].to_numpy(np.int64)
        arrays[f"probability_{name}"] = table["probability"].to_numpy(np.float64)
    if folder.labels is not None:
        arrays["true_labels"] = folder.labels
    manifest = folder.manifest
    plain = {
        "n_images": len(folder),
        "n_groups": manifest["n_groups"],
        "method": manifest["method"],
        "preset": manifest["preset"],
        "command": manifest["command"],
        "origin": manifest["input"]["origin"],
        "image_shape": manifest["input"]["image_shape"],
        "fingerprint": manifest["input"]["fingerprint"],
        "partitions": folder.partitions(),
        "first_ids": folder.images["id"].tolist()[:3],
        "n_epochs": folder.training_curves.groupby("stage").size().to_dict(),
        "thumbnails": list(np.shape(folder.thumbnails.image(0))),
        "set_upright": folder.canonical_thumbnails is not None,
        "samples": None if folder.samples is None else list(folder.samples.shape),
    }
    return arrays, plain


def model_answers(run: Path, images: NDArray[np.uint8]) -> Arrays:
    """What the model says of images that it has not seen, and what it draws."""
    method = load_method(RunFolder(run).model_folder)
    answers = {
        "predict": method.predict(images),
        "predict_proba": method.predict_proba(images),
        "transform": method.transform(images),
        **{f"place_{name}": np.asarray(column) for name, column in method.predict_table(images).items()},
    }
    if method.is_generative:
        answers["sample"] = method.sample(2, cluster=0, random_state=0)
    if method.has_canonical_pose:
        answers["canonical"] = method.canonical(images[:4])
    return answers


def groups_of_learnt_images(run: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``labels_`` as the run has them, and the groups that the model gives the same images, opened from where they were."""
    folder = RunFolder(run)
    learnt = folder.partition(folder.manifest["partition"])[0]["group"].to_numpy(np.int64)
    return learnt, load_method(folder.model_folder).predict(folder.image_set())


def journal_answers(run: Path) -> tuple[Arrays, Plain]:
    """What the expert decided, and by which actions."""
    with Journal(run, user="expert") as journal:
        return _decided(journal)


def turned_answers(run: Path) -> list[tuple[Arrays, Plain]]:
    """What the expert decided once the action undone last was done again, and once that was undone."""
    with Journal(run, user="expert") as journal:
        answers = []
        for turn in (journal.redo, journal.undo):
            assert turn() is not None
            answers.append(_decided(journal))
        return answers


def _decided(journal: Journal) -> tuple[Arrays, Plain]:
    known = journal.annotations()
    arrays: Arrays = {
        "class_codes": known.codes,
        "states": known.states,
        "own_states": known.own_states,
        "confidence": known.confidence,
        **{f"groups_now_{name}": groups for name, groups in known.groups.items()},
    }
    reasons = pd.Series(known.reasons[known.reasons != ""])
    plain = {
        "classes": known.classes.to_dict("records"),
        "members": {name: int((known.names == name).sum()) for name in known.classes["name"]},
        "counted": {str(name): int(n) for name, n in known.counts().items()},
        "reasons": {str(reason): int(n) for reason, n in reasons.value_counts(sort=False).items()},
        "audits": known.audits.drop(columns="time").to_dict("records"),
        "rejections": known.rejections.to_dict("records"),
        "notes": [[note.user, note.text, note.rows.tolist()] for note in known.notes.itertuples()],
        "actions": [
            [action.id, action.user, action.kind, action.partition, len(action.rows), action.undoes]
            for action in journal.actions()
        ],
        "first_time": next(journal.actions()).time,
        "undone": [
            action.id
            for action in journal.actions()
            if action.kind not in ("undo", "redo") and not journal.is_in_force(action.id)
        ],
    }
    return arrays, plain


def report_answers(run: Path) -> Plain:
    """What the report tells in words and figures; its drawings and its style are not looked at."""
    page = write_report(RunFolder(run), run.parent / "report.html", overwrite=True)
    reader = PageReader()
    reader.feed(page.read_text("utf-8"))
    sections = {name: reader.rows.get(name, []) for name in ("groups", "classes")}
    quality = [row[:2] for row in reader.rows.get("quality", []) if len(row) == 3]
    return {"title": reader.title, "methods": reader.methods, "figures": reader.figures, **sections, "quality": quality}


def evaluation(run: Path, *more: str) -> Plain:
    """What `facies evaluate` measures."""
    told: Plain = json.loads(call("evaluate", run, *more, "--json"))
    del told["run"]
    return told


def predicted_table(run: Path, images: NDArray[np.uint8]) -> Arrays:
    """The columns that `facies predict` writes."""
    source, table = run.parent / "new.npy", run.parent / "predicted.csv"
    np.save(source, images)
    call("predict", run, source, "-o", table, "--overwrite")
    columns = pd.read_csv(table, float_precision="round_trip").drop(columns="id")
    return {
        f"table_{name}": column.to_numpy(str if column.dtype.kind in "OTU" else column.dtype)
        for name, column in columns.items()
    }


def atlas_answers(run: Path) -> Plain:
    """What the atlas counts and tells of the run."""
    with Atlas([run]) as atlas:
        opened = atlas.run(run.name)
        pairs = [pair for section in applying_sections(opened.folder).values() for pair in section.role_ratios]
        counts = count_all(opened.states, None, role_ratios=pairs)
        numbers, sizes = np.unique(opened.states.groups, return_counts=True)
        done = opened.history_to_json(1000)
    del counts["notes"]
    counts["ratios"] = [
        {name: ratio[name] for name in ("name", "a", "b", "value", "low", "high")} for ratio in counts["ratios"]
    ]
    return {
        "counts": counts,
        "groups": dict(zip(map(str, numbers.tolist()), sizes.tolist(), strict=True)),
        "history": [[told["id"], told["kind"], told["n"], told["undone"]] for told in done],
    }


def all_answers(run: Path, images: NDArray[np.uint8], evaluated: list[str]) -> tuple[Arrays, Plain]:
    """Everything that is kept beside a run."""
    run_arrays, run_plain = run_answers(run)
    journal_arrays, journal_plain = journal_answers(run)
    arrays = {**run_arrays, **model_answers(run, images), **predicted_table(run, images), **journal_arrays}
    plain = {
        "run": run_plain,
        "journal": journal_plain,
        "report": report_answers(run),
        "evaluated": evaluated,
        "evaluation": evaluation(run, *evaluated),
        "atlas": atlas_answers(run),
    }
    again, _ = turned_answers(run)
    arrays["class_codes_after_redo"], plain["counted_after_redo"] = again[0]["class_codes"], again[1]["counted"]
    return arrays, json.loads(json.dumps(plain, default=float))


class PageReader(HTMLParser):
    """Gathers the title, the paragraphs on methods, the figures at the top and the rows of tables by section."""

    def __init__(self) -> None:
        super().__init__()
        self.title, self.methods, self.figures = "", list[str](), list[str]()
        self.rows: dict[str, list[list[str]]] = {}
        self._section, self._texts, self._keep = "", list[str](), False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "section":
            self._section = given.get("id") or ""
        if tag == "tr":
            self.rows.setdefault(self._section, []).append([])
        if tag in ("title", "dt", "dd", "th", "td") or (tag == "p" and given.get("class") == "methods"):
            self._texts, self._keep = [], True

    def handle_data(self, data: str) -> None:
        if self._keep:
            self._texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        if not self._keep or tag not in ("title", "dt", "dd", "th", "td", "p"):
            return
        text, self._keep = " ".join("".join(self._texts).split()), False
        if tag == "title" and not self.title:  # drawings have titles, too
            self.title = text
        elif tag == "p":
            self.methods.append(text)
        elif tag in ("dt", "dd"):
            self.figures.append(text)
        elif tag in ("th", "td"):
            self.rows[self._section][-1].append(text)


# ---- What is kept -----------------------------------------------------------------------------------------------------

KEPT = Path(__file__).parent / "format-1"
RUNS = ("moe-vae", "focal-vae", "st-dac", "dac", "grains")
"""A run of each method, and one of grains that ``facies extract`` cut out."""
REOPENED = ("moe-vae", "focal-vae", "st-dac", "grains")
"""The runs whose images are kept beside them; those of the run of dac, a folder of files, are not."""


def checksums(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class Kept:
    """A copy of a kept run, and what was said of it."""

    def __init__(self, method: str, folder: Path) -> None:
        self.run = folder / method
        shutil.copytree(KEPT / method, self.run)
        with np.load(KEPT / f"{method}.npz", allow_pickle=False) as file:
            self.arrays: Arrays = dict(file)
        self.plain: Plain = json.loads((KEPT / f"{method}.json").read_text("utf-8"))
        self.images = self.arrays["images"]

    def compare(self, arrays: Arrays, but: tuple[str, ...] = ()) -> None:
        """Arrays are what they were: whole numbers and words exactly, others to 0.0001."""
        for name, found in arrays.items():
            if name in but:
                continue
            expected = self.arrays[name]
            assert found.shape == expected.shape, name
            if expected.dtype.kind == "f":
                np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4, err_msg=name)
            else:
                np.testing.assert_array_equal(found, expected, err_msg=name)


_BELOW = {f"{name}_all" for name in ("n", "share", "low", "high", "audited_share", "audited_low", "audited_high")}
SAID_SINCE = {
    "classes": {"parent", "path"},
    "counts.classes": {"parent", "n_below", "looked_at", "audit_missing", *_BELOW},
    "evaluation": {"n_unassigned"},
}
"""What else is said since 0.3, and where; all other names are what they were."""


def same(found: Any, expected: Any, where: str = "") -> None:
    """Plain data are what they were: fractions to 0.0001, all else exactly."""
    if isinstance(expected, dict):
        assert isinstance(found, dict), where
        assert set(found) == set(expected) | SAID_SINCE.get(where.partition("[")[0].removeprefix("."), set()), where
        for key, value in expected.items():
            same(found[key], value, f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for place, value in enumerate(expected):
            same(found[place], value, f"{where}[{place}]")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-4, nan_ok=True), where
    else:
        assert found == expected, where


def plainly(answers: Any) -> Any:
    """As JSON gives it back."""
    return json.loads(json.dumps(answers, default=float))


@pytest.fixture(params=RUNS)
def kept(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    """A copy of the run; what is kept is afterwards what it was when it was committed."""
    monkeypatch.chdir(KEPT)  # the runs tell of their images by a name alone
    kept = Kept(request.param, tmp_path)
    yield kept
    assert checksums(KEPT / request.param) == kept.plain["checksums"]


# ---- The tests --------------------------------------------------------------------------------------------------------


def test_the_run_is_read_as_it_was(kept: Kept) -> None:
    arrays, plain = run_answers(kept.run)
    kept.compare(arrays)
    same(plainly(plain), kept.plain["run"])


def test_the_model_answers_as_it_did(kept: Kept) -> None:
    kept.compare(model_answers(kept.run, kept.images))


def test_the_command_predicts_as_it_did(kept: Kept) -> None:
    kept.compare(predicted_table(kept.run, kept.images))


@pytest.mark.parametrize("method", REOPENED)
def test_the_images_learnt_from_are_found_again_and_get_their_groups(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(KEPT)  # the runs tell of their images by a name alone
    learnt, found = groups_of_learnt_images(Kept(method, tmp_path).run)
    np.testing.assert_array_equal(found, learnt)


def test_the_journal_is_read_as_it_was(kept: Kept) -> None:
    arrays, plain = journal_answers(kept.run)
    kept.compare(arrays)
    same(plainly(plain), kept.plain["journal"])
    assert plain["undone"]


def test_what_was_undone_is_done_again_and_undone(kept: Kept) -> None:
    (redone, told), (undone, told_then) = turned_answers(kept.run)
    np.testing.assert_array_equal(redone["class_codes"], kept.arrays["class_codes_after_redo"])
    assert told["counted"] == kept.plain["counted_after_redo"]
    assert told["counted"] != kept.plain["journal"]["counted"]
    kept.compare(undone)
    for name in ("classes", "members", "counted", "reasons", "audits", "rejections", "undone"):
        same(plainly(told_then[name]), kept.plain["journal"][name], name)
    kinds = [action[2] for action in journal_answers(kept.run)[1]["actions"]]
    assert kinds == [*(action[2] for action in kept.plain["journal"]["actions"]), "redo", "undo"]


def test_the_report_says_what_it_said(kept: Kept) -> None:
    same(plainly(report_answers(kept.run)), kept.plain["report"])


def test_the_groups_measure_as_they_did(kept: Kept) -> None:
    same(evaluation(kept.run, *kept.plain["evaluated"]), kept.plain["evaluation"], "evaluation")


def test_the_atlas_counts_as_it_did(kept: Kept) -> None:
    """All but what is shown otherwise since 0.3: shares need 20 audited images a class, and ratios of sediment grains."""
    found, expected = plainly(atlas_answers(kept.run)), kept.plain["atlas"]
    if kept.run.name != "grains":
        expected["counts"]["ratios"] = []
    for told in expected["counts"]["classes"]:
        if told["audited"] < 20:
            told.update(audited_share=None, audited_low=None, audited_high=None)
    same(found, expected)
