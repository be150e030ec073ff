"""The run folder: all that a method found, on the disk, written whole or not at all, readable in ten years."""

from __future__ import annotations

from facies.run.folder import RunFolder
from facies.run.journal import Decisions, Journal, read_decisions
from facies.run.probes import add_probe, find_probe, probe_names
from facies.run.schema import FORMAT, Manifest
from facies.run.tables import partition_table
from facies.run.thumbnails import Thumbnails, to_thumbnails
from facies.run.writer import RunContents, check_output, write_run

__all__ = [
    "FORMAT",
    "Decisions",
    "Journal",
    "Manifest",
    "RunContents",
    "RunFolder",
    "Thumbnails",
    "add_probe",
    "check_output",
    "find_probe",
    "partition_table",
    "probe_names",
    "read_decisions",
    "to_thumbnails",
    "write_run",
]
