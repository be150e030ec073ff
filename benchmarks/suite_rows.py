"""Keep the rows of a suite, whole or unfinished, in results/suite-NAME.json, of which `make tables` makes a page.

facies benchmark benchmarks/suites/four-sets.toml -o benchmarks/work/four-sets --data ../shared/data --jobs 2
python benchmarks/suite_rows.py benchmarks/work/four-sets
python benchmarks/suite_rows.py benchmarks/work/four-sets --restore   # on another machine: the suite goes on from what is kept

A suite goes on at the commit of its last row, or with `--other-commit` at another. Run folders are not restored.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import record

from facies.report.benchmark_table import markdown
from facies.workflows.benchmark.results import Results
from facies.workflows.benchmark.rows import RowFile
from facies.workflows.benchmark.suite import read_suite

LEFT_OUT = ("notes", "parameters")
"""They are in the run folders, and for all but the seed in the suite and its commit."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="the folder of `facies benchmark`")
    parser.add_argument("--restore", action="store_true", help="make the folder from what is kept")
    arguments = parser.parse_args()
    results = arguments.results
    if arguments.restore:
        restore(results)
        return
    rows = map(json.loads, (results / "rows.jsonl").read_text("utf-8").splitlines())
    latest = {(row["set"], row["method"], row["seed"]): _kept(row) for row in rows}
    record.keep(f"suite-{results.name}", {"suite": results.name, "rows": list(latest.values())})


def _kept(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in LEFT_OUT}


def restore(results: Path) -> None:
    """Make the results folder of a suite with the rows that are kept, so that only the others are run."""
    if results.exists():
        raise SystemExit(f"{results} is there already: rows are restored into a new folder")
    rows = json.loads((record.RESULTS / f"suite-{results.name}.json").read_text("utf-8"))["rows"]
    last = max(rows, key=lambda row: str(row["date"]))
    commit, version = last["commit"], last["versions"]["facies"]
    suite = read_suite(Path(__file__).parent / "suites" / f"{results.name}.toml")
    folder = Results(results)
    folder.begin_or_continue(suite, commit, version, overwrite=False)
    file = RowFile(folder.rows)
    for row in rows:
        file.append(row)
    print(f"{len(rows)} rows: the suite goes on at commit {commit}, or with --other-commit at another")


def page(results: dict[str, Any]) -> str:
    """All suites on one page: what each set's table says, the most accurate method first."""
    parts = []
    for result in results.values():
        text = markdown(result["rows"], f"All methods: {result['suite']}")
        parts.append(text)
    return "\n".join(parts)


if __name__ == "__main__":
    main()
