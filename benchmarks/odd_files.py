"""A corpus of 500 odd files: formats × depths × compressions × axes × faults, each read right or left out for the right reason.

python benchmarks/odd_files.py [--keep] [--folder FOLDER]; --keep writes results/odd-files.json.
"""

from __future__ import annotations

import argparse
import json
import resource
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import record
from odd_case import Case, judge, outcome
from odd_cases import cases

SECONDS = 60
"""No file may take longer."""


def write_corpus(folder: Path, drawn: list[Case]) -> None:
    """Write every file of the corpus."""
    for case in drawn:
        path = folder / case.name
        path.parent.mkdir(parents=True, exist_ok=True)
        case.write(path)


def check_search(folder: Path, drawn: list[Case]) -> list[str]:
    """Every file is either listed, left out or passed over, once; what may not be opened is not listed."""
    from facies.images.readers.file_search import search_folder

    found = search_folder(folder)
    listed = [file.name for file in found.files]
    left_out = {item.source: item.reason for item in found.left_out}
    counted = Counter([*listed, *left_out, *found.passed_over])
    wrong = []
    for case in drawn:
        if counted[case.name] != 1:
            wrong.append(f"{case.name}: listed {counted[case.name]} times")
        elif case.kind == "not a file" and case.name not in left_out:
            wrong.append(f"{case.name}: would be opened")
        elif case.kind == "passed over" and case.name not in found.passed_over:
            wrong.append(f"{case.name}: is not passed over")
    return wrong


def open_together(folder: Path) -> dict[str, Any]:
    """Open all files of grey and colour at once, as a user does: each image is in the set or left out, and memory is bounded."""
    from facies.images.readers.file_search import search_folder
    from facies.images.readers.folder import images_from_files
    from facies.images.readers.image_file import read_contents
    from facies.images.readers.pixels import UnreadableImage
    from facies.images.resize import ImageFormat

    files, expected = [], 0
    for file in search_folder(folder).files:
        try:
            headers = read_contents(file.path, "axes").headers
        except UnreadableImage:
            headers = [None]
        if all(header is None or (header.channels in (1, 3) and not header.layers) for header in headers):
            files.append(file)
            expected += len(headers)
    images = images_from_files(folder, files, image_format=ImageFormat(channels="grey", size=(16, 16)))
    return {
        "files": len(files),
        "images": len(images),
        "left_out": len(images.left_out),
        "missing": expected - len(images) - len(images.left_out),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def read_all(folder: Path, start: int) -> None:
    """In a process of its own: read the files one by one, and write a line of JSON for each."""
    drawn = [case for case in cases() if case.kind not in ("not a file", "passed over")]
    print("ready", flush=True)
    for number in range(start, len(drawn)):
        case, begin = drawn[number], time.perf_counter()
        try:
            images, reasons = outcome(folder / case.name)
            wrong = judge(case, images, reasons)
        except Exception as error:  # a traceback is what is looked for
            reasons, wrong = [], f"TRACEBACK {type(error).__name__}: {error}"
        row = {
            "number": number,
            "name": case.name,
            "kind": case.kind,
            "read": not reasons,
            "reason": reasons[0] if reasons else "",
            "wrong": wrong,
            "seconds": round(time.perf_counter() - begin, 3),
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }
        print(json.dumps(row), flush=True)


def watch(folder: Path) -> list[dict[str, Any]]:
    """Read all files in another process, which is ended and begun anew behind a file at which it hangs or dies."""
    drawn = [case for case in cases() if case.kind not in ("not a file", "passed over")]
    rows: list[dict[str, Any]] = []
    while len(rows) < len(drawn):
        command = [sys.executable, __file__, "--child", str(len(rows)), "--folder", str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            child.stdout.readline()  # it says when all is imported
            while len(rows) < len(drawn):
                ready, _, _ = select.select([child.stdout], [], [], SECONDS)
                line = child.stdout.readline() if ready else ""
                if not line:
                    case = drawn[len(rows)]
                    wrong = "the process died" if ready else f"HANG: longer than {SECONDS} s"
                    rows.append({"name": case.name, "kind": case.kind, "read": False, "reason": "", "wrong": wrong})
                    child.kill()
                    break
                rows.append(json.loads(line))
            child.kill()
    return rows


def summary(rows: list[dict[str, Any]], search: list[str], together: dict[str, Any], n_cases: int) -> dict[str, Any]:
    """The figures that are kept."""
    if together["missing"]:
        search = [*search, f"{together['missing']} images are neither in the set nor left out"]
    wrong = [row for row in rows if row["wrong"]]
    reasons = Counter(row["reason"].split(":")[0].split("(")[0].strip() for row in rows if row["reason"])
    return {
        "files": n_cases,
        "opened": len(rows),
        "read": sum(row["read"] for row in rows),
        "left_out": sum(bool(row["reason"]) for row in rows),
        "not_opened": n_cases - len(rows),
        "wrong": [{"name": row["name"], "wrong": row["wrong"]} for row in wrong] + search,
        "together": together,
        "hangs": sum(row["wrong"].startswith("HANG") for row in wrong),
        "tracebacks": sum(row["wrong"].startswith(("TRACEBACK", "the process died")) for row in wrong),
        "peak_mib": max(row.get("peak_mib", 0) for row in rows),
        "slowest_seconds": max(row.get("seconds", SECONDS) for row in rows),
        "by_kind": {
            kind: {"files": len(own), "read": sum(row["read"] for row in own)}
            for kind in sorted({row["kind"] for row in rows})
            for own in [[row for row in rows if row["kind"] == kind]]
        },
        "reasons": dict(reasons.most_common()),
        "seed": 0,
        "machine": record.machine(),
    }


def main() -> None:
    """Write the corpus, read it, and print what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--child", type=int)
    arguments = parser.parse_args()
    if arguments.child is not None:
        if arguments.child < 0:
            print(json.dumps(open_together(arguments.folder)))
        else:
            read_all(arguments.folder, arguments.child)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        drawn = cases()
        write_corpus(folder, drawn)
        rows = watch(folder)
        command = [sys.executable, __file__, "--child", "-1", "--folder", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
        together = json.loads(done.stdout)
        result = summary(rows, check_search(folder, drawn), together, len(drawn))
    print(json.dumps(result, indent=1))
    if arguments.keep:
        record.keep("odd-files", result)
    sys.exit(1 if result["wrong"] else 0)


if __name__ == "__main__":
    main()
