"""The tables of a benchmark, from its rows alone."""

from __future__ import annotations

from matplotlib.collections import PathCollection

from facies.report.benchmark_page import seeds_figure, time_figure, write_benchmark_report
from facies.report.benchmark_table import markdown, spread, tables_of
from tests.workflows.benchmark.factories import row

ROWS = [
    row(accuracy=0.5, published=0.843),
    row(seed=1, accuracy=0.7, collapsed=True),
    row(method="idec", accuracy=0.9),
    row(method="idec", seed=1, accuracy=None, error="no <memory> | left", seconds=None, peak_bytes=None),
    row(set="other", accuracy=None, accuracy_majority=None, nmi=None, ari=None, silhouette=0.25, davies_bouldin=None),
]


def test_the_most_accurate_method_comes_first_and_no_cell_is_empty():
    squares, other = tables_of(ROWS)
    assert [line.method for line in squares.lines] == ["idec", "dec"]
    cells = squares.lines[1].cells()
    assert cells[:3] == ["dec", "0.600 ± 0.141", "0.843"]
    assert cells[-3:] == ["2", "1", "0"]
    assert squares.lines[0].cells()[-3:] == ["2", "0", "1"]
    assert all(cell for table in (squares, other) for line in table.lines for cell in line.cells())
    assert other.without_labels() == [["dec", "0.250", "not defined"]]


def test_markdown_says_why_and_keeps_its_columns():
    text = markdown(ROWS, "suite")
    assert r"- idec, seed 1, failed: no &lt;memory> \| left" in text
    assert "5 runs" in text


def test_figures_draw_every_run():
    (squares, _) = tables_of(ROWS)
    drawn = [each for each in seeds_figure(squares).axes[0].collections if isinstance(each, PathCollection)]
    assert len(drawn) == 4  # three runs that did not fail, and a published figure
    assert len(time_figure(squares).axes[0].texts) == 2


def test_a_name_cannot_break_the_page(tmp_path):
    rows = [row(set="<script>", error="<script>alert(1)</script>", accuracy=None), row(set="<script>")]
    write_benchmark_report(rows, tmp_path / "table.md", tmp_path / "report.html", "<script>")
    assert "<script" not in (tmp_path / "report.html").read_text()


def test_spread():
    assert (spread([], 3), spread([None, 0.5], 2), spread([1, 3], 0)) == ("", "0.50", "2 ± 1")
