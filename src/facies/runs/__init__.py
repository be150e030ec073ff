"""The run folder: all that a method found, on the disk, written whole or not at all, readable in ten years."""

from __future__ import annotations

from facies.runs.folder import RunFolder
from facies.runs.manifest import FORMAT, Manifest
from facies.runs.partitions import partition_table
from facies.runs.thumbnails import Thumbnails, to_thumbnails
from facies.runs.writer import JOURNAL_FILE, RunContents, check_output, write_run

__all__ = [
    "FORMAT",
    "JOURNAL_FILE",
    "Manifest",
    "RunContents",
    "RunFolder",
    "Thumbnails",
    "check_output",
    "partition_table",
    "to_thumbnails",
    "write_run",
]
