"""Keep the rows of a suite, whole or unfinished, in results/suite-NAME.json, of which `make tables` makes a page.

facies benchmark benchmarks/suites/four-sets.toml -o benchmarks/work/four-sets --data ../shared/data --jobs 2
python benchmarks/suite_rows.py benchmarks/work/four-sets
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import record

from facies.report.benchmark_table import markdown

LEFT_OUT = ("notes", "parameters")
"""They are in the run folders, and for all but the seed in the suite and its commit."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="the folder of `facies benchmark`")
    results = parser.parse_args().results
    rows = [json.loads(line) for line in (results / "rows.jsonl").read_text("utf-8").splitlines()]
    record.keep(f"suite-{results.name}", {"suite": results.name, "rows": [_kept(row) for row in rows]})


def _kept(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in LEFT_OUT}


def page(results: dict[str, Any]) -> str:
    """All suites on one page: what each set's table says, the most accurate method first."""
    parts = []
    for result in results.values():
        text = markdown(result["rows"], f"All methods: {result['suite']}")
        parts.append(text)
    return "\n".join(parts)


if __name__ == "__main__":
    main()
