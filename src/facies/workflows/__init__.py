"""What each command does, as Python functions without a console."""

from __future__ import annotations

from facies.workflows.cluster import ClusterJob, cluster, run_clustering

__all__ = ["ClusterJob", "cluster", "run_clustering"]
