"""Grains on the disk: written stack by stack into a hidden folder, which becomes GRAINS when it is whole."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.grains.extraction.focal_stacks import Stack
from facies.grains.extraction.stack_extraction import ExtractedStack, LayerDetections
from facies.io import flush, rename_folder, user_errors, write_json_atomically

FORMAT = 1

_BATCH = 256  # stacks of which the tables are in memory at once


class GrainWriter:
    """The folder ``.NAME.work`` beside the folder ``NAME`` of grains to be, whose absolute path is the target.

    ``extract.json`` says what is being extracted; ``stacks.jsonl`` has a line for each stack that is done, in order;
    the crops are in ``grains/images.zarr``. A line is written after the crops of its stack have reached the disk, so
    whoever goes on after a kill begins behind the last whole line.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.work = target.with_name(f".{target.name}.work")
        self.grains = self.work / "grains"
        self.n_stacks = 0
        self.n_grains = 0
        self.detections = LayerDetections()
        self.range: tuple[int, int] = (255, 0)
        self._description = self.work / "extract.json"
        self._journal = self.work / "stacks.jsonl"
        self._array: Any = None

    def description(self) -> dict[str, Any] | None:
        """Read what is unfinished here; None if nothing is, and an InputError if it cannot be read."""
        try:
            description = json.loads(self._description.read_text("utf-8"))
        except FileNotFoundError:
            return None  # it is written first and removed first: whatever is there without it is a remnant
        except (OSError, ValueError) as error:
            raise InputError(
                f"{self._description} cannot be read, so nothing can go on: --overwrite begins anew"
            ) from error
        if not isinstance(description, dict) or description.get("format") != FORMAT:
            raise InputError(f"{self._description} is of another version of facies: --overwrite begins anew")
        return description

    def begin(self, description: Mapping[str, Any]) -> None:
        """Make the folder anew."""
        self.remove()
        with user_errors(self.target):
            self.grains.mkdir(parents=True)
            self._journal.touch()
        write_json_atomically(self._description, {"format": FORMAT, **description})

    def open(self, layers: int, size: int) -> None:
        """Go on behind the last stack that is whole; a crop has `layers` layers and a side of `size` pixels."""
        import zarr
        from zarr.codecs import ZstdCodec

        whole = 0
        with self._journal.open("rb") as file:
            for line in file:
                entry = _entry(line)
                if entry is None:
                    break
                whole += len(line)
                self._count(entry)
        os.truncate(self._journal, whole)
        path = self.grains / "images.zarr"
        if (path / "zarr.json").is_file():
            self._array = zarr.open_array(str(path), mode="r+")
            self._array.resize((self.n_grains, *self._array.shape[1:]))  # of a stack that was not finished
            return
        self._array = zarr.create_array(
            str(path), shape=(0, layers, 3, size, size), chunks=(1, layers, 3, size, size), dtype="uint8",
            compressors=[ZstdCodec(level=1)], chunk_key_encoding={"name": "v2", "separator": "."}, overwrite=True,
        )  # fmt: skip

    def add(self, stack: Stack, extracted: ExtractedStack) -> None:
        """Write the grains of the next stack; an InputError says that the disk is full."""
        entry = {
            "stack": stack.name, "sample": stack.sample, "photographs": list(stack.photographs),
            "width": extracted.width, "height": extracted.height, "status": extracted.status, "rows": extracted.rows,
            "outlines": [base64.b64encode(outline.astype("<f4").tobytes()).decode() for outline in extracted.outlines],
            "digests": extracted.digests, "seen": vars(extracted.detections),
            "range": [int(extracted.crops.min()), int(extracted.crops.max())] if len(extracted.crops) else None,
        }  # fmt: skip
        with user_errors(self.target, self.work):
            if len(extracted.crops):
                first = self.n_grains
                self._array.append(extracted.crops, axis=0)
                for number in range(first, first + len(extracted.crops)):
                    chunk = self.grains / "images.zarr" / f"{number}.0.0.0.0"
                    if chunk.exists():  # a chunk of zeros is none
                        flush(chunk)
                flush(self.grains / "images.zarr")
            with self._journal.open("ab") as file:
                file.write(json.dumps(entry, ensure_ascii=True).encode("ascii") + b"\n")
                file.flush()
                os.fsync(file.fileno())
        self._count(entry)

    def entries(self) -> Iterator[dict[str, Any]]:
        """Read what was written of each stack, one at a time; outlines as arrays."""
        with self._journal.open("rb") as file:
            for line in file:
                entry = _entry(line)
                if entry is not None:
                    entry["outlines"] = [
                        np.frombuffer(base64.b64decode(text), "<f4").reshape(-1, 2) for text in entry["outlines"]
                    ]
                    yield entry

    def write_tables(self) -> str:
        """Write the tables of all stacks, and return the fingerprint of the grains."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        schemas = {
            "stacks": _stack_schema(),
            "outlines": pa.schema([("id", pa.string()), ("outline", pa.list_(pa.float32()))]),
        }
        writers: dict[str, Any] = {}
        digest = hashlib.sha256(f"{self.n_grains} {tuple(self._array.shape[1:])} |u1".encode())
        try:
            entries = self.entries()
            while batch := list(itertools.islice(entries, _BATCH)):
                tables = {
                    "images": pd.DataFrame([row for entry in batch for row in entry["rows"]]),
                    "outlines": pd.DataFrame(
                        [
                            {"id": row["id"], "outline": outline.ravel()}
                            for entry in batch
                            for row, outline in zip(entry["rows"], entry["outlines"], strict=True)
                        ],
                        columns=["id", "outline"],
                    ),
                    "stacks": pd.DataFrame([_stack_row(entry) for entry in batch]),
                }
                for entry in batch:
                    for row, own in zip(entry["rows"], entry["digests"], strict=True):
                        digest.update(f"{row['id']}\0{own}\0".encode("utf-8", "surrogateescape"))
                for name, table in tables.items():
                    if not len(table.columns) or not len(table):
                        continue
                    made = pa.Table.from_pandas(table, schema=schemas.get(name), preserve_index=False)
                    schemas[name] = made.schema
                    if name not in writers:
                        writers[name] = pq.ParquetWriter(self.grains / f"{name}.parquet", made.schema)
                    writers[name].write_table(made)
        finally:
            for writer in writers.values():
                writer.close()
        return digest.hexdigest()

    def finish(self, *, overwrite: bool) -> None:
        """Give the folder of grains its name, and remove the folder beside it."""
        rename_folder(self.grains, self.target, overwrite=overwrite)
        self.remove()

    def remove(self) -> None:
        """Remove the folder: first what makes it one, so that a half of it is never taken for a whole."""
        self._description.unlink(missing_ok=True)
        if self.work.exists():
            shutil.rmtree(self.work)

    def _count(self, entry: Mapping[str, Any]) -> None:
        self.n_stacks += 1
        self.n_grains += len(entry["rows"])
        self.detections.add(LayerDetections(**entry["seen"]))
        if entry["range"] is not None:
            low, high = entry["range"]
            self.range = (min(self.range[0], low), max(self.range[1], high))


def _stack_schema() -> Any:
    import pyarrow as pa

    return pa.schema(
        [
            ("stack", pa.string()), ("sample", pa.string()), ("photographs", pa.list_(pa.string())),
            ("width", pa.int64()), ("height", pa.int64()), ("n_grains", pa.int64()), ("status", pa.string()),
        ]
    )  # fmt: skip


def _stack_row(entry: Mapping[str, Any]) -> dict[str, Any]:
    names = ("stack", "sample", "photographs", "width", "height")
    return {**{name: entry[name] for name in names}, "n_grains": len(entry["rows"]), "status": entry["status"]}


def _entry(line: bytes) -> dict[str, Any] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
