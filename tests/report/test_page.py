"""The report: what is in it, that it needs nothing else, and that nothing a user names becomes markup."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facies.errors import InputError
from facies.metrics import evaluate_partition
from facies.report import page as report_html
from facies.report import write_report
from facies.runs import RunFolder, write_run
from tests.runs.factories import K, N, make_contents, make_images


class Page(HTMLParser):
    """What a browser would make of the page, as far as the tests ask."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.terms: dict[str, list[str]] = {"dt": [], "dd": []}
        self.feed(markup)
        self.close()
        assert self.open == [], "unclosed elements"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("meta", "img"):
            return
        self.open.append(tag)
        if tag in self.terms:
            self.terms[tag].append("")
        elif tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.text.append(data)
        if "td" in self.open or "th" in self.open:
            self.tables[-1][-1][-1] += data
        for tag in self.terms.keys() & set(self.open):
            self.terms[tag][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def words(self) -> str:
        return " ".join(" ".join(self.text).split())

    def table(self, *headings: str) -> list[list[str]]:
        """Give the rows of the table that begins with these headings."""
        for table in self.tables:
            if table[0][: len(headings)] == list(headings):
                return [[" ".join(cell.split()) for cell in row] for row in table[1:]]
        raise AssertionError(f"no table begins with {headings}")


def read(path: Path) -> Page:
    return Page(path.read_text("utf-8"))


@pytest.fixture(scope="session")
def page(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return read(write_report(run, tmp_path_factory.mktemp("report") / "report.html"))


def test_it_loads_nothing_and_runs_nothing(run: RunFolder, tmp_path: Path) -> None:
    path = write_report(run, tmp_path / "report.html")
    markup = path.read_text("utf-8")
    page = Page(markup)
    assert not {"script", "link", "iframe", "object", "embed", "base", "audio", "video"} & {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        for name, given in attributes.items():
            assert not name.startswith("on"), (tag, name)
            if name in ("src", "href", "xlink:href", "srcset", "action", "poster", "data"):
                assert given is not None
                assert given.startswith(("#", "data:image/")), (tag, name, given[:40])
    # The names of XML vocabularies are the only addresses in it.
    addresses = set(re.findall(r"https?://[^\s\"'<>)]+", markup))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "url(http" not in markup
    assert "@import" not in markup
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_counts_and_the_table_of_groups(page: Page, run: RunFolder) -> None:
    groups = run.partition()[0]["group"]
    rows = page.table("Group", "Images", "Share")
    assert len(rows) == K + 2
    for group in range(K):
        size = int((groups == group).sum())
        assert rows[group][:3] == [f"● Group {group}", str(size), f"{100 * size / N:.1f} %"]
    assert rows[K][:3] == ["● No group (noise)", "6", "10.0 %"]
    assert rows[K + 1][:2] == ["All", str(N)]


def test_the_counts(page: Page) -> None:
    assert dict(zip(page.terms["dt"], page.terms["dd"], strict=True)) == {
        "images": "60",
        "groups": "3",
        "in no group": "6 10.0 %",
        "left out": "0",
    }


def test_the_methods_paragraph_says_what_was_done(page: Page, run: RunFolder) -> None:
    words = page.words()
    for sentence in (
        "60 images of 12 × 12 pixels, one channel (uint8) were clustered without labels by the method moe-vae",
        "preset “quick”, random seed 3.",
        "represented by 4 numbers",
        "by HDBSCAN (min_cluster_size = 5; seed 3)",
        "beta = 0.5; latent_size = none; folder = a/b.",
        "Parameters All 3 beta 0.5 latent_size none folder a/b",
        "3 groups were found; 6 images (10.0 %) were assigned to no group.",
        "two dimensions by UMAP (n = 15; seed 3)",
        "Known labels served for evaluation alone.",
        run.manifest["input"]["fingerprint"][:16],
    ):
        assert sentence in words


def test_groups_that_may_say_little_are_doubted_above_the_paragraph(tmp_path: Path) -> None:
    contents = make_contents(make_images(tmp_path))
    measured = {"n_groups": 3, "n_images": 54, "silhouette": 0.1, "silhouette_of_one_cloud": 0.09, "stability": 0.9}
    contents.manifest["reliability"] = measured
    words = read(write_report(write_run(tmp_path / "run", contents), tmp_path / "r.html")).words()
    assert "These groups may say little." in words
    assert "The groups stand out no better than pieces cut out of one cloud" in words
    assert (
        f"facies cluster {contents.images.origin.get('path') or 'IMAGES'} -o run-2 --method moe-vae --preset paper"
        in words
    )
    contents.manifest["reliability"] = {**measured, "silhouette": 0.5}
    words = read(write_report(write_run(tmp_path / "other", contents), tmp_path / "r2.html")).words()
    assert "may say little" not in words


def test_galleries_show_the_nearest_and_the_farthest_and_name_them(page: Page, run: RunFolder) -> None:
    partition = run.partition()[0]
    images = page.all("img")
    names = [image["alt"] for image in images]
    members = partition[partition["group"] == 1].sort_values("distance", kind="stable")
    start = 12 * 3 + 5  # group 0 has three strips of 12, and 5 generated images
    assert names[start : start + 12] == members["id"].iloc[:12].tolist()
    assert set(names[start + 12 : start + 24]) <= set(members["id"])
    assert names[start + 24 : start + 36] == members["id"].iloc[::-1].iloc[:12].tolist()
    assert names[start + 36 : start + 41] == ["generated by the model"] * 5
    assert len(images) == K * (12 * 3 + 5) + 6
    assert all(image["title"] == image["alt"] for image in images)
    row = int(members.index[0])
    content = base64.b64decode(str(images[start]["src"]).split(",")[1])
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(content)).convert("L")), run.thumbnails.array(row))


