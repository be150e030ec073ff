"""What each command does, as Python functions without a console."""

from __future__ import annotations

from facies.workflows.audit import AuditResult, AuditSheet, audit_result, draw_audit_sheet, record_audit_sheet
from facies.workflows.candidates import Candidate, default_candidates
from facies.workflows.classify import Classification, classify, load_classifier
from facies.workflows.cluster import ClusterJob, cluster, run_clustering
from facies.workflows.consensus import consensus
from facies.workflows.cut import cut
from facies.workflows.evaluate import evaluate
from facies.workflows.export import export
from facies.workflows.group_naming import GroupNaming
from facies.workflows.name_groups import GroupNames, group_names, name_groups, redo, take_class_list, undo
from facies.workflows.new_partition import NewPartition
from facies.workflows.predict import Prediction, predict, write_table
from facies.workflows.recluster import recluster, refine
from facies.workflows.sample import latent_walk, sample, white_image, write_images
from facies.workflows.select import select

__all__ = [
    "AuditResult",
    "AuditSheet",
    "Candidate",
    "Classification",
    "ClusterJob",
    "GroupNames",
    "GroupNaming",
    "NewPartition",
    "Prediction",
    "audit_result",
    "classify",
    "cluster",
    "consensus",
    "cut",
    "default_candidates",
    "draw_audit_sheet",
    "evaluate",
    "export",
    "group_names",
    "latent_walk",
    "load_classifier",
    "name_groups",
    "predict",
    "recluster",
    "record_audit_sheet",
    "redo",
    "refine",
    "run_clustering",
    "sample",
    "select",
    "take_class_list",
    "undo",
    "white_image",
    "write_images",
    "write_table",
]
