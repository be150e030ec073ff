"""Sets × methods × seeds: each run in a process of its own, its figures in a row, the rows in a table."""

from __future__ import annotations

from facies.workflows.benchmark.run_suite import BenchmarkResult, benchmark

__all__ = ["BenchmarkResult", "benchmark"]
