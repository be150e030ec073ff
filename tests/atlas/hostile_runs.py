"""Run folders of a stranger, made to read other files, to hang, or to take all memory; and what the atlas does with each.

``python -m tests.atlas.hostile_runs open FOLDER FIRST LAST`` opens the cases FIRST to LAST - 1, one after another, asks
each for all that a page asks for, and prints a line of JSON: the faults, and the most memory that the process had. The
same with ``make`` makes the cases, in a process of its own, since that takes memory too.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import struct
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from facies.annotations import Journal
from facies.atlas import Atlas
from facies.cluster import ward_tree
from facies.errors import InputError
from facies.images import ImageSet, open_images
from facies.runs import RunFolder, write_run
from tests.atlas.factories import Browser, make_contents, make_table

N_CASES = 300
SECONDS = 15
CANARY = b"the private key of the reader"
N = 30

Mutation = Callable[[Path, Path, np.random.Generator], None]


def write_pristine(folder: Path) -> RunFolder:
    """Write a run of image files, with some names, and beside it a private folder that no run may read."""
    private = folder / "private"
    private.mkdir(parents=True)
    (private / "id_rsa").write_bytes(CANARY)
    for i in range(N):
        (private / f"image{i}.png").write_bytes(CANARY)
    pictures = folder / "pictures"
    pictures.mkdir()
    rng = np.random.default_rng(0)
    for i in range(N):
        Image.fromarray(rng.integers(0, 255, (16, 16), dtype=np.uint8)).save(pictures / f"image{i}.png")
    images: ImageSet = make_table(open_images(pictures))
    run = write_run(folder / "pristine" / "run", make_contents(images))
    run.add_tree("ward", ward_tree(np.asarray(run.embedding)), {"method": "ward"})
    with Journal(run) as journal:
        journal.name_group(0, "quartz")
        journal.assign([1, 4, 7, 13], "chert", looked_at=True)
        journal.exclude([2], "cut")
        journal.split([3, 6, 9])
        journal.record_audit([1, 4], ["chert", "quartz"])
        journal.undo()
    return run


def edit_json(path: Path, change: Callable[[Any], Any]) -> None:
    plain = json.loads(path.read_text())
    path.write_text(json.dumps(change(plain) or plain))


def sizes_noted(run: Path) -> None:
    """Have run.json say the sizes that the files have now, as a stranger would."""

    def change(manifest: Any) -> None:
        for name in manifest["files"]:
            if (run / name).is_file():
                manifest["files"][name] = (run / name).stat().st_size

    edit_json(run / "run.json", change)


def set_in(*keys: Any, value: Any) -> Callable[[Any], Any]:
    def change(plain: Any) -> None:
        for key in keys[:-1]:
            plain = plain[key]
        plain[keys[-1]] = value

    return change


def manifest(*keys: Any, value: Any) -> Mutation:
    return lambda run, _private, _rng: edit_json(run / "run.json", set_in(*keys, value=value))


def index(*keys: Any, value: Any) -> Mutation:
    return lambda run, _private, _rng: edit_json(run / "thumbnails" / "index.json", set_in(*keys, value=value))


def origin_at(place: str) -> Mutation:
    def mutate(run: Path, private: Path, _rng: np.random.Generator) -> None:
        path = place.format(private=private)
        edit_json(run / "run.json", set_in("input", "origin", value={"kind": "folder", "path": path, "options": {}}))

    return mutate


def sources(form: str) -> Mutation:
    """Have the table name other files as the images, each of its own, from a confirmed folder."""

    def mutate(run: Path, private: Path, _rng: np.random.Generator) -> None:
        table = pd.read_parquet(run / "images.parquet")
        names = [form.format(private=private, i=i) for i in range(len(table))]
        names[0] = form.format(private=private, i=0).replace("image0.png", "id_rsa")
        table.assign(id=names, source=names).to_parquet(run / "images.parquet", index=False)
        for path in (run / "partitions").glob("*.parquet"):
            pd.read_parquet(path).assign(id=names).to_parquet(path, index=False)

    return mutate


def replaced_by_link(name: str, target: str) -> Mutation:
    def mutate(run: Path, private: Path, _rng: np.random.Generator) -> None:
        (run / name).unlink()
        (run / name).symlink_to(target.format(private=private))

    return mutate


def replaced_by_pipe(name: str) -> Mutation:
    def mutate(run: Path, _private: Path, _rng: np.random.Generator) -> None:
        (run / name).unlink()
        os.mkfifo(run / name)

    return mutate


def sql(statement: str) -> Mutation:
    def mutate(run: Path, _private: Path, _rng: np.random.Generator) -> None:
        with sqlite3.connect(run / "journal.sqlite") as connection:
            connection.executescript(statement)

    return mutate


def blob(column: str, content: bytes) -> Mutation:
    """Replace a blob of the last action, with the checksum that belongs to it."""

    def mutate(run: Path, _private: Path, _rng: np.random.Generator) -> None:
        from facies.annotations.sqlite_store import _COLUMNS, _checksum

        with sqlite3.connect(run / "journal.sqlite") as connection:
            row = list(connection.execute(f"SELECT {_COLUMNS} FROM action WHERE id = 2").fetchone())
            row[_COLUMNS.split(", ").index(column)] = content
            connection.execute(
                f"UPDATE action SET {column} = ?, checksum = ? WHERE id = 2", (content, _checksum(tuple(row)))
            )

    return mutate


def long_texts(run: Path, _private: Path, _rng: np.random.Generator) -> None:
    """One text of a hundred megabytes in every row: a few kilobytes on the disk."""
    table = pa.table(pd.read_parquet(run / "images.parquet"))
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * table.num_rows, pa.int32()), pa.array(["x" * 10**8]))
    place = table.column_names.index("sample")
    table = table.set_column(place, "sample", texts)
    pq.write_table(table, run / "images.parquet", compression="zstd", dictionary_pagesize_limit=2**30)


def many_numbers(run: Path, _private: Path, _rng: np.random.Generator) -> None:
    """Four million zeros in every row."""
    table = pa.table(pd.read_parquet(run / "images.parquet"))
    zeros = pa.array([np.zeros(4_000_000)])
    schema = table.schema.append(pa.field("numbers", zeros.type))
    with pq.ParquetWriter(run / "images.parquet", schema, compression="zstd") as writer:
        for row in range(table.num_rows):
            writer.write_table(table.slice(row, 1).append_column("numbers", zeros).cast(schema))


def many_rows(run: Path, _private: Path, _rng: np.random.Generator) -> None:
    table = pq.read_table(run / "images.parquet")
    pq.write_table(table.take(np.zeros(200_000, np.int64)), run / "images.parquet")


def group_number(number: int) -> Mutation:
    def mutate(run: Path, _private: Path, _rng: np.random.Generator) -> None:
        for path in (run / "partitions").glob("*.parquet"):
            table = pd.read_parquet(path)
            table.loc[0, "group"] = number
            table.to_parquet(path, index=False)

    return mutate


def array(name: str, values: np.ndarray) -> Mutation:
    def mutate(run: Path, _private: Path, _rng: np.random.Generator) -> None:
        np.save(run / name, values, allow_pickle=values.dtype == object)

    return mutate


def tree_nodes(**columns: float) -> Mutation:
    """Have all nodes of the tree the same value in some columns."""

    def mutate(run: Path, _private: Path, _rng: np.random.Generator) -> None:
        path = run / "trees" / "ward.nodes.parquet"
        pd.read_parquet(path).assign(**columns).to_parquet(path, index=False)

    return mutate


def many_nodes(run: Path, _private: Path, _rng: np.random.Generator) -> None:
    table = pa.table({"parent": np.zeros(50_000_000, np.int32), "strength": np.zeros(50_000_000, np.float32)})
    pq.write_table(table, run / "trees" / "ward.nodes.parquet", compression="zstd")


def webp_of_a_billion_pixels(run: Path, _private: Path, _rng: np.random.Generator) -> None:
    body = b"\x2f" + struct.pack("<I", (16_383 - 1) | (16_383 - 1) << 14) + b"\0" * 16
    chunk = b"VP8L" + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
    sheet = next((run / "thumbnails").glob("sheet*.webp"))
    sheet.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk)


def nested_json(name: str) -> Mutation:
    def mutate(run: Path, _private: Path, _rng: np.random.Generator) -> None:
        (run / name).write_text("[" * 100_000)

    return mutate


BOMB = zlib.compress(b"\0" * 2**26)

HOSTILE: dict[str, Mutation] = {
    "origin is a private folder": origin_at("{private}"),
    "origin is the whole disk": origin_at("/"),
    "origin is a device": origin_at("/dev/zero"),
    "origin is a process": origin_at("/proc/self"),
    "origin has no path": manifest("input", "origin", value={"kind": "folder"}),
    "origin is a text": manifest("input", "origin", value="folder"),
    "sources climb out": sources("../private/image{i}.png"),
    "sources are absolute": sources("{private}/image{i}.png"),
    "sources of another system": sources("C:\\private\\image{i}.png"),
    "a sheet is a private file": index("sheets", 0, "file", value="../../../private/id_rsa"),
    "a sheet is absolute": index("sheets", 0, "file", value="/etc/passwd"),
    "a sheet links out": replaced_by_link("thumbnails/sheet-000.webp", "{private}/id_rsa"),
    "a sheet is endless": replaced_by_link("thumbnails/sheet-000.webp", "/dev/zero"),
    "a sheet is a pipe": replaced_by_pipe("thumbnails/sheet-000.webp"),
    "the journal is a pipe": replaced_by_pipe("journal.sqlite"),
    "the journal links out": replaced_by_link("journal.sqlite", "{private}/id_rsa"),
    "the embedding is endless": replaced_by_link("embedding.npy", "/dev/zero"),
    "the embedding is a pipe": replaced_by_pipe("embedding.npy"),
    "the table links out": replaced_by_link("images.parquet", "{private}/id_rsa"),
    "run.json is a pipe": replaced_by_pipe("run.json"),
    "run.json links out": replaced_by_link("run.json", "{private}/id_rsa"),
    "a listed file is outside": manifest("files", value={"../../private/id_rsa": len(CANARY)}),
    "a listed file is absolute": manifest("files", value={"/etc/passwd": 1}),
    "more images than there are": manifest("input", "n_images", value=10**13),
    "images of a huge shape": manifest("input", "image_shape", value=[1, 10**9, 10**9]),
    "images of no shape": manifest("input", "image_shape", value=[]),
    "images of a negative shape": manifest("input", "image_shape", value=[-1, -1, -1]),
    "a range that is none": manifest("input", "value_range", value=["a", None]),
    "an options size of a hundred thousand": manifest("input", "origin", "options", value={"size": [10**5, 10**5]}),
    "a type that is none": manifest("input", "dtype", value="O"),
    "groups without number": manifest("n_groups", value="many"),
    "nested run.json": nested_json("run.json"),
    "nested index.json": nested_json("thumbnails/index.json"),
    "nested partition": nested_json("partitions/density.json"),
    "nested tree": nested_json("trees/ward.json"),
    "a tree is elsewhere": replaced_by_link("trees/ward.nodes.parquet", "{private}/id_rsa"),
    "a tree is a pipe": replaced_by_pipe("trees/ward.images.parquet"),
    "a tree with a cycle": tree_nodes(parent=1),
    "a tree of endless strength": tree_nodes(strength=float("inf")),
    "a tree of many nodes": many_nodes,
    "tile of nothing": index("tile", value=0),
    "tile of a billion": index("tile", value=10**9),
    "no sheets": index("sheets", value=[]),
    "thumbnails of nothing": index("thumbnail", value={"height": 0, "width": 0, "mode": "L"}),
    "thumbnails of an odd mode": index("thumbnail", "mode", value="CMYK"),
    "values that are none": index("values", value={"black": "a", "white": None}),
    "a count of a billion": index("count", value=10**9),
    "a billion pixels in 40 bytes": webp_of_a_billion_pixels,
    "a trigger deletes what is acknowledged": sql(
        "CREATE TRIGGER t AFTER INSERT ON action BEGIN DELETE FROM action WHERE id = new.id; END"
    ),
    "a trigger changes what is acknowledged": sql(
        "CREATE TRIGGER t AFTER INSERT ON action BEGIN UPDATE action SET user = 'x' WHERE id = new.id; END"
    ),
    "an endless trigger": sql(
        "CREATE TRIGGER t AFTER INSERT ON action BEGIN WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
        "SELECT count(*) FROM c; END"
    ),
    "a view for a table": sql("DROP TABLE snapshot; CREATE VIEW snapshot AS SELECT * FROM action"),
    "another table": sql("CREATE TABLE other (id INTEGER)"),
    "a table of other columns": sql("ALTER TABLE action ADD COLUMN more TEXT"),
    "actions with gaps": sql("DELETE FROM action WHERE id = 2"),
    "an undo of nothing": sql("UPDATE action SET undoes = 99 WHERE undoes IS NOT NULL"),
    "rows of a gigabyte": blob("rows", b"b" + zlib.compress(b"\xff" * 2**26)),
    "values of many megabytes": blob("after", BOMB),
    "values of objects": blob("after", zlib.compress(b'{"class": ["O", 1]}\n' + b"\0" * 8)),
    "values of a huge type": blob("after", zlib.compress(b'{"class": ["S1000000000", 1]}\n')),
    "values of a negative count": blob("after", zlib.compress(b'{"class": ["<u2", -1]}\n')),
    "values that are a list": blob("after", zlib.compress(b"[1]\n")),
    "rows of neither kind": blob("rows", b"?"),
    "rows from the end to the start": blob("rows", b"s" + zlib.compress(np.array([9, 2**32 - 1], "<u4").tobytes())),
    "one long text in every row": long_texts,
    "a billion equal numbers": many_numbers,
    "many rows": many_rows,
    "a group of two billion": group_number(2_000_000_000),
    "a group of a trillion": group_number(10**12),
    "a group below noise": group_number(-5),
    "an embedding of other rows": array("embedding.npy", np.zeros((7, 4), np.float32)),
    "an embedding of one axis": array("embedding.npy", np.zeros(N, np.float32)),
    "an embedding of objects": array("embedding.npy", np.full((N, 4), None, object)),
    "an embedding without numbers": array("embedding.npy", np.full((N, 4), np.nan, np.float32)),
    "an embedding of infinities": array("embedding.npy", np.full((N, 4), np.inf, np.float32)),
    "an embedding of no dimensions": array("embedding.npy", np.zeros((N, 0), np.float32)),
    "an embedding of texts": array("embedding.npy", np.full((N, 4), "a")),
    "a map of infinities": array("projections/umap.npy", np.full((N, 2), np.inf, np.float32)),
    "a map of other rows": array("projections/umap.npy", np.zeros((3, 2), np.float32)),
    "samples of a huge shape": array("samples.npy", np.zeros((1, 1), np.float32)),
}


def damage(run: Path, _private: Path, rng: np.random.Generator) -> None:
    """Change some bytes of a file, cut it off, or empty it."""
    files = sorted(path for path in run.rglob("*") if path.is_file())
    file = files[int(rng.integers(len(files)))]
    content = bytearray(file.read_bytes())
    kind = int(rng.integers(4))
    if kind == 0 or not content:
        content = content[: int(rng.integers(len(content) + 1))]
    elif kind == 1:
        for place in rng.integers(len(content), size=int(rng.integers(1, 9))):
            content[place] = int(rng.integers(256))
    elif kind == 2:
        start = int(rng.integers(len(content)))
        content[start : start + 64] = rng.bytes(64)
    else:
        content = bytearray(re.sub(rb"\d", lambda _: str(int(rng.integers(10))).encode(), bytes(content)))
    file.write_bytes(bytes(content))


def case(number: int) -> tuple[str, Mutation]:
    """Return name and mutation of a case: each of the hostile ones, then random damage."""
    names = list(HOSTILE)
    if number < len(names):
        return names[number], HOSTILE[names[number]]
    return f"damage {number}", damage


class Hang(BaseException):
    """A case took longer than it may."""


def ask_everything(path: Path) -> list[str]:
    """Open a run, ask for all that a page asks for, and return what went wrong."""
    faults = []
    with Atlas([path]) as atlas:
        browser = Browser(atlas)
        client, run = browser.client, "/api/runs/run"
        answers = [client.get(f"{run}{place}") for place in PLACES]
        digest = json.loads(answers[0].content).get("thumbnails", {}).get("hash", "none")
        answers += [
            client.get(f"{run}/thumbnails/{digest}/3.webp"),
            *(client.post(f"{run}{place}", json=body) for place, body in REQUESTS),
        ]
        for to in ("folders", "csv", "ecotaxa"):
            begun = client.post(f"{run}/exports", json={"to": to})
            answers.append(begun)
            while begun.status_code == 202:
                answers.append(client.get(f"{run}/exports/{begun.json()['job']}"))
                if answers[-1].status_code != 409 or "working" not in answers[-1].text:
                    break
                time.sleep(0.01)
        for answer in answers:
            if answer.status_code >= 500 or "fault of Facies" in answer.text:
                faults.append(f"{answer.request.url.path}: {answer.text[:300]}")
            if CANARY in answer.content or b"root:x:" in answer.content:
                faults.append(f"{answer.request.url.path}: a private file was read")
    return faults


PLACES = (
    "",
    "/groups",
    "/classes",
    "/counts?by=sample",
    "/history",
    "/queues",
    "/queues/duplicates",
    "/probe",
    "/images/0",
    "/images/0/info",
    "/points",
    "/state",
    "/changes?since=0",
    "/tree",
    "/tree/cut?groups=2",
    "/columns/distance",
    "/samples/0/0.webp",
)
REQUESTS: tuple[tuple[str, Any], ...] = (
    ("/order", {"of": {"all": True}, "by": "nearest"}),
    ("/neighbours", {"of": {"rows": [0]}}),
    ("/audits", {}),
    ("/actions", {"kind": "assign", "of": {"rows": [5]}, "name": "one"}),
    ("/actions", {"kind": "undo"}),
)


def make_case(folder: Path, number: int) -> None:
    """Copy the run and change it."""
    name, mutate = case(number)
    run = folder / f"case-{number}" / "run"
    shutil.copytree(folder / "pristine" / "run", run)
    mutate(run, folder / "private", np.random.default_rng(number))
    if name != "run.json is a pipe" and "run.json" not in name and number < len(HOSTILE):
        sizes_noted(run)


def open_case(folder: Path, number: int) -> list[str]:
    """Open a case; returns the faults."""
    name = case(number)[0]
    run = folder / f"case-{number}" / "run"

    def hang(*_: object) -> None:
        raise Hang

    signal.signal(signal.SIGALRM, hang)
    signal.alarm(SECONDS)
    try:
        return [f"{name}: {fault}" for fault in ask_everything(run)]
    except InputError as error:
        return [f"{name}: more than one line: {error}"] if "\n" in str(error) else []
    except Hang:
        return [f"{name}: nothing came back for {SECONDS} s"]
    except Exception as error:  # whatever else it is, it is a fault, and the other cases go on
        return [f"{name}: {type(error).__name__}: {error}"]
    finally:
        signal.alarm(0)
        shutil.rmtree(run.parent)


def main(what: str, folder: str, first: str, last: str) -> None:
    """Make some cases, or open them and print what went wrong."""
    numbers = range(int(first), int(last))
    if what == "make":
        for number in numbers:
            make_case(Path(folder), number)
        return
    faults = [fault for number in numbers for fault in open_case(Path(folder), number)]
    status = Path("/proc/self/status").read_text()  # getrusage would tell of the process that started this one, too
    peak = 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    print(json.dumps({"faults": faults, "peak_bytes": peak}))  # noqa: T201 - the answer to the test


if __name__ == "__main__":
    main(*sys.argv[1:])
