"""The expert's annotations of a run: its journal, what the journal adds up to, and classifiers that learn from it.

`Journal` writes actions (naming groups, assigning classes, excluding, merging, auditing …) to ``RUN/journal.sqlite``, each
on disk before it counts, and undoes them without limit. `read_annotations` and `Journal.annotations` return what all
actions in force add up to as `Annotations`: tables and arrays at one revision. `add_classifier` and `find_classifier`
store and find the classifiers that learned from them.
"""

from __future__ import annotations

from facies.annotations.actions import KINDS, ROLES, STATES, Action
from facies.annotations.audit_sampling import draw_audit
from facies.annotations.class_list import ClassEntry, class_list_csv, class_list_text, parse_class_list
from facies.annotations.class_tree import with_all_below
from facies.annotations.classifiers import add_classifier, classifier_names, find_classifier
from facies.annotations.group_summary import group_summary
from facies.annotations.journal import Journal, read_annotations
from facies.annotations.snapshot import Annotations

__all__ = [
    "KINDS",
    "ROLES",
    "STATES",
    "Action",
    "Annotations",
    "ClassEntry",
    "Journal",
    "add_classifier",
    "class_list_csv",
    "class_list_text",
    "classifier_names",
    "draw_audit",
    "find_classifier",
    "group_summary",
    "parse_class_list",
    "read_annotations",
    "with_all_below",
]