def test_metrics_and_contingency_where_labels_are_known(page: Page, run: RunFolder) -> None:
    partition = run.partition()[0]
    measured = evaluate_partition(partition["group"], labels=run.labels, embedding=run.embedding)
    rows = {row[0]: row[1] for row in page.table("Metric", "Value")}
    assert rows["Accuracy (ACC)"] == f"{measured['accuracy']:.4f}" == "0.9000"
    assert rows["Normalised mutual information (NMI)"] == f"{measured['nmi']:.4f}"
    assert rows["Adjusted Rand index (ARI)"] == f"{measured['ari']:.4f}"
    counts = page.table("Group", "0", "1", "2", "All")
    expected = pd.crosstab(partition["group"], run.labels)
    for group in range(K):
        assert [int(cell.replace("·", "0")) for cell in counts[group][1:-1]] == expected.loc[group].tolist()
    assert counts[K] == ["none", "2", "2", "2", "6"]


def test_settings_timings_notes(page: Page, run: RunFolder) -> None:
    settings = {row[0]: row[1] for table in page.tables for row in table if len(row) == 2}
    assert settings["beta"] == "0.5"
    assert settings["seed"] == "3"
    assert settings["command"] == "facies cluster in -o out"
    assert settings["autoencode"] == "1 min 01 s"
    assert settings["experts"] == "12.5 s"
    assert settings["all"] == "1 min 14 s"
    assert settings["numpy"] == np.__version__
    assert settings["fingerprint (SHA-256)"] == run.manifest["input"]["fingerprint"]
    assert settings["reconstruction · mse"] == "0.0120"
    assert settings["cpus"] == str(run.manifest["machine"]["cpus"])
    assert "A note." in page.words()
    assert "Nothing was left out" in page.words()


def test_figures_are_drawn_in_the_pages_ink(run: RunFolder, tmp_path: Path) -> None:
    markup = write_report(run, tmp_path / "report.html").read_text("utf-8")
    drawings = re.findall(r"<svg.*?</svg>", markup, flags=re.DOTALL)
    assert len(drawings) == 2
    assert "Projection of 60 images to two dimensions, in 3 groups" in drawings[0]
    assert "reconstruction" in drawings[1]
    assert "autoencode" in drawings[1]
    for drawing in drawings:
        assert "currentColor" in drawing
        assert "<metadata" not in drawing
    assert "@media print" in markup
    assert "prefers-color-scheme: dark" in markup


NASTY = '<script>alert("1")</script>'


def test_nothing_that_a_user_names_becomes_markup(tmp_path: Path) -> None:
    images = make_images(tmp_path)
    images.table["id"] = [f"{NASTY}{{{{ 7 * 7 }}}}'\"{i}" for i in range(N)]
    images.label_names = [f"</td>{NASTY}{i}" for i in range(K)]
    images.left_out = pd.DataFrame({"source": [f"{NASTY}.png"], "reason": [f"because {NASTY}"]})
    contents = make_contents(images)
    contents.training_curves = contents.training_curves.rename(
        columns={"kl": f"$\\frac{NASTY}", "reconstruction": "_hidden"}
    )
    contents.training_curves["stage"] = [f"$x^{NASTY}"] * 5
    contents.projections = {"p": (contents.projections["umap"][0], {"method": NASTY, "parameters": {NASTY: NASTY}})}
    contents.partitions = {"q": (contents.partitions["density"][0], {"method": NASTY, "seed": NASTY})}
    contents.manifest = {
        **contents.manifest,
        "method": NASTY,
        "preset": NASTY,
        "command": [NASTY],
        "parameters": {NASTY: [NASTY]},
        "notes": [NASTY],
        "references": [NASTY],
        "versions": {NASTY: NASTY},
        "machine": {NASTY: NASTY},
        "timings": {NASTY: 1.0},
        "metrics": {NASTY: {NASTY: NASTY}},
    }
    run = write_run(tmp_path / "a <b> run", contents)
    path = write_report(run, tmp_path / "report.html")
    page = read(path)
    assert page.all("script") == []
    assert "<script" not in path.read_text("utf-8")
    assert page.all("img")[0]["alt"] in images.table["id"].tolist()
    assert f"because {NASTY}" in page.words()
    assert "_hidden" in page.words()
    assert page.table("File", "Why") == [[f"{NASTY}.png", f"because {NASTY}"]]


