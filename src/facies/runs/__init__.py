"""The run folder: the results of a method on disk, written whole or not at all, readable in ten years.

`write_run` writes a folder from `RunContents`, and `RunFolder` opens it. Its manifest ``run.json`` says what was done. A
partition is the group of each image, a projection the embedding in two dimensions; both can be added later, and neither
is ever overwritten. Thumbnails are small versions of all images, on sheets.
"""

from __future__ import annotations

from facies.runs.confirmed_folders import confirm_folder, is_confirmed
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
    "confirm_folder",
    "is_confirmed",
    "partition_table",
    "to_thumbnails",
    "write_run",
]
