"""The expert's decisions about a run, in ``RUN/journal.sqlite``."""

from __future__ import annotations

from facies.run.journal.actions import KINDS, ROLES, STATES, Action
from facies.run.journal.decisions import Decisions
from facies.run.journal.journal import Journal, read_decisions

__all__ = ["KINDS", "ROLES", "STATES", "Action", "Decisions", "Journal", "read_decisions"]
