"""The expert's decisions about a run, in ``RUN/journal.sqlite``."""

from __future__ import annotations

from facies.annotations.actions import KINDS, ROLES, STATES, Action
from facies.annotations.audit_sampling import draw_audit
from facies.annotations.group_summary import group_summary
from facies.annotations.journal import Journal, read_annotations
from facies.annotations.snapshot import Annotations

__all__ = [
    "KINDS",
    "ROLES",
    "STATES",
    "Action",
    "Annotations",
    "Journal",
    "draw_audit",
    "group_summary",
    "read_annotations",
]