def test_without_labels_history_samples_projection(tmp_path: Path) -> None:
    images = make_images(tmp_path, labels=False)
    contents = make_contents(images, training_curves=None, samples=None, projections={}, manifest={})
    page = read(write_report(write_run(tmp_path / "run", contents), tmp_path / "r.html"))
    words = page.words()
    assert "true labels" not in words.replace("true labels not known", "")
    assert "Accuracy" not in words
    assert "Silhouette" in words
    assert "generated" not in words
    assert page.all("svg") == []
    targets = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    assert {str(a["href"])[1:] for a in page.all("a")} <= targets


def test_a_small_group_is_shown_whole_and_once(tmp_path: Path) -> None:
    images = make_images(tmp_path)
    table = make_contents(images, samples=None).partitions["density"][0].assign(group=0)
    table.loc[:6, ["group", "distance"]] = [1, 2.0]
    run = write_run(tmp_path / "run", make_contents(images, samples=None, partitions={"p": (table, {})}))
    page = read(write_report(run, tmp_path / "r.html"))
    shown = [str(image["alt"]) for image in page.all("img")][36:]
    assert sorted(shown, key=int) == table["id"].iloc[:7].tolist()


def test_one_group_of_colour_images_without_noise(tmp_path: Path) -> None:
    images = make_images(tmp_path, channels=3, side=80)
    table = make_contents(images).partitions["density"][0].assign(group=0)
    run = write_run(tmp_path / "run", make_contents(images, partitions={"one": (table, {})}))
    page = read(write_report(run, tmp_path / "r.html"))
    assert "1 group was found; every image was assigned to a group." in page.words()
    content = base64.b64decode(str(page.all("img")[0]["src"]).split(",")[1])
    with Image.open(io.BytesIO(content)) as picture:
        assert (picture.mode, picture.size) == ("RGB", (64, 64))


def test_generated_images_belong_to_the_models_own_partition(run: RunFolder, tmp_path: Path) -> None:
    images = make_images(tmp_path)
    other = write_run(tmp_path / "run", make_contents(images))
    other.add_partition("merged", other.partition()[0].assign(group=0), {"method": "merge"})
    merged = read(write_report(other, tmp_path / "merged.html"))
    assert "generated by the model" not in {image["alt"] for image in merged.all("img")}
    first = read(write_report(other, tmp_path / "first.html", partition="density"))
    assert "generated by the model" in {image["alt"] for image in first.all("img")}


def test_many_files_left_out_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_html, "MAX_LEFT_OUT_ROWS", 3)
    images = make_images(tmp_path)
    images.left_out = pd.DataFrame({"source": [f"{i}.png" for i in range(5)], "reason": "torn"})
    page = read(write_report(write_run(tmp_path / "run", make_contents(images)), tmp_path / "r.html"))
    assert len(page.table("File", "Why")) == 3
    assert "5 files could not be used" in page.words()
    assert "The first 3 are listed" in page.words()


def test_it_is_written_whole_and_replaces_nothing_unasked(run: RunFolder, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("mine")
    with pytest.raises(InputError, match="already exists"):
        write_report(run, path)
    with pytest.raises(InputError, match="no partition 'x'"):
        write_report(run, path, partition="x", overwrite=True)
    assert path.read_text() == "mine"
    write_report(run, path, overwrite=True)
    assert path.read_text("utf-8").startswith("<!doctype html>")
    assert list(tmp_path.iterdir()) == [path]


def test_two_reports_of_a_run_are_equal(run: RunFolder, tmp_path: Path) -> None:
    first = write_report(run, tmp_path / "1.html").read_bytes()
    assert write_report(run, tmp_path / "2.html").read_bytes() == first
