"""The expert's decisions about a run, in ``RUN/journal.sqlite``."""

from __future__ import annotations

from facies.run.journal.actions import KINDS, ROLES, STATES, Action
from facies.run.journal.audit import draw_audit
from facies.run.journal.decisions import Decisions
from facies.run.journal.journal import Journal, read_decisions
from facies.run.journal.ledger import FILE
from facies.run.journal.summary import named_groups

__all__ = [
    "FILE",
    "KINDS",
    "ROLES",
    "STATES",
    "Action",
    "Decisions",
    "Journal",
    "draw_audit",
    "named_groups",
    "read_decisions",
]
